"""An open sale and what it must not hold: refused where it is written, shown as unreadable where it is read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crdt_models.documents.facts import Fact
from crdt_models.documents.line_fact import LineFact, Unreadable, line_fact, line_void_fact
from crdt_models.documents.open_sale import (
    DiscountFact,
    OpenSaleView,
    customer_fact,
    discount_fact,
    note_fact,
    open_sale_view,
    suspension_fact,
    taken_over_fact,
)
from crdt_models.errors import InvalidValue
from crdt_models.values.quantity import Quantity, ScaledPrice
from tests.crdt_models.documents.document_samples import CLAIM_A, CLAIM_B, Till, a_discount, a_line_fact, id_of

CARD = "4111 1111 1111 1111"


def test_a_card_number_is_refused_in_every_free_text_before_it_is_stored() -> None:
    named = LineFact(id_of(1), Quantity(1), ScaledPrice(1), 1, names={"en": CARD})
    for make, arguments in (
        (note_fact, (id_of(1), CARD)),
        (line_fact, (named,)),
        (line_void_fact, (id_of(1), id_of(2), CARD)),
        (suspension_fact, (id_of(1), "phone", {"number": CARD}, None)),
        (suspension_fact, (id_of(1), "phone", {}, CARD)),
        (discount_fact, (DiscountFact(id_of(1), None, 1, None, CARD),)),
    ):
        with pytest.raises(InvalidValue, match="card number") as refused:
            make(*arguments, 1, CLAIM_A)  # type: ignore[operator]
        assert "4111" not in str(refused.value)


def test_too_many_answers_are_refused() -> None:
    with pytest.raises(InvalidValue, match="at most 32"):
        suspension_fact(id_of(1), "phone", {str(n): "" for n in range(33)}, None, 1, CLAIM_A)


def test_what_cannot_be_read_is_shown_and_counts_nothing() -> None:
    till = Till(CLAIM_A, 1)
    key, fact = a_line_fact(1, 1, CLAIM_A)
    till.writes(a_line_fact(2, 1, CLAIM_A), (key, {**fact, "amount_minor": "12.99"}))
    view = till.sees(CLAIM_A)
    assert view.total_minor == 129
    assert view.unreadable == (Unreadable(key, "amount_minor: must be the decimal text of an integer"),)


def test_every_field_of_a_line_that_is_missing_or_wrong_makes_it_unreadable_and_never_an_exception() -> None:
    key, fact = a_line_fact(1, 1, CLAIM_A)
    optional = {"item_id", "tax_code", "barcode", "serial", "department"}
    for field in set(fact) - {"at", "claim"}:
        without = {name: value for name, value in fact.items() if name != field}
        assert len(open_sale_view([(key, without)], [CLAIM_A]).unreadable) == (field not in optional), field
        for wrong in (["list"], {"a": []}, False, "", "\x00"):
            changed = {**fact, field: wrong}
            if changed != fact and (field, wrong) != ("tax_included", False):
                assert len(open_sale_view([(key, changed)], [CLAIM_A]).unreadable) == 1, (field, wrong)  # type: ignore[list-item]


@pytest.mark.parametrize(
    "make",
    [
        lambda: line_void_fact(id_of(1), id_of(2), "", 1, CLAIM_A),
        lambda: discount_fact(a_discount(1, minor=1), 1, CLAIM_A),
        lambda: note_fact(id_of(1), "", 1, CLAIM_A),
        lambda: suspension_fact(id_of(1), "t", {}, None, 1, CLAIM_A),
        lambda: taken_over_fact(id_of(1), [], CLAIM_B, 1, CLAIM_A),
    ],
)
def test_an_empty_fact_of_any_kind_is_unreadable(make: Callable[[], tuple[str, Fact]]) -> None:
    key, fact = make()
    empty = {"at": fact["at"], "claim": fact["claim"]}
    assert [found.key for found in open_sale_view([(key, empty)], [CLAIM_A]).unreadable] == [key]


def test_an_empty_customer_fact_means_no_customer() -> None:
    key, fact = customer_fact(id_of(1), "C", 1, CLAIM_A)
    assert open_sale_view([(key, {"at": "1", "claim": fact["claim"]})], [CLAIM_A]).customer is None


def test_a_fact_of_an_unknown_kind_is_named_and_counts_nothing() -> None:
    key, fact = a_line_fact(1, 1, CLAIM_A)
    view = open_sale_view([(key.replace("line", "gratuity"), fact)], [CLAIM_A])
    assert view == OpenSaleView(unknown=(key.replace("line", "gratuity"),))


def test_a_line_that_is_none_is_refused_by_field() -> None:
    good = {"line_id": id_of(1), "quantity": Quantity(1), "unit_price": ScaledPrice(1), "amount_minor": 1}
    for field, value in (
        ("line_id", b"short"),
        ("quantity", "1"),
        ("amount_minor", 1.5),
        ("amount_minor", True),
        ("kind", "gift"),
        ("names", {"": "x"}),
        ("discount_minor", "1"),
        ("tax_minor", 10**16),
        ("tax_rate_ppm", 10**8),
        ("tax_included", 1),
        ("tax_rounding", ""),
        ("barcode", " x"),
        ("item_id", ""),
    ):
        with pytest.raises(InvalidValue, match=field):
            LineFact(**(good | {field: value}))  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="tax_code: is missing"):
        LineFact(**good, tax_minor=1)  # type: ignore[arg-type]
