"""Frames as bytes: `[type, flags, ...]` in canonical CBOR under the strict profile, and back (PROTOCOL.md section 4).

Whatever is not exactly a frame raises MalformedBytes, by the sender's fault; the link is then hung up. Two places bend,
so that versions can meet: maps (`hello`, `pulse`) may have keys that this version does not know, and a frame of an unknown
type goes by when bit 0 of its flags says that it may be ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from crdt_models.errors import LimitExceeded, MalformedBytes
from crdt_models.journal import canonical
from crdt_models.journal.heads import HEAD_HASH_BYTES, Head
from crdt_models.values.identity import (
    BRANCH_BYTES,
    INCARNATION_BYTES,
    JOURNAL_BYTES,
    NODE_BYTES,
    Incarnation,
    JournalId,
    NodeId,
    StoreId,
)
from node.replication import limits
from node.replication.frames import (
    Ack,
    Answer,
    Ask,
    Entries,
    Frame,
    Goodbye,
    Hello,
    Pulse,
    Unknown,
    Urgent,
    Want,
)

HELLO: Final = 1
ENTRIES: Final = 2
WANT: Final = 3
ACK: Final = 4
PULSE: Final = 5
URGENT: Final = 6
ASK: Final = 7
ANSWER: Final = 8
GOODBYE: Final = 9

IGNORABLE: Final = 1
"""Flag bit 0: a receiver that does not know the type lets the frame go by."""

_SEQ_END: Final = 1 << 63
_WALL_END: Final = 1 << 63


def encode(frame: Frame) -> bytes:
    """The bytes of a frame; made once per frame object."""
    wire = frame.wire
    if wire is None:
        wire = canonical.encode(_plain(frame))
        object.__setattr__(frame, "wire", wire)
    return wire


def decode(raw: bytes) -> Frame:
    """The frame of these bytes. Raises MalformedBytes or LimitExceeded."""
    value = canonical.decode(raw, "frame", limits.frame_bytes_max)
    if type(value) is not list or len(value) < 2:
        raise MalformedBytes("frame", "not an array that begins with type and flags")
    kind, flags = value[0], value[1]
    if type(kind) is not int or type(flags) is not int or kind < 0 or flags < 0:
        raise MalformedBytes("frame", "type or flags is not a number from 0")
    known = _DECODERS.get(kind)
    if known is None:
        return Unknown(kind, bool(flags & IGNORABLE))
    if flags:
        raise MalformedBytes(known[0], "a flag that this version does not know")
    if len(value) != known[1]:
        raise MalformedBytes(known[0], f"an array of {len(value)}, not of {known[1]}")
    return known[2](value)


# --- to plain values -----------------------------------------------------------------------------------------------


def _plain(frame: Frame) -> list[Any]:
    match frame:
        case Entries():
            return [ENTRIES, 0, frame.journal, frame.first, frame.pushed, frame.entries]
        case Ack():
            return [ACK, 0, frame.held]
        case Pulse():
            return [PULSE, 0, _pulse_map(frame)]
        case Want():
            return [WANT, 0, frame.journal, frame.first, frame.locator]
        case Hello():
            return [HELLO, 0, _hello_map(frame)]
        case Urgent():
            return [URGENT, 0, frame.entry]
        case Ask():
            return [ASK, 0, frame.id, frame.type, frame.arguments, frame.deadline_ms, frame.hops]
        case Answer():
            return [ANSWER, 0, frame.id, frame.code, frame.body]
        case Goodbye():
            return [GOODBYE, 0, frame.reason]
        case Unknown():
            return [frame.type, IGNORABLE if frame.ignorable else 0]


def heads_list(heads: Mapping[JournalId, Head]) -> list[tuple[JournalId, int, bytes]]:
    """Heads as they stand in frames and under the digest: [journal, seq, hash8], sorted by journal."""
    return [(journal, *heads[journal]) for journal in sorted(heads)]


def _hello_map(hello: Hello) -> dict[int, Any]:
    return {
        0: hello.versions[0],
        1: hello.versions[1],
        2: hello.features,
        3: hello.store,
        4: hello.node,
        5: hello.incarnation,
        6: heads_list(hello.heads),
        7: hello.answers,
        8: hello.neighbours,
        9: hello.blocks,
        10: hello.wall_ms,
        11: hello.name,
    }


def _pulse_map(pulse: Pulse) -> dict[int, Any]:
    fields: dict[int, Any] = {0: pulse.wall_ms}
    if pulse.heads or pulse.whole:
        fields[1] = heads_list(pulse.heads)
    if pulse.gone:
        fields[2] = pulse.gone
    if pulse.digest is not None:
        fields[3] = pulse.digest
    if pulse.joined:
        fields[4] = pulse.joined
    if pulse.left:
        fields[5] = pulse.left
    if pulse.whole:
        fields[6] = True
    if pulse.nonce is not None:
        fields[7] = pulse.nonce
    if pulse.answer is not None:
        fields[8] = pulse.answer
    return fields


# --- from plain values ---------------------------------------------------------------------------------------------


def _hello(value: list[Any]) -> Hello:
    what = "hello"
    fields = _map(value[2], what)
    low, high = _number(fields.get(0), what, "lowest version"), _number(fields.get(1), what, "highest version")
    if not 1 <= low <= high:
        raise MalformedBytes(what, "a range of versions that is none")
    return Hello(
        (low, high),
        _words(fields.get(2), what, "features"),
        StoreId(_sized(fields.get(3), NODE_BYTES, what, "store")),
        NodeId(_sized(fields.get(4), NODE_BYTES, what, "node")),
        Incarnation(_sized(fields.get(5), INCARNATION_BYTES, what, "incarnation")),
        _heads(fields.get(6), what),
        _words(fields.get(7), what, "answers"),
        _nodes(fields.get(8), limits.neighbours_max, what, "neighbours"),
        _nodes(fields.get(9), limits.blocks_max, what, "blocks"),
        _wall(fields.get(10), what),
        _word(fields.get(11), what, "name"),
    )


def _entries(value: list[Any]) -> Entries:
    what = "entries"
    first, pushed, raws = value[3], value[4], value[5]
    if type(first) is not int or not 1 <= first < _SEQ_END:
        raise MalformedBytes(what, "first is not a number from 1")
    if type(pushed) is not bool:
        raise MalformedBytes(what, "pushed is not true or false")
    if type(raws) is not list or len(raws) > limits.entries_per_frame_max:
        raise MalformedBytes(what, f"not an array of at most {limits.entries_per_frame_max} entries")
    for raw in raws:
        if type(raw) is not bytes:
            raise MalformedBytes(what, "an entry that is no byte string")
    return Entries(_journal(value[2], what), first, pushed, tuple(raws))


def _want(value: list[Any]) -> Want:
    what = "want"
    first, locator = _number(value[3], what, "first"), value[4]
    journal = None if value[2] is None else _journal(value[2], what)
    if type(locator) is not list or len(locator) > limits.locator_max:
        raise MalformedBytes(what, f"a locator that is no array of at most {limits.locator_max}")
    places: list[tuple[int, bytes]] = []
    for place in locator:
        if type(place) is not list or len(place) != 2:
            raise MalformedBytes(what, "a locator whose parts are not [number, hash]")
        places.append((_number(place[0], what, "locator"), _sized(place[1], HEAD_HASH_BYTES, what, "locator hash")))
    return Want(journal, first, tuple(places))


def _ack(value: list[Any]) -> Ack:
    what = "ack"
    pairs = value[2]
    if type(pairs) is not list or len(pairs) > limits.heads_max:
        raise MalformedBytes(what, f"not an array of at most {limits.heads_max}")
    held: list[tuple[JournalId, int]] = []
    for pair in pairs:
        if type(pair) is not list or len(pair) != 2:
            raise MalformedBytes(what, "a part that is not [journal, number]")
        held.append((_journal(pair[0], what), _number(pair[1], what, "number")))
    return Ack(tuple(held))


def _pulse(value: list[Any]) -> Pulse:
    what = "pulse"
    fields = _map(value[2], what)
    gone = fields.get(2, [])
    if type(gone) is not list or len(gone) > limits.heads_max:
        raise MalformedBytes(what, f"gone is no array of at most {limits.heads_max}")
    whole = fields.get(6, False)
    if type(whole) is not bool:
        raise MalformedBytes(what, "whole is not true or false")
    digest, nonce, answer = fields.get(3), fields.get(7), fields.get(8)
    return Pulse(
        _wall(fields.get(0), what),
        _heads(fields.get(1, []), what),
        tuple([_journal(journal, what) for journal in gone]),
        None if digest is None else _sized(digest, HEAD_HASH_BYTES, what, "digest"),
        _nodes(fields.get(4, []), limits.neighbours_max, what, "joined"),
        _nodes(fields.get(5, []), limits.neighbours_max, what, "left"),
        whole,
        None if nonce is None else _sized(nonce, 8, what, "nonce"),
        None if answer is None else _sized(answer, 8, what, "answer"),
    )


def _urgent(value: list[Any]) -> Urgent:
    if type(value[2]) is not bytes:
        raise MalformedBytes("urgent", "an entry that is no byte string")
    return Urgent(value[2])


def _ask(value: list[Any]) -> Ask:
    what = "ask"
    hops = _number(value[6], what, "hops")
    if hops > limits.hops_max:
        raise LimitExceeded(what, f"{hops} hops, at most {limits.hops_max}")
    return Ask(
        _sized(value[2], 16, what, "id"),
        _word(value[3], what, "type"),
        _opaque(value[4], what, "arguments"),
        _number(value[5], what, "deadline"),
        hops,
    )


def _answer(value: list[Any]) -> Answer:
    what = "answer"
    return Answer(_sized(value[2], 16, what, "id"), _number(value[3], what, "code"), _opaque(value[4], what, "body"))


def _goodbye(value: list[Any]) -> Goodbye:
    reason = value[2]
    if type(reason) is not str or len(reason) > limits.reason_characters_max:
        raise MalformedBytes("goodbye", f"a reason that is no text of at most {limits.reason_characters_max}")
    return Goodbye(reason)


_DECODERS: Final[Mapping[int, tuple[str, int, Callable[[list[Any]], Frame]]]] = {
    HELLO: ("hello", 3, _hello),
    ENTRIES: ("entries", 6, _entries),
    WANT: ("want", 5, _want),
    ACK: ("ack", 3, _ack),
    PULSE: ("pulse", 3, _pulse),
    URGENT: ("urgent", 3, _urgent),
    ASK: ("ask", 7, _ask),
    ANSWER: ("answer", 5, _answer),
    GOODBYE: ("goodbye", 3, _goodbye),
}


# --- parts ---------------------------------------------------------------------------------------------------------


def _map(value: Any, what: str) -> dict[int, Any]:
    if type(value) is not dict or not all(type(key) is int for key in value):
        raise MalformedBytes(what, "not a map with numbers as keys")
    return value


def _number(value: Any, what: str, field: str) -> int:
    if type(value) is not int or not 0 <= value < _SEQ_END:
        raise MalformedBytes(what, f"{field} is not a number from 0")
    return value


def _wall(value: Any, what: str) -> int:
    if type(value) is not int or not -_WALL_END <= value < _WALL_END:
        raise MalformedBytes(what, "wall time is not a 64-bit number")
    return value


def _sized(value: Any, size: int, what: str, field: str) -> bytes:
    if type(value) is not bytes or len(value) != size:
        raise MalformedBytes(what, f"{field} is not {size} bytes")
    return value


def _opaque(value: Any, what: str, field: str) -> bytes:
    if type(value) is not bytes or len(value) > limits.ask_bytes_max:
        raise MalformedBytes(what, f"{field} is not at most {limits.ask_bytes_max} bytes")
    return value


def _journal(value: Any, what: str) -> JournalId:
    if type(value) is not bytes or not JOURNAL_BYTES <= len(value) <= BRANCH_BYTES:
        raise MalformedBytes(what, f"a journal that is not {JOURNAL_BYTES} to {BRANCH_BYTES} bytes")
    return JournalId(value)


def _word(value: Any, what: str, field: str) -> str:
    if type(value) is not str or len(value) > limits.word_characters_max:
        raise MalformedBytes(what, f"{field} is no text of at most {limits.word_characters_max} characters")
    return value


def _words(value: Any, what: str, field: str) -> tuple[str, ...]:
    if type(value) is not list or len(value) > limits.features_max:
        raise MalformedBytes(what, f"{field} is no array of at most {limits.features_max}")
    return tuple([_word(word, what, field) for word in value])


def _nodes(value: Any, most: int, what: str, field: str) -> tuple[NodeId, ...]:
    if type(value) is not list or len(value) > most:
        raise MalformedBytes(what, f"{field} is no array of at most {most}")
    return tuple([NodeId(_sized(node, NODE_BYTES, what, field)) for node in value])


def _heads(value: Any, what: str) -> dict[JournalId, Head]:
    if type(value) is not list or len(value) > limits.heads_max:
        raise MalformedBytes(what, f"heads are no array of at most {limits.heads_max}")
    heads: dict[JournalId, Head] = {}
    before = b""
    for part in value:
        if type(part) is not list or len(part) != 3:
            raise MalformedBytes(what, "a head that is not [journal, number, hash]")
        journal = _journal(part[0], what)
        if journal <= before:
            raise MalformedBytes(what, "heads that are not sorted by journal")
        before = journal
        heads[journal] = Head(_number(part[1], what, "head"), _sized(part[2], HEAD_HASH_BYTES, what, "head hash"))
    return heads
