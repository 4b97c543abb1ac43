"""Whoever a node shows as holder is the first of the rivals that it holds, by (stamp, node), and a completed claim stays
completed whatever is said later (RULES C1, claim rules 2 and 3). Judged from the claims themselves, not from the walk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt_models.rights.claim import ROOT
from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class OneFirstClaim(Oracle):
    """Looks at every right of every node."""

    name = "anytime_one_first_claim"

    def look(self, history: History) -> None:
        for machine in history.machines:
            life = machine.life
            if life is None:
                continue
            claims = life.shop.claims
            for resource in claims.resources():
                standing = claims.standing(resource)
                parent: object = ROOT
                for claim in standing.chain:
                    if claim.parent != parent:
                        self.fail(
                            history, f"{machine.name}: a holder of {resource[:13]} has another parent than its chain"
                        )
                    rivals = claims.rivals(resource, claim)
                    if rivals and rivals[0] < claim:
                        self.fail(history, f"{machine.name}: a later claim holds {resource[:13]}")
                    if (
                        claims.outcome(resource, claim.id) in ("completed", "voided")
                        and claim is not standing.chain[-1]
                    ):
                        self.fail(history, f"{machine.name}: {resource[:13]} goes on after its end")
                    parent = claim.id

    def equal(self, history: History) -> None:
        for sold in history.ledger.sales:
            sale = sold.sale
            if sale.document is None or sale.claim is None or history.lost(sold.place):
                continue
            for machine in history.machines:
                life = machine.life
                if life is None:
                    continue
                resource = f"sale/{sale.document.hex()}"
                standing = life.shop.claims.standing(resource)
                on_chain = any(claim.id == sale.claim for claim in standing.chain)
                if on_chain and (standing.state != "completed" or standing.chain[-1].id != sale.claim):
                    text = f"{machine.name}: {sale.receipt.text} is paid, its sale stands as {standing.state}"
                    self.fail(history, text)
