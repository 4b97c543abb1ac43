"""When all are equal the shop falls silent: no entries, wants or acks, only pulses that tell nothing new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.replication.frames import Frame, Pulse
from node.simulation.machine import Machine
from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class Silent(Oracle):
    """Reads every frame from the moment on at which nothing should be left to say."""

    name = "eventually_silent"

    def __init__(self) -> None:
        self._quiet = False
        self._pulses = 0

    def at_rest(self, history: History) -> None:
        self._quiet = True
        waiting = history.people.waiting
        if waiting:
            self.fail(history, f"{len(waiting)} people still wait, the first for {waiting[0].kind} {waiting[0].key}")

    def sent(self, history: History, machine: Machine, frame: Frame) -> None:
        if not self._quiet:
            return
        if isinstance(frame, Pulse) and not (frame.heads or frame.gone or frame.joined or frame.left or frame.whole):
            self._pulses += 1
            return
        self.fail(history, f"{machine.name} still sends {type(frame).__name__.lower()}")

    def finally_(self, history: History) -> None:
        pairs = len(history.machines) * (len(history.machines) - 1)
        if self._pulses < pairs * 5:
            self.fail(history, f"only {self._pulses} pulses at the end: somebody is not heard")
