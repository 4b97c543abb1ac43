"""Types of arguments: each reads a text or refuses it with a sentence that names what must be."""

from __future__ import annotations

import argparse
import datetime
import re
from collections.abc import Callable


def day(text: str) -> str:
    """A business day YYYY-MM-DD."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"must be a day like 2026-11-24, not {text!r}")


def count(least: int, most: int) -> Callable[[str], int]:
    """A whole number from least to most."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,18}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}, not {text!r}")
        return int(text)

    return read


def seconds(least: int, most: int) -> Callable[[str], int]:
    """A duration: 90, 90s, 5m or 2h; answered in seconds."""

    def read(text: str) -> int:
        found = re.fullmatch(r"(\d{1,9})([smh]?)", text)
        value = int(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3_600}[found[2]] if found else -1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be {least} to {most} seconds (90, 5m, 2h), not {text!r}")
        return value

    return read
