"""The replica: events in, ordered effects out (DESIGN section 6, PROTOCOL.md). No clock, no socket, no file, no chance.

It holds every conversation of a node and the place of every journal; the shop folds what it lets in. Each concern has its
own file: greeting, wants, giving, taking, commits, pulses, hearsay. Here they are wired and each event finds its way.

The order of effects after a commit is the promise of the house: persist, then send, then answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from crdt_models.errors import MalformedBytes
from crdt_models.journal import canonical
from crdt_models.journal.entry import Writer
from crdt_models.journal.operation import Operation
from crdt_models.journal.signatures import Verify
from crdt_models.operations import Kind, step
from crdt_models.values.identity import JournalId, NodeId
from crdt_models.values.stamp import Place
from node.replication import codec
from node.replication.commits import Commits, Run
from node.replication.desk import NEVER, Desk
from node.replication.door import opening_of
from node.replication.effects import ClockOff, Effect, EntriesFolded, HangUp, HeadsChanged, PeerLost, WakeAt
from node.replication.events import (
    Connected,
    Disconnected,
    DiskFailed,
    Event,
    Now,
    Opened,
    Persisted,
    RangeSent,
    Received,
    Recorded,
    Tick,
)
from node.replication.fold import Fold
from node.replication.frames import (
    RESPONSE_COMM_FAILURE,
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
from node.replication.giving import Giving
from node.replication.greeting import Greeting
from node.replication.hearsay import Hearsay
from node.replication.journals import HeldJournal, Journals
from node.replication.limits import Limits
from node.replication.peering import Peer
from node.replication.pulses import Pulses
from node.replication.relay import Relays
from node.replication.status import JournalStatus, PeerStatus, ReplicaStatus
from node.replication.taking import Taking
from node.replication.wants import Wants


class Replica:
    """One node's part in replication, for one process life.

    shop: folded already from all that `held` says is on the disk; own: the writer of this process's journal, nothing
    written yet; opening: the OPEN operation of that journal (`crdt_models.operations.open_journal`); verify: how signatures
    are checked.
    """

    def __init__(
        self,
        shop: Fold,
        own: Writer,
        held: Iterable[HeldJournal],
        opening: Operation,
        verify: Verify,
        limits: Limits | None = None,
    ) -> None:
        journals = Journals(held)
        own_journal = journals.get_or_add(own.journal)
        self._desk = Desk(shop, own, journals, own_journal, verify, limits or Limits())
        self._opening = opening
        self._wants = Wants(self._desk)
        self._hearsay = Hearsay(self._desk, self._wants)
        self._commits = Commits(self._desk)
        relays = Relays(self._desk.node, self._desk.around)
        self._giving = Giving(self._desk, self._wants, self._hearsay, relays)
        self._taking = Taking(self._desk, self._wants, self._hearsay, self._commits)
        self._pulses = Pulses(self._desk, self._hearsay, self._giving)
        self._greeting: Greeting | None = None
        self._clock_off = False
        self._armed_s = NEVER

    def handle(self, event: Event) -> list[Effect]:
        """Take in one event; what must be done now, in this order."""
        desk = self._desk
        desk.now = event.now
        match event:
            case Received():
                self._received(event)
            case Recorded():
                self._commits.record(event.step)
                if any(operation.kind == Kind.REVOKE for operation in event.step.operations):
                    self._taking.end_revoked_links()
            case Persisted():
                self._persisted(event)
            case RangeSent():
                peer = desk.around.greeted.get(event.link)
                if peer is not None:
                    self._giving.range_sent(peer, event.journal, event.last, event.wire_bytes)
            case Tick():
                self._tick()
            case Connected():
                self._connected(event)
            case Disconnected():
                peer = desk.around.linked.get(event.link)
                if peer is not None:
                    desk.gone(peer, "disconnected")
            case DiskFailed():
                self._disk_failed(event.reason)
            case Opened():
                self._opened()
            case _:
                assert_never(event)
        return self._conclude()

    # --- questions -------------------------------------------------------------------------------------------------

    def settled(self, place: Place) -> bool:
        """Whether every greeted peer holds the entry durably."""
        return not self.unsettled(place)

    def unsettled(self, place: Place) -> tuple[NodeId, ...]:
        """The nodes of greeted peers that did not say yet that they hold the entry."""
        return tuple(
            [peer.node for peer in self._desk.around if self._hearsay.seq_held(peer, place.journal) < place.seq]
        )

    def copies(self, place: Place) -> frozenset[NodeId]:
        """The nodes that are known to hold the entry durably, this one included."""
        return self._hearsay.copies(place)

    def shop_time_ms(self, now: Now) -> int:
        """What most clocks in the shop say (RULES T2), UTC milliseconds."""
        return self._desk.time.now_ms(now)

    def status(self, now: Now) -> ReplicaStatus:
        """All that people may want to know of peers and journals."""
        desk = self._desk
        peers = tuple(
            [
                PeerStatus(
                    peer.link,
                    peer.node,
                    peer.incarnation,
                    peer.name,
                    peer.phase.value,
                    {journal: head.seq for journal, head in peer.told.items()},
                    peer.heard_s,
                    peer.heard_wall_ms,
                    peer.flow.round_trip_s,
                    desk.time.offset_of(now, peer.link),
                    peer.flow.in_flight,
                    tuple(sorted(peer.neighbours)),
                )
                for peer in desk.around.linked.values()
            ]
        )
        journals = []
        for journal in desk.journals:
            giver = self._wants.giver_of(journal.id)
            asked = None if giver is None else giver.node
            journals.append(
                JournalStatus(journal.id, journal.node, journal.durable, journal.received, journal.said, asked)
            )
        return ReplicaStatus(
            desk.node,
            desk.incarnation,
            desk.own.journal,
            peers,
            tuple(journals),
            dict(self._hearsay.holders.get(desk.own.journal, {})),
            desk.time.now_ms(now),
            desk.time.own_off_ms(now),
            self._commits.failed,
        )

    # --- events ----------------------------------------------------------------------------------------------------

    def _opened(self) -> None:
        desk = self._desk
        entry = self._commits.write((step(), self._opening))
        opening = opening_of(entry, desk.shop, desk.verify)
        desk.journals.opened(desk.own_journal, opening.public_key, opening.parent)
        self._greeting = Greeting(desk, self._hearsay, self._giving, self._pulses, opening.name)
        desk.announce(EntriesFolded(entry.journal, entry.seq, entry.seq, False))

    def _connected(self, event: Connected) -> None:
        assert self._greeting is not None, "opened is the first event"
        if self._commits.failed is not None:
            self._desk.out.append(HangUp(event.link, "disk failed"))
            return
        self._greeting.connected(event)

    def _received(self, event: Received) -> None:
        desk = self._desk
        peer = desk.around.linked.get(event.link)
        if peer is None:
            return
        try:
            frame = codec.decode(event.frame)
        except MalformedBytes as error:
            desk.hang_up(peer, str(error), "malformed")
            return
        peer.heard_s = desk.now.mono_s
        if peer.greeted:
            self._hear(peer, frame)
            return
        assert self._greeting is not None, "opened is the first event"
        match frame:
            case Hello():
                self._greeting.hello(peer, frame)
                self._check_clock()
            case Goodbye():
                desk.hang_up(peer, f"goodbye: {frame.reason}")
            case _:
                desk.hang_up(peer, "a frame before hello", "no hello")

    def _hear(self, peer: Peer, frame: Frame) -> None:
        """A frame of a greeted peer."""
        match frame:
            case Entries():
                self._taking.entries(peer, frame)
            case Ack():
                for journal, seq in frame.held:
                    self._giving.acked(peer, journal, seq)
            case Pulse():
                self._pulses.heard(peer, frame)
            case Want():
                if frame.journal is None:
                    self._pulses.tell_whole(peer)
                else:
                    self._giving.wanted(peer, frame)
            case Urgent():
                self._taking.urgent(peer, frame)
            case Ask():
                body = canonical.encode("unknown type")
                self._desk.send(peer, Answer(frame.id, RESPONSE_COMM_FAILURE, body))
            case Answer():
                pass  # nothing was asked
            case Goodbye():
                self._desk.hang_up(peer, f"goodbye: {frame.reason}")
            case Hello():
                self._desk.hang_up(peer, "a second hello", "second hello")
            case Unknown():
                if not frame.ignorable:
                    self._desk.hang_up(peer, f"unknown frame {frame.type}", "unknown frame")
            case _:
                assert_never(frame)

    def _persisted(self, event: Persisted) -> None:
        desk = self._desk
        if self._commits.failed is not None:
            return
        runs = self._commits.persisted(event.batch)
        for run in runs:
            last = run.entries[-1]
            desk.journals.became_durable(run.journal, last.seq, last.hash)
        for run in runs:
            self._giving.became_durable(run.journal, run.entries, run.giver, run.pushed)
            if run.giver is not None:
                self._taking.became_durable(run)
        self._taking.send_acks()
        for run in runs:
            self._tell_pull(run)
            desk.announce(EntriesFolded(run.journal.id, run.entries[0].seq, run.entries[-1].seq, True))
            self._hearsay.durable(run.journal)
        self._commits.answer()
        desk.announce(HeadsChanged())

    def _tell_pull(self, run: Run) -> None:
        """Word of a pull's first entries goes out at once."""
        if run.giver is None or run.pushed or run.journal.pull_told:
            return
        giver = self._desk.around.greeted.get(run.giver)
        if giver is not None:
            run.journal.pull_told = True
            self._pulses.pull_began(run.journal, giver)

    def _disk_failed(self, reason: str) -> None:
        self._commits.fail(reason)
        for peer in list(self._desk.around.linked.values()):
            self._desk.hang_up(peer, "disk failed", "disk failed")

    def _tick(self) -> None:
        self._armed_s = NEVER
        if self._greeting is not None:
            self._greeting.tick()
        self._wants.tick()
        if self._pulses.tick():
            self._giving.tick()
        self._check_clock()

    # --- the end of every event ------------------------------------------------------------------------------------

    def _conclude(self) -> list[Effect]:
        desk = self._desk
        while desk.lost or desk.settled:
            if desk.lost:
                self._lost(*desk.lost.pop(0))
            else:
                self._giving.settled(desk.settled.pop(0))
        self._commits.flush()
        if self._armed_s == NEVER:
            self._arm()
        elif desk.wake_s < self._armed_s:
            self._armed_s = desk.wake_s
            desk.out.append(WakeAt(desk.wake_s))
        desk.wake_s = NEVER
        effects, desk.out = desk.out, []
        return effects

    def _arm(self) -> None:
        """After a tick, and while nothing is due: look at everything for what is due next."""
        desk = self._desk
        due_s = min(desk.wake_s, self._wants.due_s)
        if self._greeting is not None and desk.around.linked:
            due_s = min(due_s, self._greeting.due_s)
        if self._pulses.due_s is not None:
            due_s = min(due_s, self._pulses.due_s)
        if due_s < NEVER:
            self._armed_s = due_s
            desk.out.append(WakeAt(due_s))

    def _lost(self, peer: Peer, reason: str) -> None:
        desk = self._desk
        desk.time.forget(desk.now, peer.link)
        self._giving.lost(peer)
        if not peer.greeted or peer.incarnation is None:
            return
        self._wants.lost(peer)
        self._hearsay.lost(peer)
        if not desk.around.is_neighbour(peer.node):
            self._pulses.lost(peer, self._reached_over(peer.node))
        desk.announce(PeerLost(peer.link, peer.node, peer.incarnation, reason))

    def _reached_over(self, node: NodeId) -> list[JournalId]:
        """The journals that came over a node, or are its own: those that a lost link may leave behind."""
        found: list[JournalId] = []
        for journal_id in self._desk.journals.heads:
            journal = self._desk.journals.get(journal_id)
            if journal is not None and node in (journal.node, journal.came_over):
                found.append(journal_id)
        return found

    def _check_clock(self) -> None:
        off = self._desk.time.is_off(self._desk.now)
        if off != self._clock_off:
            self._clock_off = off
            self._desk.announce(ClockOff(off, self._desk.time.own_off_ms(self._desk.now)))
