"""The verify walk: every block of every journal read and judged, in steps short enough for sales to go on between them.

It lists damage and goes on behind it, so one walk tells the whole story. What only the entries themselves can tell (chain,
signatures) is asked of `check`, because the disk does not decode. It changes nothing.
"""

from __future__ import annotations

import apsw

from crdt_models.values.identity import JournalId
from node.disk import limits
from node.disk.errors import BlockDamaged
from node.disk.journal_file import JournalFile
from node.disk.store import CheckEntry, Fault, Verification


class VerifyWalk:
    """One walk over `file`, for one thread; numbers held when it began."""

    def __init__(self, file: JournalFile, check: CheckEntry | None, structure: bool) -> None:
        self._file = file
        self._check = check
        self._structure = structure
        self._ahead = list(file.tips.values())
        self._journals = len(self._ahead)
        self._next = 1
        self._check_this = check is not None
        self._bytes = 0
        self._faults: list[Fault] = list(file.found_at_opening)
        self.entries = 0

    def step(self) -> bool:
        """Walk about `chunk_bytes` further; False when all was seen."""
        budget = limits.chunk_bytes
        while self._ahead and budget > 0 and len(self._faults) < limits.faults_max:
            journal, last, _ = self._ahead[0]
            before = self._bytes
            try:
                self._walk(journal, last, budget)
            except BlockDamaged as damage:
                self._faults.append(Fault(journal, damage.first, damage.reason))
                self._next = self._behind(damage) or last + 1
            if self._next > last:
                self._ahead.pop(0)
                self._next, self._check_this = 1, self._check is not None
            budget -= self._bytes - before
        return bool(self._ahead) and len(self._faults) < limits.faults_max

    def _walk(self, journal: JournalId, last: int, budget: int) -> None:
        for block in self._file.blocks(journal, self._next, last):
            for index, raw in enumerate(block.raws):
                self.entries += 1
                self._bytes += len(raw)
                budget -= len(raw)
                if self._check and self._check_this and (reason := self._check(journal, block.first + index, raw)):
                    self._faults.append(Fault(journal, block.first + index, reason))
                    self._check_this = False
            self._next = block.last + 1
            if budget <= 0:
                return

    def _behind(self, damage: BlockDamaged) -> int:
        try:
            return self._file.next_block(damage.journal, damage.first)
        except apsw.Error:
            return 0

    def result(self) -> Verification:
        """What was found, once `step` said False."""
        structure = [Fault(None, 0, text) for text in self._file.structure_faults()] if self._structure else []
        return Verification(self._journals, self.entries, self._bytes, (*self._faults, *structure))
