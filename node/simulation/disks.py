"""Virtual disks: a durable write takes time, and a crash loses what was not synced, or keeps it without a word.

A batch is on the disk whole or not at all, as the real store promises (STORAGE.md); a crash in its middle decides which by
chance, because "durable but never said" is the case that idempotency keys are for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from crdt_models.journal.entry import Entry
from crdt_models.values.identity import JournalId
from crdt_models.values.stamp import Place
from node.simulation import limits
from node.simulation.world import World

Copy = tuple[dict[JournalId, list[Entry]], Place | None]
"""A backup: all entries, and what was written last."""


class Disk:
    """The disk of one machine; it outlives processes. entries: durable ones, per journal by number."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world, self._chance = world, chance
        self.entries: dict[JournalId, list[Entry]] = {}
        self.last_written: Place | None = None
        self.slow_s = 0.0
        self.fails = False
        self._writing: tuple[Entry, ...] = ()
        self._own: JournalId | None = None
        self._session = 0

    def begin(self, own: JournalId) -> None:
        """A process opened the disk and writes this journal."""
        self._own = own
        self._session += 1

    def held(self, journal: JournalId) -> int:
        """The highest number that is durable here."""
        return len(self.entries.get(journal, ()))

    def persist(self, entries: tuple[Entry, ...], done: Callable[[str | None], None]) -> None:
        """Write a batch; `done(None)` once it is durable, `done(reason)` if the device refused."""
        self._writing = entries
        took_s = self._chance.uniform(*limits.persist_s) + self.slow_s
        self._world.after(took_s, self._written, self._session, entries, done)

    def read(self, journal: JournalId, first: int, last: int, bytes_max: int) -> list[bytes]:
        """Entries first.. up to last, cut at the last signed one within bytes_max; at least one run, whatever its size."""
        raws: list[bytes] = []
        signed = size = 0
        for entry in self.entries.get(journal, [])[first - 1 : last]:
            if size + len(entry.raw) > bytes_max and signed:
                break
            raws.append(entry.raw)
            size += len(entry.raw)
            if entry.signature is not None:
                signed = len(raws)
        return raws[:signed]

    def copied(self) -> Copy:
        """A backup of the disk as it is now."""
        return {journal: list(entries) for journal, entries in self.entries.items()}, self.last_written

    def restore(self, copy: Copy) -> None:
        """The backup is put back: what was written since is gone from this disk."""
        entries, self.last_written = copy
        self.entries = {journal: list(held) for journal, held in entries.items()}

    def crash(self) -> None:
        """The process is gone; what was being written is on the disk whole or not at all."""
        if self._writing and not self.fails and self._chance.random() < 0.5:
            self._commit(self._writing)
        self._writing = ()
        self._session += 1
        self.fails = False

    def _written(self, session: int, entries: tuple[Entry, ...], done: Callable[[str | None], None]) -> None:
        if session != self._session:
            return
        self._writing = ()
        if self.fails:
            done("input/output error")
            return
        self._commit(entries)
        done(None)

    def _commit(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            held = self.entries.setdefault(entry.journal, [])
            held.append(entry)
            if entry.journal == self._own:
                self.last_written = Place(entry.journal, entry.seq)
        self.synced(entries)

    def synced(self, entries: Sequence[Entry]) -> None:
        """For whoever watches what is durable; set by the history."""
