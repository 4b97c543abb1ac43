"""The words of the views: bounded types, the bases of all inputs and outputs, and how texts are checked and made."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from crdt_models import limits
from crdt_models.errors import InvalidValue

Amount = Annotated[int, Meta(ge=-limits.amount_minor_max, le=limits.amount_minor_max)]
Text = Annotated[str, Meta(max_length=limits.text_characters_max)]
Key = Annotated[str, Meta(min_length=1, max_length=limits.key_characters_max)]
RatePpm = Annotated[int, Meta(ge=0, le=10_000_000)]
Covers = Annotated[int, Meta(ge=1, le=1_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]  # to the end of the year 9999
Offset = Annotated[int, Meta(ge=-1_080, le=1_080)]
LineKind = Literal["item", "discount", "rounding", "deposit", "payment"]
SaleKind = Literal["sale", "refund", "void"]
Names = str | dict[str, str]

_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_MOMENT_MAX_MS: Final = 253_402_300_799_999


class BadInput(InvalidValue, ValueError):
    """An input that cannot be right: `field` (a path such as `lines[0].quantity`) and `reason`.

    Also a `ValueError`, so that msgspec adds where in the body it happened.
    """


class Input(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What callers send: unknown fields are an error, not silence."""


class View(Struct, frozen=True, kw_only=True):
    """What a node answers; readers ignore fields that they do not know."""


def named(names: Names | None) -> dict[str, str]:
    """Names as {language: text}; a plain text is English."""
    if names is None:
        return {}
    return {"en": names} if isinstance(names, str) else names


def check_names(field: str, names: Names | None) -> None:
    """Raises BadInput for a language tag or a text that cannot be right."""
    texts = named(names)
    if len(texts) > limits.languages_max:
        raise BadInput(field, f"at most {limits.languages_max} languages")
    for language, text in texts.items():
        if not _LANGUAGE.fullmatch(language):
            raise BadInput(field, f"{language[:20]!r} is not a language tag such as en or de-AT")
        if not text.strip():
            raise BadInput(field, f"the text for {language} is empty")
        if len(text) > limits.text_characters_max:
            raise BadInput(field, f"the text for {language} is longer than {limits.text_characters_max} characters")


def check_decimal(field: str, text: str) -> None:
    """Raises BadInput unless text is a plain decimal number of at most 15 digits and 9 decimals."""
    if not _DECIMAL.fullmatch(text):
        raise BadInput(field, f'{text[:40]!r} is not a decimal number such as "1.500"')


def check_currency(field: str, text: str) -> None:
    """Raises BadInput unless text is the form of an ISO 4217 code."""
    if not _CURRENCY.fullmatch(text):
        raise BadInput(field, f"{text[:10]!r} is not a currency code such as EUR")


def moment(field: str, text: str) -> tuple[int, int]:
    """(UTC milliseconds, offset in minutes) of an RFC 3339 time with an offset; raises BadInput."""
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(field, f"{text[:40]!r} is not a time such as 2026-11-24T12:04:00+01:00") from None
    offset = when.utcoffset()
    if offset is None:
        raise BadInput(field, f"{text[:40]!r} needs an offset: end it with Z or +01:00")
    since_epoch = when - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    wall_ms = since_epoch // datetime.timedelta(milliseconds=1)
    if wall_ms < 0:
        raise BadInput(field, f"{text[:40]!r} is before 1970")
    return wall_ms, int(offset.total_seconds() // 60)


def rfc3339(wall_ms: int, offset_min: int = 0) -> str:
    """RFC 3339 text with milliseconds; a wall_ms that is years off is clamped to 1970..9999, never an error."""
    local_ms = max(0, min(wall_ms, _MOMENT_MAX_MS) + offset_min * 60_000)
    day_time = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=min(local_ms, _MOMENT_MAX_MS))
    text = day_time.isoformat(timespec="milliseconds")
    if offset_min == 0:
        return text + "Z"
    sign, minutes = ("-", -offset_min) if offset_min < 0 else ("+", offset_min)
    return f"{text}{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def copies_text(held_by: Iterable[str]) -> str:
    """What a screen says of copies: "copies: 2 (till-1, back office)", "copies: 0"."""
    names = list(held_by)
    return f"copies: {len(names)} ({', '.join(names)})" if names else "copies: 0"
