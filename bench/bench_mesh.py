"""Goal 7: what a full mesh sends: frames per change and peer, and the bytes of a cold heal.

Counted, not timed, so no round is needed: twenty nodes in virtual time, with production `Shop`, `Replica` and journals on
the simulation's wires and disks (one to eight milliseconds a commit), fifty sales a second over all tills. Then one till
is cut off for a day of trade on both sides, and every byte is counted from the mending until all are equal.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.figures import Figure
from crdt_models.journal.entry import Entry
from crdt_models.sales.lines import TenderLine
from crdt_models.sales.pricing import RungUp
from crdt_models.till import Closing
from crdt_models.values.quantity import ONE, ScaledPrice
from node.replication import codec
from node.replication.frames import Ack, Entries, Frame, Pulse
from node.replication.limits import Limits
from node.simulation.machine import Machine, key_of
from node.simulation.wires import Pair, Wires
from node.simulation.world import World

NODES: Final = 20
CHANGES_PER_SECOND: Final = 50
SECONDS: Final = 20
GREETING_S: Final = 12.0
"""Until every double link is gone and all are in step."""
CUT_SETTLES_S: Final = 12.0
"""Until links to who was cut off are dead: silence is noticed after 6 s."""
DAY_SALES: Final = 1_000
"""Sales of the day that the cut-off till does not hear of."""
OWN_SALES: Final = 50
"""Sales of the cut-off till that day: a twentieth, as of the others."""
DAY_SECONDS: Final = 60.0
LINES: Final = 10
LOOK_S: Final = 0.05
HEAL_SECONDS_MAX: Final = 60.0
EVENTS_MAX: Final = 5_000_000
"""Of virtual time: many times what the twenty nodes need, so that only a loop reaches it."""
NEVER_MS: Final = 10**15


class Counted:
    """Counts what machines send. frames: per kind; entries: journal entries in frames; wire_bytes: of all frames."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.frames: Counter[str] = Counter()
        self.wire_bytes: Counter[str] = Counter()
        self.entries = 0

    def sent(self, machine: Machine, frame: Frame) -> None:
        """A frame leaves a machine."""
        kind = type(frame).__name__
        self.frames[kind] += 1
        self.wire_bytes[kind] += len(codec.encode(frame))
        if isinstance(frame, Entries):
            self.entries += len(frame.entries)

    def synced(self, machine: Machine, entries: Sequence[Entry]) -> None:
        """Nothing to count."""

    def folded(self, machine: Machine) -> None:
        """Nothing to count."""


class Mesh:
    """Nodes in virtual time, each linked to each."""

    def __init__(self, nodes: int, seed: int) -> None:
        self.world, self.counted = World(seed, EVENTS_MAX), Counted()
        self.wires = Wires(self.world)
        self.machines: list[Machine] = []
        self._chance = random.Random(seed)
        for index in range(nodes):
            name, role = ("office", "back_office") if index == 0 else (f"till-{index}", "till")
            key = key_of(name, role, False, NEVER_MS)
            self.machines.append(
                Machine(self.world, self.wires, self.counted, index, name, role, key, (0, 0), Limits())
            )
        for machine in self.machines:
            self.world.at(0.01 * machine.index, machine.start)
        self.run(GREETING_S)

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.world.run_until(self.world.now_s + seconds)

    def trade(self, sellers: Sequence[Machine], per_second: float, count: int) -> None:
        """Sales at even distances, each at one of the sellers; returns when the last has been made."""
        for number in range(count):
            self.world.after(number / per_second, self._sell, self._chance.choice(sellers))
        self.run(count / per_second)

    def held(self) -> list[dict[bytes, int]]:
        """Per machine, the durable height of each journal."""
        return [{journal: len(entries) for journal, entries in each.disk.entries.items()} for each in self.machines]

    def equal(self) -> bool:
        """Whether all hold the same, durably."""
        first, *others = self.held()
        return all(other == first for other in others)

    def missing_bytes(self) -> int:
        """Bytes of all entries that some machine has not, once per machine that has it not."""
        longest: dict[bytes, list[Entry]] = {}
        for machine in self.machines:
            for journal, entries in machine.disk.entries.items():
                if len(entries) > len(longest.get(journal, ())):
                    longest[journal] = entries
        return sum(
            len(entry.raw)
            for held in self.held()
            for journal, entries in longest.items()
            for entry in entries[held.get(journal, 0) :]
        )

    def cut_off(self, index: int) -> None:
        """Pull a machine's cable."""
        pairs: list[Pair] = [pair for other in range(len(self.machines)) for pair in ((index, other), (other, index))]
        self.wires.set_blocked(frozenset(pairs))
        self.run(CUT_SETTLES_S)

    def heal(self) -> float:
        """Mend everything; virtual seconds until all are equal."""
        began = self.world.now_s
        self.wires.set_blocked(frozenset())
        while not self.equal():
            if self.world.now_s - began > HEAL_SECONDS_MAX:
                raise RuntimeError(f"not equal {HEAL_SECONDS_MAX:.0f} s after the mending")
            self.run(LOOK_S)
        return self.world.now_s - began

    def _sell(self, machine: Machine) -> None:
        life = machine.life
        assert life is not None
        at = machine.moment(life)
        basket = life.till.basket("EUR", 2, at)
        for number in range(1, LINES + 1):
            price = ScaledPrice(100 + number, 2)
            rung_up = RungUp(item_id=f"item-{number}", names={"en": f"Thing {number}"}, quantity=ONE, unit_price=price)
            basket.ring(rung_up, None, None)
        _, steps = life.till.complete_basket(basket, Closing((TenderLine("cash", basket.total_minor),)), at)
        machine.record(life, steps, None, lambda place: None)


