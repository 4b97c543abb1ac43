"""The business day: to which day's takings a moment belongs.

A bar that closes at two books the night to the day on which it opened, so the store's day ends at a cut-off, 04:00 local
time, until `day` operations say otherwise (DESIGN section 12). The offset to UTC is given with each sale by the till;
no table of time zones is read here, because two nodes with two such tables would put one sale on two days.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

from crdt_models.errors import InvalidValue

CUT_OFF_MIN: Final = 4 * 60
"""Minutes after local midnight at which the business day changes."""
UTC_OFFSET_MIN_MAX: Final = 18 * 60
"""Minutes that local time may differ from UTC, either way (ISO 8601 practice: 18 h; in use: -12 h to +14 h)."""

_DAY_MS = 24 * 60 * 60 * 1000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def business_day(wall_ms: int, utc_offset_min: int, cut_off_min: int = CUT_OFF_MIN) -> str:
    """The business day `YYYY-MM-DD` of a moment.

    wall_ms: UTC milliseconds, any 63-bit value (beyond the years 1 to 9999 the nearest day is answered, since a clock
    that is off must not stop a sale); utc_offset_min: local time minus UTC; cut_off_min: minutes after local midnight.
    """
    check_utc_offset("utc_offset_min", utc_offset_min)
    days = (wall_ms + (utc_offset_min - cut_off_min) * 60_000) // _DAY_MS
    return _day_text(max(1, min(days + _EPOCH_ORDINAL, date.max.toordinal())))


def check_utc_offset(field: str, minutes: object) -> int:
    """`minutes` if it is an offset from UTC. Raises InvalidValue."""
    if type(minutes) is not int or not -UTC_OFFSET_MIN_MAX <= minutes <= UTC_OFFSET_MIN_MAX:
        raise InvalidValue(field, f"must be minutes from -{UTC_OFFSET_MIN_MAX} to {UTC_OFFSET_MIN_MAX}")
    return minutes


def is_day(text: str) -> bool:
    """Whether `text` is a date of the calendar, written `YYYY-MM-DD`."""
    return len(text) == 10 and text.isascii() and _is_day(text)


@lru_cache(maxsize=512)
def _day_text(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


@lru_cache(maxsize=512)
def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
