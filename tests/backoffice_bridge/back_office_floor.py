"""A back office for tests: a host with a fold and a list for a disk, and tills that sell on the test store's floor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from backoffice_bridge.plugin import BackOffice
from crdt_models import operations
from crdt_models.journal.entry import Entry
from crdt_models.sales.lines import TenderLine
from crdt_models.sales.receipt_no import ReceiptNo, series_name
from crdt_models.sales.sale import Sale
from crdt_models.values.identity import JournalId, NodeId, incarnation_of, short_name
from node.plugins import SqlLimits, SqlResult
from tests.crdt_models.sales.sales_examples import line, new_id
from tests.crdt_models.sales.sales_examples import sale as plain_sale
from tests.crdt_models.shop_floor import STORE, FloorNode, new_shop

NOW_MS = 1_760_011_200_000
PLENTY = SqlLimits(20.0, 10_000)


class Till(FloorNode):
    """A floor node that completes sales."""

    def __init__(self, name: str, role: str = "till") -> None:
        super().__init__(name, role)
        self.number = 0

    def sell(self, *amounts: int, **changes: Any) -> Entry:
        """One completed sale, a line per amount, paid in cash; changes: fields of the sale."""
        return self.do(operations.sale(self.sale(*amounts, **changes).to_fields()))

    def sale(self, *amounts: int, **changes: Any) -> Sale:
        """The next sale of this till."""
        self.number += 1
        kind, training = changes.get("kind", "sale"), changes.get("training", False)
        fields: dict[str, Any] = {
            "sale_id": new_id(int.from_bytes(self.node[:4], "big") * 100_000 + self.number),
            "receipt": ReceiptNo(
                STORE, self.name, series_name(kind, training, incarnation_of(self.journal)), self.number
            ),
            "lines": tuple([line(place, amount) for place, amount in enumerate(amounts, 1)]),
            "tenders": (TenderLine("cash", sum(amounts)),),
        }
        return plain_sale(**{**fields, **changes})


class Host:
    """Implements `node.plugins.PluginHost`: what is persisted here is durable at once."""

    def __init__(self, directory: Path, group: int = 50) -> None:
        self.directory = directory
        self.shop = new_shop()
        self.disk: list[tuple[Entry, int]] = []
        self.now_ms = NOW_MS
        self.announced: list[tuple[str, str]] = []
        self.reads = 0
        self._group = group
        self._callbacks: list[Callable[[Sequence[Entry]], None]] = []

    def persist(self, *entries: Entry) -> None:
        """Entries became durable: they are folded, on disk, and told."""
        self.write(*entries)
        for callback in self._callbacks:
            callback(entries)

    def write(self, *entries: Entry) -> None:
        """Entries are folded and on disk, and nobody is told."""
        self.now_ms += 7
        for entry in entries:
            self.shop.fold(entry)
            self.disk.append((entry, self.now_ms))

    def subscribe(self, callback: Callable[[Sequence[Entry]], None]) -> None:
        self._callbacks.append(callback)

    async def entries_after(self, heads: Mapping[JournalId, int]) -> AsyncIterator[Sequence[tuple[Entry, int]]]:
        self.reads += 1
        left = [pair for pair in self.disk if pair[0].seq > heads.get(pair[0].journal, 0)]
        for start in range(0, len(left), self._group):
            await asyncio.sleep(0)
            yield left[start : start + self._group]

    def wall_ms(self) -> int:
        return self.now_ms

    def announce(self, code: str, text: str) -> None:
        self.announced.append((code, text))

    def name_of(self, node: NodeId) -> str:
        opened = self.shop.roster.nodes().get(node)
        return short_name(node) if opened is None else opened.credential.name


class Office:
    """A started plugin on a host; `async with`."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.plugin = BackOffice()

    async def __aenter__(self) -> Office:
        await self.plugin.start(self.host)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.plugin.stop()

    async def sql(self, query: str, bounds: SqlLimits = PLENTY) -> SqlResult:
        """One analyst's query."""
        run = self.plugin.sql
        assert run is not None
        return await run(query, bounds)

    async def loaded(self, sales: int) -> None:
        """Returns once so many rows of `sales` are there; fails after a while."""
        async with asyncio.timeout(20):
            while (await self.sql("SELECT count(*) FROM sales")).rows[0][0] != sales:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def checksum(self) -> str:
        """The loader's checksum of the content."""
        assert self.plugin.loader is not None
        return await self.plugin.loader.checksum()


def rows_in(path: Path, query: str) -> list[tuple[Any, ...]]:
    """A query on a file that nobody has open."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def in_office(host: Host, work: Callable[[Office], Coroutine[Any, Any, Any]]) -> Any:
    """Runs `work` in a started office, and stops it."""

    async def run() -> Any:
        async with Office(host) as office:
            return await work(office)

    return asyncio.run(run())


async def all_loaded(office: Office) -> str:
    """The checksum once every sale of the fold is a row."""
    await office.loaded(len(office.host.shop.sales))
    return await office.checksum()


def trade(host: Host, tills: int = 3, sales_each: int = 20) -> list[Till]:
    """Tills that sold, everything on the host's disk."""
    shop = [Till(f"till-{number}") for number in range(1, tills + 1)]
    for till in shop:
        for number in range(sales_each):
            till.sell(100 + number, 50)
    for till in shop:
        host.write(*till.entries)
    return shop
