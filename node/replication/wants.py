"""Wants: which journals lack something here, whom to ask for it and when (RULES S3).

Rules, cited by tests:
1. One open want per journal, to one peer that holds more. The writer first, then whoever is asked for least.
2. At once if the journal's writer is no live neighbour, or if its own hello told the gap; else after 500 ms, or twice the
   writer's measured round trip, in which nothing came, since its push is probably on the way.
3. 1.5 s without progress, or the giver has no more: another is asked. A lost link: another at once.
4. An order ends when the giver says so, not when all that anyone told has come: a giver that pulls itself serves on, and
   whoever ordered here is served on meanwhile. Without an order, all that anyone told having come is the end.
5. A node whose entries of a journal were refused is not asked for it again for a minute; one that holds another branch, never.

Refused: asking everyone (an offline day would cost the bytes as many times as there are peers).
"""

from __future__ import annotations

from crdt_models.journal.heads import HEAD_HASH_BYTES
from crdt_models.values.identity import JOURNAL_BYTES, JournalId, NodeId
from node.replication import limits as bounds
from node.replication.desk import NEVER, Desk
from node.replication.frames import Want
from node.replication.journals import Journal
from node.replication.peering import Peer


class _Pull:
    """What a journal lacks. target: highest number told; due_s: when to act next; progress_s: when anything last came.

    waits_its_turn: too much is asked of those who hold it already. giver: who was asked; tried: who was asked before
    without a result, since something last came.
    """

    __slots__ = ("due_s", "giver", "journal", "progress_s", "target", "tried", "waits_its_turn")

    def __init__(self, journal: Journal, target: int, due_s: float) -> None:
        self.journal, self.target, self.due_s = journal, target, due_s
        self.giver: Peer | None = None
        self.progress_s = float("-inf")
        self.tried: set[Peer] = set()
        self.waits_its_turn = False


