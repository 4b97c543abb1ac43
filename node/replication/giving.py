"""Giving: pushes to peers in step, passing on, serving wants from the disk (RULES S2, S3, S5).

Rules, cited by tests:
1. New own entries are pushed to every peer whose cursor stands at the tip before them.
2. Pushed entries of others are passed on, pushed, to a neighbour in step for which this node is the elected relay. Wanted
   ones are not; they go only to peers with an open order for that journal. Own former journals are never passed on.
3. An order is served from the disk in turn with the peer's other orders, one range at a time, while the window has room.
   It stays open while this node itself pulls the journal, and ends with an empty `entries` frame.
4. A peer in step whose window is full is not pushed to; it is served from the disk as if it had ordered, and what it gets
   counts as pushed. So a slow peer costs a cursor, not a queue.
5. Only durable entries are given.
6. Entries that are not acked for 6 s count as not sent: a peer that leaves them (a fork) does not block its window.
7. A want that crosses on the wire what it asks for does not make it sent twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from crdt_models.journal.entry import Entry
from crdt_models.values.identity import JournalId
from node.replication.desk import Desk
from node.replication.effects import SendRange
from node.replication.events import Link
from node.replication.frames import Entries, Want
from node.replication.hearsay import Hearsay
from node.replication.journals import Journal
from node.replication.peering import Peer
from node.replication.relay import Relays
from node.replication.wants import Wants

ENTRY_OVERHEAD_BYTES: Final = 5
"""Bytes that CBOR adds to one entry in a frame."""

FRAME_OVERHEAD_BYTES: Final = 48
"""Bytes of an `entries` frame beside its entries."""


class Giving:
    """What goes out to peers."""

    def __init__(self, desk: Desk, wants: Wants, hearsay: Hearsay, relays: Relays) -> None:
        self._desk, self._wants, self._hearsay, self._relays = desk, wants, hearsay, relays
        self._takers: dict[JournalId, dict[Link, Peer]] = {}

    # --- from memory, right after a commit -------------------------------------------------------------------------

    def became_durable(self, journal: Journal, entries: Sequence[Entry], giver: Link | None, pushed: bool) -> None:
        """Entries of one journal are durable; they came from `giver` (None: written here), pushed or wanted."""
        own = journal is self._desk.own_journal
        passed_on = pushed and journal.node != self._desk.node
        takers = self._takers.get(journal.id)
        if not (own or passed_on or takers):
            return
        first, last = entries[0].seq, entries[-1].seq
        frames: list[tuple[Entries, int]] | None = None
        for peer in self._desk.around:
            cursor = peer.cursors.get(journal.id, 0)
            if cursor >= last or peer.link == giver:
                continue
            ordered = takers is not None and peer.link in takers
            if not ordered:
                if cursor != first - 1 or not (own or (passed_on and self._relays.elected(journal.node, peer))):
                    continue
                as_pushed = True
            else:
                as_pushed = peer.orders[journal.id]
                if cursor != first - 1 or peer.reading is not None:
                    self.serve(peer)
                    continue
            if frames is None or frames[0][0].pushed != as_pushed:
                frames = list(self._cut(journal, entries, as_pushed))
            self._give(peer, journal, frames, ordered)

    def _give(self, peer: Peer, journal: Journal, frames: list[tuple[Entries, int]], ordered: bool) -> None:
        for frame, wire_bytes in frames:
            if not peer.flow.has_room(wire_bytes):
                if not ordered:
                    self._order(peer, journal, pushed=True)
                self.serve(peer)
                return
            last = frame.first + len(frame.entries) - 1
            self._desk.send(peer, frame)
            peer.cursors[journal.id] = last
            peer.flow.sent(journal.id, frame.first, last, wire_bytes, self._desk.now.mono_s)
        if ordered:
            self.serve(peer)

    def _cut(self, journal: Journal, entries: Sequence[Entry], pushed: bool) -> Iterator[tuple[Entries, int]]:
        """Frames of at most `push_frame_bytes_max`, each ending at a signed entry, and their sizes."""
        start = signed = size = signed_size = 0
        for index, entry in enumerate(entries):
            wire_bytes = len(entry.raw) + ENTRY_OVERHEAD_BYTES
            if size + wire_bytes > self._desk.limits.push_frame_bytes_max and signed > start:
                yield _frame(journal, entries[start:signed], pushed), signed_size + FRAME_OVERHEAD_BYTES
                start, size = signed, size - signed_size
            size += wire_bytes
            if entry.signature is not None:
                signed, signed_size = index + 1, size
        yield _frame(journal, entries[start:], pushed), size + FRAME_OVERHEAD_BYTES

    # --- from the disk, by order -----------------------------------------------------------------------------------

    def wanted(self, peer: Peer, want: Want) -> None:
        """A peer asks for a journal, or takes its order back."""
        assert want.journal is not None
        if want.first == 0:
            self._drop(peer, want.journal)
            return
        journal = self._desk.journals.get(want.journal)
        if journal is None or want.first > journal.durable + 1:
            self._desk.send(peer, Entries(want.journal, want.first, False, ()))
            return
        if not peer.flow.crosses(journal.id, want.first, self._desk.now.mono_s):
            peer.cursors[journal.id] = want.first - 1
            peer.flow.forget(journal.id)
        self._order(peer, journal, pushed=False)
        self.serve(peer)

    def acked(self, peer: Peer, journal_id: JournalId, seq: int) -> None:
        """A peer holds a journal durably up to seq."""
        peer.flow.acked(journal_id, seq, self._desk.now.mono_s)
        if self._desk.journals.get(journal_id) is not None:
            self._hearsay.holds(peer, journal_id, seq)
        if peer.orders:
            self.serve(peer)

    def range_sent(self, peer: Peer, journal_id: JournalId, last: int, wire_bytes: int) -> None:
        """The shell read and sent what `SendRange` asked for."""
        if peer.reading is None or peer.reading[0] != journal_id:
            return
        first = peer.reading[1]
        peer.reading = None
        if last >= first:
            peer.flow.sent(journal_id, first, last, wire_bytes, self._desk.now.mono_s)
            if peer.cursors.get(journal_id, 0) == first - 1:
                peer.cursors[journal_id] = last
        elif journal_id in peer.orders and peer.cursors.get(journal_id, 0) == first - 1:
            self._finish(peer, journal_id)
        self.serve(peer)

    def bridge(self, peer: Peer, journal_id: JournalId) -> None:
        """A neighbour lost its way to a journal's writer and told how far it came: the elected relay sends the rest (S4)."""
        journal = self._desk.journals.get(journal_id)
        if journal is None or journal.node == self._desk.node or journal_id in peer.orders:
            return
        missing = journal.durable - peer.cursors.get(journal_id, 0)
        if 0 < missing <= self._desk.limits.passed_on_entries_max and self._relays.elected(journal.node, peer):
            self._order(peer, journal, pushed=True)
            self.serve(peer)

    def catch_up_own(self, peer: Peer, told_seq: int) -> None:
        """A peer greeted that holds the own journal as far as the hello to it told: it cannot know of what came since."""
        own = self._desk.own_journal
        if told_seq <= peer.cursors.get(own.id, 0) < own.durable:
            self._order(peer, own, pushed=True)
            self.serve(peer)

    def tick(self) -> None:
        """What was not acked for as long as a link may be silent counts as not sent: the peer asks when it wants it."""
        for peer in list(self._desk.around):
            for journal_id in peer.flow.overdue(self._desk.now.mono_s):
                peer.flow.forget(journal_id)
                peer.cursors[journal_id] = peer.held.get(journal_id, 0)
                self._drop(peer, journal_id)
            if peer.orders:
                self.serve(peer)

    def settled(self, journal: Journal) -> None:
        """The pull of a journal ended: orders for it may end too."""
        for peer in list(self._takers.get(journal.id, {}).values()):
            self.serve(peer)

    def lost(self, peer: Peer) -> None:
        """The link is gone."""
        for journal_id in peer.orders:
            self._leave(peer, journal_id)
        peer.orders.clear()

    def serve(self, peer: Peer) -> None:
        """Go on with the peer's orders as far as its window allows; end those that are done."""
        if peer.reading is not None:
            return
        for journal_id in list(peer.orders):
            journal = self._desk.journals.get_or_add(journal_id)
            cursor = peer.cursors.get(journal_id, 0)
            if cursor >= journal.durable:
                if journal.durable == journal.received and not self._wants.is_pulling(journal_id):
                    self._finish(peer, journal_id)
                continue
            limits, flow = self._desk.limits, peer.flow
            bytes_max = min(limits.range_bytes_max, flow.window // 2)
            if not flow.has_room(bytes_max):
                return
            peer.orders[journal_id] = peer.orders.pop(journal_id)
            peer.reading = (journal_id, cursor + 1)
            self._desk.out.append(
                SendRange(peer.link, journal_id, cursor + 1, journal.durable, bytes_max, peer.orders[journal_id])
            )
            return

    def _order(self, peer: Peer, journal: Journal, pushed: bool) -> None:
        peer.orders[journal.id] = pushed
        self._takers.setdefault(journal.id, {})[peer.link] = peer

    def _finish(self, peer: Peer, journal_id: JournalId) -> None:
        """The order is served; one that was asked for is answered with an empty frame."""
        pushed = self._drop(peer, journal_id)
        if pushed is False:
            self._desk.send(peer, Entries(journal_id, peer.cursors.get(journal_id, 0) + 1, False, ()))

    def _drop(self, peer: Peer, journal_id: JournalId) -> bool | None:
        pushed = peer.orders.pop(journal_id, None)
        if pushed is not None:
            self._leave(peer, journal_id)
        return pushed

    def _leave(self, peer: Peer, journal_id: JournalId) -> None:
        takers = self._takers[journal_id]
        del takers[peer.link]
        if not takers:
            del self._takers[journal_id]


def _frame(journal: Journal, entries: Sequence[Entry], pushed: bool) -> Entries:
    return Entries(journal.id, entries[0].seq, pushed, tuple([entry.raw for entry in entries]))
