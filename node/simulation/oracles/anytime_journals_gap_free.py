"""Every journal on every disk is 1, 2, 3, ... without a gap, each entry naming the one before, and no number is ever used
for two entries (RULES J1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt_models.journal.entry import NO_HASH
from crdt_models.values.identity import JournalId
from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class JournalsGapFree(Oracle):
    """Walks what is new on each disk since it last looked."""

    name = "anytime_journals_gap_free"

    def __init__(self) -> None:
        self._walked: dict[tuple[int, JournalId], int] = {}

    def look(self, history: History) -> None:
        for place in history.ledger.twice:
            self.fail(history, f"number {place.seq} of journal {place.journal.hex()[:8]} stands for two entries")
        for machine in history.machines:
            for journal, entries in machine.disk.entries.items():
                begin = self._walked.get((machine.index, journal), 0)
                if begin > len(entries):
                    begin = 0
                previous = entries[begin - 1].hash if begin else NO_HASH
                for number, entry in enumerate(entries[begin:], begin + 1):
                    if entry.seq != number or entry.previous != previous or entry.journal != journal:
                        self.fail(history, f"{machine.name}: number {number} of {journal.hex()[:8]} breaks the chain")
                    previous = entry.hash
                self._walked[machine.index, journal] = len(entries)
