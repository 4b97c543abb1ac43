"""Of several writings of one record that a node holds, it shows the one with the highest version, whatever the clocks said
(RULES T1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt_models.values.identity import node_of
from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class NewestRecordStays(Oracle):
    """Compares what a node shows with all writings by those who may that its entries hold; a till may not."""

    name = "anytime_newest_record_stays"

    def look(self, history: History) -> None:
        offices = {machine.node for machine in history.machines if machine.role == "back_office"}
        for machine in history.machines:
            life = machine.life
            if life is None:
                continue
            for written in history.ledger.records:
                if node_of(written.place.journal) not in offices:
                    continue
                if written.place.seq > life.shop.folded.get(written.place.journal, 0):
                    continue
                shown = life.shop.records.get(written.table, written.key)
                if shown is None or shown.version < written.version:
                    text = (
                        f"{machine.name} shows {written.key} in another version than {written.version}, which it holds"
                    )
                    self.fail(history, text)
