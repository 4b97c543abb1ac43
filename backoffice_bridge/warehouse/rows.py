"""Sales as columns: what one load carries into DuckDB.

Arrow columns and not rows: `executemany` with a key loads 200 to 600 rows a second, Arrow 230,000 and more. A sale is
decoded here once more rather than taken from the fold, because a rebuild reads journals older than the fold holds; what
the fold refused is refused here too, operation by operation, or the warehouse would show a sale that no screen shows.
Times beyond the calendar (a clock that is years off must not stop a load) are stored as its first or last day.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Final

import pyarrow as pa

from backoffice_bridge.warehouse.schema import SALE_LINES, SALES, TENDERS, Column
from crdt_models import operations
from crdt_models.errors import MalformedBytes
from crdt_models.journal.entry import Entry
from crdt_models.journal.operation import VIA_HANDHELD, VIA_SYSTEM, VIA_TILL, Dropped, Operation
from crdt_models.operations import Kind
from crdt_models.sales.sale import Sale
from crdt_models.values.identity import JournalId
from crdt_models.values.stamp import Place

FIRST_MS: Final = -62_135_596_800_000
"""1 January of the year 1, UTC milliseconds: the earliest moment that DuckDB and its readers both write."""
LAST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""
INTEGER_MAX: Final = (1 << 63) - 1

_VIA: Final = {VIA_TILL: "till", VIA_HANDHELD: "handheld", VIA_SYSTEM: "system"}
_TEXT: Final = pa.string()
_ARROW: Final = {
    "VARCHAR": _TEXT,
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("ms"),
    "VARCHAR[]": pa.list_(_TEXT),
    "MAP(VARCHAR, VARCHAR)": pa.map_(_TEXT, _TEXT),
    "STRUCT(receipt_no VARCHAR, line_no INTEGER, kind VARCHAR, by_line INTEGER)[]": pa.list_(
        pa.struct([("receipt_no", _TEXT), ("line_no", pa.int32()), ("kind", _TEXT), ("by_line", pa.int32())])
    ),
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """An entry to load. known_at_ms: when it became durable here; counted: the operations that hold sales that count;
    skipped: how many sales in it do not; node_name: the writer's display name."""

    entry: Entry
    known_at_ms: int
    counted: tuple[int, ...]
    skipped: int
    node_name: str


@dataclass(slots=True)
class Rows:
    """The rows of one load, by table, each in the order of its columns in `schema`."""

    sales: list[tuple[Any, ...]] = field(default_factory=list)
    sale_lines: list[tuple[Any, ...]] = field(default_factory=list)
    tenders: list[tuple[Any, ...]] = field(default_factory=list)
    skipped: dict[JournalId, int] = field(default_factory=dict)

    def add(self, arrival: Arrival) -> None:
        """The rows of one entry; a sale that does not decode is skipped and counted."""
        entry = arrival.entry
        skipped = arrival.skipped
        for index in arrival.counted:
            operation = entry.operations[index]
            assert isinstance(operation, Operation)
            try:
                sale = Sale.from_fields(operation.fields)
            except MalformedBytes:
                skipped += 1
                continue
            self._add_sale(arrival, index, operation, sale)
        if skipped:
            self.skipped[entry.journal] = self.skipped.get(entry.journal, 0) + skipped

    def tables(self) -> dict[str, pa.Table]:
        """Arrow tables by name, those without rows left out."""
        return {
            name: arrow_table(columns, rows)
            for name, columns, rows in (
                ("sales", SALES, self.sales),
                ("sale_lines", SALE_LINES, self.sale_lines),
                ("tenders", TENDERS, self.tenders),
            )
            if rows
        }

    def _add_sale(self, arrival: Arrival, index: int, operation: Operation, sale: Sale) -> None:
        entry, receipt, by = arrival.entry, sale.receipt, operation.by
        key = (entry.journal.hex(), entry.seq, index, sale.sale_id.hex())
        self.sales.append(
            (
                *key,
                receipt.text,
                receipt.terminal,
                receipt.series,
                receipt.number,
                sale.kind,
                sale.training,
                _day(sale.business_day),
                in_calendar(sale.happened_at_ms),
                sale.utc_offset_min,
                in_calendar(entry.stamp.wall_ms),
                in_calendar(arrival.known_at_ms),
                sale.currency,
                sale.exponent,
                sale.total_minor,
                sale.tax_minor,
                sale.tendered_minor,
                len(sale.lines),
                sale.customer,
                None if by is None else by[0],
                None if by is None else max(-INTEGER_MAX, min(by[1], INTEGER_MAX)),
                _VIA.get(operation.via, f"via {operation.via}"),
                sale.override_by,
                _hex(sale.document),
                _hex(sale.claim),
                sale.claim_epoch,
                sale.external_reference,
                list(sale.notes),
                [(link.receipt, link.line_no, link.kind, link.by_line) for link in sale.links],
                entry.store.hex(),
                entry.node.hex(),
                arrival.node_name,
            )
        )
        for line in sale.lines:
            names = line.names
            self.sale_lines.append(
                (
                    *key,
                    line.line_no,
                    line.line_id.hex(),
                    line.kind,
                    line.item_id,
                    names.get("en") or next((text for _, text in sorted(names.items())), None),
                    sorted(names.items()),
                    line.quantity.value,
                    line.quantity.scale,
                    line.unit_price.value,
                    line.unit_price.scale,
                    line.amount_minor,
                    line.discount_minor,
                    line.tax_code,
                    line.tax_rate_ppm,
                    line.tax_included,
                    line.tax_rounding,
                    line.tax_minor,
                    line.barcode,
                    line.serial,
                    line.department,
                )
            )
        for number, tender in enumerate(sale.tenders, 1):
            foreign = tender.foreign
            self.tenders.append(
                (
                    *key,
                    number,
                    tender.tender_type,
                    tender.amount_minor,
                    *(
                        (None, None, None, None, None)
                        if foreign is None
                        else (
                            foreign.currency,
                            foreign.exponent,
                            foreign.amount_minor,
                            foreign.rate_value,
                            foreign.rate_scale,
                        )
                    ),
                    tender.reference,
                    tender.account,
                )
            )


def sales_in(entry: Entry, refused: Container[tuple[Place, int]]) -> tuple[tuple[int, ...], int]:
    """(operations of the entry that are sales which count, how many sales in it do not)."""
    counted: list[int] = []
    skipped = 0
    for index, operation in enumerate(entry.operations):
        if isinstance(operation, Dropped) or operation.kind != Kind.SALE:
            continue
        if operations.is_known(operation) and (entry.place, index) not in refused:
            counted.append(index)
        else:
            skipped += 1
    return tuple(counted), skipped


def arrow_table(columns: Iterable[Column], rows: list[tuple[Any, ...]]) -> pa.Table:
    """The rows as an Arrow table with the columns' names and types."""
    names = [column.name for column in columns]
    types = [_ARROW[column.type] for column in columns]
    values = zip(*rows, strict=True)
    arrays = [pa.array(list(value), type=type_) for value, type_ in zip(values, types, strict=True)]
    return pa.Table.from_arrays(arrays, names=names)


def in_calendar(wall_ms: int) -> int:
    """UTC milliseconds, moved to the nearest moment of the years 1 to 9999."""
    return max(FIRST_MS, min(wall_ms, LAST_MS))


@lru_cache(maxsize=512)
def _day(text: str) -> date:
    return date.fromisoformat(text)


def _hex(raw: bytes | None) -> str | None:
    return None if raw is None else raw.hex()
