"""What a node's fold counts as sold is what the entries that it holds say, to the cent: nothing twice, nothing missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class MoneyConserved(Oracle):
    """Compares each fold with the ledger. Own sales that are not durable yet are left out on both sides."""

    name = "anytime_money_conserved"

    def look(self, history: History) -> None:
        ledger = history.ledger
        for machine in history.machines:
            life = machine.life
            if life is None:
                continue
            folded = life.shop.folded
            counted = [fact.sale for fact in life.shop.sales if fact.place in ledger.hashes]
            held = [sold.sale for sold in ledger.sales if sold.place.seq <= folded.get(sold.place.journal, 0)]
            told, said = sum(sale.total_minor for sale in counted), sum(sale.total_minor for sale in held)
            tendered = sum(tender.amount_minor for sale in counted for tender in sale.tenders)
            if told != said or len(counted) != len(held) or tendered != told:
                text = f"{machine.name} counts {len(counted)} sales of {told}, its entries say {len(held)} of {said}"
                self.fail(history, text)
