"""What anybody was answered is durable: at once on the disk of the node that answered, and ever after in the union of disks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt_models.values.identity import node_of
from node.simulation.ledger import Answer
from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class AckedIsOnSomeDisk(Oracle):
    """Looks at each answer as it is given, and at all of them at the end."""

    name = "anytime_acked_is_on_some_disk"

    def answered(self, history: History, answer: Answer) -> None:
        disk = history.machines[answer.machine].disk
        if disk.held(answer.place.journal) < answer.place.seq:
            text = f"{answer.key} was answered with number {answer.place.seq}, which its disk does not hold"
            self.fail(history, text)

    def finally_(self, history: History) -> None:
        for answer in history.ledger.answers:
            if node_of(answer.place.journal) in history.nemeses.restored:
                continue
            if all(machine.disk.held(answer.place.journal) < answer.place.seq for machine in history.machines):
                self.fail(history, f"{answer.key} was answered and is on no disk")
