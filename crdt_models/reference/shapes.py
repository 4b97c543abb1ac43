"""The shapes of a record's fields: what is taken in, from JSON and from a CSV cell, and what is kept.

A shape is two functions: `clean` takes a JSON value and answers what is stored, `read` takes a CSV cell and answers a JSON
value for `clean`. Both raise InvalidValue naming the field. Stored values are text, integers, booleans, lists and maps:
decimals are kept as text, so no float is ever near a price. A general schema library was refused because its errors speak
of types, not of the shop's fields, and because what it coerces changes between versions, which must not change a fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from crdt_models.errors import InvalidValue
from crdt_models.reference import limits
from crdt_models.sales.business_day import is_day
from crdt_models.values.money import check_currency, decimal_text, parse_decimal
from crdt_models.values.text import check_free_text, check_key, check_names, refuse_card_number

LIST_MARK = "|"
"""What separates the members of a list in a CSV cell."""

_YES = frozenset({"true", "yes", "1", "y"})
_NO = frozenset({"false", "no", "0", "n"})


class Shape(NamedTuple):
    """words: what an error says the field must be; clean: (field, JSON value) -> stored; read: (field, cell) -> JSON."""

    words: str
    clean: Callable[[str, Any], Any]
    read: Callable[[str, str], Any]


class Field(NamedTuple):
    """One field of a table. default: what is stored where it is absent; None stores nothing."""

    shape: Shape
    required: bool = False
    default: Any = None


def _same(_field: str, cell: str) -> str:
    return cell


def _clean_text(field: str, value: Any) -> str:
    return check_free_text(field, value)


def _clean_names(field: str, value: Any) -> dict[str, str]:
    names = {"en": value} if type(value) is str else value
    checked = dict(check_names(field, names))
    for text in checked.values():
        refuse_card_number(field, text)
    if not any(text.strip() for text in checked.values()):
        raise InvalidValue(field, "must hold a name in one language at least")
    return checked


def _read_names(_field: str, cell: str) -> dict[str, str]:
    return {"en": cell}


def _clean_flag(field: str, value: Any) -> bool:
    if type(value) is not bool:
        raise InvalidValue(field, "must be true or false")
    return value


def _read_flag(field: str, cell: str) -> bool:
    word = cell.lower()
    if word not in _YES | _NO:
        raise InvalidValue(field, f"must be true or false, not {cell[:20]!r}")
    return word in _YES


def _clean_decimal(field: str, value: Any) -> str:
    text = str(value) if type(value) is int else value
    if type(text) is float:
        raise InvalidValue(field, 'must be a decimal text such as "12.99", not a floating point number')
    return decimal_text(*parse_decimal(field, text))


def _clean_day(field: str, value: Any) -> str:
    if type(value) is not str or not is_day(value):
        raise InvalidValue(field, "must be a date YYYY-MM-DD")
    return value


TEXT = Shape("text", _clean_text, _same)
KEY = Shape("one line of text", check_key, _same)
NAMES = Shape("text, or a map of languages to text", _clean_names, _read_names)
FLAG = Shape("true or false", _clean_flag, _read_flag)
DECIMAL = Shape("decimal text", _clean_decimal, _same)
DAY = Shape("a date YYYY-MM-DD", _clean_day, _same)
CURRENCY = Shape("a currency", check_currency, _same)


def integer(least: int, most: int) -> Shape:
    """An integer from `least` to `most`."""
    words = f"must be an integer from {least} to {most}"

    def clean(field: str, value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise InvalidValue(field, words)
        return value

    def read(field: str, cell: str) -> int:
        digits = cell.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
            raise InvalidValue(field, words)
        return int(cell)

    return Shape(words, clean, read)


def one_of(*words: str) -> Shape:
    """One of the given words."""

    def clean(field: str, value: Any) -> str:
        if type(value) is not str or value not in words:
            raise InvalidValue(field, f"must be one of {', '.join(words)}")
        return value

    return Shape(f"one of {', '.join(words)}", clean, _same)


def hexadecimal(octets_min: int, octets_max: int) -> Shape:
    """Bytes written as hex digits in small letters."""
    words = f"must be {octets_min} to {octets_max} bytes in hex"

    def clean(field: str, value: Any) -> str:
        if type(value) is not str or len(value) % 2 or not octets_min <= len(value) // 2 <= octets_max:
            raise InvalidValue(field, words)
        if set(value) - set("0123456789abcdef"):
            raise InvalidValue(field, words)
        return value

    return Shape(words, clean, _same)


def long_text(characters_max: int) -> Shape:
    """Text longer than a note."""
    return Shape("text", lambda field, value: check_free_text(field, value, characters_max), _same)


def list_of(member: Shape) -> Shape:
    """A list without repetitions, of at most `limits.list_members_max`; in CSV its members stand between bars."""

    def clean(field: str, value: Any) -> list[Any]:
        if type(value) not in (list, tuple):
            raise InvalidValue(field, "must be a list")
        if len(value) > limits.list_members_max:
            raise InvalidValue(field, f"has {len(value)} members, at most {limits.list_members_max}")
        members = [member.clean(f"{field}[{number}]", each) for number, each in enumerate(value, 1)]
        for number, each in enumerate(members):
            if each in members[:number]:
                raise InvalidValue(f"{field}[{number + 1}]", "is in the list already")
        return members

    def read(field: str, cell: str) -> list[Any]:
        return [member.read(field, part.strip()) for part in cell.split(LIST_MARK) if part.strip()]

    return Shape("a list", clean, read)


def map_of(fields: Mapping[str, Field]) -> Shape:
    """A map of named fields inside a record; a CSV file cannot hold one."""

    def read(field: str, _cell: str) -> Any:
        raise InvalidValue(field, "cannot be given in a CSV file")

    return Shape("a map", lambda field, value: clean_fields(f"{field}.", fields, value), read)


def _clean_words(field: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or len(value) > limits.list_members_max:
        raise InvalidValue(field, f"must be a map of at most {limits.list_members_max} texts")
    return {check_key(field, key): check_free_text(f"{field}.{key}", text) for key, text in value.items()}


def _refuse_cell(field: str, _cell: str) -> Any:
    raise InvalidValue(field, "cannot be given in a CSV file")


WORDS = Shape("a map of texts", _clean_words, _refuse_cell)


def clean_fields(prefix: str, fields: Mapping[str, Field], value: Any) -> dict[str, Any]:
    """`value` with every field cleaned, defaults filled in and nulls left out. Raises InvalidValue naming the field.

    prefix: stands before each field's name in an error, `questions[2].`.
    """
    if not isinstance(value, Mapping):
        raise InvalidValue(prefix.rstrip(".") or "value", "must be a map of fields")
    for name in value:
        if name not in fields:
            raise InvalidValue(f"{prefix}{str(name)[:60]}", f"is no field here; there are {', '.join(fields)}")
    cleaned: dict[str, Any] = {}
    for name, field in fields.items():
        given = value.get(name)
        if given is not None:
            cleaned[name] = field.shape.clean(prefix + name, given)
        elif field.required:
            raise InvalidValue(prefix + name, "is missing")
        elif field.default is not None:
            cleaned[name] = field.default
    return cleaned
