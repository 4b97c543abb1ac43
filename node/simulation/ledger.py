"""The ledger: what was ever durable on any disk, each entry once, and what people were told. What oracles judge by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crdt_models.journal.entry import Entry, decode_entry
from crdt_models.journal.operation import Operation
from crdt_models.operations import Kind
from crdt_models.sales.sale import Sale
from crdt_models.values.identity import JournalId
from crdt_models.values.stamp import Place


@dataclass(frozen=True, slots=True)
class Sold:
    """A durable sale."""

    place: Place
    sale: Sale


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
    """entries: hash per place of all that was ever durable; twice: places under which two different entries stand."""

    def __init__(self) -> None:
        self.hashes: dict[Place, bytes] = {}
        self.lasts: dict[JournalId, int] = {}
        self.twice: list[Place] = []
        self.gaps: list[Place] = []
        self.sales: list[Sold] = []
        self.answers: list[Answer] = []

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
            if any(isinstance(o, Operation) and o.kind == Kind.SALE for o in entry.operations):
                for operation in decode_entry(entry.raw).operations:
                    if isinstance(operation, Operation) and operation.kind == Kind.SALE:
                        self.sales.append(Sold(place, Sale.from_fields(operation.fields)))

    @property
    def entries(self) -> int:
        """How many entries were ever durable."""
        return len(self.hashes)
