"""Nemeses: what goes wrong, one function a kind. Each begins something and ends it; several may be at work at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crdt_models.values.identity import NodeId
from node.simulation import limits
from node.simulation.disks import Copy
from node.simulation.machine import Machine
from node.simulation.schedule import Fault
from node.simulation.wires import Pair, Wires
from node.simulation.world import World


class Nemeses:
    """All that is wrong in a shop at a time."""

    def __init__(self, world: World, wires: Wires, machines: Sequence[Machine]) -> None:
        self._world, self._wires, self._machines = world, wires, machines
        self._cuts: dict[Fault, frozenset[Pair]] = {}
        self.began: list[Fault] = []
        self.restored: set[NodeId] = set()

    def schedule(self, fault: Fault) -> None:
        """Let a fault begin and end at its times."""
        begin: Callable[[Fault], None] = getattr(self, f"_{fault.kind}")
        self._world.at(fault.at_s, self._begin, fault, begin)

    def _begin(self, fault: Fault, begin: Callable[[Fault], None]) -> None:
        self._world.note(f"fault {fault.kind}")
        self.began.append(fault)
        begin(fault)

    # --- cables ----------------------------------------------------------------------------------------------------

    def _partition(self, fault: Fault) -> None:
        inside = set(fault.who)
        self._cut(fault, lambda a, b: (a in inside) != (b in inside))

    def _line(self, fault: Fault) -> None:
        place = {index: number for number, index in enumerate(fault.who)}
        self._cut(fault, lambda a, b: a in place and b in place and abs(place[a] - place[b]) != 1)

    def _one_way(self, fault: Fault) -> None:
        self._cut(fault, lambda a, b: (a, b) == fault.who)

    def _flap(self, fault: Fault) -> None:
        """One second cut, one second whole."""
        if self._world.now_s >= fault.until_s:
            self._mend(fault)
            return
        if fault in self._cuts:
            self._mend(fault)
        else:
            self._set_cut(fault, frozenset({(fault.who[0], fault.who[1]), (fault.who[1], fault.who[0])}))
        self._world.after(1.0, self._flap, fault)

    def _slow_link(self, fault: Fault) -> None:
        pair = (min(fault.who), max(fault.who))
        self._wires.slow[pair] = ((0.2, 0.8, 2.0)[fault.pick % 3], (10_000, 100_000)[fault.pick // 3 % 2])
        self._world.at(fault.until_s, self._quick, pair)

    def _quick(self, pair: Pair) -> None:
        self._wires.slow.pop(pair, None)

    def _cut(self, fault: Fault, apart: Callable[[int, int], bool]) -> None:
        count = len(self._machines)
        self._set_cut(fault, frozenset((a, b) for a in range(count) for b in range(count) if a != b and apart(a, b)))
        self._world.at(fault.until_s, self._mend, fault)

    def _set_cut(self, fault: Fault, pairs: frozenset[Pair]) -> None:
        self._cuts[fault] = pairs
        self._wires.set_blocked(frozenset().union(*self._cuts.values()))

    def _mend(self, fault: Fault) -> None:
        if self._cuts.pop(fault, None) is not None:
            self._wires.set_blocked(frozenset().union(*self._cuts.values()))

    # --- machines --------------------------------------------------------------------------------------------------

    def _crash(self, fault: Fault) -> None:
        """The process is killed; its machine says so to its peers."""
        self._machines[fault.who[0]].crash(loudly=True)
        self._world.at(fault.until_s, self._machines[fault.who[0]].start)

    def _power(self, fault: Fault) -> None:
        """The power is cut: nobody is told."""
        self._machines[fault.who[0]].crash(loudly=False)
        self._world.at(fault.until_s, self._machines[fault.who[0]].start)

    def _clock_jump(self, fault: Fault) -> None:
        """Somebody sets a wall clock; it stays wrong."""
        machine = self._machines[fault.who[0]]
        jumps_ms = (60_000, -60_000, 3_600_000, -3_600_000, limits.year_ms, -limits.year_ms, 10 * limits.year_ms)
        machine.offset_ms = max(
            min(machine.offset_ms + jumps_ms[fault.pick % 7], 20 * limits.year_ms), -20 * limits.year_ms
        )

    def _slow_disk(self, fault: Fault) -> None:
        disk = self._machines[fault.who[0]].disk
        disk.slow_s = (0.05, 0.3, 1.5)[fault.pick % 3]
        self._world.at(fault.until_s, self._quick_disk, fault)

    def _quick_disk(self, fault: Fault) -> None:
        self._machines[fault.who[0]].disk.slow_s = 0.0

    def _restore(self, fault: Fault) -> None:
        """A backup is made; later it is put back, and the node starts on it, lacking what it wrote since."""
        machine = self._machines[fault.who[0]]
        self._world.at(fault.until_s, self._put_back, machine, machine.disk.copied())

    def _put_back(self, machine: Machine, copy: Copy) -> None:
        self.restored.add(machine.node)
        machine.restore(copy)

    def _disk_fails(self, fault: Fault) -> None:
        """The next durable write is refused; people restart the node on a repaired disk."""
        machine = self._machines[fault.who[0]]
        machine.disk.fails = True
        self._world.at(fault.until_s, self._repair, machine)

    def _repair(self, machine: Machine) -> None:
        machine.crash(loudly=True)
        machine.start()
