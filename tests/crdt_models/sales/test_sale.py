"""The completed sale: its rules by number, and its way into an operation and back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models.errors import InvalidValue, MalformedBytes
from crdt_models.journal import canonical
from crdt_models.sales import lines as lines_module
from crdt_models.sales import sale as sale_module
from crdt_models.sales.lines import ForeignTender, Link, SaleLine, TenderLine
from crdt_models.sales.sale import Sale, refuse_card_numbers
from crdt_models.values.money import Money
from crdt_models.values.quantity import Quantity
from tests.crdt_models.sales.sales_examples import line, new_id, receipt, sale, sales

_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.binary(max_size=20) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.integers(0, 22) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(sales())
def test_a_sale_is_read_from_an_operation_as_it_was_written(made: Sale) -> None:
    raw = canonical.encode(made.to_fields())
    assert Sale.from_fields(canonical.decode(raw, "sale")) == made


@given(sales())
def test_a_sale_is_written_in_one_way(made: Sale) -> None:
    again = Sale.from_fields(made.to_fields()).to_fields()
    assert canonical.encode(again) == canonical.encode(made.to_fields())


@given(_plain)
def test_garbage_is_malformed_bytes_and_nothing_else(garbage: Any) -> None:
    with pytest.raises(MalformedBytes):
        Sale.from_fields(garbage)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *[found for key, member in members for found in _paths(member, (*path, key))]]


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], new)
    return copy


@given(sales(), _plain, st.data())
def test_one_garbled_field_is_malformed_bytes_or_still_a_sale_that_is_right(
    made: Sale, garbage: Any, data: Any
) -> None:
    fields = canonical.decode(canonical.encode(made.to_fields()), "sale")
    garbled = _with(fields, data.draw(st.sampled_from(_paths(fields))), garbage)
    try:
        read = Sale.from_fields(garbled)
    except MalformedBytes:
        return
    assert read.total_minor == read.tendered_minor
    assert Sale.from_fields(read.to_fields()) == read


@pytest.mark.parametrize("where", [(), (12, 0), (13, 0), (14, 0)])
def test_an_unknown_field_number_is_refused(where: tuple[Any, ...]) -> None:
    fields = sale(links=(Link("till-3/S-K7Q2MX/1", 1),)).to_fields()
    target: Any = fields
    for step in where:
        target = target[step]
    target[99] = 1
    with pytest.raises(MalformedBytes, match="unknown field"):
        Sale.from_fields(fields)


def test_rule_1_lines_and_the_tax_on_top_sum_to_the_tenders() -> None:
    taxed = line(1, 1000, tax_code="A", tax_rate_ppm=200_000, tax_included=False, tax_minor=200)
    made = sale(lines=(taxed, line(2, 500)), tenders=(TenderLine("card", 1700),))
    assert (made.total_minor, made.tax_minor, made.tendered_minor) == (1700, 200, 1700)
    assert made.total == Money(1700, "EUR")
    with pytest.raises(InvalidValue, match="tenders: sum to 1699, the lines to 1700"):
        sale(lines=(taxed, line(2, 500)), tenders=(TenderLine("card", 1699),))


@pytest.mark.parametrize("numbers", [(2,), (1, 1), (1, 3), (2, 1)])
def test_rule_2_lines_are_numbered_from_one_without_a_gap(numbers: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValue, match="bears the number"):
        sale(lines=tuple(line(number) for number in numbers), tenders=(TenderLine("cash", 1299 * len(numbers)),))


@pytest.mark.parametrize(("kind", "training"), [("refund", False), ("void", False), ("sale", True)])
def test_rule_3_the_receipt_is_of_the_series_for_its_kind(kind: str, training: bool) -> None:
    links = (Link("till-3/S-K7Q2MX/1", None, "void"),)
    assert sale(kind=kind, training=training, receipt=receipt(kind, training), links=links).kind == kind
    with pytest.raises(InvalidValue, match="no series for this kind"):
        sale(kind=kind, training=training, links=links)


def test_rule_4_a_void_names_what_it_voids_and_a_refund_may_be_blind() -> None:
    assert sale(kind="refund", receipt=receipt("refund")).links == ()
    with pytest.raises(InvalidValue, match="links"):
        sale(kind="void", receipt=receipt("void"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sale_id", b"short"),
        ("kind", "gift"),
        ("training", 1),
        ("happened_at_ms", 1.5),
        ("utc_offset_min", 2000),
        ("business_day", "2025-02-30"),
        ("business_day", "20251009"),
        ("currency", "eur"),
        ("exponent", 10),
        ("lines", ()),
        ("customer", ""),
        ("override_by", "a\nb"),
        ("document", b"x"),
        ("claim", b""),
        ("claim_epoch", 1),
        ("external_reference", "x" * 201),
        ("notes", ("x" * 2001,)),
    ],
)
def test_a_sale_with_a_wrong_field_does_not_come_into_being(field: str, value: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        sale(**{field: value})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("line_no", 0),
        ("line_id", b""),
        ("kind", "gift"),
        ("item_id", ""),
        ("names", None),
        ("names", {"xx!": "a"}),
        ("quantity", 1),
        ("amount_minor", 12.99),
        ("discount_minor", True),
        ("tax_code", ""),
        ("tax_rate_ppm", -1),
        ("tax_rounding", "sideways"),
        ("tax_included", None),
        ("tax_minor", "5"),
        ("barcode", 4006381333931),
        ("serial", "a\x00"),
        ("department", ""),
    ],
)
def test_a_line_with_a_wrong_field_does_not_come_into_being(field: str, value: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        line(**{"tax_code": "A", "tax_rate_ppm": 1, field: value})
    assert refused.value.field == field


def test_tax_without_a_code_is_refused() -> None:
    with pytest.raises(InvalidValue, match="tax_code"):
        line(tax_minor=5)


@pytest.mark.parametrize(
    ("where", "made"),
    [
        ("notes", sale(notes=("ok", "4111 1111 1111 1111"))),
        ("lines[0].names", sale(lines=(line(names={"en": "x", "de": "4111111111111111"}),))),
        ("tenders[0].reference", sale(tenders=(TenderLine("card", 1299, reference="4111111111111111"),))),
    ],
)
def test_a_card_number_typed_anywhere_is_refused_where_a_sale_is_made_and_named(where: str, made: Sale) -> None:
    with pytest.raises(InvalidValue) as refused:
        refuse_card_numbers(made)
    assert refused.value.field == where
    assert Sale.from_fields(made.to_fields()) == made  # a reader never judges by this version's table of issuers


def test_barcode_serial_account_and_the_callers_reference_may_look_like_a_card() -> None:
    card = "4111111111111111"
    made = sale(
        lines=(line(barcode=card, serial=card),),
        tenders=(TenderLine("gift_card", 1299, account=card),),
        external_reference=card,
    )
    refuse_card_numbers(made)
    assert made.lines[0].barcode == card


def test_a_foreign_tender_says_what_was_really_handed_over() -> None:
    foreign = ForeignTender("CHF", 2, 1400, 9279, 4)
    made = sale(tenders=(TenderLine("cash", 1299, foreign),))
    assert made.to_fields()[13] == [{0: "cash", 1: 1299, 2: ["CHF", 2, 1400, 9279, 4]}]
    with pytest.raises(InvalidValue, match=re.escape("foreign.rate_value")):
        ForeignTender("CHF", 2, 1400, 0, 4)


def test_a_line_answers_its_name_in_the_best_language_it_has() -> None:
    assert [line().name(language) for language in ("de", "fr")] == ["Milch", "Milk"]
    assert [line(names={}).name("en"), line(names={}, item_id=None).name("en")] == ["item-1", "item"]


def test_a_sale_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        sale().currency = "CHF"  # type: ignore[misc]
    changed = msgspec.structs.replace(line(), quantity=Quantity(2))
    assert changed.quantity == Quantity(2)


def test_every_field_number_that_is_written_stands_in_the_tables_and_in_the_cddl() -> None:
    cddl = Path(sale_module.__file__).with_name("sale.cddl").read_text()
    groups = dict(re.findall(r"^(sale-fields|sale-line|tender|link) = \{\n(.*?)^\}", cddl, re.S | re.M))
    in_cddl = {name: {int(n) for n in re.findall(r"^[ ?]+(\d+) =>", body, re.M)} for name, body in groups.items()}
    assert in_cddl["sale-fields"] == set(sale_module._NUMBERS) == _numbers_of_table(sale_module.__doc__ or "")
    assert in_cddl["sale-line"] == set(lines_module._LINE_NUMBERS) == _numbers_of_table(lines_module.__doc__ or "")
    assert in_cddl["tender"] == set(lines_module._TENDER_NUMBERS)
    assert in_cddl["link"] == set(lines_module._LINK_NUMBERS)


def _numbers_of_table(text: str) -> set[int]:
    cells = re.findall(r"^\| ([\d, ]+) \|", text, re.M)
    return {int(number) for cell in cells for number in cell.split(",")}


def test_released_bytes_of_a_sale_are_read_for_ever() -> None:
    raw = bytes.fromhex(RELEASED_SALE)
    assert Sale.from_fields(canonical.decode(raw, "sale")) == sale(
        lines=(
            SaleLine(
                1, new_id(1), "item", "4711", {"en": "Milk"}, Quantity(1500, 3), line(1, 129).unit_price, 194,
                0, "A", 70_000, True, "half_up", 13, "4006381333931",
            ),
        ),
        tenders=(TenderLine("cash", 200), TenderLine("cash", -6)),
    )  # fmt: skip


RELEASED_SALE = (
    "ab00500000000000000000000000000000004d0150000102030405060708090a0b0c0d0e0f026674696c6c2d330368532d4e4658"
    "474759041876071b00000199c8d7a60008183c096a323032352d31302d30390a634555520c81ac00010150000000000000000000"
    "0000000000000103643437313104a162656e644d696c6b051905dc06030718810918c20b61410c1a000111700f0d106d34303036"
    "3338313333333933310d82a20064636173680118c8a20064636173680125"
)
