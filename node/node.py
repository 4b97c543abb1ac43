"""The node: one till, one handheld gateway, or the back office, from `open` to the end of its `async with`.

    async with Node.open(directory) as node:
        sale = await node.open_sale()

Everything that a caller can do is here in one flat set of methods, the same for the API, for embedding and for tests; the
work is done in `counter`, `office` and `insight`. A node that is entered sells at once, whoever else is there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crdt_models.journal.entry import Entry
from crdt_models.journal.signatures import verify_ed25519
from crdt_models.till import Till
from crdt_models.values.identity import NodeId, StoreId, incarnation_of
from crdt_models.values.stamp import Place
from crdt_models.waiter import Waiter
from node import views
from node.clock import system_now
from node.config import Config, load
from node.counter import Counter
from node.disk.journal_store import JournalStore
from node.errors import NotOffered
from node.event_log import EventLog, tell_entries
from node.insight import Insight
from node.invitations import Inviting
from node.network.addresses import Address
from node.network.authority import Authority
from node.network.credentials import Credentials
from node.network.discovery import Discovery
from node.network.links import Links
from node.office import Office
from node.plugin_host import Host
from node.plugins import Plugin, PluginUnavailable, SqlLimits, load_plugins
from node.replication.effects import Alarm, Announcement, ClockOff, EntryRefused, PeerGreeted, PeerLost
from node.replication.events import Opened
from node.replication.replica import Replica
from node.running import Author, Running
from node.shell import Shell
from node.startup import Start, prepare
from node.wiring import Remembered, Wiring

if TYPE_CHECKING:
    from node.blocking import BlockingNode

log = logging.getLogger("tillmesh.node")

SWITCH_INTERVAL_S = 0.0005
"""How often threads give way: with CPython's 5 ms the disk's thread waits for the loop, measured as 369 ms for a commit."""
DRILL_UNTIL = "drill_until_ms"
"""What the disk remembers of a drill: its end, UTC milliseconds."""
DRILL_SECONDS_MAX = 86_400.0
"""A drill that a wrong clock would stretch ends after a day."""
HOUSEKEEPING_S = 1.0
"""Between two looks at what nobody asks for: late facts to repeat, who is still heard."""


class Node:
    """A running node; made by `open` only."""

    def __init__(
        self, running: Running, authority: Authority | None, inviting: Inviting | None, plugins: list[Plugin]
    ) -> None:
        self._running = running
        self._counter = Counter(running)
        self._office = Office(running, authority)
        self._insight = Insight(running)
        self._inviting = inviting
        self._plugins = plugins
        self.shop, self.config = running.shop, running.config

    @staticmethod
    def open(directory: Path | str, settings: Mapping[str, str] | None = None) -> AbstractAsyncContextManager[Node]:
        """The node whose data directory this is, running while entered. settings: as `-s` gives them.

        Raises ConfigError, BrokenTrust where `init` or `join` is missing, DirectoryInUse, DiskFailed.
        """
        return _opened(Path(directory), settings or {})

    @staticmethod
    def blocking(directory: Path | str, settings: Mapping[str, str] | None = None) -> BlockingNode:
        """The same for programs that are not async: `with Node.blocking(directory) as node: node.open_sale()`."""
        from node.blocking import BlockingNode

        return BlockingNode.open(directory, settings)

    # --- identity --------------------------------------------------------------------------------------------------

    @property
    def node_id(self) -> NodeId:
        """Its identity: the hash of its journal key."""
        return self._running.node

    @property
    def name(self) -> str:
        """Its display name, such as till-3."""
        return self._running.credentials.name

    @property
    def role(self) -> str:
        """Its role in the store."""
        return self._running.credentials.role

    @property
    def store(self) -> StoreId:
        """The store that it belongs to."""
        return self._running.credentials.store

    @property
    def link_port(self) -> int:
        """Where peers are heard."""
        return self._running.links.addresses[0].port

    @property
    def join_port(self) -> int | None:
        """Where joiners are let in, at the authority."""
        return None if self._inviting is None else self._inviting.port

    @property
    def running(self) -> Running:
        """Its parts; for programs that embed a node and for tests."""
        return self._running

    def readiness(self) -> str | None:
        """None when steps can be taken, else why not."""
        failed = self._running.shell.disk_failed
        return None if failed is None else f"the disk failed ({failed}): this node stops taking money"

    def name_of(self, node: bytes) -> str:
        """Display name of a node."""
        return self._running.name_of(node)

    # --- open sales ------------------------------------------------------------------------------------------------

    async def open_sale(
        self, training: bool = False, customer: str | None = None, note: str | None = None, **author: Any
    ) -> views.SaleView:
        """A new sale, held here."""
        return await self._counter.open_sale(Author(**author), training, customer, note)

    def open_sales(self) -> list[views.SaleView]:
        """Sales that are being rung up in the store."""
        return self._counter.open_sales()

    def sale(self, sale: str) -> views.SaleView:
        """One open sale, or what became of it."""
        return self._counter.sale(sale)

    async def add_line(self, sale: str, line: views.NewLine, **author: Any) -> views.SaleView:
        """A line, rung up."""
        return await self._counter.add_line(Author(**author), sale, line)

    async def void_line(self, sale: str, line: str, reason: str | None = None, **author: Any) -> views.SaleView:
        """A line or discount is taken back."""
        return await self._counter.void_line(Author(**author), sale, line, reason)

    async def set_customer(self, sale: str, customer: str | None, **author: Any) -> views.SaleView:
        """The sale's customer."""
        return await self._counter.set_customer(Author(**author), sale, customer)

    async def add_note(self, sale: str, text: str, **author: Any) -> views.SaleView:
        """A note on the sale."""
        return await self._counter.add_note(Author(**author), sale, text)

    async def add_discount(self, sale: str, discount: views.NewDiscount, **author: Any) -> views.SaleView:
        """A discount of its own."""
        return await self._counter.add_discount(Author(**author), sale, discount)

    async def void_sale(self, sale: str, reason: str, **author: Any) -> views.SaleView:
        """Cancel an open or suspended sale."""
        return await self._counter.void_sale(Author(**author), sale, reason)

    async def complete(
        self,
        sale: str,
        tenders: Sequence[views.NewTender],
        *,
        happened_at_ms: int | None = None,
        utc_offset_min: int | None = None,
        override_by: str | None = None,
        external_reference: str | None = None,
        **author: Any,
    ) -> views.Completed:
        """Pay an open sale: one entry, one receipt."""
        return await self._counter.complete(
            Author(**author), sale, tenders, happened_at_ms, utc_offset_min, (override_by, external_reference)
        )

    async def complete_basket(
        self,
        basket: views.Basket,
        tenders: Sequence[views.NewTender],
        *,
        happened_at_ms: int | None = None,
        utc_offset_min: int | None = None,
        override_by: str | None = None,
        external_reference: str | None = None,
        **author: Any,
    ) -> views.Completed:
        """A whole sale at once."""
        return await self._counter.complete_basket(
            Author(**author), basket, tenders, happened_at_ms, utc_offset_min, (override_by, external_reference)
        )

    # --- suspended sales and receipts ------------------------------------------------------------------------------

    async def suspend(
        self, sale: str, type: str, answers: Mapping[str, str], note: str | None = None, **author: Any
    ) -> views.SaleView:
        """Park a sale, for any till to retrieve."""
        return await self._counter.suspend(Author(**author), sale, type, answers, note)

    async def suspend_basket(
        self, basket: views.Basket, type: str, answers: Mapping[str, str], note: str | None = None, **author: Any
    ) -> views.SaleView:
        """Park a whole basket in one step."""
        return await self._counter.suspend_basket(Author(**author), basket, type, answers, note)

    def suspended_sales(self) -> list[views.SuspendedView]:
        """The parked sales of the store."""
        return self._counter.suspended_sales()

    async def retrieve(self, sale: str, **author: Any) -> views.Retrieved:
        """Take a parked sale here."""
        return await self._counter.retrieve(Author(**author), sale)

    async def take_over(self, sale: str, reason: str, **author: Any) -> views.Retrieved:
        """Take an open sale from a till that does not answer."""
        return await self._counter.take_over(Author(**author), sale, reason)

    def sales(self, limit: int, after: str | None = None, day: str | None = None) -> list[views.ReceiptView]:
        """Completed sales, oldest first."""
        return self._counter.sales(limit, after, day)

    def totals(self, day: str | None = None) -> list[views.TotalView]:
        """Sums by business day, terminal and currency."""
        return self._counter.totals(day)

    def receipt(self, receipt_no: str) -> views.ReceiptView:
        """A receipt, wherever it was made."""
        return self._counter.receipt(receipt_no)

    async def reprint(self, receipt_no: str, **author: Any) -> views.ReceiptView:
        """A copy of a receipt is printed."""
        return await self._counter.reprint(Author(**author), receipt_no)

    # --- records, tables, nodes ------------------------------------------------------------------------------------

    def records(self, table: str) -> list[views.RecordView]:
        """The records of a table."""
        return self._office.records(table)

    def record(self, table: str, key: str) -> views.RecordView:
        """One record."""
        return self._office.record(table, key)

    def check_record(self, table: str, key: str, value: Mapping[str, Any]) -> None:
        """Raises for what `put_records` would refuse."""
        self._office.check_record(table, key, value)

    async def put_records(
        self, table: str, rows: Sequence[tuple[str, Mapping[str, Any]]], **author: Any
    ) -> list[views.RecordView]:
        """Write records; all are checked before the first is written."""
        return await self._office.put_records(Author(**author), table, rows)

    def seatings(self) -> list[views.SeatingView]:
        """Every table at which guests sit."""
        return self._office.seatings()

    async def seat(self, table: str, covers: int, **author: Any) -> views.SeatingView:
        """Guests sit down."""
        return await self._office.seat(Author(**author), table, covers)

    async def seating_add_line(self, table: str, line: views.NewLine, **author: Any) -> views.SeatingView:
        """Something was ordered."""
        return await self._office.add_line(Author(**author), table, line)

    async def seating_void_line(
        self, table: str, line: str, reason: str | None = None, **author: Any
    ) -> views.SeatingView:
        """An order is taken back."""
        return await self._office.void_line(Author(**author), table, line, reason)

    async def clear_table(self, table: str, **author: Any) -> views.SeatingView:
        """The guests are gone."""
        return await self._office.clear_table(Author(**author), table)

    def nodes(self) -> list[views.NodeView]:
        """The store's roster."""
        return self._office.nodes()

    async def invite(self, name: str, role: str = "till") -> views.InviteView:
        """A single-use join token. Raises NotOffered where the authority is not held."""
        if self._inviting is None:
            raise NotOffered("inviting", "the store's authority is not held at this node; ask the back office")
        return await self._inviting.invite(name, role)

    async def revoke(self, node: str, reason: str, **author: Any) -> views.NodeView:
        """Shut a node out of the store."""
        return await self._office.revoke(Author(**author), node, reason)

    # --- insight ---------------------------------------------------------------------------------------------------

    def status(self) -> views.StatusView:
        """This node at a glance."""
        return self._insight.status()

    def peers(self) -> list[views.PeerView]:
        """Its peers, and the nodes that it does not reach."""
        return self._insight.peers()

    def heads(self) -> list[views.HeadView]:
        """How far each journal is held."""
        return self._insight.heads()

    def completeness(self) -> views.CompletenessView:
        """What its figures rest on."""
        return self._insight.completeness()

    def metrics(self) -> list[views.Metric]:
        """Samples for monitoring."""
        return self._insight.metrics()

    def events(self, after: str | None = None) -> AsyncIterator[views.Event]:
        """What happens, from now on or after an event's id."""
        return self._running.events.follow(after)

    async def drill(self, seconds: int) -> views.StatusView:
        """Cut all links of this node, logically, for so long, over restarts too, as a pulled cable would; 0 ends it."""
        if not self.config.drill_allowed:
            raise NotOffered("drill", "drill_allowed is false in this node's settings")
        until_ms = self._running.clock().wall_ms + seconds * 1000
        await self._running.store.remember(DRILL_UNTIL, str(until_ms).encode())
        if seconds:
            self._running.links.drill(seconds)
        else:
            self._running.links.heal()
        return self.status()

    async def sql(self, statement: str, rows_max: int) -> views.SqlView:
        """Read-only SQL in the warehouse. Raises NotOffered where there is none."""
        for plugin in self._plugins:
            if plugin.sql is not None:
                limits = SqlLimits(float(self.config.sql_seconds_max), min(rows_max, self.config.sql_rows_max))
                result = await plugin.sql(statement, limits)
                return views.SqlView(
                    columns=list(result.columns),
                    rows=[list(row) for row in result.rows],
                    truncated=result.truncated,
                    rests_on=self.completeness(),
                )
        raise NotOffered("SQL", "this node has no warehouse; ask the back office")

    # --- housekeeping ----------------------------------------------------------------------------------------------

    async def housekeep(self) -> None:
        """Repeat late facts, notice who is heard, show what people should know; until cancelled."""
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self._insight.note_heard()
            late = self._running.till.repeat_late()
            if late and self._running.shell.disk_failed is None:
                await self._running.do(Author(via="system"), self._running.till.repeat_late)
            for number in self.shop.sales.doubles():
                self._running.alarm("double_number", f"receipt number {number} was given out twice: see both receipts")
            for conflict in self.shop.claims.conflicts():
                names = ", ".join(self.name_of(claim.node) for claim in conflict.members)
                self._running.alarm(
                    f"conflict {conflict.id.hex()[:8]}", f"{conflict.resource} was completed more than once, by {names}"
                )


