"""The stamp: a hybrid logical clock [wall ms, counter] over shop time (RULES T1, T2).

A stamp orders what no chain orders. It never refuses an entry, and money and rights never hang on it alone. Ties are
broken by (node, incarnation, seq), which is `Place` order, so every node sorts alike.
"""

from __future__ import annotations

from typing import NamedTuple

from crdt_models.values.identity import JournalId


class Stamp(NamedTuple):
    """wall_ms: shop time in UTC milliseconds, may be any 63-bit value from a foreign node; counter: 0..2**32-1."""

    wall_ms: int
    counter: int


class Place(NamedTuple):
    """Where an entry stands: its journal and its number there, from 1."""

    journal: JournalId
    seq: int


ZERO_STAMP = Stamp(0, 0)
