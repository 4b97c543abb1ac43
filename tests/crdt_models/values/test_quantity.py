"""Quantity times unit price, by table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models import limits
from crdt_models.errors import InvalidValue
from crdt_models.values.quantity import Quantity, ScaledPrice, extended_minor


@pytest.mark.parametrize(
    ("quantity", "unit_price", "exponent", "rounding", "minor"),
    [
        ("1", "12.99", 2, "half_up", 1299),
        ("3", "0.33", 2, "half_up", 99),
        ("1.500", "12.99", 2, "half_up", 1949),  # 19.485
        ("1.500", "12.99", 2, "half_even", 1948),
        ("1.500", "12.99", 2, "half_down", 1948),
        ("1.500", "12.99", 2, "up", 1949),
        ("1.500", "12.99", 2, "down", 1948),
        ("-1.500", "12.99", 2, "half_up", -1949),
        ("40.00", "1.4990", 2, "half_up", 5996),
        ("2", "150", 0, "half_up", 300),
        ("0.5", "151", 0, "half_up", 76),
        ("1", "1.5", 3, "half_up", 1500),
        ("0", "9.99", 2, "half_up", 0),
    ],
)
def test_quantity_times_price_is_rounded_once_by_its_rule(
    quantity: str, unit_price: str, exponent: int, rounding: str, minor: int
) -> None:
    assert extended_minor(Quantity.parse(quantity), ScaledPrice.parse(unit_price), exponent, rounding) == minor


@given(st.integers(-(10**6), 10**6), st.integers(0, 6), st.integers(0, 10**6), st.integers(0, 6))
def test_goods_that_come_back_cost_what_they_cost(value: int, scale: int, price: int, price_scale: int) -> None:
    unit_price = ScaledPrice(price, price_scale)
    there = extended_minor(Quantity(value, scale), unit_price, 2)
    assert extended_minor(-Quantity(value, scale), unit_price, 2) == -there


def test_a_product_beyond_all_money_is_refused() -> None:
    with pytest.raises(InvalidValue) as refused:
        extended_minor(Quantity(limits.amount_minor_max), ScaledPrice(limits.amount_minor_max), 2)
    assert refused.value.field == "amount"


@pytest.mark.parametrize("bad", [(1.0, 0), (True, 0), (1, -1), (1, 10), (1, "2"), (10**16, 0), (None, 0)])
def test_a_quantity_or_price_that_is_no_scaled_integer_is_refused(bad: tuple[object, object]) -> None:
    with pytest.raises(InvalidValue, match="quantity"):
        Quantity(*bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="unit_price"):
        ScaledPrice(*bad)  # type: ignore[arg-type]


def test_the_scale_is_part_of_the_value_because_the_receipt_shows_it() -> None:
    assert Quantity.parse("1.500").text == "1.500"
    assert Quantity.parse("1.500") != Quantity.parse("1.5")
