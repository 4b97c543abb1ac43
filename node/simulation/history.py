"""A history: one schedule, run from the first start to the last look, with all oracles watching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crdt_models.journal.entry import Entry
from crdt_models.journal.operation import VIA_SYSTEM
from crdt_models.operations import said_by
from crdt_models.values.stamp import Place
from node.replication.frames import Frame
from node.simulation import limits
from node.simulation.ledger import Answer, Ledger
from node.simulation.machine import Machine, key_of
from node.simulation.nemeses import Nemeses
from node.simulation.oracles import Oracle, all_oracles
from node.simulation.people import People
from node.simulation.schedule import Schedule
from node.simulation.wires import Wires
from node.simulation.world import Violation, World

NEVER_MS = 10**15


class Outcome(NamedTuple):
    """How a history ended. violation: None when all oracles held; entries: durable ones; trace: hash of all that happened."""

    seed: int
    violation: Violation | None
    entries: int
    faults: int
    answers: int
    events: int
    trace: str
    equal_after_s: float | None


@dataclass(slots=True)
class History:
    """A shop while its history is being run; what oracles may look at."""

    schedule: Schedule
    world: World
    wires: Wires
    machines: list[Machine]
    ledger: Ledger
    people: People
    nemeses: Nemeses
    oracles: list[Oracle]
    equal_s: float | None = None

    # --- what machines report --------------------------------------------------------------------------------------

    def synced(self, machine: Machine, entries: Sequence[Entry]) -> None:
        """Entries are durable on a machine's disk."""
        self.ledger.synced(entries)

    def sent(self, machine: Machine, frame: Frame) -> None:
        """A frame leaves a machine."""
        for oracle in self.oracles:
            oracle.sent(self, machine, frame)

    def folded(self, machine: Machine) -> None:
        """A machine's shop knows of more sales."""
        for oracle in self.oracles:
            oracle.folded(self, machine)

    def answered(self, answer: Answer) -> None:
        """A client was told that its step is done."""
        for oracle in self.oracles:
            oracle.answered(self, answer)

    # --- the run ---------------------------------------------------------------------------------------------------

    def run(self) -> Violation | None:
        """From the start to the end; the violation that ended it, or None."""
        world, pace = self.world, self.schedule.pace
        for machine in self.machines:
            world.at(0.01 * machine.index, machine.start)
            world.at(limits.late_every_s + 0.1 * machine.index, self._repeat_late, machine)
        for act in self.schedule.acts:
            world.at(act.at_s, self.people.ask, act)
        for fault in self.schedule.faults:
            self.nemeses.schedule(fault)
        world.at(pace.look_every_s, self._look)
        world.at(pace.heal_s, self._heal)
        world.at(pace.equal_s, self._check, "equal")
        world.at(pace.silent_s, self._check, "at_rest")
        try:
            world.run_until(pace.ends_s)
            self._check("finally_")
        except Violation as violation:
            return violation
        return None

    def lost(self, place: Place) -> bool:
        """Whether an entry is on no disk any more: only a disk that was put back to a backup held it (RULES J7)."""
        return bool(self.nemeses.restored) and all(m.disk.held(place.journal) < place.seq for m in self.machines)

    def fail(self, oracle: str, text: str) -> None:
        """An oracle failed: the history ends."""
        raise Violation(oracle, text, self.world.now_s)

    def _look(self) -> None:
        for oracle in self.oracles:
            oracle.look(self)
        self.world.after(self.schedule.pace.look_every_s, self._look)

    def _heal(self) -> None:
        """Whoever is down is started; all faults have ended."""
        for machine in self.machines:
            machine.disk.fails = False
            if machine.life is not None and machine.life.failed is not None:
                machine.crash(loudly=True)
            machine.start()
        self._measure()

    def _measure(self) -> None:
        """How long after the heal all are equal: by what they hold, which costs nothing to compare."""
        held = {frozenset(machine.life.shop.folded.items()) for machine in self.machines if machine.life is not None}
        if len(held) == 1:
            self.equal_s = self.world.now_s - self.schedule.pace.heal_s
        elif self.world.now_s < self.schedule.pace.equal_s:
            self.world.after(0.25, self._measure)

    def _check(self, when: str) -> None:
        for oracle in self.oracles:
            check: Callable[[History], None] = getattr(oracle, when)
            check(self)

    def _repeat_late(self, machine: Machine) -> None:
        """What the running node does by itself: late facts are repeated by their author."""
        life = machine.life
        if life is not None and life.failed is None:
            for steps in life.till.repeat_late():
                machine.record(life, said_by(steps, None, 0, VIA_SYSTEM), None, lambda place: None)
        self.world.after(self.schedule.pace.late_every_s, self._repeat_late, machine)


def prepare(schedule: Schedule) -> History:
    """A shop that is about to live through a schedule."""
    world, ledger = World(schedule.seed, schedule.pace.events_max), Ledger()
    wires = Wires(world)
    machines: list[Machine] = []
    people = People(world, machines, ledger)
    nemeses = Nemeses(world, wires, machines)
    history = History(schedule, world, wires, machines, ledger, people, nemeses, all_oracles())
    people.on_answer = history.answered
    expires_ms = limits.start_ms + 2 * limits.year_ms if schedule.judged_expiry else NEVER_MS
    for index in range(schedule.nodes):
        office = index < schedule.offices
        name, role = (f"office-{index}", "back_office") if office else (f"till-{index}", "till")
        key = key_of(name, role, schedule.real_signatures, expires_ms)
        clock = (schedule.offsets_ms[index], schedule.drifts_ppm[index])
        machines.append(Machine(world, wires, history, index, name, role, key, clock, schedule.pace.replica))
    return history


def run(schedule: Schedule) -> Outcome:
    """Run a schedule."""
    history = prepare(schedule)
    violation = history.run()
    return Outcome(
        schedule.seed,
        violation,
        history.ledger.entries,
        len(history.nemeses.began),
        len(history.ledger.answers),
        history.world.events,
        history.world.trace,
        history.equal_s,
    )
