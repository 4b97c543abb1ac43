"""How a value of DuckDB is told in JSON, and about how many bytes it takes there.

Exact numbers stay exact: decimals are texts, whole numbers are whole numbers. Times are RFC 3339 in UTC, as everywhere in
the API; bytes are hex; what has no form of its own is told as its text.
"""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

_NUMBER_BYTES: Final = 12


def as_json(row: tuple[Any, ...]) -> tuple[tuple[Any, ...], int]:
    """(the row's values as JSON has them, about how many bytes they take)."""
    values = []
    size = 2
    for value in row:
        told, bytes_ = _tell(value)
        values.append(told)
        size += bytes_ + 1
    return tuple(values), size


def _tell(value: Any) -> tuple[Any, int]:
    match value:
        case None | bool():
            return value, 5
        case int():
            return value, _NUMBER_BYTES
        case float():
            return (value, _NUMBER_BYTES) if math.isfinite(value) else (str(value), _NUMBER_BYTES)
        case str():
            return value, len(value) + 2
        case bytes():
            return value.hex(), 2 * len(value) + 2
        case datetime():
            naive = value.isoformat(timespec="milliseconds")
            return (naive if value.tzinfo else naive + "Z"), 26
        case date() | time():
            return value.isoformat(), _NUMBER_BYTES
        case Decimal() | timedelta():
            text = str(value)
            return text, len(text) + 2
        case dict():
            pairs = [(str(key), _tell(item)) for key, item in value.items()]
            return {key: told for key, (told, _) in pairs}, sum(len(key) + size + 4 for key, (_, size) in pairs) + 2
        case list() | tuple():
            items = [_tell(item) for item in value]
            return [told for told, _ in items], sum(size + 1 for _, size in items) + 2
        case _:
            text = str(value)
            return text, len(text) + 2
