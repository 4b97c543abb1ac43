"""Frames: what nodes say to each other (PROTOCOL.md section 4 holds their CDDL).

Each is right once constructed by the codec; `wire` remembers its encoding, so a frame for twenty peers is encoded once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crdt_models.journal.heads import Head
from crdt_models.values.identity import Incarnation, JournalId, NodeId, StoreId

RESPONSE_OK = 0
RESPONSE_DATA_ERROR = 1
RESPONSE_COMM_FAILURE = 2
RESPONSE_SERVER_FAILURE = 3


@dataclass(frozen=True, slots=True)
class _Encoded:
    wire: bytes | None = field(default=None, init=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Hello(_Encoded):
    """The first frame on a link, both ways. versions: lowest and highest spoken; heads: tips (RULES J2).

    answers: request types; neighbours: nodes that it is linked to; blocks: revoked nodes that it knows.
    """

    versions: tuple[int, int]
    features: tuple[str, ...]
    store: StoreId
    node: NodeId
    incarnation: Incarnation
    heads: Mapping[JournalId, Head]
    answers: tuple[str, ...]
    neighbours: tuple[NodeId, ...]
    blocks: tuple[NodeId, ...]
    wall_ms: int
    name: str


@dataclass(frozen=True, slots=True)
class Entries(_Encoded):
    """Entries first.. of a journal, as wire bytes; the last is signed. None at all: the giver has no more for this want.

    pushed: sent unasked, so the elected relay passes them on (RULES S2); else the answer to a want.
    """

    journal: JournalId
    first: int
    pushed: bool
    entries: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Want(_Encoded):
    """A standing order for a journal from `first` on; first 0 ends the order; journal None asks for the whole vector of heads.

    locator: (seq, first 8 bytes of the header's hash) of what the asker holds, newest first; for forks (RULES J3).
    """

    journal: JournalId | None
    first: int = 0
    locator: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Ack(_Encoded):
    """The sender holds these journals durably up to these numbers."""

    held: tuple[tuple[JournalId, int], ...]


@dataclass(frozen=True, slots=True)
class Pulse(_Encoded):
    """What changed since the last one. heads: told anew; gone: no longer tips; digest: of all heads and neighbours after it.

    joined, left: neighbours; whole: heads and joined are complete and replace what was told before.
    nonce, answer: for the twin alarm (RULES J4), absent in this version.
    """

    wall_ms: int
    heads: Mapping[JournalId, Head]
    gone: tuple[JournalId, ...] = ()
    digest: bytes | None = None
    joined: tuple[NodeId, ...] = ()
    left: tuple[NodeId, ...] = ()
    whole: bool = False
    nonce: bytes | None = None
    answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class Urgent(_Encoded):
    """One entry, signed singly, ahead of its turn."""

    entry: bytes


@dataclass(frozen=True, slots=True)
class Ask(_Encoded):
    """A request for a node that answers `type`. id: 16 bytes; arguments: canonical CBOR; deadline_ms: from now; hops: left."""

    id: bytes
    type: str
    arguments: bytes
    deadline_ms: int
    hops: int


@dataclass(frozen=True, slots=True)
class Answer(_Encoded):
    """The answer to the ask of this id. code: RESPONSE_*; body: canonical CBOR."""

    id: bytes
    code: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Goodbye(_Encoded):
    """The last frame on a link. reason: a code of PROTOCOL.md section 4, or a sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown(_Encoded):
    """A frame of a type that this version does not know; it goes by when it is ignorable."""

    type: int
    ignorable: bool


Frame = Hello | Entries | Want | Ack | Pulse | Urgent | Ask | Answer | Goodbye | Unknown
