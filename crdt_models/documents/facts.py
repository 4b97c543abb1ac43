"""Facts: what documents are made of. A fact is one flat JSON object under a key that only its author can have made.

Every value that enters or leaves a document passes here (`text_of`, `fact_of`), so that no number ever enters pycrdt: it
hands integers back as floats and differs between writer and reader above 2**63. Numbers are decimal strings; what is
left is text, true, false, null, lists and maps. Refused: numbers with a marker type (a browser would not know it), and
nested shared types (two peers that make one under the same key lose one side's content).

Every fact carries `at`, its ordinal (1 + the highest ordinal that its author saw in the document; decimal), and `claim`,
the claim under which it was made (hex; empty in a document that is shared). Facts are read in the order (ordinal, id):
the same on every node, whatever arrived first.

This module never drops or repairs anything: a fact is whole or it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import msgspec

from crdt_models import limits
from crdt_models.documents import limits as document_limits
from crdt_models.errors import InvalidValue, LimitExceeded, MalformedBytes
from crdt_models.values.identity import ClaimId

FactValue: TypeAlias = "str | bool | list[FactValue] | dict[str, FactValue] | None"
Fact: TypeAlias = Mapping[str, FactValue]
"""Field name -> value. Shared between readers: never changed after it was made."""

AT: Final = "at"
CLAIM: Final = "claim"

_KEY = re.compile(r"[a-z][a-z_]{0,31}/[0-9a-f]{32}\Z")
_ORDINAL = re.compile(r"[1-9][0-9]{0,8}\Z")
_CLAIM = re.compile(r"(?:[0-9a-f]{2}){0,64}\Z")
_NUMBER = re.compile(r"(?:0|-?[1-9][0-9]{0,17})\Z")
_DECODER: Final = msgspec.json.Decoder(dict[str, str | bool | list | dict | None])  # type: ignore[type-arg]
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


class _TooDeep(InvalidValue):
    """Nested beyond `limits.update_depth_max`."""


def key_of(kind: str, identity: bytes) -> str:
    """The key `kind/<32 hex digits>` of a fact; identity: 16 bytes that only this author draws (uuid7)."""
    return check_fact_key(f"{kind}/{identity.hex()}")


def kind_of(key: str) -> str:
    """The part of a key before the slash: `line`."""
    return key[:-33]


def identity_of(key: str) -> bytes:
    """The 16 bytes of a key's own id."""
    return bytes.fromhex(key[-32:])


def check_fact_key(key: object) -> str:
    """`key` if it is `kind/<32 hex digits>`. Raises InvalidValue."""
    if type(key) is not str or not _KEY.match(key):
        raise InvalidValue("fact key", f"{str(key)[:60]!r} is not a kind, a slash and 32 hex digits")
    return key


def text_of(fact: Fact, field: str = "fact") -> str:
    """The JSON text of a fact: keys sorted, no spaces. Raises InvalidValue naming the field that a document must not hold."""
    if not isinstance(fact, Mapping):
        raise InvalidValue(field, "must be a map of fields")
    plain = dict(fact)
    _check_fact(plain, field)
    try:
        raw = _ENCODER.encode(plain)
    except UnicodeEncodeError as error:
        raise InvalidValue(field, "contains half of a character (a lone surrogate)") from error
    if len(raw) > document_limits.fact_bytes_max:
        raise InvalidValue(field, f"is {len(raw)} bytes, at most {document_limits.fact_bytes_max}")
    return raw.decode()


def fact_of(text: str) -> Fact:
    """The fact of a JSON text that came from a document. Raises MalformedBytes or LimitExceeded, the author's fault."""
    if len(text) > document_limits.fact_bytes_max:
        raise LimitExceeded("fact", f"{len(text)} characters, at most {document_limits.fact_bytes_max}")
    try:
        fact: dict[str, FactValue] = _DECODER.decode(text)
    except RecursionError as error:
        raise LimitExceeded("fact", f"nested deeper than {limits.update_depth_max}") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MalformedBytes("fact", f"not a JSON object without numbers: {str(error)[:200]}") from error
    try:
        _check_fact(fact, "fact")
    except _TooDeep as error:
        raise LimitExceeded(error.field, error.reason) from error
    except InvalidValue as error:
        raise MalformedBytes(error.field, error.reason) from error
    return fact


def ordinal_of(fact: Fact) -> int:
    """The ordinal of a checked fact, from 1."""
    return int(str(fact[AT]))


def claim_hex_of(fact: Fact) -> str:
    """The claim under which a checked fact was made, as hex; empty for none."""
    return str(fact[CLAIM])


def made(at: int, claim: ClaimId | None, fields: Fact) -> dict[str, FactValue]:
    """A fact of `fields` with its ordinal and claim. Raises InvalidValue."""
    if type(at) is not int or not 1 <= at <= document_limits.ordinal_max:
        raise InvalidValue(AT, f"must be an integer from 1 to {document_limits.ordinal_max}")
    return {**fields, AT: str(at), CLAIM: "" if claim is None else claim.hex()}


