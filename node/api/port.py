"""What the API needs of a node: exactly the methods that it calls, nothing more.

A Protocol rather than `Node` itself, so that the edge is tested against a small fake and cannot reach past the node into
its disk or its links. Every writing method takes the same four words (`Writing`): `key` and `fingerprint` (the same key
with the same fingerprint answers the same result; with another it raises `IdempotencyKeyReused`; both are kept in the
entry), `by` (staff id) and `via` ("till", "handheld" or "system"). Writing methods answer once the step is durable here,
and raise `StepRefused` or `NodeError` with nothing recorded.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol, TypedDict

from node import views


class Writing(TypedDict):
    """Who writes, through what, and under which idempotency key. fingerprint: SHA-256 of method, path and body."""

    key: str | None
    fingerprint: bytes | None
    by: str | None
    via: str


class NodePort(Protocol):
    """A node as its own till's software sees it. Sale, line and node ids are hex; `receipt_no` is its text form."""

    def readiness(self) -> str | None:
        """None when steps can be taken, else a sentence that says why not."""

    def name_of(self, node: bytes) -> str:
        """Display name of a node, or its short hex name where none is known."""

    # -- open sales

    async def open_sale(
        self,
        training: bool = False,
        customer: str | None = None,
        note: str | None = None,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SaleView: ...

    def open_sales(self) -> list[views.SaleView]: ...

    def sale(self, sale: str) -> views.SaleView: ...

    async def add_line(
        self,
        sale: str,
        line: views.NewLine,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SaleView: ...

    async def void_line(
        self,
        sale: str,
        line: str,
        reason: str | None,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SaleView: ...

    async def set_customer(
        self,
        sale: str,
        customer: str | None,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SaleView: ...

    async def add_note(
        self,
        sale: str,
        text: str,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SaleView: ...

    async def add_discount(
        self,
        sale: str,
        discount: views.NewDiscount,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SaleView: ...

    async def void_sale(
        self,
        sale: str,
        reason: str,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SaleView: ...

    async def complete(
        self,
        sale: str,
        tenders: Sequence[views.NewTender],
        *,
        happened_at_ms: int | None = None,
        utc_offset_min: int | None = None,
        override_by: str | None = None,
        external_reference: str | None = None,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.Completed: ...

    async def complete_basket(
        self,
        basket: views.Basket,
        tenders: Sequence[views.NewTender],
        *,
        happened_at_ms: int | None = None,
        utc_offset_min: int | None = None,
        override_by: str | None = None,
        external_reference: str | None = None,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.Completed: ...

    # -- suspended sales

    async def suspend(
        self,
        sale: str,
        type: str,
        answers: Mapping[str, str],
        note: str | None,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SaleView: ...

    async def suspend_basket(
        self,
        basket: views.Basket,
        type: str,
        answers: Mapping[str, str],
        note: str | None,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SaleView: ...

    def suspended_sales(self) -> list[views.SuspendedView]: ...

    async def retrieve(
        self,
        sale: str,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.Retrieved: ...

    async def take_over(
        self,
        sale: str,
        reason: str,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.Retrieved: ...

    # -- receipts

    def sales(self, limit: int, after: str | None = None, day: str | None = None) -> list[views.ReceiptView]:
        """Completed sales, oldest first by (happened_at_ms, sale_id). after: a sale_id, exclusive (else UnknownThing)."""

    def totals(self, day: str | None = None) -> list[views.TotalView]:
        """Sums by business day, terminal and currency, without training."""

    def receipt(self, receipt_no: str) -> views.ReceiptView: ...

    async def reprint(
        self,
        receipt_no: str,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.ReceiptView: ...

    # -- records

    def records(self, table: str) -> list[views.RecordView]: ...

    def record(self, table: str, key: str) -> views.RecordView: ...

    async def put_records(
        self,
        table: str,
        rows: Sequence[tuple[str, Mapping[str, Any]]],
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> list[views.RecordView]:
        """Writes all rows, in as many entries as their size needs; all are checked before the first is written.

        rows: (key, value), values as `crdt_models.reference.tables.validate` takes them.
        """

    # -- seatings

    def seatings(self) -> list[views.SeatingView]: ...

    async def seat(
        self,
        table: str,
        covers: int,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SeatingView: ...

    async def seating_add_line(
        self,
        table: str,
        line: views.NewLine,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SeatingView: ...

    async def seating_void_line(
        self,
        table: str,
        line: str,
        reason: str | None,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SeatingView: ...

    async def clear_table(
        self,
        table: str,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.SeatingView: ...

    # -- insight

    def status(self) -> views.StatusView: ...

    def peers(self) -> list[views.PeerView]: ...

    def heads(self) -> list[views.HeadView]: ...

    def completeness(self) -> views.CompletenessView: ...

    def metrics(self) -> list[views.Metric]: ...

    def events(self, after: str | None) -> AsyncGenerator[views.Event, None]:
        """Events after the one with this id; None: from now on. An id that is gone: an event "gap", then from now on."""

    async def drill(self, seconds: int) -> views.StatusView:
        """Cuts all links of this node, logically, for so long; 0 ends a drill."""

    async def sql(self, statement: str, rows_max: int) -> views.SqlView:
        """Runs read-only SQL in the warehouse. Raises NotOffered where there is none, InvalidValue("sql", reason)."""

    # -- the store's nodes

    def nodes(self) -> list[views.NodeView]: ...

    async def invite(self, name: str, role: str) -> views.InviteView:
        """A single-use join token. Raises NotOffered where the authority's key is not held."""

    async def revoke(
        self,
        node: str,
        reason: str,
        *,
        key: str | None = None,
        fingerprint: bytes | None = None,
        by: str | None = None,
        via: str = "till",
    ) -> views.NodeView: ...
