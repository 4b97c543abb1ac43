"""A bounded reader of Yjs v1 updates: it tells what an update says, and refuses before pycrdt sees what it should not.

pycrdt walks nested content by recursion: an update of 4 KB kills a process whose stack is 1 MiB. So nothing reaches it
that was not read here first, in a loop, without recursion, each length checked against the bytes that are left.

What passes is exactly what documents are made of (facts, see `facts.py`), and nothing else that Yjs can say:
1. at most `limits.update_bytes_max` bytes, `clients_max` authors, `structs_max` facts; every number in its one shortest form;
2. each struct is an item in the root map `facts`, under its own key, with one text as its content. Shared types, nested
   values, numbers, binaries, sub-documents, formats and collected garbage are refused by name, so the nesting of the
   encoding is 1; the nesting inside a fact's JSON is bounded by `limits.update_depth_max` in `facts.py`;
3. no item rests on another (origins), and nothing is deleted: a fact is written once, and removing is a fact. So no update
   can hide what another one said, and updates may be applied in any order;
4. nothing after the end.

Whether an update is refused depends on its bytes alone, never on the document: nodes that hold the same entries agree.
The format is that of yjs 13 (`encodeStateAsUpdate`, `UpdateEncoderV1`) and lib0 (variable-length integers, little end
first; 7 bits a byte).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from crdt_models import limits
from crdt_models.documents import limits as document_limits
from crdt_models.errors import LimitExceeded, MalformedBytes

ROOT_NAME: Final = "facts"
"""The one root map of every document."""

_WHAT: Final = "document update"
_ROOT: Final = ROOT_NAME.encode()
_ITEM_OF_ANY_WITH_KEY: Final = 0x28
_RESTS_ON_ANOTHER: Final = 0xC0
_KIND_BITS: Final = 0x1F
_KINDS: Final = {
    0: "collected garbage",
    1: "deleted content",
    2: "JSON content",
    3: "binary content",
    4: "text that is edited",
    5: "an embedded object",
    6: "a format",
    7: "a shared type",
    9: "a sub-document",
    10: "a gap",
    11: "a move",
}
_ANY_TEXT: Final = 119
_PARENT_IS_ROOT: Final = 1


class WrittenFact(NamedTuple):
    """One fact as an update says it. client, clock: its author's number and the author's count; text: not yet checked."""

    client: int
    clock: int
    key: str
    text: str


def read_update(raw: bytes) -> list[WrittenFact]:
    """The facts of an update, in its order. Raises MalformedBytes or LimitExceeded, the sender's fault, and nothing else."""
    if type(raw) is not bytes:
        raise MalformedBytes(_WHAT, f"must be bytes, not {type(raw).__name__}")
    if len(raw) > limits.update_bytes_max:
        raise LimitExceeded(_WHAT, f"{len(raw)} bytes, at most {limits.update_bytes_max}")
    try:
        written, at = _read_structs(raw)
        deleters, at = _read_number(raw, at, document_limits.clients_max, "deleting authors")
    except IndexError as error:
        raise MalformedBytes(_WHAT, "ends too early") from error
    if deleters:
        raise MalformedBytes(_WHAT, "deletes something; in a document removing is a fact")
    if at != len(raw):
        raise MalformedBytes(_WHAT, f"{len(raw) - at} bytes after its end")
    return written


def read_state_vector(raw: bytes) -> dict[int, int]:
    """Per author the clock up to which nothing is missing, from a Yjs state vector. Raises MalformedBytes."""
    try:
        count, at = _read_number(raw, 0, document_limits.state_clients_max, "authors in a state vector")
        state = {}
        for _ in range(count):
            client, at = _read_number(raw, at, document_limits.client_id_max, "client id")
            state[client], at = _read_number(raw, at, document_limits.clock_max, "clock")
    except IndexError as error:
        raise MalformedBytes("state vector", "ends too early") from error
    return state


def _read_structs(raw: bytes) -> tuple[list[WrittenFact], int]:
    clients, at = _read_number(raw, 0, document_limits.clients_max, "authors")
    written: list[WrittenFact] = []
    seen: set[int] = set()
    for _ in range(clients):
        structs, at = _read_number(raw, at, document_limits.structs_max, "facts of one author")
        client, at = _read_number(raw, at, document_limits.client_id_max, "client id")
        clock, at = _read_number(raw, at, document_limits.clock_max, "clock")
        if client in seen:
            raise MalformedBytes(_WHAT, "names an author twice")
        seen.add(client)
        if not structs:
            raise MalformedBytes(_WHAT, "names an author who says nothing")
        if len(written) + structs > document_limits.structs_max or clock + structs > document_limits.clock_max:
            raise LimitExceeded(_WHAT, f"more than {document_limits.structs_max} facts, or a clock beyond its bound")
        for number in range(clock, clock + structs):
            key, text, at = _read_item(raw, at)
            written.append(WrittenFact(client, number, key, text))
    return written, at


def _read_item(raw: bytes, at: int) -> tuple[str, str, int]:
    if raw[at] != _ITEM_OF_ANY_WITH_KEY:
        raise _not_a_fact(raw[at])
    if raw[at + 1] != _PARENT_IS_ROOT:
        raise MalformedBytes(_WHAT, "an item that stands in another item")
    root, at = _read_bytes(raw, at + 2)
    if root != _ROOT:
        raise MalformedBytes(_WHAT, f"a root other than {ROOT_NAME!r}")
    key, at = _read_bytes(raw, at)
    values, at = _read_number(raw, at, document_limits.structs_max, "values of one item")
    if values != 1:
        raise MalformedBytes(_WHAT, f"{values} values under one key; a fact is one")
    if raw[at] != _ANY_TEXT:
        raise MalformedBytes(_WHAT, f"a value of type {raw[at]}; a fact is a text")
    text, at = _read_bytes(raw, at + 1)
    try:
        return key.decode(), text.decode(), at
    except UnicodeDecodeError as error:
        raise MalformedBytes(_WHAT, "text that is not UTF-8") from error


def _not_a_fact(info: int) -> MalformedBytes:
    kind = info & _KIND_BITS
    if kind in _KINDS:
        return MalformedBytes(_WHAT, f"holds {_KINDS[kind]}; a document holds facts only")
    if kind != _ITEM_OF_ANY_WITH_KEY & _KIND_BITS:
        return MalformedBytes(_WHAT, f"holds content of the unknown kind {kind}")
    if info & _RESTS_ON_ANOTHER:
        return MalformedBytes(_WHAT, "writes over something; a fact is written once")
    return MalformedBytes(_WHAT, "holds an item without a key")


def _read_bytes(raw: bytes, at: int) -> tuple[bytes, int]:
    length, at = _read_number(raw, at, limits.update_bytes_max, "length")
    end = at + length
    if end > len(raw):
        raise MalformedBytes(_WHAT, "a length beyond its end")
    return raw[at:end], end


def _read_number(raw: bytes, at: int, most: int, name: str) -> tuple[int, int]:
    byte = raw[at]
    at += 1
    if byte < 0x80:
        value = byte
    else:
        value, shift = byte & 0x7F, 7
        while True:
            byte = raw[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if value > most or shift > 56:
                raise LimitExceeded(_WHAT, f"{name}: more than {most}")
        if byte == 0:
            raise MalformedBytes(_WHAT, f"{name}: a number that is longer than it need be")
    if value > most:
        raise LimitExceeded(_WHAT, f"{name}: {value}, at most {most}")
    return value, at
