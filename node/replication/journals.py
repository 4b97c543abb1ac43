"""Journals as this node holds them: durable, received, said to exist; and the heads that it tells (RULES J2).

Rules, cited by tests:
1. Heads tell durable entries only. A journal is left out exactly while it is held to the highest number that any durable
   `open` names it by as parent: the child's head says it.
2. A parent that is named and not held at all is told with number 0, so that nobody reads it as held.
3. The digest is over heads and neighbours as told; it is made again only after a change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from crdt_models.journal import canonical
from crdt_models.journal.entry import NO_HASH
from crdt_models.journal.heads import HEAD_HASH_BYTES, Head
from crdt_models.journal.roster import OpenedJournal
from crdt_models.values.identity import JournalId, NodeId, node_of
from crdt_models.values.stamp import Place
from node.replication.codec import heads_list
from node.replication.events import Link

NOT_HELD: Final = Head(0, bytes(HEAD_HASH_BYTES))


class HeldJournal(NamedTuple):
    """A journal on this disk at the start, held to seq with header hash `hash`; public_key and parent: from its `open`."""

    journal: JournalId
    seq: int
    hash: bytes
    public_key: bytes
    parent: Place | None


def held_journal(journal: JournalId, seq: int, tip_hash: bytes, opened: OpenedJournal) -> HeldJournal:
    """What the disk says of a journal, joined with what its `open` says."""
    return HeldJournal(journal, seq, tip_hash, opened.credential.journal_key, opened.parent)


class Journal:
    """One journal here. durable: highest number on this disk; received: highest let in and folded; said: that any peer told.

    public_key: of its writer, None until its `open` is let in. ack_to: links that gave entries which are not
    durable yet, with the last number that each gave.
    came_over: the node that gave the last entry; pull_told: whether the others were told of the last pull.
    """

    __slots__ = (
        "ack_to",
        "came_over",
        "durable",
        "durable_hash",
        "forked",
        "id",
        "node",
        "parent",
        "public_key",
        "pull_told",
        "received",
        "received_hash",
        "said",
    )

    def __init__(self, journal: JournalId) -> None:
        self.id = journal
        self.node = node_of(journal)
        self.public_key: bytes | None = None
        self.parent: Place | None = None
        self.durable = self.received = self.said = 0
        self.durable_hash = self.received_hash = NO_HASH
        self.forked = False
        self.ack_to: dict[Link, int] = {}
        self.came_over: NodeId | None = None
        self.pull_told = False

    @property
    def missing(self) -> int:
        """Entries that some peer said exist and that are not durable here."""
        return max(0, self.said - self.durable)


class Journals:
    """All journals, and the heads that follow."""

    def __init__(self, held: Iterable[HeldJournal]) -> None:
        self._all: dict[JournalId, Journal] = {}
        self._named: dict[JournalId, int] = {}
        self._heads: dict[JournalId, Head] = {}
        self._changed: dict[JournalId, None] = {}
        self._children: dict[JournalId, list[JournalId]] = {}
        self.version = 0
        for one in held:
            journal = self.get_or_add(one.journal)
            journal.public_key, journal.parent = one.public_key, one.parent
            journal.durable = journal.received = journal.said = one.seq
            journal.durable_hash = journal.received_hash = one.hash
            if one.parent is not None:
                self._name(one.parent)
                self._children.setdefault(one.parent.journal, []).append(one.journal)
        for journal_id in list(self._all):
            self._tell(journal_id)
        self._changed.clear()

    def __iter__(self) -> Iterator[Journal]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def get(self, journal: JournalId) -> Journal | None:
        """The journal if it was ever heard of."""
        return self._all.get(journal)

    def get_or_add(self, journal: JournalId) -> Journal:
        """The journal; one that is new here is held to 0."""
        found = self._all.get(journal)
        if found is None:
            found = self._all[journal] = Journal(journal)
        return found

    def forget(self, journal: Journal) -> None:
        """Strike a journal of which nothing is here and that nobody tells any more."""
        assert not journal.received and journal.id not in self._heads, "nothing of it is here"
        del self._all[journal.id]

    def opened(self, journal: Journal, public_key: bytes, parent: Place | None) -> None:
        """The `open` of a journal was let in."""
        journal.public_key, journal.parent = public_key, parent
        if parent is not None:
            self._children.setdefault(parent.journal, []).append(journal.id)

    def children(self, journal: JournalId) -> list[JournalId]:
        """The journals whose `open` was let in and names `journal` as parent."""
        return self._children.get(journal, [])

    def became_durable(self, journal: Journal, seq: int, tip_hash: bytes) -> None:
        """Entries up to seq are on this disk."""
        first = journal.durable == 0
        journal.durable, journal.durable_hash = seq, tip_hash
        self._tell(journal.id)
        if first and journal.parent is not None:
            self._name(journal.parent)
            self._tell(journal.parent.journal)

    # --- heads -----------------------------------------------------------------------------------------------------

    @property
    def heads(self) -> Mapping[JournalId, Head]:
        """The tips, as they are told."""
        return self._heads

    def take_changes(self) -> tuple[dict[JournalId, Head], tuple[JournalId, ...]]:
        """Heads that changed and journals that are no tips any more, since this was last called."""
        changed = self._changed
        if not changed:
            return {}, ()
        self._changed = {}
        heads = {journal: self._heads[journal] for journal in changed if journal in self._heads}
        return heads, tuple(sorted([journal for journal in changed if journal not in self._heads]))

    def _name(self, parent: Place) -> None:
        if self._named.get(parent.journal, 0) < parent.seq:
            self._named[parent.journal] = parent.seq
        self.get_or_add(parent.journal)

    def _tell(self, journal: JournalId) -> None:
        one = self._all[journal]
        named = self._named.get(journal)
        if named is not None and named == one.durable:
            if self._heads.pop(journal, None) is None:
                return
        elif one.durable:
            self._heads[journal] = Head(one.durable, one.durable_hash[:HEAD_HASH_BYTES])
        elif named is not None:
            self._heads[journal] = NOT_HELD
        else:
            return
        self._changed[journal] = None
        self.version += 1


def digest_of(heads: Mapping[JournalId, Head], neighbours: Iterable[NodeId]) -> bytes:
    """8 bytes over heads and neighbours: both sides of a link make them from what was told (RULES S4)."""
    return hashlib.sha256(canonical.encode([heads_list(heads), sorted(neighbours)])).digest()[:8]