@asynccontextmanager
async def _opened(directory: Path, settings: Mapping[str, str]) -> AsyncIterator[Node]:
    config = load(directory, settings)
    credentials = Credentials.load(directory)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    alarms: list[tuple[str, str]] = []
    async with await JournalStore.open(directory, on_alarm=lambda code, text: alarms.append((code, text))) as store:
        start = await prepare(config, credentials, store, os.urandom)
        replica = Replica(start.shop, start.writer, start.held, start.opening, verify_ed25519)
        shell = Shell(replica, store, system_now, start.mark)
        wiring = Wiring(shell)
        remembered = Remembered(store)
        await remembered.load()
        links = Links(
            credentials,
            wiring,
            [Address(config.link_host, config.link_port)],
            process=incarnation_of(start.writer.journal),
            remember=remembered.note,
        )
        async with asyncio.TaskGroup() as tasks:
            service = [tasks.create_task(shell.run(), name="disk"), tasks.create_task(remembered.run(), name="memory")]
            shell.wires = wiring
            wiring.links = links
            shell.handle(Opened(system_now()))
            cut_s = await _drill_left_s(store)
            if cut_s > 0:
                links.drill(cut_s)
            try:
                async with links:
                    discovery = Discovery(
                        credentials.store,
                        links.own,
                        links.addresses[0].port,
                        links,
                        interfaces=config.mdns_interfaces,
                        static=config.peers,
                        remembered=lambda: tuple(remembered.known.items()),
                        mdns=config.mdns,
                    )
                    running = _running(config, credentials, store, start, shell, links, discovery)
                    async with discovery, _serving(running, alarms) as node:
                        service.append(tasks.create_task(node.housekeep(), name="housekeeping"))
                        start.settle()
                        yield node
            finally:
                for task in service:
                    task.cancel()


