"""Shrinking: a history that fails, without what it does not need to fail. Faults go first, then acts by halves, then one by one.

A shrunk history fails with the same oracle; where it fails may move.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from node.simulation import limits
from node.simulation.history import run
from node.simulation.schedule import Schedule
from node.simulation.world import Violation


class Shrunk(NamedTuple):
    """The smallest schedule found, how it fails, and how many runs it took."""

    schedule: Schedule
    violation: Violation
    runs: int


class _Shrinker:
    def __init__(self, schedule: Schedule, violation: Violation, runs_max: int) -> None:
        self.schedule, self.violation = schedule, violation
        self.runs, self._runs_max = 0, runs_max

    def fails(self, smaller: Schedule) -> bool:
        """Whether it fails alike; it is kept then."""
        if self.runs >= self._runs_max:
            return False
        self.runs += 1
        violation = run(smaller).violation
        if violation is None or violation.oracle != self.violation.oracle:
            return False
        self.schedule, self.violation = smaller, violation
        return True


def shrink(schedule: Schedule, violation: Violation, runs_max: int = limits.schedules_shrunk_max) -> Shrunk:
    """Take away what the failure does not need."""
    shrinker = _Shrinker(schedule, violation, runs_max)
    late = violation.at_s
    shrinker.fails(
        replace(
            schedule,
            acts=tuple(act for act in schedule.acts if act.at_s <= late),
            faults=tuple(fault for fault in schedule.faults if fault.at_s <= late),
        )
    )
    plain = replace(shrinker.schedule, offsets_ms=(0,) * schedule.nodes, drifts_ppm=(0,) * schedule.nodes)
    shrinker.fails(plain)
    shrinker.fails(replace(shrinker.schedule, faults=()))
    _take_away(shrinker, "faults", 1)
    size = max(1, len(shrinker.schedule.acts) // 2)
    while True:
        _take_away(shrinker, "acts", size)
        if size == 1:
            return Shrunk(shrinker.schedule, shrinker.violation, shrinker.runs)
        size //= 2


def _take_away(shrinker: _Shrinker, field: str, size: int) -> None:
    begin = 0
    while begin < len(shrinker.schedule.faults if field == "faults" else shrinker.schedule.acts):
        now = shrinker.schedule
        if field == "faults":
            smaller = replace(now, faults=now.faults[:begin] + now.faults[begin + size :])
        else:
            smaller = replace(now, acts=now.acts[:begin] + now.acts[begin + size :])
        if not shrinker.fails(smaller):
            begin += size