class Wants:
    """All pulls of this node."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pulls: dict[JournalId, _Pull] = {}
        self._distrusted: dict[tuple[NodeId, JournalId], float] = {}

    def is_pulling(self, journal: JournalId) -> bool:
        """Whether someone was asked for the journal and has not finished."""
        pull = self._pulls.get(journal)
        return pull is not None and pull.giver is not None

    def giver_of(self, journal: JournalId) -> Peer | None:
        """Who was asked for the journal."""
        pull = self._pulls.get(journal)
        return None if pull is None else pull.giver

    def gap(self, journal: Journal, seq: int, at_once: bool) -> None:
        """A peer holds `journal` up to seq, which is more than was let in here. at_once: its writer's own hello says so."""
        if len(journal.id) != JOURNAL_BYTES or journal is self._desk.own_journal:
            return
        desk = self._desk
        writer = desk.around.writer_of(journal.id)
        pull = self._pulls.get(journal.id)
        if pull is None:
            journal.pull_told = False
            delay = 0.0 if at_once or writer is None else self._delay(writer)
            pull = self._pulls[journal.id] = _Pull(journal, seq, desk.now.mono_s + delay)
            if delay:
                desk.wake_by(pull.due_s)
                return
        else:
            pull.target = max(pull.target, seq)
            if pull.giver is not None or not (at_once or writer is None):
                return
        self._ask(pull)

    def progressed(self, journal: Journal) -> None:
        """Entries of the journal were let in, from whomever."""
        pull = self._pulls.get(journal.id)
        if pull is None:
            return
        if journal.received >= pull.target and pull.giver is None:
            del self._pulls[journal.id]
            return
        pull.progress_s = self._desk.now.mono_s
        pull.tried.clear()

    def no_more(self, journal: Journal, peer: Peer) -> None:
        """The giver has given all that it has."""
        pull = self._pulls.get(journal.id)
        if pull is None or pull.giver is not peer:
            return
        if journal.received >= pull.target:
            self._end(pull)
        else:
            pull.tried.add(peer)
            self._ask(pull, again=False)

    def refused(self, journal: JournalId, peer: Peer) -> None:
        """Entries of the journal that the peer sent were refused."""
        while len(self._distrusted) >= bounds.distrusted_max:
            del self._distrusted[next(iter(self._distrusted))]
        self._distrusted[peer.node, journal] = self._desk.now.mono_s + bounds.distrust_s

    def forked(self, journal: Journal, peer: Peer) -> None:
        """The peer holds another branch of the journal: it has nothing for us (until RULES J3 are built)."""
        peer.forked.add(journal.id)
        self.no_more(journal, peer)

    def lost(self, peer: Peer) -> None:
        """The link is gone: what was asked of it is asked of another at once."""
        for pull in [pull for pull in self._pulls.values() if pull.giver is peer or peer in pull.tried]:
            pull.tried.discard(peer)
            if pull.giver is peer:
                if pull.journal.received >= pull.target:
                    self._end(pull)
                else:
                    self._ask(pull)

    def forget(self, journal: JournalId) -> None:
        """The journal is not known any more."""
        pull = self._pulls.pop(journal, None)
        if pull is not None:
            self._release(pull)

    def tick(self) -> None:
        """Act on what is due."""
        now_s = self._desk.now.mono_s
        for pull in [pull for pull in self._pulls.values() if pull.due_s <= now_s]:
            if pull.giver is None:
                self._due(pull)
                continue
            patience_s = pull.progress_s + self._desk.limits.want_patience_s
            if patience_s > now_s:
                pull.due_s = patience_s
            elif pull.journal.received >= pull.target:
                self._end(pull)
            else:
                pull.tried.add(pull.giver)
                self._ask(pull)

    @property
    def due_s(self) -> float:
        """When the next pull is due."""
        return min([pull.due_s for pull in self._pulls.values()], default=NEVER)

    # --- one pull --------------------------------------------------------------------------------------------------

    def _delay(self, writer: Peer) -> float:
        return max(self._desk.limits.want_delay_s, 2 * (writer.flow.round_trip_s or 0.0))

    def _due(self, pull: _Pull) -> None:
        """A gap that waited for a push: ask, unless pushes keep coming."""
        writer = self._desk.around.writer_of(pull.journal.id)
        pushed_s = pull.progress_s + (0.0 if writer is None else self._delay(writer))
        if pushed_s > self._desk.now.mono_s:
            pull.due_s = pushed_s
        else:
            self._ask(pull)

    def _ask(self, pull: _Pull, again: bool = True) -> None:
        """Ask the best peer; without any, wait. again: whether peers that had no result may be asked once more."""
        journal, desk = pull.journal, self._desk
        before = pull.giver
        self._release(pull)
        peer = self._choose(pull, again)
        if peer is None:
            self._wait(pull)
            if before is not None:
                desk.settled.append(journal)
            return
        if before is not None and before is not peer and before.link in desk.around.linked:
            desk.send(before, Want(journal.id))
        pull.giver, pull.waits_its_turn = peer, False
        peer.pulls += 1
        pull.progress_s = desk.now.mono_s
        pull.due_s = desk.now.mono_s + desk.limits.want_patience_s
        desk.wake_by(pull.due_s)
        tip = ((journal.received, journal.received_hash[:HEAD_HASH_BYTES]),) if journal.received else ()
        desk.send(peer, Want(journal.id, journal.received + 1, tip))

    def _choose(self, pull: _Pull, again: bool) -> Peer | None:
        journal = pull.journal
        able = [
            peer
            for peer in self._desk.around
            if peer.held.get(journal.id, 0) > journal.received
            and journal.id not in peer.forked
            and peer.pulls < bounds.wants_open_max
            and not self._is_distrusted(peer, journal.id)
        ]
        fresh = [peer for peer in able if peer not in pull.tried]
        if not fresh and again:
            pull.tried.clear()
            fresh = able
        return min(
            fresh,
            default=None,
            key=lambda peer: (
                not peer.writes(journal.id),
                peer.node != journal.node,
                peer.held[journal.id] < pull.target,
                peer.pulls,
            ),
        )

    def _wait(self, pull: _Pull) -> None:
        """Nobody can be asked now: later if someone who could is busy or distrusted, never if nobody holds more."""
        journal = pull.journal
        holders = [
            peer
            for peer in self._desk.around
            if peer.held.get(journal.id, 0) > journal.received and journal.id not in peer.forked
        ]
        if not holders:
            del self._pulls[journal.id]
            return
        pull.waits_its_turn = any(peer.pulls >= bounds.wants_open_max for peer in holders)
        pull.due_s = self._desk.now.mono_s + self._desk.limits.want_patience_s
        self._desk.wake_by(pull.due_s)

    def _is_distrusted(self, peer: Peer, journal: JournalId) -> bool:
        until_s = self._distrusted.get((peer.node, journal))
        return until_s is not None and until_s > self._desk.now.mono_s

    def _release(self, pull: _Pull) -> None:
        giver = pull.giver
        if giver is None:
            return
        pull.giver = None
        giver.pulls -= 1
        if giver.pulls == bounds.wants_open_max - 1:
            for other in self._pulls.values():
                if other.waits_its_turn:
                    other.due_s = self._desk.now.mono_s
                    self._desk.wake_by(other.due_s)

    def _end(self, pull: _Pull) -> None:
        self._release(pull)
        del self._pulls[pull.journal.id]
        self._desk.settled.append(pull.journal)
