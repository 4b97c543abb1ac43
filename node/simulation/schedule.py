"""A schedule: what people do and what goes wrong, as plain values drawn from one seed, so that parts can be taken away."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from node.replication.limits import Limits
from node.simulation import limits

ACTS: Final = {
    "basket": 16,
    "open": 14,
    "line": 18,
    "complete": 16,
    "suspend": 10,
    "suspend_basket": 5,
    "retrieve": 10,
    "take_over": 8,
    "void": 2,
    "void_line": 2,
    "seat": 4,
    "order": 6,
    "clear": 3,
    "reprint": 2,
}
"""What people at a till do, by weight."""

OFFICE_ACTS: Final = {"record": 24, "retrieve": 2, "take_over": 1, "complete": 2, "seat": 1, "order": 1, "basket": 1}
"""What people in the back office do, by weight."""

FAULTS: Final = {
    "partition": 20,
    "line": 6,
    "one_way": 10,
    "flap": 8,
    "slow_link": 10,
    "crash": 24,
    "power": 12,
    "clock_jump": 10,
    "slow_disk": 8,
    "disk_fails": 4,
    "restore": 4,
}
"""What goes wrong, by weight."""


ECHOES: Final = {
    "retrieve": "retrieve",
    "take_over": "complete",
    "complete": "take_over",
    "suspend": "take_over",
    "record": "record",
}
"""What somebody else does at nearly the same moment about nearly the same thing: how conflicts come about."""


NARROW: Final = Limits(
    bulk_in_flight_bytes_min=2_000,
    bulk_in_flight_bytes_max=8_000,
    range_bytes_max=1_500,
    push_frame_bytes_max=2_000,
    passed_on_entries_max=4,
)
"""Windows so small that two minutes of trade fill them, as a week of it fills the real ones; in a quarter of the seeds."""


class Act(NamedTuple):
    """Somebody does something. who: index of the node; pick: chooses among what is there."""

    at_s: float
    who: int
    kind: str
    pick: int


class Fault(NamedTuple):
    """Something goes wrong for a while. who: indexes of nodes; pick: chooses its measure."""

    at_s: float
    until_s: float
    kind: str
    who: tuple[int, ...]
    pick: int


@dataclass(frozen=True, slots=True)
class Pace:
    """When things are due, in virtual seconds; replica: the bounds of the protocol. A week is told at another pace than two
    minutes, since nobody looks at three million pulses."""

    heal_s: float = limits.acts_until_s
    equal_s: float = limits.equal_by_s
    silent_s: float = limits.silent_from_s
    ends_s: float = limits.ends_s
    look_every_s: float = limits.look_every_s
    late_every_s: float = limits.late_every_s
    events_max: int = limits.events_max
    replica: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Schedule:
    """One history to be. nodes: how many; offices: how many of them, from the first on, are back offices;
    offsets_ms: how wrong each wall clock is."""

    seed: int
    nodes: int
    acts: tuple[Act, ...]
    faults: tuple[Fault, ...]
    offsets_ms: tuple[int, ...]
    drifts_ppm: tuple[int, ...]
    offices: int
    real_signatures: bool = False
    judged_expiry: bool = False
    pace: Pace = field(default_factory=Pace)

    def told(self) -> str:
        """For people: one line per fault and act, in order of time."""
        rows = [
            (
                fault.at_s,
                f"{fault.at_s:7.2f} s  FAULT {fault.kind} {fault.who} until {fault.until_s:.2f} s ({fault.pick})",
            )
            for fault in self.faults
        ]
        rows += [(act.at_s, f"{act.at_s:7.2f} s  node {act.who}: {act.kind} ({act.pick})") for act in self.acts]
        clocks = ", ".join(f"{offset / limits.year_ms:+.2f} y" for offset in self.offsets_ms)
        return "\n".join([f"seed {self.seed}, clocks {clocks}", *[row for _, row in sorted(rows)]])


def draw(seed: int, nodes: int | None = None) -> Schedule:
    """The schedule of a seed: 4 nodes (in one seed of twelve 3, 6 or 8, unless it is said how many), at least 50 acts and 3
    faults, all healed at `acts_until_s`."""
    chance = random.Random(f"schedule/{seed}")
    drawn = 4 if chance.random() > 1 / 12 else chance.choice((3, 6, 8))
    nodes = nodes or drawn
    offices = 2 if chance.random() < 0.4 else 1
    judged = chance.random() < 0.2
    acts = [_act(chance, nodes, offices) for _ in range(chance.randrange(48, 62))]
    acts += [
        _echo(chance, offices if act.kind == "record" else nodes, act)
        for act in acts
        if act.kind in ECHOES and chance.random() < 0.5
    ]
    faults = [_fault(chance, nodes, acts) for _ in range(chance.randrange(3, 8))]
    for _ in range(chance.choice((0, 1, 1, 2))):
        contest, fault = _contest(chance, nodes)
        acts += contest
        faults.append(fault)
    if judged:
        faults = [fault._replace(pick=fault.pick % 4) if fault.kind == "clock_jump" else fault for fault in faults]
    return Schedule(
        seed,
        nodes,
        tuple(sorted(acts)),
        tuple(sorted(faults)),
        _offsets(chance, nodes, judged),
        tuple(chance.choice((0, 0, 20, -20, 200)) for _ in range(nodes)),
        offices,
        seed % limits.real_signatures_of == 7,
        judged,
        Pace(replica=NARROW) if seed % 4 == 3 else Pace(),
    )


def _act(chance: random.Random, nodes: int, offices: int) -> Act:
    who = chance.randrange(offices) if chance.random() < 0.1 * offices else chance.randrange(offices, nodes)
    kinds = OFFICE_ACTS if who < offices else ACTS
    kind = chance.choices(list(kinds), list(kinds.values()))[0]
    return Act(round(chance.uniform(limits.acts_from_s, limits.acts_until_s), 3), who, kind, chance.randrange(1 << 20))


def _echo(chance: random.Random, nodes: int, act: Act) -> Act:
    after_s = chance.choice((0.0, 0.001, 0.003, 0.01, 0.5, 5.0))
    others = [index for index in range(nodes) if index != act.who] or [act.who]
    at_s = min(round(act.at_s + after_s, 3), limits.acts_until_s)
    return Act(at_s, chance.choice(others), ECHOES[act.kind], act.pick)


def _contest(chance: random.Random, nodes: int) -> tuple[list[Act], Fault]:
    """A till is cut off with an open sale; another takes it over; both of them finish it, or all but finish it."""
    at_s = round(chance.uniform(limits.acts_from_s, limits.acts_until_s - 25), 3)
    owner, taker = chance.sample(range(1, nodes), 2)
    pick = 3 * chance.randrange(1 << 18)
    told = [(0.0, owner, "open"), (0.1, owner, "line"), (2.0, taker, "take_over")]
    told += chance.sample(
        [(4.0, taker, "complete"), (5.0, owner, "complete"), (3.0, owner, "line")], 2 + chance.randrange(2)
    )
    told += [(6.0, chance.randrange(nodes), "take_over")]
    acts = [Act(round(at_s + after_s, 3), who, kind, pick) for after_s, who, kind in told]
    fault = Fault(at_s + 1.0, at_s + chance.choice((3.0, 8.0, 20.0)), "partition", (owner,), pick)
    return acts, fault


def _fault(chance: random.Random, nodes: int, acts: list[Act]) -> Fault:
    """Half of the crashes hit a node in the middle of what it does: before its disk has written, or before it has answered."""
    kind = chance.choices(list(FAULTS), list(FAULTS.values()))[0]
    at_s = round(chance.uniform(limits.acts_from_s, limits.acts_until_s - 4), 3)
    lasts_s = chance.choice((0.05, 1.0, 4.0, 8.0, 20.0, 45.0)) * chance.uniform(0.6, 1.4)
    order = list(range(nodes))
    chance.shuffle(order)
    count = {"partition": chance.randrange(1, nodes), "line": nodes, "one_way": 2, "flap": 2, "slow_link": 2}.get(
        kind, 1
    )
    who = tuple(order[:count])
    if kind in ("crash", "power", "disk_fails") and chance.random() < 0.5:
        act = chance.choice([act for act in acts if act.at_s < limits.acts_until_s - 1])
        at_s, who = round(act.at_s + chance.uniform(0.0005, 0.007), 4), (act.who,)
    until_s = round(min(at_s + lasts_s, limits.acts_until_s), 3)
    return Fault(at_s, until_s, kind, who, chance.randrange(1 << 20))


def _offsets(chance: random.Random, nodes: int, judged: bool) -> tuple[int, ...]:
    """Most clocks are right to some seconds. Where certificates are judged, at most one is years off and jumps are by an hour at
    most: two clocks that are wrong alike outvote the third stranger, and half a shop would refuse the other half."""
    offsets = [chance.randrange(-3_000, 3_000) for _ in range(nodes)]
    wrong = chance.choice((0, 1, 1)) if judged else chance.choice((0, 0, 1, 2, nodes))
    for index in chance.sample(range(nodes), wrong):
        offsets[index] = chance.randrange(-10, 11) * limits.year_ms + chance.randrange(-(10**8), 10**8)
    return tuple(offsets)
