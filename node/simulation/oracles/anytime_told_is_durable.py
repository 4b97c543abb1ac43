"""What a node tells its peers it holds, or gives them, is on its own disk: acks, heads and entries (persist, then send)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.replication.frames import Ack, Entries, Frame, Hello, Pulse
from node.simulation.machine import Machine
from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History


class ToldIsDurable(Oracle):
    """Reads every frame as it leaves."""

    name = "anytime_told_is_durable"

    def sent(self, history: History, machine: Machine, frame: Frame) -> None:
        match frame:
            case Ack():
                told = list(frame.held)
            case Hello() | Pulse():
                told = [(journal, head.seq) for journal, head in frame.heads.items()]
            case Entries():
                told = [(frame.journal, frame.first + len(frame.entries) - 1)] if frame.entries else []
            case _:
                return
        for journal, seq in told:
            if machine.disk.held(journal) < seq:
                kind = type(frame).__name__.lower()
                self.fail(
                    history, f"{machine.name} tells number {seq} in {kind}, its disk holds {machine.disk.held(journal)}"
                )
