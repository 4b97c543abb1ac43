"""The clients' own log of answers = every node's fold, to the cent and receipt by receipt: each sale exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class TotalsAgree(Oracle):
    """Compares what people were told with what every node says was sold. Sales of a node whose disk was put back to a backup are
    left out: what only that disk held is gone, and a client that had no answer may have asked again (RULES J7)."""

    name = "finally_totals_agree"

    def finally_(self, history: History) -> None:
        restored = {machine.name for machine in history.machines if machine.node in history.nemeses.restored}
        told = sorted(
            (answer.receipt, answer.total_minor)
            for answer in history.ledger.answers
            if answer.receipt is not None and history.machines[answer.machine].name not in restored
        )
        for machine in history.machines:
            if machine.life is None:
                continue
            sold = sorted(
                (str(fact.sale.receipt), fact.sale.total_minor)
                for fact in machine.life.shop.sales
                if fact.sale.receipt.terminal not in restored
            )
            if sold != told:
                ours, theirs = sum(minor for _, minor in told), sum(minor for _, minor in sold)
                text = f"people were told {len(told)} sales of {ours}, {machine.name} knows {len(sold)} of {theirs}"
                self.fail(history, text)
