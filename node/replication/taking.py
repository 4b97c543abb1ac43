"""Taking: entries that peers send are let in, folded, made durable, acked (RULES S4).

Rules, cited by tests:
1. What comes twice is skipped and acked; what comes before its turn is left and wanted.
2. An ack goes to whoever gave the entries and to their writer, at once when they are durable, never before.
3. A bad frame costs its sender the link, and nothing of it is kept; a fork costs the sender nothing.
4. A revocation that is let in ends the links of the node that it names.
"""

from __future__ import annotations

from collections.abc import Sequence

from crdt_models.errors import MalformedBytes
from crdt_models.journal.entry import Entry, decode_entry
from crdt_models.journal.operation import Operation
from crdt_models.operations import Kind
from crdt_models.values.identity import JOURNAL_BYTES, JournalId
from node.replication.commits import Commits, Run
from node.replication.desk import Desk
from node.replication.door import Door, Refusal
from node.replication.effects import EntriesFolded, EntryRefused
from node.replication.frames import Ack, Entries, Urgent
from node.replication.hearsay import Hearsay
from node.replication.journals import Journal
from node.replication.peering import Peer
from node.replication.wants import Wants


class Taking:
    """What comes in from peers."""

    def __init__(self, desk: Desk, wants: Wants, hearsay: Hearsay, commits: Commits) -> None:
        self._desk, self._wants, self._hearsay, self._commits = desk, wants, hearsay, commits
        self._door = Door(desk.shop, desk.verify)
        self._acks: dict[Peer, dict[JournalId, int]] = {}

    def entries(self, peer: Peer, frame: Entries) -> None:
        """A frame of entries came."""
        desk = self._desk
        journal = desk.journals.get(frame.journal)
        if not frame.entries:
            if journal is not None:
                self._wants.no_more(journal, peer)
            return
        last = frame.first + len(frame.entries) - 1
        if journal is None:
            if frame.first != 1 or len(frame.journal) != JOURNAL_BYTES:
                self._refuse(peer, frame.journal, Refusal(frame.first, "it belongs to a journal that nobody told of"))
                return
            journal = Journal(frame.journal)
        if frame.first > journal.received + 1:
            self._hearsay.holds(peer, journal.id, last)
        elif last <= journal.received:
            self._hearsay.holds(peer, journal.id, last)
            if journal.durable >= last:
                desk.send(peer, Ack(((journal.id, journal.durable),)))
            else:
                journal.ack_to[peer.link] = last
        else:
            self._let_in(peer, journal, frame, last)

    def urgent(self, peer: Peer, frame: Urgent) -> None:
        """One entry ahead of its turn: taken if it is the next of its journal, else it comes in order later."""
        try:
            entry = decode_entry(frame.entry)
        except MalformedBytes as error:
            self._desk.hang_up(peer, f"malformed urgent: {error.reason}", "malformed")
            return
        journal = self._desk.journals.get(entry.journal)
        if journal is not None and entry.seq == journal.received + 1:
            self.entries(peer, Entries(journal.id, entry.seq, True, (frame.entry,)))

    def became_durable(self, run: Run) -> None:
        """A run of another node's entries is on this disk: acks are due."""
        desk, journal = self._desk, run.journal
        for link, last in list(journal.ack_to.items()):
            if last <= journal.durable:
                del journal.ack_to[link]
            giver = desk.around.greeted.get(link)
            if giver is not None:
                self._acks.setdefault(giver, {})[journal.id] = journal.durable
        if journal.node != desk.node:
            for writer in desk.around.peers_of(journal.node):
                self._acks.setdefault(writer, {})[journal.id] = journal.durable

    def send_acks(self) -> None:
        """Send what `became_durable` gathered: one frame per peer."""
        for peer, held in self._acks.items():
            self._desk.send(peer, Ack(tuple(held.items())))
        self._acks = {}

    # --- letting in ------------------------------------------------------------------------------------------------

    def _let_in(self, peer: Peer, journal: Journal, frame: Entries, last: int) -> None:
        desk = self._desk
        if journal is desk.own_journal:
            self._hearsay.fork(journal, last)
            return
        try:
            entries, opening = self._door.admit(journal, frame)
        except Refusal as refusal:
            self._refuse(peer, journal.id, refusal)
            if refusal.forked:
                self._hearsay.fork(journal, refusal.seq)
                self._wants.forked(journal, peer)
            return
        first = journal.received + 1
        known = desk.journals.get_or_add(journal.id)
        if opening is not None:
            desk.journals.opened(known, opening.public_key, opening.parent)
        for entry in entries:
            desk.shop.fold(entry)
            desk.time.seen(desk.now, entry.stamp)
        known.received, known.received_hash = last, entries[-1].hash
        known.said = max(known.said, last)
        known.ack_to[peer.link] = last
        known.came_over = peer.node
        desk.announce(EntriesFolded(known.id, first, last, False))
        self._commits.queue(Run(known, entries, peer.link, frame.pushed))
        self._hearsay.holds(peer, known.id, last)
        if opening is not None:
            self._hearsay.opened(known)
        self._wants.progressed(known)
        self._end_revoked_links(entries)

    def _end_revoked_links(self, entries: Sequence[Entry]) -> None:
        if not any(
            isinstance(operation, Operation) and operation.kind == Kind.REVOKE
            for entry in entries
            if entry.flags
            for operation in entry.operations
        ):
            return
        self.end_revoked_links()

    def end_revoked_links(self) -> None:
        """Hang up on every linked node that the shop knows as revoked."""
        for peer in list(self._desk.around.linked.values()):
            if self._desk.shop.revoked(peer.node):
                self._desk.hang_up(peer, "revoked", "revoked")

    def _refuse(self, peer: Peer, journal: JournalId, refusal: Refusal) -> None:
        self._desk.announce(EntryRefused(peer.link, journal, refusal.seq, refusal.reason))
        if not refusal.forked:
            self._wants.refused(journal, peer)
            self._desk.hang_up(peer, f"refused entry: {refusal.reason}", "refused entry")
