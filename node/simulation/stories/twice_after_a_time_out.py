"""FIELD story 5, twice after a time-out: the node had written the sale and died before it could say so. The client asks again
under the same key and gets the first receipt, not a second one."""

from __future__ import annotations

from node.simulation.history import History
from node.simulation.schedule import Act, Fault, Schedule

SALES = 24
TILLS = (1, 2, 3)


def schedule() -> Schedule:
    """Every sale is asked for, and its till is killed some milliseconds later: before, while, or after its disk wrote."""
    acts, faults = [], []
    for number in range(SALES):
        at_s, till = 6.0 + 3.0 * number, TILLS[number % len(TILLS)]
        acts.append(Act(at_s, till, "basket", 8 * number + 1))
        faults.append(Fault(at_s + 0.0006 * (1 + number // 2 % 12), at_s + 1.0, "crash", (till,), 0))
    return Schedule(5, 4, tuple(acts), tuple(faults), (0,) * 4, (0,) * 4, 1)


def check(history: History) -> None:
    """Each sale once; and some of them were answered from an entry that a former process had written."""
    if len(history.ledger.sales) != SALES or len(history.ledger.answers) != SALES:
        text = (
            f"{SALES} sales were asked for, {len(history.ledger.answers)} answered, {len(history.ledger.sales)} written"
        )
        history.fail("story", text)
    tries = {request.key: request.tries for request in history.people.requests}
    again = [answer for answer in history.ledger.answers if tries[answer.key] > 1]
    if not again:
        history.fail("story", "no client had to ask twice")
