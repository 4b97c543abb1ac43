"""FIELD story 13, the number clash: three tills number receipts while none hears another, and are restarted in between."""

from __future__ import annotations

from node.simulation.history import History
from node.simulation.schedule import Act, Fault, Schedule

SALES_EACH = 12


def schedule() -> Schedule:
    """Every till is alone from 6 s on; each is killed twice."""
    acts = tuple(
        Act(8.0 + 5.0 * number + 0.1 * till, till, "basket", 10 * number + till)
        for number in range(SALES_EACH)
        for till in (1, 2, 3)
    )
    apart = tuple(Fault(6.0, 80.0, "partition", (till,), 0) for till in (1, 2, 3))
    killed = tuple(
        Fault(20.0 + 25.0 * n + till, 21.0 + 25.0 * n + till, "crash", (till,), 0) for n in (0, 1) for till in (1, 2, 3)
    )
    return Schedule(13, 4, acts, (*apart, *killed), (0,) * 4, (0,) * 4, 1)


def check(history: History) -> None:
    """Each till counted to twelve in one series of its own."""
    numbers: dict[tuple[str, str], list[int]] = {}
    for sold in history.ledger.sales:
        receipt = sold.sale.receipt
        numbers.setdefault((receipt.terminal, receipt.series), []).append(receipt.number)
    if len(numbers) != 3 or any(sorted(given) != list(range(1, SALES_EACH + 1)) for given in numbers.values()):
        history.fail("story", f"numbers given: {numbers}")