async def _drill_left_s(store: JournalStore) -> float:
    """Seconds that a drill goes on which an earlier process of this node began."""
    raw = await store.recall(DRILL_UNTIL)
    left_s = 0.0 if raw is None else int(raw) / 1000 - system_now().wall_ms / 1000
    return min(left_s, DRILL_SECONDS_MAX) if left_s > 0 else 0.0


def _running(
    config: Config,
    credentials: Credentials,
    store: JournalStore,
    start: Start,
    shell: Shell,
    links: Links,
    discovery: Discovery,
) -> Running:
    def next_place() -> Place:
        return Place(start.writer.journal, start.writer.seq + 1)

    return Running(
        config=config,
        credentials=credentials,
        clock=system_now,
        store=store,
        shop=start.shop,
        shell=shell,
        till=Till(start.shop, credentials.node, credentials.name, os.urandom, next_place, start.series),
        waiter=Waiter(start.shop, os.urandom, next_place),
        links=links,
        discovery=discovery,
        events=EventLog(incarnation_of(start.writer.journal).hex()),
        started_ms=time.time_ns() // 1_000_000,
        doubts=start.doubts,
    )


@asynccontextmanager
async def _serving(running: Running, alarms: list[tuple[str, str]]) -> AsyncIterator[Node]:
    """The node with its events, its authority and its plugins, in service."""
    for code, text in alarms:
        running.alarm(code, text)
    if running.doubts:
        running.alarm("doubtful_start", "; ".join(running.doubts))
    _tell(running)
    authority = inviting = None
    if running.credentials.is_authority:
        authority = Authority.load(running.config.data_directory)
        inviting = Inviting(authority, running)
    plugins = _wanted_plugins(running.config, running.credentials.role)
    node = Node(running, authority, inviting, plugins)
    started: list[Plugin] = []
    try:
        if inviting is not None:
            await inviting.start()
        for plugin in list(plugins):
            try:
                await plugin.start(Host(running))
                started.append(plugin)
            except PluginUnavailable as error:
                if running.config.warehouse == "on":
                    raise
                plugins.remove(plugin)
                log.info("a plugin is not active: %s", error)
        yield node
    finally:
        for plugin in reversed(started):
            await plugin.stop()
        if inviting is not None:
            await inviting.stop()


