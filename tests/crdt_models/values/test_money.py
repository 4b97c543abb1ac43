"""Money and its roundings, by table; decimal text both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models import limits
from crdt_models.errors import InvalidValue
from crdt_models.values.money import (
    CASH_ROUNDINGS,
    ROUNDINGS,
    Money,
    decimal_text,
    divide,
    exponent_of,
    parse_decimal,
    round_cash,
)

ROUNDING_TABLE = [
    # tenths,  half_up, half_even, half_down, up, down
    (0, 0, 0, 0, 0, 0),
    (1, 0, 0, 0, 1, 0),
    (5, 1, 0, 0, 1, 0),
    (6, 1, 1, 1, 1, 0),
    (10, 1, 1, 1, 1, 1),
    (15, 2, 2, 1, 2, 1),
    (25, 3, 2, 2, 3, 2),
    (26, 3, 3, 3, 3, 2),
    (-1, 0, 0, 0, -1, 0),
    (-5, -1, 0, 0, -1, 0),
    (-15, -2, -2, -1, -2, -1),
    (-25, -3, -2, -2, -3, -2),
]

CASH_TABLE = [
    ("none", 1298, 1298),
    ("swiss_5", 1297, 1295),
    ("swiss_5", 1298, 1300),
    ("swiss_5", 1302, 1300),
    ("swiss_5", 1303, 1305),
    ("swiss_5", -1298, -1300),
    ("swiss_5", -1297, -1295),
    ("nearest_10", 1295, 1300),
    ("nearest_10", 1294, 1290),
    ("nearest_10_half_down", 1295, 1290),
    ("nearest_10_half_down", 1296, 1300),
    ("nearest_50", 1225, 1250),
    ("nearest_50", 1224, 1200),
    ("nearest_100", 1250, 1300),
    ("nearest_100", 1249, 1200),
    ("down_5", 1299, 1295),
    ("down_5", -1299, -1295),
    ("down_10", 1299, 1290),
]


@pytest.mark.parametrize("row", ROUNDING_TABLE, ids=lambda row: str(row[0]))
def test_each_named_rule_rounds_as_its_table_says(row: tuple[int, ...]) -> None:
    tenths, *expected = row
    assert [divide(tenths, 10, rule) for rule in ("half_up", "half_even", "half_down", "up", "down")] == expected


def test_the_tables_cover_every_rule_there_is() -> None:
    assert set(ROUNDINGS) == {"half_up", "half_even", "half_down", "up", "down"}
    assert {rule for rule, _, _ in CASH_TABLE} == set(CASH_ROUNDINGS)


@pytest.mark.parametrize(("rule", "minor", "coins"), CASH_TABLE)
def test_cash_is_rounded_to_coins_that_exist(rule: str, minor: int, coins: int) -> None:
    assert round_cash(minor, rule) == coins


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**9), st.sampled_from(sorted(ROUNDINGS)))
def test_a_refund_rounds_to_the_negative_of_its_sale(numerator: int, denominator: int, rule: str) -> None:
    rounded = divide(numerator, denominator, rule)
    assert divide(-numerator, denominator, rule) == -rounded
    assert abs(rounded * denominator - numerator) < denominator


def test_an_unknown_rule_is_refused_by_name() -> None:
    with pytest.raises(InvalidValue, match="sideways"):
        divide(1, 2, "sideways")
    with pytest.raises(InvalidValue, match="cash_rounding"):
        round_cash(1, "sideways")


@given(st.integers(-limits.amount_minor_max, limits.amount_minor_max), st.integers(0, limits.scale_max))
def test_decimal_text_is_read_back_as_it_was(value: int, scale: int) -> None:
    assert parse_decimal("x", decimal_text(value, scale)) == (value, scale)


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [(1299, 2, "12.99"), (-5, 2, "-0.05"), (0, 2, "0.00"), (7, 0, "7"), (5, 3, "0.005"), (-1200, 0, "-1200")],
)
def test_decimal_text_is_exact(value: int, scale: int, text: str) -> None:
    assert decimal_text(value, scale) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        ".",
        "1.",
        ".5",
        "1,5",
        "1e3",
        "+1",
        " 1",
        "1 ",
        "--1",
        "0x1",
        "٣",
        "1_0",
        "1.0000000001",
        "9" * 19,
        1.5,
        1,
    ],
)
def test_what_is_no_plain_decimal_is_refused(text: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_decimal("unit_price", text)
    assert refused.value.field == "unit_price"


def test_money_knows_the_decimals_of_its_currency() -> None:
    assert (Money(1299, "EUR").text, Money(1299, "JPY").text, Money(1299, "KWD").text) == ("12.99", "1299", "1.299")
    assert (exponent_of("CLF"), exponent_of("XXX")) == (4, 2)
    assert str(Money(-5, "EUR")) == "-0.05 EUR"


def test_money_is_parsed_without_ever_rounding() -> None:
    assert Money.parse("12.9", "EUR") == Money(1290, "EUR")
    assert Money.parse("12.990", "EUR") == Money(1299, "EUR")
    with pytest.raises(InvalidValue, match="3 decimals, EUR has 2"):
        Money.parse("12.991", "EUR")


def test_two_currencies_are_never_added() -> None:
    assert Money(100, "EUR") + Money(20, "EUR") - Money(1, "EUR") == -Money(-119, "EUR")
    with pytest.raises(InvalidValue, match="EUR and CHF"):
        Money(1, "EUR") + Money(1, "CHF")


@pytest.mark.parametrize("currency", ["eur", "EU", "EURO", "E1R", "ÄÖÜ", 978, None])
def test_a_currency_is_three_capital_letters(currency: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        Money(1, currency)  # type: ignore[arg-type]
    assert refused.value.field == "currency"


@pytest.mark.parametrize("minor", [1.0, True, "1", None, limits.amount_minor_max + 1])
def test_an_amount_is_a_bounded_integer(minor: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        Money(minor, "EUR")  # type: ignore[arg-type]
    assert refused.value.field == "minor"
