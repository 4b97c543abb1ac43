"""Receipt numbers, series and business days."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models.errors import InvalidValue
from crdt_models.sales.business_day import business_day, is_day
from crdt_models.sales.receipt_no import ReceiptNo, number_max, series_name
from tests.crdt_models.sales.sales_examples import INCARNATION, NOON_MS, STORE

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("kind", "training", "letter"),
    [("sale", False, "S"), ("refund", False, "R"), ("void", False, "V"), ("void", True, "T")],
)
def test_each_kind_has_a_series_of_its_own_and_training_one(kind: str, training: bool, letter: str) -> None:
    assert series_name(kind, training, INCARNATION) == f"{letter}-NFXGGY"


def test_two_starts_that_prove_nothing_open_two_series() -> None:
    assert series_name("sale", False, b"AAAAAAAA") != series_name("sale", False, b"BBBBBBBB")


@given(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20), st.integers(1, number_max))
def test_the_text_form_is_read_back_as_it_was(terminal: str, number: int) -> None:
    made = ReceiptNo(STORE, terminal, "S-K7Q2MX", number)
    assert ReceiptNo.parse(str(made), STORE) == made


@pytest.mark.parametrize(
    "text",
    ["", "118", "till-3/118", "till-3/S-K7Q2MX/0", "till-3/S-K7Q2MX/01", "till-3/S-K7Q2MX/-1", "till-3/X-K7Q2MX/1",
     "till-3/S-k7q2mx/1", "/S-K7Q2MX/1", "a/b/S-K7Q2MX/1", "till-3/S-K7Q2MX/1\n", "till-3/S-K7Q2MX/9999999999999999", 5],
)  # fmt: skip
def test_what_is_no_receipt_number_is_refused_by_the_callers_field(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        ReceiptNo.parse(text, STORE, "link.receipt")
    assert refused.value.field == "link.receipt"


@pytest.mark.parametrize(
    ("hours_after_noon_utc", "offset_min", "day"),
    [
        (0, 0, "2025-10-09"),
        (15.999, 0, "2025-10-09"),  # 03:59 next morning
        (16, 0, "2025-10-10"),  # 04:00
        (14, 120, "2025-10-10"),  # 04:00 in summer time
        (13.9, 120, "2025-10-09"),
        (-8.1, 0, "2025-10-08"),  # 03:54
        (0, -600, "2025-10-08"),  # Hawaii, 02:00
        (0, 840, "2025-10-09"),  # Kiribati, 02:00 next day
    ],
)
def test_the_night_belongs_to_the_day_on_which_the_shop_opened(
    hours_after_noon_utc: float, offset_min: int, day: str
) -> None:
    assert business_day(NOON_MS + int(hours_after_noon_utc * HOUR_MS), offset_min) == day


def test_another_cut_off_moves_the_day() -> None:
    assert business_day(NOON_MS - 8 * HOUR_MS - 1, 0) == "2025-10-08"
    assert business_day(NOON_MS - 8 * HOUR_MS - 1, 0, cut_off_min=0) == "2025-10-09"


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-1080, 1080))
def test_no_clock_is_so_wrong_that_a_sale_has_no_day(wall_ms: int, offset_min: int) -> None:
    assert is_day(business_day(wall_ms, offset_min))


@pytest.mark.parametrize("day", ["2025-02-29", "2025-13-01", "20250101", "2025-W01-1", "2025-1-1", "", "2025-01-01 "])
def test_what_is_no_date_is_no_day(day: str) -> None:
    assert not is_day(day)


def test_an_offset_beyond_the_earth_is_refused() -> None:
    with pytest.raises(InvalidValue, match="utc_offset_min"):
        business_day(NOON_MS, 1081)
