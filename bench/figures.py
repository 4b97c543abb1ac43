"""A figure, its goal, and how figures of interleaved rounds become one.

A single round says nothing on a shared machine: the floor itself moves up to 4x. So each round yields a ratio of two things
measured one after the other, and the median of these ratios is the figure.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. goal, at_worst: bounds that PERFORMANCE names, above them unless `higher_is_better`.

    value: what is compared with them; rounds: the values of the single rounds; seen: the absolute figures, for people.
    """

    number: str
    name: str
    value: float
    unit: str
    goal: float | None = None
    at_worst: float | None = None
    higher_is_better: bool = False
    rounds: tuple[float, ...] = ()
    seen: str = ""

    @property
    def verdict(self) -> str:
        """ "goal", "at worst" (between both bounds), "missed", or "" for a figure without one."""
        if self.goal is None:
            return ""
        if self._within(self.goal):
            return "goal"
        return "at worst" if self.at_worst is not None and self._within(self.at_worst) else "missed"

    def _within(self, bound: float) -> bool:
        return self.value >= bound if self.higher_is_better else self.value <= bound


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the tail of one round, in milliseconds."""

    p50_ms: float
    p90_ms: float


def spread(times_s: Sequence[float]) -> Spread:
    """The 50th and 90th percentile of times in seconds."""
    ordered = sorted(times_s)
    return Spread(ordered[len(ordered) // 2] * 1_000, ordered[len(ordered) * 9 // 10] * 1_000)


def ratios(ours: Sequence[float], floor: Sequence[float]) -> tuple[float, ...]:
    """One ratio per round."""
    return tuple([mine / its for mine, its in zip(ours, floor, strict=True)])


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)
