"""How soon a sale is a row, how fast a journal loads against a bare Arrow append, and what a slow query costs a load.

Run: python -m bench.bench_warehouse. Prints ratios inside one run, medians of interleaved rounds (PERFORMANCE.md). The
sales are already durable when the clock starts: the path from till to back office is another benchmark's.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb

from backoffice_bridge.plugin import BackOffice
from backoffice_bridge.warehouse.file import open_warehouse
from backoffice_bridge.warehouse.rows import Arrival, Rows
from backoffice_bridge.warehouse.schema import ddl
from crdt_models import operations
from crdt_models.journal.entry import Entry, Writer
from crdt_models.journal.signatures import StandInSigner
from crdt_models.sales.lines import SaleLine, TenderLine
from crdt_models.sales.receipt_no import ReceiptNo
from crdt_models.sales.sale import Sale
from crdt_models.values.identity import Incarnation, JournalId, NodeId, StoreId, journal_id, node_id
from crdt_models.values.quantity import ONE, ScaledPrice
from crdt_models.values.stamp import Place, Stamp
from node.plugins import QueryTooSlow, SqlLimits

STORE: Final = StoreId(bytes(16))
LINES: Final = 10
ROUNDS: Final = 5
SLOW: Final = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3"


class Till:
    """Writes sales of ten lines."""

    def __init__(self) -> None:
        signer = StandInSigner(b"bench")
        self.journal = journal_id(node_id(signer.public_key), Incarnation(bytes(8)))
        self._writer = Writer(STORE, self.journal, signer, bytes)

    def sell(self) -> Entry:
        """The next sale."""
        number = self._writer.seq + 1
        lines = tuple(
            [
                SaleLine(
                    place, (number * 100 + place).to_bytes(16, "big"), "item", f"item-{place}", {"en": f"Thing {place}"},
                    ONE, ScaledPrice(100 + place), 100 + place, 0, "A", 190_000, True, "half_up", 16,
                )
                for place in range(1, LINES + 1)
            ]
        )  # fmt: skip
        total = sum(line.amount_minor for line in lines)
        sale = Sale(
            number.to_bytes(16, "big"), ReceiptNo(STORE, "till-1", "S-AAAAAA", number), "sale", False,
            1_760_011_200_000 + number, 60, "2025-10-09", "EUR", 2, lines, (TenderLine("cash", total),),
        )  # fmt: skip
        return self._writer.write([operations.step(), operations.sale(sale.to_fields())], Stamp(number, 0))


class Shop:
    """The fold of a shop where everything counts."""

    store = STORE
    refused: Container[tuple[Place, int]] = frozenset()


class Host:
    """A node whose disk is a list."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.shop = directory, Shop()
        self._callback: Callable[[Sequence[Entry]], None] | None = None

    def persisted(self, entry: Entry) -> None:
        """An entry became durable."""
        assert self._callback is not None
        self._callback((entry,))

    def subscribe(self, callback: Callable[[Sequence[Entry]], None]) -> None:
        self._callback = callback

    async def entries_after(self, heads: Mapping[JournalId, int]) -> AsyncIterator[Sequence[tuple[Entry, int]]]:
        await asyncio.sleep(0)
        nothing: Sequence[tuple[Entry, int]] = ()
        yield nothing

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def announce(self, code: str, text: str) -> None:
        print(f"{code}: {text}")

    def name_of(self, node: NodeId) -> str:
        return "till-1"


async def sale_to_row(per_second: int, seconds: float, query: str | None) -> list[float]:
    """Milliseconds from durable to committed row, one per sale, at a steady pace; query: what an analyst runs meanwhile."""
    with tempfile.TemporaryDirectory() as directory:
        host, till, plugin = Host(Path(directory)), Till(), BackOffice()
        await plugin.start(host)
        loader = plugin.loader
        assert loader is not None and plugin.sql is not None
        await loader.caught_up()
        count = int(per_second * seconds)
        entries = [till.sell() for _ in range(count)]
        durable: list[float] = []
        taken: list[float] = []

        async def watch() -> None:
            while len(taken) < count:
                await asyncio.sleep(0.001)
                now = time.perf_counter()
                taken.extend([now] * (loader.sales_loaded - len(taken)))

        watching = asyncio.create_task(watch())
        asking = asyncio.ensure_future(plugin.sql(query, SqlLimits(seconds, 10))) if query else None
        began = time.perf_counter()
        for number, entry in enumerate(entries):
            await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
            durable.append(time.perf_counter())
            host.persisted(entry)
        await watching
        if asking is not None:
            with contextlib.suppress(QueryTooSlow):
                await asking
        await plugin.stop()
        return sorted((end - start) * 1_000 for start, end in zip(durable, taken, strict=True))


def load(entries: Sequence[Entry]) -> float:
    """Seconds to decode and load these entries in groups of 500, as a rebuild does."""
    with tempfile.TemporaryDirectory() as directory:
        file = open_warehouse(Path(directory) / "w.duckdb", STORE, 0)
        began = time.perf_counter()
        for start in range(0, len(entries), 500):
            group = entries[start : start + 500]
            arrivals = [Arrival(entry, 0, (1,), 0, "till-1") for entry in group]
            file.load(arrivals, {group[-1].journal: group[-1].seq}, lambda _: "till-1", 0)
        seconds = time.perf_counter() - began
        file.close()
        return seconds


def bare_append(entries: Sequence[Entry]) -> float:
    """Seconds to append the same rows, made ready as Arrow before the clock starts, without heads."""
    groups = []
    for start in range(0, len(entries), 500):
        rows = Rows()
        for entry in entries[start : start + 500]:
            rows.add(Arrival(entry, 0, (1,), 0, "till-1"))
        groups.append(rows.tables())
    with tempfile.TemporaryDirectory() as directory, duckdb.connect(str(Path(directory) / "w.duckdb")) as connection:
        for statement in ddl():
            connection.execute(statement)
        began = time.perf_counter()
        for tables in groups:
            connection.execute("BEGIN")
            for table, arrow in tables.items():
                connection.register("arrived", arrow)
                connection.execute(f"INSERT INTO {table} SELECT * FROM arrived")
            connection.execute("COMMIT")
        return time.perf_counter() - began


def main() -> None:
    """Prints the figures."""
    alone: list[tuple[float, float]] = []
    queried: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        for out, query in ((alone, None), (queried, SLOW)):
            times = asyncio.run(sale_to_row(50, 3, query))
            out.append((times[len(times) // 2], times[len(times) * 9 // 10]))
    for name, out in (("nobody asks", alone), ("a query takes both cores", queried)):
        p50, p90 = (statistics.median(column) for column in zip(*out, strict=True))
        print(f"sale to row, 50/s, {name}: p50 {p50:.1f} ms, p90 {p90:.1f} ms")
    print(
        f"  ratio of p90 with the query: {statistics.median(q[1] / a[1] for q, a in zip(queried, alone, strict=True)):.2f}"
    )
    till = Till()
    entries = [till.sell() for _ in range(5_000)]
    ratios, rates = [], []
    for _ in range(ROUNDS):
        bare, whole = bare_append(entries), load(entries)
        ratios.append(bare / whole)
        rates.append(len(entries) / whole)
    print(
        f"load of {len(entries):,} sales of {LINES} lines, decoding included: {statistics.median(rates):,.0f} sales/s, "
        f"{statistics.median(ratios):.2f} of a bare Arrow append of ready columns"
    )


if __name__ == "__main__":
    main()
