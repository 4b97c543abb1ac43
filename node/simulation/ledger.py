"""The ledger: what was ever durable on any disk, each entry once, and what people were told. What oracles judge by.

It reads operations by itself and asks no fold, so that a wrong fold does not judge itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crdt_models.journal.entry import Entry
from crdt_models.journal.operation import Operation
from crdt_models.operations import Kind
from crdt_models.sales.sale import Sale
from crdt_models.values.identity import JournalId, NodeId, node_of
from crdt_models.values.stamp import Place


@dataclass(frozen=True, slots=True)
class Sold:
    """A durable sale."""

    place: Place
    sale: Sale


@dataclass(frozen=True, slots=True)
class Written:
    """A durable writing of a record."""

    place: Place
    table: str
    key: str
    version: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client was told: its step is done. receipt, total_minor: where it completed a sale."""

    machine: int
    key: str
    place: Place
    at_s: float
    receipt: str | None = None
    total_minor: int = 0


class Ledger:
    """hashes: per place, of all that was ever durable; twice: places under which two different entries stand.

    done: the entry per idempotency key; done_twice: keys with two.
    """

    def __init__(self) -> None:
        self.hashes: dict[Place, bytes] = {}
        self.lasts: dict[JournalId, int] = {}
        self.twice: list[Place] = []
        self.gaps: list[Place] = []
        self.sales: list[Sold] = []
        self.records: list[Written] = []
        self.answers: list[Answer] = []
        self.done: dict[tuple[NodeId, str], Place] = {}
        self.done_twice: list[tuple[str, Place, Place]] = []

    def synced(self, entries: Sequence[Entry]) -> None:
        """Entries are durable on a disk."""
        for entry in entries:
            place = entry.place
            known = self.hashes.get(place)
            if known is not None:
                if known != entry.hash:
                    self.twice.append(place)
                continue
            self.hashes[place] = entry.hash
            if entry.seq != self.lasts.get(entry.journal, 0) + 1:
                self.gaps.append(place)
            self.lasts[entry.journal] = max(entry.seq, self.lasts.get(entry.journal, 0))
            for operation in entry.operations:
                if isinstance(operation, Operation):
                    self._read(place, operation.kind, operation.fields)

    def _read(self, place: Place, kind: int, fields: Mapping[int, Any]) -> None:
        if kind == Kind.STEP:
            key = fields.get(2)
            if key is not None:
                first = self.done.setdefault((node_of(place.journal), key), place)
                if first != place:
                    self.done_twice.append((key, first, place))
        elif kind == Kind.SALE:
            self.sales.append(Sold(place, Sale.from_fields(fields)))
        elif kind == Kind.RECORD:
            self.records.append(Written(place, fields[1], fields[2], fields[3]))

    @property
    def entries(self) -> int:
        """How many entries were ever durable."""
        return len(self.hashes)
