"""What a planted bug is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Put = Callable[[Any, str, Any], None]
"""`put(owner, name, replacement)`: replace an attribute of a class or module for as long as the bug is planted."""


@dataclass(frozen=True, slots=True)
class Bug:
    """name; what: what the mistake is; oracles: those that catch it; plant: how it is planted."""

    name: str
    what: str
    oracles: frozenset[str]
    plant: Callable[[Put], None]


def bug(name: str, what: str, plant: Callable[[Put], None], *oracles: str) -> Bug:
    """A bug that each of these oracles may catch first."""
    return Bug(name, what, frozenset(oracles), plant)
