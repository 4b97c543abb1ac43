"""The number on the paper: (store, terminal, series, number), minted at the till, gap-free in its series (RULES J6).

Per till and not one order for the shop, because tills are apart: two tills can never want the same number (the clash of
the tablets), and a gap says what is missing. A series is a letter for the kind and six characters of the incarnation
that opened it: `S-K7Q2MX`. It goes on over proven starts; a start that cannot prove its disk opens another, so a restored
disk repeats no number. The text form `till-3/S-K7Q2MX/118` leaves the store out: paper is printed in one.
"""

from __future__ import annotations

import re

import msgspec

from crdt_models import limits
from crdt_models.errors import InvalidValue
from crdt_models.values.identity import base32_short

SALE_KINDS = ("sale", "refund", "void")
"""Kinds of completed sale; the index is the number on the wire. Added to, never re-ordered."""

_SERIES_LETTER = {"sale": "S", "refund": "R", "void": "V"}
_TRAINING_LETTER = "T"
_SERIES = re.compile(r"[SRVT]-[A-Z2-7]{6}\Z")
_INCARNATION_CHARACTERS = 6
number_max = 2**53 - 1
"""Largest running number: what a JSON reader in a browser still counts exactly."""


def series_letter(kind: str, training: bool) -> str:
    """The letter of the series for sales of `kind`; T for all training."""
    letter = _TRAINING_LETTER if training else _SERIES_LETTER.get(kind)
    if letter is None:
        raise InvalidValue("kind", f"must be one of {', '.join(SALE_KINDS)}")
    return letter


def series_name(kind: str, training: bool, incarnation: bytes) -> str:
    """The series of sales of `kind` that `incarnation` (8 bytes) opens: `S-K7Q2MX`; one letter T for all training."""
    return f"{series_letter(kind, training)}-{base32_short(incarnation, _INCARNATION_CHARACTERS)}"


def series_fits(series: str, kind: str, training: bool) -> bool:
    """Whether the letter of `series` is the one for `kind`."""
    return series[:1] == (_TRAINING_LETTER if training else _SERIES_LETTER.get(kind))


class ReceiptNo(msgspec.Struct, frozen=True, gc=False, order=True):
    """store: 16 bytes; terminal: the till's display name; series: see `series_name`; number: from 1."""

    store: bytes
    terminal: str
    series: str
    number: int

    def __post_init__(self) -> None:
        if type(self.store) is not bytes or len(self.store) != 16:
            raise InvalidValue("receipt.store", "must be 16 bytes")
        terminal = self.terminal
        if type(terminal) is not str or not 1 <= len(terminal) <= limits.key_characters_max:
            raise InvalidValue("receipt.terminal", f"must have 1 to {limits.key_characters_max} characters")
        if "/" in terminal or not terminal.isprintable():
            raise InvalidValue("receipt.terminal", "must be printable and without a slash")
        if type(self.series) is not str or not _SERIES.match(self.series):
            raise InvalidValue("receipt.series", "must be like S-K7Q2MX: S, R, V or T and 6 base32 characters")
        if type(self.number) is not int or not 1 <= self.number <= number_max:
            raise InvalidValue("receipt.number", f"must be an integer from 1 to {number_max}")

    @property
    def text(self) -> str:
        """`till-3/S-K7Q2MX/118`."""
        return f"{self.terminal}/{self.series}/{self.number}"

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str, store: bytes, field: str = "receipt_no") -> ReceiptNo:
        """The receipt number of its text form. store: 16 bytes. Raises InvalidValue naming `field`."""
        parts = text.split("/") if type(text) is str else []
        if len(parts) != 3 or not re.fullmatch(r"[1-9][0-9]{0,15}", parts[2]):
            raise InvalidValue(field, "must be like till-3/S-K7Q2MX/118")
        try:
            return cls(store, parts[0], parts[1], int(parts[2]))
        except InvalidValue as error:
            raise InvalidValue(field, f"{error.field.removeprefix('receipt.')} {error.reason}") from error
