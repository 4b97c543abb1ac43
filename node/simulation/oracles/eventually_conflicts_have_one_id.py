"""Two sales of one open sale are a conflict with one id everywhere, and there is no conflict without them (RULES C5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt_models.shop import sale_resource
from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class ConflictsHaveOneId(Oracle):
    """Counts sales by document in the ledger, and asks every node what conflicts it shows."""

    name = "eventually_conflicts_have_one_id"

    def equal(self, history: History) -> None:
        paid: dict[bytes, set[bytes]] = {}
        for sold in history.ledger.sales:
            if sold.sale.document is not None and sold.sale.claim is not None and not history.lost(sold.place):
                paid.setdefault(sold.sale.document, set()).add(sold.sale.claim)
        expected = {sale_resource(document): claims for document, claims in paid.items() if len(claims) > 1}
        shown: list[bytes] | None = None
        for machine in history.machines:
            if machine.life is None:
                continue
            conflicts = machine.life.shop.claims.conflicts()
            members: dict[str, set[bytes]] = {}
            for conflict in conflicts:
                members.setdefault(conflict.resource, set()).update(claim.id for claim in conflict.members)
            for resource, claims in expected.items():
                if not claims <= members.get(resource, set()):
                    self.fail(
                        history, f"{machine.name} does not show that {resource[:13]} was paid {len(claims)} times"
                    )
            ids = [conflict.id for conflict in conflicts]
            if shown is not None and ids != shown:
                self.fail(history, f"{machine.name} shows {len(ids)} conflicts under other ids than {len(shown)}")
            shown = ids
