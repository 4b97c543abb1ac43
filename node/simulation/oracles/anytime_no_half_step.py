"""A sale is never seen without its tenders, the end of its claim and the end of its document (till rule 3), by anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt_models.shop import sale_resource
from crdt_models.values.identity import ClaimId
from node.simulation.machine import Machine
from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class NoHalfStep(Oracle):
    """Reads each sale in the moment in which a node first shows it."""

    name = "anytime_no_half_step"

    def folded(self, history: History, machine: Machine) -> None:
        life = machine.life
        if life is None:
            return
        shop = life.shop
        for fact in shop.sales.facts[life.sales_seen :]:
            sale = fact.sale
            if sum(tender.amount_minor for tender in sale.tenders) != sale.total_minor:
                self.fail(history, f"{machine.name} shows {sale.receipt.text} without its tenders")
            if sale.document is None or sale.claim is None:
                continue
            if sale.claim[: len(fact.node)] != fact.node:
                self.fail(history, f"{machine.name} shows {sale.receipt.text}, paid where another node held the sale")
            outcome = shop.claims.outcome(sale_resource(sale.document), ClaimId(sale.claim))
            shelved = shop.documents.get(sale.document)
            if outcome != "completed":
                self.fail(history, f"{machine.name} shows {sale.receipt.text} while its claim is {outcome}")
            if shelved is None or fact.place not in shelved.retirements:
                self.fail(history, f"{machine.name} shows {sale.receipt.text} before the end of its document")
