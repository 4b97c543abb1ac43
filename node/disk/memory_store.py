"""The store in memory: same promises, no disk. For simulation and for tests that are not about the disk.

A `MemoryDisk` outlives the stores opened on it, as a disk outlives a process; copying one is cloning or restoring a disk. An
append is durable at once, so a power cut takes nothing; crashes in mid-write are tried on the real store, where they can happen.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import JournalId
from node.disk import limits
from node.disk.block import RangeCut, check_append, check_memory
from node.disk.errors import DirectoryInUse, NotHeld, StoreClosed
from node.disk.store import (
    CheckEntry,
    Fault,
    HeldJournal,
    LastStart,
    NewEntry,
    OnProgress,
    Run,
    StartMark,
    Verification,
)
from node.errors import DiskFailed


@dataclass(slots=True)
class MemoryDisk:
    """What survives. fail_with: set by a test, the next write fails with it and the store takes no more (promise 6)."""

    journals: dict[JournalId, list[NewEntry]] = field(default_factory=dict)
    opened_here: list[JournalId] = field(default_factory=list)
    last_start: LastStart | None = None
    own_set_aside: int = 0
    memory: dict[str, bytes] = field(default_factory=dict)
    in_use: bool = False
    fail_with: DiskFailed | None = None

    def clone(self) -> MemoryDisk:
        """A copy as of now, not in use."""
        other = copy.deepcopy(self)
        other.in_use = False
        return other


class MemoryStore:
    """Keeps the promises of `node.disk.store.Store` on a `MemoryDisk`. Made by `open`; `async with` closes it."""

    def __init__(self, disk: MemoryDisk) -> None:
        if disk.in_use:
            raise DirectoryInUse("memory", 0)
        disk.in_use = True
        self._disk = disk
        self._failed: DiskFailed | None = None
        self._closed = False

    @classmethod
    async def open(cls, disk: MemoryDisk) -> Self:
        """Open the disk. Raises DirectoryInUse while another store has it."""
        return cls(disk)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def last_written(self) -> HeldJournal | None:
        """See `Store.last_written`."""
        held = (self._tip(journal) for journal in reversed(self._disk.opened_here) if self._disk.journals[journal])
        return next(held, None)

    @property
    def last_start(self) -> LastStart | None:
        """See `Store.last_start`."""
        return self._disk.last_start

    @property
    def own_set_aside(self) -> int:
        """See `Store.own_set_aside`."""
        return self._disk.own_set_aside

    def _tip(self, journal: JournalId) -> HeldJournal:
        end = self._disk.journals[journal][-1]
        return HeldJournal(journal, end.seq, end.hash)

    def journals(self) -> list[HeldJournal]:
        """See `Store.journals`."""
        return [self._tip(journal) for journal, entries in self._disk.journals.items() if entries]

    async def append(self, entries: Sequence[NewEntry], start: StartMark | None = None) -> None:
        """See `Store.append`."""
        self._check_writable()
        touched = {entry.journal for entry in entries} & self._disk.journals.keys()
        check_append(
            {journal: self._tip(journal) for journal in touched if self._disk.journals[journal]}, entries, start
        )
        self._write()
        for entry in entries:
            self._disk.journals.setdefault(entry.journal, []).append(entry)
        if start:
            self._disk.opened_here.append(start.journal)
            self._disk.last_start = LastStart(start, self._disk.own_set_aside)

    async def read_range(self, journal: JournalId, first: int, last: int, bytes_max: int) -> tuple[list[bytes], int]:
        """See `Store.read_range`."""
        self._check_open()
        if first < 1:
            return [], first - 1
        cut = RangeCut(bytes_max)
        for entry in self._disk.journals.get(journal, [])[first - 1 : max(0, last)]:
            if not cut.feed(entry.raw, entry.signed):
                break
        raws = cut.cut()
        return raws, first + len(raws) - 1

    async def read_one(self, journal: JournalId, seq: int) -> bytes:
        """See `Store.read_one`."""
        self._check_open()
        entries = self._disk.journals.get(journal, [])
        if not 1 <= seq <= len(entries):
            raise NotHeld(journal, seq)
        return entries[seq - 1].raw

    async def runs(self, after: Mapping[JournalId, int] | None = None) -> AsyncIterator[Run]:
        """See `Store.runs`."""
        self._check_open()
        for journal, entries in list(self._disk.journals.items()):
            folded = (after or {}).get(journal, 0)
            if raws := [entry.raw for entry in entries[folded:]]:
                yield Run(journal, folded + 1, raws)

    async def set_aside(self, journal: JournalId, first: int) -> int:
        """See `Store.set_aside`. Each entry is a block of its own here."""
        self._check_writable()
        entries = self._disk.journals.get(journal, [])
        if not 1 <= first <= len(entries):
            raise NotHeld(journal, first)
        self._write()
        taken = len(entries) - first + 1
        del entries[first - 1 :]
        self._disk.own_set_aside += taken if journal in self._disk.opened_here else 0
        return taken

    async def verify(
        self, check: CheckEntry | None = None, on_progress: OnProgress | None = None, structure: bool = True
    ) -> Verification:
        """See `Store.verify`."""
        self._check_open()
        count = size = 0
        faults: list[Fault] = []
        for journal, entries in list(self._disk.journals.items()):
            sound = check is not None
            for entry in entries:
                count += 1
                size += len(entry.raw)
                if check and sound and (reason := check(journal, entry.seq, entry.raw)):
                    faults.append(Fault(journal, entry.seq, reason))
                    sound = False
            if on_progress:
                on_progress(count)
        return Verification(len(self.journals()), count, size, tuple(faults))

    async def remember(self, key: str, value: bytes) -> None:
        """See `Store.remember`."""
        self._check_writable()
        check_memory(key, value)
        if key not in self._disk.memory and len(self._disk.memory) >= limits.memory_keys_max:
            raise InvalidValue("key", f"at most {limits.memory_keys_max} keys are remembered")
        self._write()
        self._disk.memory[key] = value

    async def recall(self, key: str) -> bytes | None:
        """See `Store.recall`."""
        self._check_open()
        return self._disk.memory.get(key)

    async def recall_all(self, prefix: str = "") -> dict[str, bytes]:
        """See `Store.recall_all`."""
        self._check_open()
        return {key: self._disk.memory[key] for key in sorted(self._disk.memory) if key.startswith(prefix)}

    async def forget(self, key: str) -> None:
        """See `Store.forget`."""
        self._check_writable()
        self._write()
        self._disk.memory.pop(key, None)

    async def close(self) -> None:
        """See `Store.close`."""
        if not self._closed:
            self._closed = True
            self._disk.in_use = False

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed

    def _check_writable(self) -> None:
        self._check_open()
        if self._failed:
            raise self._failed

    def _write(self) -> None:
        if self._disk.fail_with:
            self._failed, self._disk.fail_with = self._disk.fail_with, None
            raise self._failed
