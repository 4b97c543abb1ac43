"""A campaign: many seeds on all cores, until enough were run, time is up, or one fails.

Each worker process runs a handful of seeds at a time. One seed in a hundred is run twice: a second trace that differs is a
failure like any other, because a history that does not repeat cannot be looked into.
"""

from __future__ import annotations

import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final

from node.simulation import limits
from node.simulation.bugs import planted
from node.simulation.history import Outcome, run
from node.simulation.schedule import draw
from node.simulation.world import Violation

HANDFUL: Final = 4
"""Seeds that a worker runs before it reports: about half a second."""


@dataclass(slots=True)
class Tally:
    """What a campaign has seen. failures: outcomes with a violation; slowest_s: the longest heal."""

    runs: int = 0
    entries: int = 0
    faults: int = 0
    answers: int = 0
    twice: int = 0
    slowest_s: float = 0.0
    took_s: float = 0.0
    failures: list[Outcome] = field(default_factory=list)

    @property
    def per_minute(self) -> float:
        """Schedules per minute of real time."""
        return self.runs / self.took_s * 60 if self.took_s else 0.0

    def add(self, outcome: Outcome) -> None:
        """One more history."""
        self.runs += 1
        self.entries += outcome.entries
        self.faults += outcome.faults
        self.answers += outcome.answers
        self.twice += outcome.seed % limits.twice_of == 0
        self.slowest_s = max(self.slowest_s, outcome.equal_after_s or 0.0)
        if outcome.violation is not None:
            self.failures.append(outcome)


def judge(seed: int) -> Outcome:
    """Run a seed; one in a hundred twice."""
    outcome = run(draw(seed))
    if seed % limits.twice_of or outcome.violation is not None:
        return outcome
    again = run(draw(seed))
    if again.trace != outcome.trace:
        text = f"traces {outcome.trace} and {again.trace} of one seed differ"
        return outcome._replace(violation=Violation("anytime_one_trace_per_seed", text, 0.0))
    return outcome


def campaign(
    first: int,
    seeds: int | None,
    minutes: float | None,
    workers: int,
    progress: Callable[[Tally], None],
    bug: str | None = None,
) -> Tally:
    """Run seeds first, first + 1, ... until `seeds` are run, `minutes` are over or one fails."""
    tally, began_s = Tally(), time.monotonic()
    until_s = None if minutes is None else began_s + 60 * minutes
    handfuls = _handfuls(first, seeds, bug)
    waiting: set[Future[list[Outcome]]] = set()
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        while True:
            over = bool(tally.failures) or (until_s is not None and time.monotonic() >= until_s)
            if not over:
                for handful in itertools.islice(handfuls, 2 * workers - len(waiting)):
                    waiting.add(pool.submit(_judge_some, handful))
            if not waiting:
                return tally
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for finished in done:
                for outcome in finished.result():
                    tally.add(outcome)
            tally.took_s = time.monotonic() - began_s
            progress(tally)


def _handfuls(first: int, seeds: int | None, bug: str | None) -> Iterator[tuple[int, int, str | None]]:
    begin = first
    while seeds is None or begin < first + seeds:
        yield begin, HANDFUL if seeds is None else min(HANDFUL, first + seeds - begin), bug
        begin += HANDFUL


def _judge_some(handful: tuple[int, int, str | None]) -> list[Outcome]:
    first, count, bug = handful
    with nullcontext() if bug is None else planted(bug):
        return [judge(seed) for seed in range(first, first + count)]
