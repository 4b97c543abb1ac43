"""Events: all that a replica ever learns. Each carries the time at which the shell saw it; the replica has no clock.

NamedTuples, not dataclasses: several of them are made for every sale.
"""

from __future__ import annotations

from typing import NamedTuple, NewType

from crdt_models.journal.operation import VIA_TILL, Operation
from crdt_models.values.identity import JournalId, NodeId
from crdt_models.values.stamp import Place


class Now(NamedTuple):
    """mono_s: monotonic seconds, any zero, never back; wall_ms: what the wall clock shows, UTC milliseconds, may be wrong."""

    mono_s: float
    wall_ms: int


Link = NewType("Link", int)
"""One connection to one peer; given by the shell, never used again in a process."""


class Step(NamedTuple):
    """One business step to record. operations: without operation 0, which is made here from the other fields.

    token: given back in the announcements; key, fingerprint: the caller's idempotency key and its request's hash.
    """

    operations: tuple[Operation, ...]
    token: int
    key: str | None = None
    fingerprint: bytes | None = None
    needs: tuple[Place, ...] = ()
    via: int = VIA_TILL


class Opened(NamedTuple):
    """The process runs and its disk is read; the first event."""

    now: Now


class Connected(NamedTuple):
    """A link stands: both certificates are the store's authority's.

    node: of the peer's certificate; expires_ms: of that certificate; dialed: whether this node dialed.
    """

    now: Now
    link: Link
    node: NodeId
    expires_ms: int
    dialed: bool


class Received(NamedTuple):
    """One frame came in, whole and in order."""

    now: Now
    link: Link
    frame: bytes


class Disconnected(NamedTuple):
    """The link is gone, for whatever reason; nothing more comes or goes on it."""

    now: Now
    link: Link


class Recorded(NamedTuple):
    """The node took a business step; it becomes an entry at once."""

    now: Now
    step: Step


class Persisted(NamedTuple):
    """The batch of the last `Persist` is durable."""

    now: Now
    batch: int


class DiskFailed(NamedTuple):
    """The disk refused a durable write. Nothing is recorded or acked after it."""

    now: Now
    reason: str


class RangeSent(NamedTuple):
    """The answer to `SendRange`: entries up to `last` went out in one frame of wire_bytes.

    last: first - 1 when nothing could be read; wire_bytes: 0 then.
    """

    now: Now
    link: Link
    journal: JournalId
    last: int
    wire_bytes: int


class Tick(NamedTuple):
    """The time of the last `WakeAt` has come; an early or superfluous one does no harm."""

    now: Now


Event = Opened | Connected | Received | Disconnected | Recorded | Persisted | DiskFailed | RangeSent | Tick
