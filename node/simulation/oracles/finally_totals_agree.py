"""The clients' own log of answers = every node's fold, to the cent and receipt by receipt: each sale exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class TotalsAgree(Oracle):
    """Compares what people were told with what every node says was sold."""

    name = "finally_totals_agree"

    def finally_(self, history: History) -> None:
        told = sorted(
            (answer.receipt, answer.total_minor) for answer in history.ledger.answers if answer.receipt is not None
        )
        for machine in history.machines:
            if machine.life is None:
                continue
            sold = sorted((str(fact.sale.receipt), fact.sale.total_minor) for fact in machine.life.shop.sales)
            if sold != told:
                ours, theirs = sum(minor for _, minor in told), sum(minor for _, minor in sold)
                text = f"people were told {len(told)} sales of {ours}, {machine.name} knows {len(sold)} of {theirs}"
                self.fail(history, text)
