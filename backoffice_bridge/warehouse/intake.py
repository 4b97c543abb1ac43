"""What became durable and is not loaded yet: collected on the node's loop, taken away in one piece by the loader.

Bounded: when the loader is slow, entries are dropped here and read from disk later, because the journals hold them
anyway and a till must never wait for a warehouse. Entries without sales leave only their number.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field

from backoffice_bridge.warehouse.rows import Arrival, sales_in
from crdt_models.journal.entry import Entry
from crdt_models.values.identity import JournalId, NodeId
from crdt_models.values.stamp import Place


@dataclass(slots=True)
class Gathered:
    """One piece of intake. first, last: the range seen per journal; broken: entries are missing in it, read the disk."""

    arrivals: list[Arrival] = field(default_factory=list)
    first: dict[JournalId, int] = field(default_factory=dict)
    last: dict[JournalId, int] = field(default_factory=dict)
    broken: bool = False

    def __bool__(self) -> bool:
        return bool(self.last)

    def add(self, arrival: Arrival) -> None:
        """Takes one entry in; it is kept only if it holds a sale that counts or one that must be counted as skipped."""
        entry = arrival.entry
        last = self.last.get(entry.journal)
        if last is None:
            self.first[entry.journal] = entry.seq
        elif entry.seq != last + 1:
            self.broken = True
        self.last[entry.journal] = entry.seq
        if arrival.counted or arrival.skipped:
            self.arrivals.append(arrival)


class Intake:
    """refused: the fold's refused operations; name_of: display names; entries_max: how many entries with sales wait."""

    def __init__(
        self, refused: Container[tuple[Place, int]], name_of: Callable[[NodeId], str], entries_max: int
    ) -> None:
        self._refused, self._name_of, self._entries_max = refused, name_of, entries_max
        self._gathered = Gathered()

    def arrival(self, entry: Entry, known_at_ms: int) -> Arrival:
        """The entry as the loader wants it; judged now, on the loop, since the fold changes under any other thread."""
        counted, skipped = sales_in(entry, self._refused)
        name = self._name_of(entry.node) if counted else ""
        return Arrival(entry, known_at_ms, counted, skipped, name)

    def take(self, entries: Sequence[Entry], known_at_ms: int) -> None:
        """Entries that became durable, in order within a journal."""
        gathered = self._gathered
        for entry in entries:
            gathered.add(self.arrival(entry, known_at_ms))
        if len(gathered.arrivals) > self._entries_max:
            gathered.arrivals.clear()
            gathered.broken = True

    @property
    def waiting(self) -> int:
        """Entries with sales that wait."""
        return len(self._gathered.arrivals)

    def __bool__(self) -> bool:
        return bool(self._gathered)

    def gathered(self) -> Gathered:
        """All that came since the last call."""
        gathered, self._gathered = self._gathered, Gathered()
        return gathered
