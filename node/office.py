"""The office: records, tables and the store's nodes, as callers see them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from crdt_models import operations
from crdt_models.errors import InvalidValue, UnknownThing
from crdt_models.freezing import line_of
from crdt_models.reference.tables import AUTHORITY_TABLES, TABLES, may_write, validate
from crdt_models.values.identity import NodeId
from node import limits, showing, taking, views
from node.errors import NotOffered
from node.network.authority import Authority
from node.running import Author, Running


class Office:
    """Records, tables and nodes at one running node. authority: where the store's authority is held."""

    def __init__(self, running: Running, authority: Authority | None) -> None:
        self._running, self._authority = running, authority
        self._shop, self._till, self._waiter = running.shop, running.till, running.waiter

    # --- records ---------------------------------------------------------------------------------------------------

    def records(self, table: str) -> list[views.RecordView]:
        """The records of a table, by key. Raises UnknownThing for no such table."""
        _check_table(table)
        return [showing.record(row) for row in self._shop.records.rows(table)]

    def record(self, table: str, key: str) -> views.RecordView:
        """One record. Raises UnknownThing."""
        _check_table(table)
        row = self._shop.records.get(table, key)
        if row is None:
            raise UnknownThing(f"record of {table}", key)
        return showing.record(row)

    def check_record(self, table: str, key: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """The value as it would be stored. Raises InvalidValue, UnknownThing, NotOffered."""
        _check_table(table)
        role = self._running.credentials.role
        if table in AUTHORITY_TABLES:
            raise NotOffered(f"writing {table}", "the store's authority writes these, by invite and revoke")
        if not may_write(table, role):
            writers = ", ".join(sorted(TABLES[table].writers))
            raise NotOffered(f"writing {table}", f"this node is a {role}; it is written at: {writers}")
        return validate(table, key, dict(value))

    async def put_records(
        self, author: Author, table: str, rows: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[views.RecordView]:
        """Write all rows, in as many entries as their number needs; all are checked before the first is written."""
        checked = [(key, self.check_record(table, key, value)) for key, value in rows]
        if not checked:
            raise InvalidValue("rows", "there is nothing to write")
        for start in range(0, len(checked), limits.entry_records_max):
            part = checked[start : start + limits.entry_records_max]
            own = author if start == 0 else Author(_nth(author.key, start), author.fingerprint, author.by, author.via)
            await self._running.do(
                own,
                lambda part=part: [self._till.put_record(table, key, value) for key, value in part],  # type: ignore[misc]
            )
        return [self.record(table, key) for key, _ in checked]

    # --- tables ----------------------------------------------------------------------------------------------------

    def seatings(self) -> list[views.SeatingView]:
        """Every table at which guests sit, by name."""
        tables = {shelved.attributes.get("table", "") for shelved in self._shop.documents.of_type["seating"].values()}
        shown = [self._show_table(table) for table in sorted(tables) if table]
        return [view for view in shown if view.status != "free"]

    async def seat(self, author: Author, table: str, covers: int) -> views.SeatingView:
        """Guests sit down, or their number changes."""
        at = self._running.moment()
        await self._running.do(author, lambda: self._waiter.seat(table, covers, at, self._money()))
        return self._show_table(table)

    async def add_line(self, author: Author, table: str, line: views.NewLine) -> views.SeatingView:
        """Something was ordered."""
        at = self._running.moment()
        money = self._money()

        def plan() -> list[Any]:
            basket = self._till.basket(money["currency"], int(money["exponent"]), at)
            return self._waiter.add_line(table, line_of(taking.ring(self._till, basket, line)))

        await self._running.do(author, plan)
        return self._show_table(table)

    async def void_line(self, author: Author, table: str, line: str, reason: str | None) -> views.SeatingView:
        """An order is taken back."""
        at = self._running.moment()
        line_id = taking.identity("line", line)
        await self._running.do(author, lambda: self._waiter.void_line(table, line_id, reason or "voided", at))
        return self._show_table(table)

    async def clear_table(self, author: Author, table: str) -> views.SeatingView:
        """The guests are gone."""
        at = self._running.moment()
        await self._running.do(author, lambda: self._waiter.clear(table, at))
        return self._show_table(table)

    # --- the store's nodes -----------------------------------------------------------------------------------------

    def nodes(self) -> list[views.NodeView]:
        """The roster, revoked nodes included."""
        return [self._node(node) for node in self._shop.roster.nodes()]

    async def revoke(self, author: Author, node: str, reason: str) -> views.NodeView:
        """Shut a node out; needs the store's authority. node: hex id or display name."""
        if self._authority is None:
            raise NotOffered("revoking", "the store's authority is not held at this node; ask the back office")
        authority = self._authority
        named = self._shop.roster.named(node)
        target = NodeId(taking.identity("node", node)) if named is None else named
        if target not in self._shop.roster.nodes():
            raise UnknownThing("node", node)
        if target == self._running.node:
            raise InvalidValue("node", "the authority's own node cannot be revoked by itself")
        cuts = {journal: self._shop.folded[journal] for journal in self._shop.roster.journals_of(target)}
        await self._running.do(author, lambda: [operations.revoke(self._shop.store, target, cuts, reason, authority)])
        return self._node(target)

    def _node(self, node: NodeId) -> views.NodeView:
        opened = self._shop.roster.nodes()[node]
        return views.NodeView(
            node=node.hex(),
            name=opened.credential.name,
            role=opened.credential.role,
            revoked=self._shop.revoked(node),
            expires_at_ms=opened.credential.expires_ms,
        )

    def _money(self) -> dict[str, str]:
        config = self._running.config
        return {"currency": config.currency, "exponent": str(config.currency_exponent)}

    def _show_table(self, table: str) -> views.SeatingView:
        document = self._waiter.document(table)
        shelved = self._shop.documents.get(document)
        money = self._money() if shelved is None else {**self._money(), **shelved.attributes}
        return showing.seating(table, document, self._waiter.view(table), money["currency"], int(money["exponent"]))


def _check_table(table: str) -> None:
    if table not in TABLES:
        raise UnknownThing("table", table)


def _nth(key: str | None, start: int) -> str | None:
    """The key of a later part: made from the whole key, so that two long ones never share it."""
    return None if key is None else f"{hashlib.sha256(key.encode()).hexdigest()}#{start}"
