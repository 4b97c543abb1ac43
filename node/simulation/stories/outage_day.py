"""FIELD story 12, rescan the goods: a sale suspended at one till is retrieved and paid at another, with no server at all."""

from __future__ import annotations

from node.simulation.history import History
from node.simulation.schedule import Act, Fault, Schedule


def schedule() -> Schedule:
    """The back office has no power all day; till 3 is cut off and finds nothing."""
    acts = (
        Act(10.0, 1, "open", 0),
        Act(11.0, 1, "line", 3),
        Act(12.0, 1, "line", 5),
        Act(13.0, 1, "suspend", 0),
        Act(14.0, 2, "retrieve", 0),
        Act(14.0, 3, "retrieve", 1),
        Act(15.0, 2, "line", 7),
        Act(16.0, 2, "complete", 0),
    )
    faults = (Fault(5.0, 80.0, "power", (0,), 0), Fault(9.0, 80.0, "partition", (3,), 0))
    return Schedule(12, 4, acts, faults, (0,) * 4, (0,) * 4, 1)


def check(history: History) -> None:
    """Till 2 sold all three lines while the back office was dark."""
    receipts = {answer.machine: answer for answer in history.ledger.answers if answer.receipt is not None}
    paid = receipts.get(2)
    if paid is None or paid.at_s > 20 or paid.total_minor != (20 + 3) + (20 + 5) + (20 + 7):
        history.fail("story", f"till-2 was told {paid}")
    for machine in history.machines:
        assert machine.life is not None
        if machine.life.shop.claims.conflicts():
            history.fail("story", f"{machine.name} shows a conflict where there is none")