def steady(mesh: Mesh) -> list[Figure]:
    """Frames per change and peer while all trade."""
    changes, peers = CHANGES_PER_SECOND * SECONDS, len(mesh.machines) - 1
    mesh.counted.reset()
    mesh.trade(mesh.machines, CHANGES_PER_SECOND, changes)
    mesh.run(1.0)
    if not mesh.equal():
        raise RuntimeError("the mesh is not equal a second after the last change")
    return mesh_figures(mesh.counted.frames, changes, peers, f"{len(mesh.machines)} nodes in virtual time")


def mesh_figures(frames: Counter[str], changes: int, peers: int, where: str) -> list[Figure]:
    """The two figures of a counted mesh."""
    acks = frames[Ack.__name__] + frames[Pulse.__name__]
    others = sum(frames.values()) - acks
    told = ", ".join(f"{kind} {count / changes / peers:.3f}" for kind, count in frames.most_common())
    return [
        Figure(
            number="7",
            name=f"frames per change and peer, {where}",
            value=others / changes / peers,
            unit="frames",
            goal=1.2,
            at_worst=2.0,
            seen=told,
        ),
        Figure(
            number="7",
            name=f"acks and pulses per change and peer, {where}",
            value=acks / changes / peers,
            unit="frames",
            goal=1.0,
            seen=f"{frames[Ack.__name__]:,} acks, {frames[Pulse.__name__]:,} pulses for {changes:,} changes",
        ),
    ]


def cold_heal(mesh: Mesh) -> Figure:
    """Bytes on the wires from the mending until all are equal, against what was missing."""
    alone = mesh.machines[-1]
    mesh.cut_off(alone.index)
    others = mesh.machines[:-1]
    for sellers, count in ((others, DAY_SALES), ([alone], OWN_SALES)):
        mesh.trade(sellers, count / DAY_SECONDS, count)
    mesh.run(1.0)
    missing = mesh.missing_bytes()
    mesh.counted.reset()
    seconds = mesh.heal()
    sent = sum(mesh.counted.wire_bytes.values())
    entries = mesh.counted.wire_bytes[Entries.__name__]
    return Figure(
        number="7",
        name="cold heal after an offline day, bytes sent against bytes missing",
        value=sent / missing,
        unit="x missing",
        goal=1.2,
        at_worst=2.0,
        seen=f"{missing / 1e6:.2f} MB missing, {sent / 1e6:.2f} MB sent ({entries / 1e6:.2f} MB entries) "
        f"in {seconds:.1f} virtual s",
    )


async def measure(directory: Path) -> list[Figure]:
    """Both, in one shop."""
    mesh = Mesh(NODES, seed=7)
    return [*steady(mesh), cold_heal(mesh)]
