"""Pulses: what is told unasked, and the mirror of what peers tell (RULES S4).

Rules, cited by tests:
1. Every 2 s each greeted peer gets the heads that changed since the last time, and 8 bytes over all heads and neighbours.
   Where its mirror does not match, it asks for everything, and gets it.
2. A neighbour won or lost is told to all at once; a loss with the heads of the journals that came over that link.
3. The first durable entries of a pull are told at once to neighbours that do not see the giver, so that a line of nodes
   heals at the speed of its links.

One pulse serves all peers and is encoded once. A quiet shop's pulse is 20 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crdt_models.journal.heads import Head
from crdt_models.values.identity import JOURNAL_BYTES, JournalId, NodeId
from node.replication import limits as bounds
from node.replication.desk import Desk
from node.replication.frames import Pulse, Want
from node.replication.giving import Giving
from node.replication.hearsay import Hearsay
from node.replication.journals import Journal, digest_of
from node.replication.peering import Peer


class Pulses:
    """Tells and hears."""

    def __init__(self, desk: Desk, hearsay: Hearsay, giving: Giving) -> None:
        self._desk, self._hearsay, self._giving = desk, hearsay, giving
        self._digest: bytes | None = None
        self._digest_version = -1
        self.due_s: float | None = None

    # --- telling ---------------------------------------------------------------------------------------------------

    def tick(self) -> bool:
        """Send the regular pulse if it is due; whether it was."""
        desk = self._desk
        if self.due_s is None or desk.now.mono_s < self.due_s:
            return False
        if not desk.around.greeted:
            self.due_s = None
            return False
        heads, gone = desk.journals.take_changes()
        pulse = Pulse(desk.now.wall_ms, heads, gone, self._own_digest())
        for peer in desk.around:
            desk.send(peer, pulse)
        self.due_s = desk.now.mono_s + desk.limits.pulse_interval_s
        return True

    def greeted(self, peer: Peer, is_new: bool) -> None:
        """Tell all others of a new neighbour, and the peer itself what changed since our hello to it."""
        desk = self._desk
        if self.due_s is None:
            self.due_s = desk.now.mono_s + desk.limits.pulse_interval_s
            desk.wake_by(self.due_s)
        heads = {
            journal: head for journal, head in desk.journals.heads.items() if peer.hello_heads.get(journal) != head
        }
        gone = tuple(sorted([journal for journal in peer.hello_heads if journal not in desk.journals.heads]))
        nodes = desk.around.nodes
        joined = tuple(sorted([node for node in nodes if node not in peer.hello_neighbours]))
        left = tuple(sorted([node for node in peer.hello_neighbours if not desk.around.is_neighbour(node)]))
        peer.hello_heads, peer.hello_neighbours = {}, frozenset()
        if heads or gone or joined or left:
            desk.send(peer, Pulse(desk.now.wall_ms, heads, gone, None, joined, left))
        if is_new:
            self._digest = None
            self._tell_others(peer, Pulse(desk.now.wall_ms, {}, joined=(peer.node,)))

    def lost(self, peer: Peer, givers: Iterable[JournalId]) -> None:
        """A neighbour is gone; givers: journals whose entries came over its link or are written by it."""
        desk = self._desk
        self._digest = None
        heads = {journal: desk.journals.heads[journal] for journal in givers if journal in desk.journals.heads}
        self._tell_others(peer, Pulse(desk.now.wall_ms, heads, left=(peer.node,)))

    def pull_began(self, journal: Journal, giver: Peer) -> None:
        """The first entries of a pull are durable: whoever does not see the giver may begin to pull them from here."""
        desk = self._desk
        head = desk.journals.heads.get(journal.id)
        if head is None:
            return
        pulse = Pulse(desk.now.wall_ms, {journal.id: head})
        for peer in desk.around:
            if (
                peer is not giver
                and giver.node not in peer.neighbours
                and giver.node != peer.node
                and peer.held.get(journal.id, 0) < head.seq
            ):
                desk.send(peer, pulse)

    def tell_whole(self, peer: Peer) -> None:
        """The peer's mirror is not what was told: everything, once."""
        desk = self._desk
        nodes = tuple(sorted(desk.around.nodes))
        desk.send(peer, Pulse(desk.now.wall_ms, dict(desk.journals.heads), (), self._own_digest(), nodes, whole=True))

    def _tell_others(self, but: Peer, pulse: Pulse) -> None:
        for peer in self._desk.around:
            if peer is not but:
                self._desk.send(peer, pulse)

    def _own_digest(self) -> bytes:
        version = self._desk.journals.version
        if self._digest is None or version != self._digest_version:
            self._digest = digest_of(self._desk.journals.heads, self._desk.around.nodes)
            self._digest_version = version
        return self._digest

    # --- hearing ---------------------------------------------------------------------------------------------------

    def heard(self, peer: Peer, pulse: Pulse) -> None:
        """Bring the mirror up to date and act on what is new."""
        desk = self._desk
        peer.heard_wall_ms = pulse.wall_ms
        desk.time.heard(desk.now, peer.link, pulse.wall_ms)
        if pulse.whole:
            self._replace(peer, pulse.heads, pulse.joined)
        elif pulse.heads or pulse.gone or pulse.joined or pulse.left:
            self._change(peer, pulse)
        if len(peer.told) > bounds.heads_max or len(peer.neighbours) > bounds.neighbours_max:
            desk.hang_up(peer, "too many heads", "too many heads")
            return
        self._hearsay.told(peer, pulse.heads)
        for journal in pulse.gone:
            self._hearsay.no_tip(peer, journal)
        self._hearsay.review(peer)
        if pulse.left:
            for journal in pulse.heads:
                if len(journal) == JOURNAL_BYTES:
                    self._giving.bridge(peer, journal)
        if pulse.digest is not None:
            if peer.digest is None:
                peer.digest = digest_of(peer.told, peer.neighbours)
            if peer.digest != pulse.digest and not pulse.whole:
                desk.send(peer, Want(None))

    def _change(self, peer: Peer, pulse: Pulse) -> None:
        peer.digest = None
        peer.told.update(pulse.heads)
        for journal in pulse.gone:
            peer.told.pop(journal, None)
        if pulse.joined or pulse.left:
            peer.neighbours.update(pulse.joined)
            peer.neighbours.difference_update(pulse.left)
            self._desk.around.version += 1

    def _replace(self, peer: Peer, heads: Mapping[JournalId, Head], joined: tuple[NodeId, ...]) -> None:
        peer.digest = None
        peer.told = dict(heads)
        peer.neighbours = set(joined)
        self._desk.around.version += 1
