"""Effects: all that a replica ever asks for, in the order in which it must happen; and the announcements among them.

The shell performs effects in order. `SendRange` alone may finish later: the frames that follow it on its link do not wait.
"""

from __future__ import annotations

from typing import NamedTuple

from crdt_models.journal.entry import Entry
from crdt_models.values.identity import Incarnation, JournalId, NodeId
from crdt_models.values.stamp import Place
from node.replication.events import Link
from node.replication.frames import Frame


class Persist(NamedTuple):
    """Make these entries durable in this order, all or none, and answer `Persisted(batch)` or `DiskFailed`.

    At most one is outstanding; what gathers meanwhile is the next batch. So commits are grouped without a timer.
    """

    batch: int
    entries: tuple[Entry, ...]


class Send(NamedTuple):
    """Put one frame on a link. A frame for several peers is one object, so `codec.encode` does its work once."""

    link: Link
    frame: Frame


class SendRange(NamedTuple):
    """Read durable entries first..last of a journal, cut at a signed entry near bytes_max (at least one run, whatever its
    size), put them on the link as one `Entries` frame with this `pushed`, and answer `RangeSent`.

    At most one per link is outstanding. A link that is gone needs no answer.
    """

    link: Link
    journal: JournalId
    first: int
    last: int
    bytes_max: int
    pushed: bool


class HangUp(NamedTuple):
    """Close the link once what was sent is out. reason: constant words for the log. `Disconnected` need not follow."""

    link: Link
    reason: str


class Announce(NamedTuple):
    """Tell the node."""

    announcement: Announcement


class WakeAt(NamedTuple):
    """Send a `Tick` at this monotonic time; replaces the time asked for before."""

    mono_s: float


Effect = Persist | Send | SendRange | HangUp | Announce | WakeAt


# --- announcements -------------------------------------------------------------------------------------------------


class StepRecorded(NamedTuple):
    """The step is an entry and folded; it is not durable yet and nobody may be answered."""

    token: int
    place: Place


class StepDurable(NamedTuple):
    """The step is on this disk: the caller may be answered."""

    token: int
    place: Place


class StepFailed(NamedTuple):
    """The step was not recorded. code: stable, as in `crdt_models.errors`, or `disk_failed`."""

    token: int
    code: str
    reason: str


class CopyConfirmed(NamedTuple):
    """`node` said that it holds this node's running journal durably up to seq."""

    node: NodeId
    journal: JournalId
    seq: int


class EntriesFolded(NamedTuple):
    """Entries first..last of a journal are in the shop; persisted: whether they are on this disk too.

    Announced twice for each entry: when folded, and when durable.
    """

    journal: JournalId
    first: int
    last: int
    persisted: bool


class EntryRefused(NamedTuple):
    """An entry that a peer sent was not let in; nothing of its frame is kept."""

    link: Link
    journal: JournalId
    seq: int
    reason: str


class PeerGreeted(NamedTuple):
    """Hellos were exchanged."""

    link: Link
    node: NodeId
    incarnation: Incarnation
    name: str


class PeerInStep(NamedTuple):
    """All that either side listed when they greeted is held by both."""

    link: Link
    node: NodeId


class PeerLost(NamedTuple):
    """A greeted peer is gone."""

    link: Link
    node: NodeId
    incarnation: Incarnation
    reason: str


class ClockOff(NamedTuple):
    """This node's wall clock went more than 60 s off shop time, or came back. off_ms: wall minus shop time."""

    off: bool
    off_ms: int


class HeadsChanged(NamedTuple):
    """Something more is durable here."""


class Alarm(NamedTuple):
    """A person should know. code: `fork`, `disk_failed`."""

    code: str
    text: str


Announcement = (
    StepRecorded
    | StepDurable
    | StepFailed
    | CopyConfirmed
    | EntriesFolded
    | EntryRefused
    | PeerGreeted
    | PeerInStep
    | PeerLost
    | ClockOff
    | HeadsChanged
    | Alarm
)
