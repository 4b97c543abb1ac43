"""After the heal every node says that it is complete: nothing that anyone told is missing, and every peer is in step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class CompletenessComplete(Oracle):
    """Asks each replica for its status, as people would."""

    name = "eventually_completeness_complete"

    def equal(self, history: History) -> None:
        for machine in history.machines:
            life = machine.life
            if life is None:
                continue
            status = life.replica.status(machine.now())
            for journal in status.journals:
                if journal.missing or journal.asked is not None:
                    text = f"{machine.name} misses {journal.missing} of {journal.journal.hex()[:8]} ({journal})"
                    self.fail(history, text)
            phases = {peer.node: peer.phase for peer in status.peers}
            others = {other.node for other in history.machines if other is not machine}
            if set(phases) != others or set(phases.values()) != {"in step"}:
                self.fail(history, f"{machine.name} has peers {sorted(phases.values())} of {len(others)}")
            for other in others:
                if status.copies.get(other, 0) < machine.disk.held(status.journal):
                    self.fail(history, f"{machine.name} does not know that its journal is held everywhere")
