"""FIELD story 16, four days without a line: ours is seven, 10,000 sales, a restart every morning. Then the line is mended."""

from __future__ import annotations

from typing import Final

from node.replication.limits import Limits
from node.simulation.history import History
from node.simulation.schedule import Act, Fault, Pace, Schedule

DAY_S: Final = 86_400.0
DAYS: Final = 7
SALES: Final = 10_000
TILLS: Final = (1, 2)
APART: Final = 2
"""The till that has no line for a week."""

OPEN_S: Final = 10 * 3600.0
"""A shop's day: sales are spread over ten hours."""

PULSE_S: Final = 1_800.0


def schedule() -> Schedule:
    """Three nodes; till 2 is alone for all seven days and sells half of everything, every node restarts, each night one."""
    a_day = SALES // DAYS + 1
    acts = [
        Act(day * DAY_S + 3_600.0 + OPEN_S * number / a_day, TILLS[number % 2], "basket", 97 * number + day)
        for day in range(DAYS)
        for number in range(a_day)
    ][:SALES]
    faults = [Fault(60.0, DAYS * DAY_S, "partition", (APART,), 0)]
    faults += [Fault(day * DAY_S + 60_000.0, day * DAY_S + 60_030.0, "crash", (APART,), 0) for day in range(DAYS)]
    faults += [Fault(2 * DAY_S + 61_000.0, 2 * DAY_S + 61_030.0, "power", (0,), 0)]
    faults += [Fault(4 * DAY_S + 61_000.0, 4 * DAY_S + 61_030.0, "crash", (1,), 0)]
    heal_s = DAYS * DAY_S
    replica = Limits(pulse_interval_s=PULSE_S, silence_s=3 * PULSE_S, stale_link_s=2.25 * PULSE_S)
    pace = Pace(
        heal_s=heal_s,
        equal_s=heal_s + 3 * PULSE_S,
        silent_s=heal_s + 4 * PULSE_S,
        ends_s=heal_s + 11 * PULSE_S,
        look_every_s=DAY_S / 2,
        late_every_s=60.0,
        events_max=4_000_000,
        replica=replica,
    )
    return Schedule(16, 3, tuple(acts), tuple(faults), (0,) * 3, (20, 0, -20), 1, pace=pace)


def check(history: History) -> None:
    """All 10,000 sales are at every node, and till 2 needed nobody for its half."""
    for machine in history.machines:
        assert machine.life is not None
        if len(machine.life.shop.sales) != SALES:
            history.fail("story", f"{machine.name} holds {len(machine.life.shop.sales)} sales")
    alone = [answer for answer in history.ledger.answers if answer.machine == APART]
    asked = sum(act.who == APART for act in history.schedule.acts)
    if len(alone) != asked or asked < 0.49 * SALES or max(answer.at_s for answer in alone) > DAYS * DAY_S:
        history.fail("story", f"till-2 was answered {len(alone)} times while it was alone")
