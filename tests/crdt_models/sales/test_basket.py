"""The basket: pricing, taxes, discounts, coins and change, goods that come back, voids, and the printed receipt."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models.errors import InvalidValue
from crdt_models.sales.basket import Basket
from crdt_models.sales.lines import Link, TenderLine
from crdt_models.sales.pricing import RungUp
from crdt_models.sales.receipt import render
from crdt_models.sales.sale import Sale
from crdt_models.sales.settlement import settle
from crdt_models.sales.taxes import TaxRule, TaxTotal, tax_minor
from crdt_models.values.money import Money
from crdt_models.values.quantity import Quantity, ScaledPrice
from tests.crdt_models.sales.sales_examples import NOON_MS, line, new_id, receipt

MILK: Mapping[str, Any] = {"names": {"en": "Milk"}, "unit_price": "1.29", "tax_code": "B", "department": "dairy"}
RULES = {"A": TaxRule("A", 190_000), "B": TaxRule("B", 70_000), "NET": TaxRule("NET", 88_750, included=False)}


def basket(**changes: Any) -> Basket:
    numbers = itertools.count(1000)
    return Basket(**{"currency": "EUR", "new_id": lambda: new_id(next(numbers)), "tax_rules": RULES, **changes})


def frozen(made: Basket, tenders: Sequence[TenderLine], kind: str = "sale", **changes: Any) -> Sale:
    header = {"sale_id": new_id(5), "receipt": receipt(kind), "happened_at_ms": NOON_MS, "utc_offset_min": 60}
    return made.sale(tenders, **{**header, "kind": kind, **changes})


def priced(text: str, quantity: str = "1", **changes: Any) -> RungUp:
    return RungUp(item_id="x", unit_price=ScaledPrice.parse(text), quantity=Quantity.parse(quantity), **changes)


@pytest.mark.parametrize(
    ("amount", "rate_ppm", "included", "rounding", "tax"),
    [
        (11900, 190_000, True, "half_up", 1900),
        (1299, 190_000, True, "half_up", 207),  # 207.403
        (10000, 190_000, False, "half_up", 1900),
        (50, 70_000, False, "half_up", 4),  # 3.5
        (50, 70_000, False, "half_even", 4),
        (50, 50_000, False, "half_even", 2),  # 2.5
        (50, 70_000, False, "down", 3),
        (-50, 70_000, False, "half_up", -4),
        (1299, 0, True, "half_up", 0),
        (1000, 88_750, False, "half_up", 89),  # 88.75
        (107, 70_000, True, "down", 7),
    ],
)
def test_tax_is_rounded_by_the_rule_that_the_line_names(
    amount: int, rate_ppm: int, included: bool, rounding: str, tax: int
) -> None:
    assert tax_minor(amount, rate_ppm, included, rounding) == tax


def test_a_line_is_priced_by_its_record_and_by_what_the_cashier_says() -> None:
    made = basket()
    by_record = made.ring(RungUp(item_id="milk", quantity=Quantity(3)), MILK)
    by_price = made.ring(RungUp(item_id="milk"), MILK, {"unit_price": "1.19"})
    by_cashier = made.ring(RungUp(item_id="milk", unit_price=ScaledPrice(99), tax_code="A", department="bin"), MILK)
    assert [each.amount_minor for each in made.lines] == [387, 119, 99]
    assert [each.tax_minor for each in made.lines] == [25, 8, 16]
    assert (by_record.department, by_price.names, by_cashier.tax_rate_ppm) == ("dairy", {"en": "Milk"}, 190_000)
    assert (by_cashier.department, [each.line_no for each in made.lines]) == ("bin", [1, 2, 3])


def test_an_amount_that_the_till_has_computed_is_taken_as_it_is() -> None:
    made = basket().ring(
        RungUp(names={"en": "Cheese"}, amount_minor=777, quantity=Quantity(312, 3), unit_price=ScaledPrice(2490))
    )
    assert made.amount_minor == 777
    alone = basket().ring(RungUp(names={"en": "Sundry"}, amount_minor=500, discount_minor=50))
    assert alone.unit_price == ScaledPrice(550, 2)


@pytest.mark.parametrize(
    ("rung", "field"),
    [
        (RungUp(item_id="x"), "unit_price"),
        (priced("1", tax_code="Z"), "tax_code"),
        (priced("1", tax_minor=5), "tax_code"),
        (priced("1", kind="gift"), "kind"),
        (priced("1", tax_code="A", tax_rounding="sideways"), "tax_rounding"),
    ],
)
def test_a_line_that_cannot_be_priced_is_refused_and_the_basket_stays(rung: RungUp, field: str) -> None:
    made = basket()
    with pytest.raises(InvalidValue) as refused:
        made.ring(rung)
    assert refused.value.field == field
    assert made.lines == []


def test_a_rate_said_with_the_line_needs_no_record_of_the_code() -> None:
    made = basket().ring(priced("10.00", tax_code="Z", tax_rate_ppm=100_000, tax_included=False))
    assert (made.tax_code, made.tax_minor, made.excluded_tax_minor) == ("Z", 100, 100)


def test_taxes_are_summed_per_code_from_the_lines() -> None:
    made = basket()
    for _ in range(3):
        made.ring(priced("0.33", tax_code="A"))
    made.ring(priced("10.00", tax_code="NET"))
    made.ring(priced("5.00"))
    sale = frozen(made, [TenderLine("card", made.total_minor)])
    assert sale.total_minor == 99 + 1000 + 89 + 500
    assert sale.tax_totals == (TaxTotal("A", 190_000, True, 84, 15), TaxTotal("NET", 88_750, False, 1000, 89))
    assert [total.gross_minor for total in sale.tax_totals] == [99, 1089]


SETTLE_TABLE = [
    # total, tenders, rule -> tenders after, rounding, change
    (1299, [("card", 1299)], "swiss_5", [("card", 1299)], 0, 0),
    (1299, [("cash", 2000)], "none", [("cash", 2000), ("cash", -701)], 0, 701),
    (1298, [("cash", 2000)], "swiss_5", [("cash", 2000), ("cash", -700)], 2, 700),
    (1297, [("cash", 1295)], "swiss_5", [("cash", 1295)], -2, 0),
    (1298, [("cash", 1298)], "swiss_5", [("cash", 1300)], 2, 0),
    (1298, [("card", 1000), ("cash", 300)], "swiss_5", [("card", 1000), ("cash", 300)], 2, 0),
    (1298, [("cash", 2000), ("cash", -700)], "swiss_5", [("cash", 2000), ("cash", -700)], 2, 0),
    (4798, [("voucher", 5000)], "swiss_5", [("voucher", 5000), ("cash", -200)], 2, 200),
    (-1298, [("cash", -1298)], "swiss_5", [("cash", -1300)], -2, 0),
    (-1298, [("card", -1298)], "swiss_5", [("card", -1298)], 0, 0),
    (0, [], "swiss_5", [], 0, 0),
    (2, [("cash", 2)], "swiss_5", [("cash", 0)], -2, 0),
]


@pytest.mark.parametrize(("total", "tenders", "rule", "after", "rounding", "change"), SETTLE_TABLE)
def test_coins_and_change_are_as_the_table_says(
    total: int, tenders: list[tuple[str, int]], rule: str, after: list[tuple[str, int]], rounding: int, change: int
) -> None:
    settled = settle(Money(total, "CHF"), [TenderLine(*each) for each in tenders], rule, {"voucher"})
    assert [(tender.tender_type, tender.amount_minor) for tender in settled.tenders] == after
    assert (settled.rounding_minor, settled.change_minor) == (rounding, change)
    assert sum(amount for _, amount in after) == total + rounding


@pytest.mark.parametrize(
    ("total", "tenders", "why"),
    [
        (1299, [("cash", 1000)], "2.99 EUR is still to be paid"),
        (1299, [], "12.99 EUR is still to be paid"),
        (1299, [("card", 1300)], "0.01 EUR more than is due"),
        (1299, [("card", 1400), ("voucher", 50)], "1.51 EUR more than is due"),
        (-1299, [("cash", -1000)], "2.99 EUR is still to be paid out"),
        (-1299, [("cash", -1400)], "1.01 EUR is still to be paid"),
    ],
)
def test_too_little_and_too_much_are_refused_with_the_difference(
    total: int, tenders: list[tuple[str, int]], why: str
) -> None:
    with pytest.raises(InvalidValue, match=why):
        settle(Money(total, "EUR"), [TenderLine(*each) for each in tenders], "none", {"voucher"})


def test_cash_rounding_is_a_line_of_its_own() -> None:
    made = basket(currency="CHF", cash_rounding="swiss_5")
    made.ring(priced("12.98", tax_code="A"))
    sale = frozen(made, [TenderLine("cash", 2000)])
    assert [(each.kind, each.amount_minor) for each in sale.lines] == [("item", 1298), ("rounding", 2)]
    assert (sale.total_minor, sale.tenders[-1].amount_minor) == (1300, -700)
    assert len(made.lines) == 1


def test_a_discount_lowers_each_tax_by_its_part() -> None:
    made = basket()
    made.ring(priced("20.00", tax_code="A"))
    made.ring(priced("10.00", tax_code="B"))
    given = made.discount(1000)
    assert [(each.tax_code, each.amount_minor, each.tax_minor) for each in given] == [
        ("A", -667, -106),
        ("B", -333, -22),
    ]
    assert made.total_minor == 2000


def test_a_discount_on_prices_without_tax_is_what_the_customer_pays_less() -> None:
    made = basket()
    made.ring(priced("100.00", tax_code="NET"))
    before = made.total_minor
    (given,) = made.discount(1000)
    assert (given.amount_minor, given.tax_minor) == (-918, -82)
    assert made.total_minor == before - 1000


@given(
    st.lists(st.tuples(st.integers(1, 50_000), st.sampled_from(["A", "B", "NET", None])), min_size=1, max_size=6),
    st.data(),
)
def test_a_discount_is_given_to_the_cent(costs: list[tuple[int, str | None]], data: st.DataObject) -> None:
    made = basket()
    for minor, code in costs:
        made.ring(RungUp(item_id="x", unit_price=ScaledPrice(minor), tax_code=code))
    before = made.total_minor
    off = data.draw(st.integers(1, before))
    made.discount(off)
    assert made.total_minor == before - off


@pytest.mark.parametrize(
    ("amount", "line_no", "field"), [(0, None, "amount_minor"), (1001, None, "amount_minor"), (1, 2, "line")]
)
def test_a_discount_beyond_the_price_or_on_no_line_is_refused(amount: int, line_no: int | None, field: str) -> None:
    made = basket()
    made.ring(priced("10.00"))
    with pytest.raises(InvalidValue) as refused:
        made.discount(amount, line_no=line_no)
    assert (refused.value.field, len(made.lines)) == (field, 1)


def _sold(text: str = "3.33", quantity: str = "3", **changes: Any) -> Sale:
    made = basket()
    made.ring(priced(text, quantity, tax_code="A", **changes))
    return frozen(made, [TenderLine("cash", made.total_minor)])


def test_goods_come_back_on_another_receipt_that_names_the_line() -> None:
    sold = _sold()
    made = basket()
    back = made.bring_back(sold, 1, Quantity(1))
    refund = frozen(made, [TenderLine("cash", made.total_minor)], "refund")
    assert (back.quantity, back.amount_minor, refund.total_minor) == (Quantity(-1), -333, -333)
    assert refund.links == (Link(sold.receipt.text, 1, "refund", 1),)


def test_story_7_no_more_comes_back_than_was_sold() -> None:
    sold = _sold()
    with pytest.raises(InvalidValue, match="more than the 1 that are left"):
        basket().bring_back(sold, 1, Quantity(2), before=Quantity(2))
    with pytest.raises(InvalidValue, match="something must be left"):
        basket().bring_back(sold, 1, before=Quantity(3))
    with pytest.raises(InvalidValue, match="has no line 2"):
        basket().bring_back(sold, 2)


@given(st.integers(1, 9_999), st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 300))
def test_parts_that_come_back_give_back_exactly_what_was_paid(price: int, parts: list[int], discount: int) -> None:
    whole = sum(parts)
    sold = _sold(str(Money(price, "EUR").text), str(whole), discount_minor=discount)
    back, before = 0, 0
    for part in parts:
        made = basket()
        made.bring_back(sold, 1, Quantity(part), Quantity(before))
        before += part
        back += made.total_minor
    assert back == -sold.total_minor


def test_a_void_undoes_the_receipt_to_the_cent_whatever_coins_are_today() -> None:
    made = basket(currency="CHF", cash_rounding="swiss_5")
    made.ring(priced("12.98", tax_code="A"))
    sold = frozen(made, [TenderLine("cash", 2000)])
    undo = basket(currency="CHF", cash_rounding="nearest_100")
    void = frozen(undo, undo.void(sold), "void")
    assert (void.total_minor, void.tax_minor) == (-sold.total_minor, -sold.tax_minor)
    assert [tender.amount_minor for tender in void.tenders] == [-2000, 700]
    assert void.links == (Link(sold.receipt.text, None, "void"),)


def test_a_receipt_of_another_currency_is_not_brought_back() -> None:
    with pytest.raises(InvalidValue, match="currency"):
        basket(currency="CHF").bring_back(_sold(), 1)


def test_a_line_that_is_priced_already_is_taken_under_the_next_number() -> None:
    made = basket()
    made.ring(priced("1.00"))
    assert made.take(line(9, 250)).line_no == 2
    assert made.total_minor == 350


def test_a_card_number_in_a_note_stops_the_sale() -> None:
    made = basket()
    made.ring(priced("1.00"))
    with pytest.raises(InvalidValue, match="notes"):
        frozen(made, [TenderLine("cash", 100)], notes=["4111 1111 1111 1111"])


def test_a_receipt_prints_what_was_sold_and_paid() -> None:
    made = basket(currency="CHF", cash_rounding="swiss_5")
    made.ring(RungUp(item_id="milk", quantity=Quantity(3), discount_minor=20), MILK)
    printed = render(frozen(made, [TenderLine("cash", 500)], customer="c-7", notes=["Thank you"]), held_by=[])
    assert printed == EXPECTED


def test_a_copy_a_training_receipt_and_the_copies_are_marked() -> None:
    made = basket()
    made.ring(priced("1.00"))
    sale = frozen(made, [TenderLine("card", 100)], training=True, receipt=receipt(training=True))
    printed = render(sale, reprint=2, held_by=["bo", "till-2"])
    assert printed.count("*** TRAINING - NOT A RECEIPT ***") == printed.count("*** COPY 2 ***") == 2
    assert "copies: 2 (bo, till-2)" in printed
    assert "COPY" not in render(sale) and "copies" not in render(sale)


def test_no_line_is_wider_than_the_paper() -> None:
    made = basket()
    made.ring(priced("1.00", names={"en": "Milk " * 30}))
    printed = render(frozen(made, [TenderLine("card", 100)], notes=["x" * 300]), columns=32)
    assert max(map(len, printed.splitlines())) == 32


EXPECTED = """\
                 RECEIPT
till-3/S-NFXGGY/118
2025-10-09 13:00
------------------------------------------
Milk                                  3.67
  3 x 1.29
  discount -0.20
Rounding                             -0.02
------------------------------------------
TOTAL CHF                             3.65
cash                                  5.00
change                                1.35
B 7% in 3.67                          0.24
customer c-7
Thank you
copies: 0
"""
