"""What an oracle is: it is shown the shop at certain moments and fails the history when something does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.replication.frames import Frame
from node.simulation.ledger import Answer
from node.simulation.machine import Machine

if TYPE_CHECKING:
    from node.simulation.history import History


class Oracle:
    """Looks on. An oracle overrides the moments that it cares about."""

    name = ""

    def sent(self, history: History, machine: Machine, frame: Frame) -> None:
        """A frame leaves a machine."""

    def folded(self, history: History, machine: Machine) -> None:
        """A machine's shop knows of more sales than before."""

    def answered(self, history: History, answer: Answer) -> None:
        """A client was told that its step is done."""

    def look(self, history: History) -> None:
        """Some seconds passed."""

    def equal(self, history: History) -> None:
        """Long enough after the heal for all to be equal."""

    def at_rest(self, history: History) -> None:
        """Long enough after the heal for all to be silent."""

    def finally_(self, history: History) -> None:
        """The end."""

    def fail(self, history: History, text: str) -> None:
        """It does not hold."""
        history.fail(self.name, text)
