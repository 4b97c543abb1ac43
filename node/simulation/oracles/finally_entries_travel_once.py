"""Entries travel about once to every node, whatever happened in between: no storm of passed-on copies (RULES S2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from node.replication.frames import Entries, Frame
from node.simulation.machine import Machine
from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History

COPIES_MAX: Final = 1.6
"""Copies sent per copy needed: 1 in a quiet shop; cut links and crashes cost some again, everyone relaying costs three."""


class EntriesTravelOnce(Oracle):
    """Counts all entries in all frames."""

    name = "finally_entries_travel_once"

    def __init__(self) -> None:
        self.sent_entries = 0

    def sent(self, history: History, machine: Machine, frame: Frame) -> None:
        if isinstance(frame, Entries):
            self.sent_entries += len(frame.entries)

    def finally_(self, history: History) -> None:
        needed = history.ledger.entries * (len(history.machines) - 1)
        if self.sent_entries > COPIES_MAX * needed:
            self.fail(history, f"{self.sent_entries} copies of entries were sent where {needed} were needed")
