"""Nobody dials anybody more often than redialing with patience explains, whatever was cut, slow, refused or flapping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History

DIALS_PER_S_MAX: Final = 0.75
"""Dials of one node to another per virtual second: a refused dial is repeated after 1 to 2 s; the first ones come faster."""


class NoDialStorm(Oracle):
    """Counts dials per ordered pair."""

    name = "finally_no_dial_storm"

    def finally_(self, history: History) -> None:
        dials_max = DIALS_PER_S_MAX * history.world.now_s
        for (one, other), dials in history.wires.dials.items():
            if dials > dials_max:
                names = history.machines[one].name, history.machines[other].name
                self.fail(history, f"{names[0]} dialed {names[1]} {dials} times, at most {dials_max:.0f}")
