"""What was asked for once is done once, however often its client repeated it: one durable entry per idempotency key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt_models.values.identity import node_of
from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class DoneOnce(Oracle):
    """Reads the steps in the ledger (FIELD story 5)."""

    name = "anytime_done_once"

    def look(self, history: History) -> None:
        for key, first, second in history.ledger.done_twice:
            if node_of(first.journal) not in history.nemeses.restored:
                self.fail(history, f"{key} was done as number {first.seq} and again as number {second.seq}")
