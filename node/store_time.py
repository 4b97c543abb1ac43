"""The store's local time: from UTC milliseconds and the zone that the settings name.

Receipts carry the offset, not the zone: zones change their rules, a receipt does not. On Windows there is no zone
database unless the package tzdata is installed, so a fixed offset such as +02:00 is accepted everywhere.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

LATEST_MS: Final = 253_370_764_800_000
"""1 January 9999: a stamp beyond it is shown as this, because a calendar has no later day."""


def store_time(time_zone: str, wall_ms: int) -> datetime:
    """Local time of the store. wall_ms: UTC milliseconds, clamped to the years 1970 to 9998; time_zone: see `zone`."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=max(0, min(wall_ms, LATEST_MS)))
    return moment.astimezone(zone(time_zone))


def zone(time_zone: str) -> tzinfo | None:
    """The zone of an IANA name or a fixed offset; None, for an empty text, is the machine's own (`datetime.astimezone`).

    Raises ValueError for one that this machine does not know.
    """
    if not time_zone:
        return None
    fixed = re.fullmatch(r"([+-])(\d\d):(\d\d)", time_zone)
    if fixed:
        sign, hours, minutes = fixed.groups()
        if int(hours) > 14 or int(minutes) > 59:
            raise ValueError(f"{time_zone!r} is further from UTC than any place")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-offset if sign == "-" else offset)
    try:
        return zoneinfo.ZoneInfo(time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"{time_zone!r} is not a time zone of this machine (IANA name, or an offset like +02:00)"
        ) from error