def _wanted_plugins(config: Config, role: str) -> list[Plugin]:
    if config.warehouse == "off":
        return []
    return [plugin for plugin in load_plugins() if config.warehouse == "on" or role in plugin.roles]


def _tell(running: Running) -> None:
    """Turn announcements and durable entries into events and alarms."""

    def announced(announcement: Announcement) -> None:
        now_ms = running.clock().wall_ms
        match announcement:
            case PeerGreeted(node=node, name=name):
                running.events.add("peer_connected", now_ms, {"node": name or running.name_of(node)})
            case PeerLost(node=node, reason=reason):
                running.events.add("peer_lost", now_ms, {"node": running.name_of(node), "reason": reason})
            case Alarm(code=code, text=text):
                running.alarm(code, text)
            case EntryRefused(journal=journal, seq=seq, reason=reason):
                running.alarm("entry_refused", f"number {seq} of {running.name_of(journal[:16])} was refused: {reason}")
            case ClockOff(off=True, off_ms=off_ms):
                running.alarm("clock_off", f"this node's clock is {off_ms // 1000} s away from the shop's")
            case ClockOff():
                with suppress(KeyError):
                    del running.alarms["clock_off"]
            case _:
                pass

    def durable(entries: Sequence[Entry]) -> None:
        tell_entries(running.events, running.shop, entries, running.clock().wall_ms)

    running.shell.observe(announced)
    running.shell.subscribe(durable)