def sorted_facts(facts: Iterable[tuple[str, Fact]]) -> list[tuple[str, Fact]]:
    """Facts in their one order: (ordinal, id), and the key where even those are equal."""
    return sorted(facts, key=lambda row: (ordinal_of(row[1]), row[0][-32:], row[0]))


# --- reading a field of a fact, for the views ---------------------------------------------------------------------


def text_in(fact: Fact, field: str) -> str:
    """The text of a field. Raises InvalidValue where it is absent or no text."""
    value = fact.get(field)
    if type(value) is not str:
        raise InvalidValue(field, "must be text")
    return value


def text_or_none_in(fact: Fact, field: str) -> str | None:
    """The text of a field that may be null or absent. Raises InvalidValue where it is anything else."""
    return None if fact.get(field) is None else text_in(fact, field)


def flag_in(fact: Fact, field: str) -> bool:
    """The truth of a field. Raises InvalidValue where it is absent or neither true nor false."""
    value = fact.get(field)
    if type(value) is not bool:
        raise InvalidValue(field, "must be true or false")
    return value


def number_in(fact: Fact, field: str) -> int:
    """The integer that a field's decimal text spells: one spelling per number. Raises InvalidValue."""
    value = text_in(fact, field)
    if not _NUMBER.match(value):
        raise InvalidValue(field, "must be the decimal text of an integer")
    return int(value)


def identity_in(fact: Fact, field: str) -> bytes:
    """The 16 bytes that a field's 32 hex digits spell. Raises InvalidValue."""
    return _identity(field, text_in(fact, field))


def identities_in(fact: Fact, field: str) -> frozenset[bytes]:
    """The ids that a field lists. Raises InvalidValue."""
    value = fact.get(field)
    if type(value) is not list:
        raise InvalidValue(field, "must be a list")
    return frozenset(_identity(field, item) for item in value)


def texts_in(fact: Fact, field: str) -> dict[str, str]:
    """The map of texts in a field. Raises InvalidValue."""
    value = fact.get(field)
    if type(value) is not dict:
        raise InvalidValue(field, "must be a map of texts")
    return {name: text_in(value, name) for name in value}


def _identity(field: str, value: FactValue) -> bytes:
    if type(value) is not str or len(value) != 32 or not _KEY.match(f"x/{value}"):
        raise InvalidValue(field, "must be 32 hex digits")
    return bytes.fromhex(value)


def _check_fact(fact: dict[str, FactValue], field: str) -> None:
    if len(fact) > document_limits.fact_fields_max:
        raise InvalidValue(field, f"has {len(fact)} fields, at most {document_limits.fact_fields_max}")
    for name, value in fact.items():
        if type(name) is not str or len(name) > limits.key_characters_max:
            raise InvalidValue(field, f"has a field name that is no text of at most {limits.key_characters_max}")
        if type(value) is str:
            if len(value) > limits.text_characters_max:
                raise InvalidValue(name, f"has {len(value)} characters, at most {limits.text_characters_max}")
        else:
            _check_value(name, value, 2)
    at, claim = fact.get(AT), fact.get(CLAIM)
    if type(at) is not str or not _ORDINAL.match(at):
        raise InvalidValue(AT, f"must be a decimal text from 1 to {document_limits.ordinal_max}")
    if type(claim) is not str or not _CLAIM.match(claim):
        raise InvalidValue(CLAIM, "must be the hex text of a claim, or empty")


def _check_value(field: str, value: object, depth: int) -> None:
    if value is None or type(value) is bool:
        return
    if type(value) is str:
        if len(value) > limits.text_characters_max:
            raise InvalidValue(field, f"has {len(value)} characters, at most {limits.text_characters_max}")
        return
    if isinstance(value, int | float):
        raise InvalidValue(field, "is a number; numbers in documents are decimal texts")
    if type(value) is not list and type(value) is not dict:
        raise InvalidValue(
            field, f"is a {type(value).__name__}; documents hold text, true, false, null, lists and maps"
        )
    if depth > limits.update_depth_max:
        raise _TooDeep(field, f"nested deeper than {limits.update_depth_max}")
    if type(value) is list:
        if len(value) > document_limits.clear_saw_max:
            raise InvalidValue(field, f"has {len(value)} members, at most {document_limits.clear_saw_max}")
        for item in value:
            _check_value(field, item, depth + 1)
        return
    assert type(value) is dict
    if len(value) > document_limits.fact_fields_max:
        raise InvalidValue(field, f"has {len(value)} members, at most {document_limits.fact_fields_max}")
    for name, item in value.items():
        if type(name) is not str or len(name) > limits.key_characters_max:
            raise InvalidValue(field, f"has a name that is no text of at most {limits.key_characters_max}")
        _check_value(f"{field}.{name}", item, depth + 1)
