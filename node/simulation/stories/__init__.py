"""Stories: histories told by hand, after the wounds of the field (FIELD.md), each with what must have come of it.

A history that a campaign found and that taught something becomes one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from node.simulation.history import History
from node.simulation.schedule import Schedule
from node.simulation.stories import number_clash, outage_day, printed_and_kept, seven_days, twice_after_a_time_out


@dataclass(frozen=True, slots=True)
class Story:
    """schedule: what happens; check: what must hold beside all oracles, raises Violation by `history.fail`."""

    schedule: Callable[[], Schedule]
    check: Callable[[History], None]


STORIES: Final[Mapping[str, Story]] = {
    "printed_and_kept": Story(printed_and_kept.schedule, printed_and_kept.check),
    "twice_after_a_time_out": Story(twice_after_a_time_out.schedule, twice_after_a_time_out.check),
    "outage_day": Story(outage_day.schedule, outage_day.check),
    "number_clash": Story(number_clash.schedule, number_clash.check),
    "seven_days": Story(seven_days.schedule, seven_days.check),
}
