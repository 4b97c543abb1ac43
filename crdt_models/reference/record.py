"""Records: whole values under (table, key), the newest wins, on every node the same one.

"Newest" is (version, stamp, node): the version is 1 + the highest that the author held for the key, so a price written
by a clock in next year loses against the next person who sees and changes it (RULES T1). Wall time alone was refused:
it lets such a price win for a year. A value is replaced whole; two people who change two fields of one item while apart
end with one of the two values, and the table's shapes are cut so that this is rare (a person's data apart from the
account, prices apart from items). A removed record is a record without a value: it keeps its version, so that a node
that slept does not bring the old one back.
`RecordTable.put` takes records in any order, any grouping, any number of times and ends the same. It never judges a value:
who may write, and the shape, were asked elsewhere (`tables.may_write` by the fold, `tables.validate` by the author).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from crdt_models.journal import canonical
from crdt_models.values.stamp import Stamp


class Record(NamedTuple):
    """One writing of one record. version: from 1; value: whole, None for a removed record; node: 16 bytes, who wrote."""

    table: str
    key: str
    version: int
    value: Mapping[str, Any] | None
    stamp: Stamp
    node: bytes

    @property
    def order(self) -> tuple[int, Stamp, bytes]:
        """What decides between two writings of one key: the greater stays."""
        return (self.version, self.stamp, self.node)


class RecordTable:
    """All tables: per (table, key) the record that stays. A map of registers; see the module for the order."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, Record]] = {}

    def put(self, record: Record) -> bool:
        """Take a record in; whether what `get` answers changed."""
        table = self._tables.setdefault(record.table, {})
        held = table.get(record.key)
        if held is not None and not _stays(record, held):
            return False
        table[record.key] = record
        return True

    def get(self, table: str, key: str) -> Record | None:
        """The record, or None where there is none or it was removed."""
        record = self._tables.get(table, {}).get(key)
        return None if record is None or record.value is None else record

    def value(self, table: str, key: str) -> Mapping[str, Any] | None:
        """The record's value, or None where there is none or it was removed."""
        record = self._tables.get(table, {}).get(key)
        return None if record is None else record.value

    def next_version(self, table: str, key: str) -> int:
        """The version that a new writing of the key must carry; counts removed records too (RULES T1)."""
        record = self._tables.get(table, {}).get(key)
        return 1 if record is None else record.version + 1

    def rows(self, table: str) -> list[Record]:
        """The records of one table that are not removed, by key."""
        found = self._tables.get(table, {})
        return [found[key] for key in sorted(found) if found[key].value is not None]

    def __iter__(self) -> Iterator[Record]:
        """All records, removed ones included, by (table, key)."""
        for _, table in sorted(self._tables.items()):
            for _, record in sorted(table.items()):
                yield record

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables.values())

    def content(self) -> list[object]:
        """All that is known, as plain values in one order, for the shop's digest."""
        return [[r.table, r.key, r.version, r.value, list(r.stamp), r.node] for r in self]


def _stays(new: Record, held: Record) -> bool:
    if new.order != held.order:
        return new.order > held.order
    return canonical.encode(new.value) > canonical.encode(held.value)
