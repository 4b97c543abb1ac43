"""How soon a sale is a row, how fast a journal loads against a bare Arrow append, and what a slow query costs a load.

Beside goal 6's way of a sale (`bench_sale_path`): here the sales are already durable when the clock starts, made by hand, so
that loading is seen alone.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from bench.figures import Figure, Spread, median, ratios, spread
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
ROUND_S: Final = 2.0
LOADED: Final = 4_000
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
    """Seconds from durable to committed row, one per sale, at a steady pace; query: what an analyst runs meanwhile."""
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
        return [end - start for start, end in zip(durable, taken, strict=True)]


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


def measure() -> list[Figure]:
    """All rounds, with a loop of its own for each."""
    alone: list[Spread] = []
    queried: list[Spread] = []
    for _ in range(ROUNDS):
        for out, query in ((alone, None), (queried, SLOW)):
            out.append(spread(asyncio.run(sale_to_row(50, ROUND_S, query))))
    till = Till()
    entries = [till.sell() for _ in range(LOADED)]
    shares, rates = [], []
    for _ in range(ROUNDS):
        bare, whole = bare_append(entries), load(entries)
        shares.append(bare / whole)
        rates.append(len(entries) / whole)
    slower = ratios([each.p90_ms for each in queried], [each.p90_ms for each in alone])
    return [
        Figure(
            number="6",
            name="durable sale is a row while a query takes both cores, p90",
            value=median(slower),
            unit="x without",
            rounds=slower,
            seen=f"{median([each.p90_ms for each in queried]):.1f} ms, alone {median([each.p90_ms for each in alone]):.1f}",
        ),
        Figure(
            number="6",
            name=f"load of {LOADED:,} sales of {LINES} lines, decoding included",
            value=median(shares),
            unit="x bare append",
            goal=0.5,
            at_worst=0.25,
            higher_is_better=True,
            rounds=tuple(shares),
            seen=f"{median(rates):,.0f} sales/s; bare: an Arrow append of ready columns",
        ),
    ]
