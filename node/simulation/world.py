"""The world: virtual time, one heap of what is going to happen, and chance by name.

Everything that happens is an event on the heap, so one seed gives one history. Each source of chance has its own generator,
named by what draws from it: taking one fault away changes as little as possible elsewhere, which is what lets shrinking work.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Callable
from typing import Any

from node.simulation import limits


class Violation(Exception):
    """An oracle failed. oracle: its name; at_s: virtual time."""

    def __init__(self, oracle: str, text: str, at_s: float) -> None:
        super().__init__(oracle, text, at_s)
        self.oracle, self.text, self.at_s = oracle, text, at_s

    def __str__(self) -> str:
        return f"{self.oracle} at {self.at_s:.3f} s: {self.text}"


class World:
    """Virtual time. trace: hash over all that happened; events_max: beyond it somebody runs in circles."""

    def __init__(self, seed: int, events_max: int = limits.events_max) -> None:
        self.seed = seed
        self._events_max = events_max
        self.now_s = 0.0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        self._trace = hashlib.blake2b(digest_size=16)
        self._noted = 0

    def at(self, time_s: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call at a time; two calls at one time come in the order in which they were asked for."""
        self._count += 1
        heapq.heappush(self._heap, (max(time_s, self.now_s), self._count, call, arguments))

    def after(self, delay_s: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call after a delay."""
        self.at(self.now_s + delay_s, call, *arguments)

    def run_until(self, until_s: float) -> None:
        """Let everything happen that is due by then."""
        heap = self._heap
        while heap and heap[0][0] <= until_s:
            self.now_s, _, call, arguments = heapq.heappop(heap)
            if self._count > self._events_max:
                raise Violation("anytime_nothing_breaks", f"more than {self._events_max} events: a loop", self.now_s)
            call(*arguments)
        self.now_s = max(self.now_s, until_s)

    def chance(self, name: str) -> random.Random:
        """The generator of this name."""
        return random.Random(f"{self.seed}/{name}")

    def note(self, what: str, raw: bytes = b"") -> None:
        """Something happened; it becomes part of the trace."""
        self._noted += 1
        self._trace.update(f"{self.now_s:.6f} {what} {len(raw)}\n".encode())
        self._trace.update(raw)

    @property
    def events(self) -> int:
        """How much happened so far."""
        return self._noted

    @property
    def trace(self) -> str:
        """The trace hash: equal for equal histories."""
        return self._trace.hexdigest()
