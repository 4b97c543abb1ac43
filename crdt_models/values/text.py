"""Text that people type: bounded, printable, and never a payment card's number.

Free text is where card numbers end up by mistake, and a journal never forgets, so they are refused before anything is
stored. Three signs together make a card number: 13 to 19 digits, a prefix that an issuer uses, and a valid check digit.
Any one alone is refused as a rule: 10 % of ordinary barcodes pass the Luhn check. Barcodes, serial numbers and account
numbers are therefore never looked at (`check_key`), and reading an entry of another node never looks either: what counts
must not depend on the table of issuers that this version happens to know.
The reason that is given never repeats the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from crdt_models import limits
from crdt_models.errors import InvalidValue

CARD_DIGITS_MIN = 13
"""Digits of the shortest card number in use (ISO/IEC 7812 allows fewer, no issuer of payment cards does)."""
CARD_DIGITS_MAX = 19
"""Digits of the longest card number (ISO/IEC 7812)."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_OR_BREAK = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\Z")
_RUN = re.compile(r"\d(?:[\s\-._/]{0,2}\d){12,}")
_GROUP = re.compile(r"\d+")

_ISSUERS: tuple[tuple[int, int, int, int], ...] = (
    # first prefix, last prefix, fewest digits, most digits
    (4, 4, 13, 19),  # Visa
    (51, 55, 16, 16),  # Mastercard
    (2221, 2720, 16, 16),  # Mastercard
    (34, 34, 15, 15),  # American Express
    (37, 37, 15, 15),  # American Express
    (300, 305, 14, 19),  # Diners Club
    (3095, 3095, 14, 19),  # Diners Club
    (36, 36, 14, 19),  # Diners Club
    (38, 39, 14, 19),  # Diners Club
    (3528, 3589, 16, 19),  # JCB
    (60, 60, 16, 19),  # Discover, RuPay
    (62, 62, 16, 19),  # UnionPay
    (64, 65, 16, 19),  # Discover, RuPay
    (81, 82, 16, 19),  # UnionPay, RuPay
    (50, 50, 13, 19),  # Maestro
    (56, 58, 13, 19),  # Maestro
    (63, 63, 13, 19),  # Maestro
    (67, 67, 13, 19),  # Maestro
    (2200, 2204, 16, 19),  # Mir
    (9792, 9792, 16, 16),  # Troy
)


def check_text(field: str, text: object, characters_max: int = limits.text_characters_max) -> str:
    """`text` if it is a bounded string without control characters (line breaks and tabs are allowed).

    Raises InvalidValue naming `field`.
    """
    if type(text) is not str:
        raise InvalidValue(field, "must be text")
    if len(text) > characters_max:
        raise InvalidValue(field, f"has {len(text)} characters, at most {characters_max}")
    if _CONTROL.search(text):
        raise InvalidValue(field, "contains a control character")
    return text


def check_key(field: str, text: object) -> str:
    """`text` if it can name something: 1 to `limits.key_characters_max` characters, one line, no space at the ends."""
    if type(text) is not str:
        raise InvalidValue(field, "must be text")
    if not text or len(text) > limits.key_characters_max:
        raise InvalidValue(field, f"must have 1 to {limits.key_characters_max} characters, it has {len(text)}")
    if not text.isprintable() and _CONTROL_OR_BREAK.search(text):
        raise InvalidValue(field, "contains a control character")
    if text[0].isspace() or text[-1].isspace():
        raise InvalidValue(field, "begins or ends with a space")
    return text


def check_names(field: str, names: object) -> Mapping[str, str]:
    """`names` if it maps language tags (`en`, `pt-BR`) to one-line texts; an empty map is a thing without a name."""
    if not isinstance(names, Mapping):
        raise InvalidValue(field, "must map languages to text")
    if len(names) > limits.languages_max:
        raise InvalidValue(field, f"has {len(names)} languages, at most {limits.languages_max}")
    for language, text in names.items():
        if type(language) is not str or not _LANGUAGE.match(language):
            raise InvalidValue(field, f"{str(language)[:20]!r} is no language tag such as en or pt-BR")
        if type(text) is not str:
            raise InvalidValue(field, f"{language}: must be text")
        if len(text) > limits.key_characters_max:
            raise InvalidValue(field, f"{language}: {len(text)} characters, at most {limits.key_characters_max}")
        if not text.isprintable() and _CONTROL_OR_BREAK.search(text):
            raise InvalidValue(field, f"{language}: contains a control character")
    return names


def check_free_text(field: str, text: object, characters_max: int = limits.text_characters_max) -> str:
    """`check_text`, and no card number inside."""
    checked = check_text(field, text, characters_max)
    refuse_card_number(field, checked)
    return checked


def refuse_card_number(field: str, text: str) -> None:
    """Raises InvalidValue naming `field` if `text` holds a card number, with or without spaces, dashes or dots."""
    if holds_card_number(text):
        raise InvalidValue(field, "looks like it holds a payment card number, which is never stored")


def holds_card_number(text: str) -> bool:
    """Whether groups of digits in `text`, read together, make 13 to 19 digits with an issuer's prefix and Luhn digit.

    Whole groups only: a window inside a longer number is a serial number far more often than a card.
    """
    return any(
        _is_card_number(digits) for run in _RUN.finditer(text) for digits in _candidates(_GROUP.findall(run.group()))
    )


def _candidates(groups: list[str]) -> list[str]:
    found: list[str] = []
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) > CARD_DIGITS_MAX:
                break
            if len(digits) >= CARD_DIGITS_MIN:
                found.append(digits)
    return found


def _is_card_number(digits: str) -> bool:
    plain = str(int(digits)) if not digits.isascii() else digits
    return _has_issuer_prefix(plain) and _passes_luhn(plain)


def _has_issuer_prefix(digits: str) -> bool:
    length = len(digits)
    return any(
        fewest <= length <= most and first <= int(digits[: len(str(first))]) <= last
        for first, last, fewest, most in _ISSUERS
    )


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
