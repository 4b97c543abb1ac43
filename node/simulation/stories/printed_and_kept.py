"""FIELD story 4, printed but nowhere: the receipt was printed, then the power failed. Afterwards every node can say where the
sale is, because nothing is printed before it is durable."""

from __future__ import annotations

from node.simulation.history import History
from node.simulation.schedule import Act, Fault, Schedule

TILL = 3


def schedule() -> Schedule:
    """Till 3 is cut off, sells once, and loses its power while the slip is still warm."""
    acts = (Act(20.0, TILL, "basket", 11),)
    faults = (Fault(10.0, 80.0, "partition", (TILL,), 0), Fault(20.05, 70.0, "power", (TILL,), 0))
    return Schedule(4, 4, acts, faults, (0,) * 4, (0,) * 4, 1)


def check(history: History) -> None:
    """The printed receipt is found at every node."""
    (answer,) = history.ledger.answers
    if answer.receipt is None or not 20.0 < answer.at_s < 20.05:
        history.fail("story", f"the receipt was printed at {answer.at_s:.3f} s")
    for machine in history.machines:
        assert machine.life is not None
        if not machine.life.shop.sales.by_receipt(answer.receipt or ""):
            history.fail("story", f"{machine.name} does not know {answer.receipt}")
