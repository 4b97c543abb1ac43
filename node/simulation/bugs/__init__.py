"""Planted bugs: each is a mistake that somebody could make in production code, planted inside a simulated shop to prove that
an oracle can fail. A bug that no oracle catches is a hole in the oracles.

Each replaces functions of production classes for as long as the context lasts; nothing of it reaches a running node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from node.simulation.bugs import durability, folding, rights, talking
from node.simulation.bugs.bug import Bug

BUGS: Final[Mapping[str, Bug]] = {
    bug.name: bug for bug in (*durability.BUGS, *rights.BUGS, *folding.BUGS, *talking.BUGS)
}


@contextmanager
def planted(name: str) -> Iterator[Bug]:
    """The bug is in the code as long as this lasts. Raises KeyError for a name that is none."""
    bug = BUGS[name]
    with ExitStack() as stack:

        def put(owner: Any, attribute: str, replacement: Any) -> None:
            missing = object()
            before = vars(owner).get(attribute, missing)
            setattr(owner, attribute, replacement)
            if before is missing:
                stack.callback(delattr, owner, attribute)
            else:
                stack.callback(setattr, owner, attribute, before)

        bug.plant(put)
        yield bug
