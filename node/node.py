"""The node: one till, one handheld gateway, or the back office, from `open` to the end of its `async with`.

    async with Node.open(directory) as node:
        sale = await node.open_sale()

Everything that a caller can do is here in one flat set of methods, the same for the API, for embedding and for tests; the
work is done in `counter`, `office` and `insight`. A node that is entered sells at once, whoever else is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crdt_models.values.identity import NodeId, StoreId
from node import views
from node.counter import Counter
from node.errors import DiskFailed, NotOffered, NotReady
from node.insight import Insight
from node.invitations import Inviting
from node.network.authority import Authority
from node.network.diagnosis import diagnose
from node.office import Office
from node.plugins import Plugin, SqlLimits
from node.running import Author, Running

if TYPE_CHECKING:
    from node.blocking import BlockingNode

log = logging.getLogger("tillmesh.node")

DRILL_UNTIL = "drill_until_ms"
"""What the disk remembers of a drill: its end, UTC milliseconds."""
NO_PEER = "no_peer"
"""Code of the alarm that says why no peer is seen."""
EXPLAIN_ALONE_S = 10.0
"""Between two explanations why nobody is reached; the first comes after a second."""
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
        from node.service import opened

        return opened(Path(directory), settings or {})

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

    @property
    def plugins(self) -> Sequence[Plugin]:
        """The plugins that are started; for programs that embed a node and for tests."""
        return tuple(self._plugins)

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

    def events(self, after: str | None = None) -> AsyncGenerator[views.Event, None]:
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

    async def _repeat_late(self) -> None:
        """Repeat late facts for people to see (RULES O2); where the disk takes nothing, another process will."""
        for late in self._running.till.repeat_late():
            with suppress(DiskFailed, NotReady):
                await self._running.do(Author(via="system"), lambda late=late: late)  # type: ignore[misc]

    async def _explain_alone(self) -> None:
        """Say in plain words why no peer is seen (FIELD story 17)."""
        if self._running.credentials.is_authority and len(self.shop.roster.nodes()) <= 1:
            return  # the first node of a store is alone by right
        findings = await diagnose(self._running.links, self._running.discovery)
        if not self._running.shell.greeted:
            reasons = " ".join(found.text for found in findings) or "nothing has failed, nobody has answered yet"
            self._running.alarm(NO_PEER, f"no other node is reached: {reasons}")

    # --- housekeeping ----------------------------------------------------------------------------------------------

    async def housekeep(self) -> None:
        """Repeat late facts, notice who is heard, show what people should know; until cancelled."""
        alone_s = 0.0
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self._insight.note_heard()
            alone_s = 0.0 if self._running.shell.greeted else alone_s + HOUSEKEEPING_S
            if not alone_s:
                self._running.alarms.pop(NO_PEER, None)
            elif alone_s % EXPLAIN_ALONE_S == HOUSEKEEPING_S:
                await self._explain_alone()
            await self._repeat_late()
            for number in self.shop.sales.doubles():
                self._running.alarm("double_number", f"receipt number {number} was given out twice: see both receipts")
            for conflict in self.shop.claims.conflicts():
                names = ", ".join(self.name_of(claim.node) for claim in conflict.members)
                self._running.alarm(
                    f"conflict {conflict.id.hex()[:8]}", f"{conflict.resource} was completed more than once, by {names}"
                )
