"""What is known of what others hold: their heads, their acks, and what these imply (RULES J2, S1).

Rules, cited by tests:
1. A journal that a peer tells is held by it as told. One that it does not tell, while it holds a journal whose `open` names
   it as parent, is held exactly to the number named, and its ancestors likewise.
2. What a peer is known to hold never shrinks while its link lives.
3. More than is here is a gap; more of the running own journal than was ever written is a fork.
"""

from __future__ import annotations

from collections.abc import Mapping

from crdt_models.journal.heads import HEAD_HASH_BYTES, Head
from crdt_models.values.identity import JournalId, NodeId, short_name
from crdt_models.values.stamp import Place
from node.replication import limits as bounds
from node.replication.desk import Desk
from node.replication.effects import Alarm, CopyConfirmed, PeerInStep
from node.replication.journals import Journal
from node.replication.peering import Peer, Phase
from node.replication.wants import Wants


class Hearsay:
    """Keeps `Peer.held`, and acts on what is learned: gaps, counted copies, being in step."""

    def __init__(self, desk: Desk, wants: Wants) -> None:
        self._desk, self._wants = desk, wants
        self._whole: dict[JournalId, int] = {}
        self.holders: dict[JournalId, dict[NodeId, int]] = {}

    def told(self, peer: Peer, heads: Mapping[JournalId, Head], at_hello: bool = False) -> None:
        """The peer told these heads; its mirror is up to date already."""
        for journal_id, head in heads.items():
            if not head.seq:
                continue
            at_once = at_hello and peer.writes(journal_id)
            self.holds(peer, journal_id, head.seq, at_once)
            self._infer(peer, journal_id)
            journal = self._desk.journals.get(journal_id)
            if (
                journal is not None
                and journal.durable == head.seq
                and journal.durable_hash[:HEAD_HASH_BYTES] != head.hash8
            ):
                self.fork(journal, head.seq)

    def no_tip(self, peer: Peer, journal_id: JournalId) -> None:
        """The peer does not tell the journal any more: its child's head says it."""
        for child in self._desk.journals.children(journal_id):
            if peer.held.get(child, 0):
                self._infer(peer, child)

    def opened(self, journal: Journal) -> None:
        """An `open` was let in: whoever holds that journal holds its parent as named, unless told otherwise."""
        for peer in self._desk.around:
            if peer.held.get(journal.id, 0):
                self._infer(peer, journal.id)
                self._settle_ancestors(peer, journal)

    def holds(self, peer: Peer, journal_id: JournalId, seq: int, at_once: bool = False) -> None:
        """The peer holds the journal durably up to seq at least."""
        if seq <= peer.held.get(journal_id, 0):
            return
        peer.held[journal_id] = seq
        if seq > peer.cursors.get(journal_id, 0):
            peer.cursors[journal_id] = seq
        desk = self._desk
        journal = desk.journals.get_or_add(journal_id)
        if journal is desk.own_journal:
            if seq > journal.received:
                self.fork(journal, seq)
                return
            desk.announce(CopyConfirmed(peer.node, journal_id, seq))
        holders = self.holders.setdefault(journal_id, {})
        if seq > holders.get(peer.node, 0):
            holders[peer.node] = seq
        if seq > journal.said:
            journal.said = seq
        if seq > journal.received:
            self._wants.gap(journal, seq, at_once)
        if peer.owed:
            self.settle(peer, journal)
            self._settle_ancestors(peer, journal)

    def fork(self, journal: Journal, seq: int) -> None:
        """Two entries under one number: people are told, once per journal."""
        if not journal.forked:
            journal.forked = True
            text = f"node {short_name(journal.node)} wrote number {seq} of one journal twice: a cloned or restored disk"
            self._desk.announce(Alarm("fork", text))

    def lost(self, peer: Peer) -> None:
        """A peer is gone. What only it told of stays known to be missing, up to a bound."""
        journals = self._desk.journals
        if len(journals) <= bounds.heads_max:
            return
        unheld = [journal for journal in journals if not journal.received and journal.id not in journals.heads]
        for journal in unheld[bounds.heads_max :]:
            if not any(journal.id in other.held for other in self._desk.around):
                journals.forget(journal)
                self.holders.pop(journal.id, None)
                self._wants.forget(journal.id)

    # --- in step ---------------------------------------------------------------------------------------------------

    def owe(self, peer: Peer) -> None:
        """Hellos were exchanged: what either side lists must be held by both before the peer is in step."""
        for journal_id, head in (*self._desk.journals.heads.items(), *peer.told.items()):
            if head.seq > peer.owed.get(journal_id, 0):
                peer.owed[journal_id] = head.seq
        self.review(peer)
        self._check_in_step(peer)

    def review(self, peer: Peer) -> None:
        """Strike all that turned out to be held by both: what a peer ceases to tell is held too, its child's head says so."""
        for journal_id in list(peer.owed):
            self.settle(peer, self._desk.journals.get_or_add(journal_id))

    def settle(self, peer: Peer, journal: Journal) -> None:
        """Strike what is held by both."""
        owed = peer.owed.get(journal.id)
        if owed is not None and journal.durable >= owed and self.seq_held(peer, journal.id) >= owed:
            del peer.owed[journal.id]
            self._check_in_step(peer)

    def _settle_ancestors(self, peer: Peer, journal: Journal) -> None:
        """Strike what the peer holds because it holds a descendant: a process that restarted tells its new journal only."""
        parent, seen = journal.parent, {journal.id}
        while peer.owed and parent is not None and parent.journal not in seen:
            seen.add(parent.journal)
            ancestor = self._desk.journals.get_or_add(parent.journal)
            self.settle(peer, ancestor)
            parent = ancestor.parent

    def durable(self, journal: Journal) -> None:
        """More of the journal is durable here."""
        for peer in list(self._desk.around):
            if peer.owed:
                self.settle(peer, journal)

    def _check_in_step(self, peer: Peer) -> None:
        if not peer.owed and peer.phase is Phase.GREETED:
            peer.phase = Phase.IN_STEP
            self._desk.announce(PeerInStep(peer.link, peer.node))

    # --- what heads imply ------------------------------------------------------------------------------------------

    def seq_held(self, peer: Peer, journal_id: JournalId) -> int:
        """How far the peer is known to hold a journal, also where only a child's head says so."""
        known = peer.held.get(journal_id, 0)
        if journal_id in peer.told:
            return known
        return max([known, *[parent.seq for parent in self._named_below(peer, journal_id)]])

    def copies(self, place: Place) -> frozenset[NodeId]:
        """The nodes known to hold an entry durably, this one included."""
        desk = self._desk
        journal = desk.journals.get(place.journal)
        nodes = {node for node, seq in self.holders.get(place.journal, {}).items() if seq >= place.seq}
        nodes.update([peer.node for peer in desk.around if self.seq_held(peer, place.journal) >= place.seq])
        if journal is not None and journal.durable >= place.seq:
            nodes.add(desk.node)
        return frozenset(nodes)

    def _named_below(self, peer: Peer, journal_id: JournalId) -> list[Place]:
        """The places in `journal_id` that descendants held by the peer imply."""
        places: list[Place] = []
        for child in self._desk.journals.children(journal_id):
            if self._holds_any(peer, child):
                parent = self._desk.journals.get_or_add(child).parent
                assert parent is not None, "a child names its parent"
                places.append(parent)
        return places

    def _holds_any(self, peer: Peer, journal_id: JournalId) -> bool:
        looked_at = {journal_id}
        waiting = [journal_id]
        while waiting:
            journal_id = waiting.pop()
            if peer.held.get(journal_id, 0):
                return True
            if journal_id in peer.told:
                continue
            for child in self._desk.journals.children(journal_id):
                if child not in looked_at:
                    looked_at.add(child)
                    waiting.append(child)
        return False

    def _infer(self, peer: Peer, journal_id: JournalId) -> None:
        """Note what holding `journal_id` implies, up to where the whole ancestry is here anyway."""
        while True:
            journal = self._desk.journals.get(journal_id)
            parent = None if journal is None else journal.parent
            if (
                parent is None
                or parent.journal in peer.told
                or peer.held.get(parent.journal, 0) >= parent.seq
                or self._is_whole(parent)
            ):
                return
            self.holds(peer, parent.journal, parent.seq)
            journal_id = parent.journal

    def _is_whole(self, place: Place) -> bool:
        """Whether the journal is let in here to that number, and all its ancestors to theirs. Once true, always true."""
        chain: dict[JournalId, int] = {}
        at: Place | None = place
        while at is not None and self._whole.get(at.journal, 0) < at.seq:
            journal = self._desk.journals.get(at.journal)
            if journal is None or journal.received < at.seq or at.journal in chain:
                return False
            chain[at.journal] = at.seq
            at = journal.parent
        self._whole.update(chain)
        return True
