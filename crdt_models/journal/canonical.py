"""Canonical CBOR under a strict profile: one value, one encoding, no surprises (RFC 8949 4.2.3: shorter keys sort first).

Two nodes hash what they encode, so a value must have exactly one encoding. Decoding refuses whatever does not re-encode
to itself: trailing bytes, duplicate or unsorted keys, indefinite lengths, long integer forms, tags, floats, depth beyond
`limits.cbor_depth_max`. cbor2's defaults accept all of these, which is why nothing else in the house decodes CBOR.
"""

from __future__ import annotations

from typing import Any

import cbor2

from crdt_models import limits
from crdt_models.errors import LimitExceeded, MalformedBytes

_PLAIN = frozenset({int, bytes, str, bool, type(None)})


def encode(value: Any) -> bytes:
    """The one encoding of `value`: int (64 bit), bytes, str, bool, None, lists or tuples and maps of those."""
    return cbor2.dumps(value, canonical=True)


def decode(raw: bytes, what: str, bytes_max: int = limits.entry_bytes_max) -> Any:
    """The value of `raw`; lists come as list, maps as dict.

    what: names the structure in the error. Raises LimitExceeded or MalformedBytes, both the sender's fault.
    """
    if len(raw) > bytes_max:
        raise LimitExceeded(what, f"{len(raw)} bytes, at most {bytes_max}")
    try:
        value = cbor2.loads(
            raw, max_depth=limits.cbor_depth_max, allow_indefinite=False, allow_duplicate_keys=False, tag_hook=_no_tag
        )
        again = cbor2.dumps(value, canonical=True)
    except MalformedBytes:
        raise
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise MalformedBytes(what, f"not CBOR of the strict profile ({type(error).__name__})") from error
    if again != raw:
        raise MalformedBytes(what, "not the canonical encoding")
    _check_types(value, what)
    return value


def _no_tag(*_: Any) -> Any:
    raise MalformedBytes("CBOR", "tags are not allowed")


def _check_types(value: Any, what: str) -> None:
    kind = type(value)
    if kind in _PLAIN:
        if kind is int and not -(1 << 63) <= value < (1 << 64):
            raise MalformedBytes(what, "an integer of more than 64 bits")
        return
    if kind is list:
        for item in value:
            if type(item) not in _PLAIN or type(item) is int:
                _check_types(item, what)
        return
    if kind is dict:
        for key, item in value.items():
            if type(key) not in (int, str, bytes):
                raise MalformedBytes(what, f"a map key of type {type(key).__name__}")
            if type(key) is int and not -(1 << 63) <= key < (1 << 64):
                raise MalformedBytes(what, "a map key of more than 64 bits")
            if type(item) not in _PLAIN or type(item) is int:
                _check_types(item, what)
        return
    raise MalformedBytes(what, f"a value of type {kind.__name__}")
