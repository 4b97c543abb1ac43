"""A small node for tests of the API: one till's memory, with the refusals that a real one has, and no journal under it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from msgspec import structs

from crdt_models.errors import NotInState, UnknownThing
from crdt_models.reference.tables import validate
from node import views
from node.errors import NotOffered, NotReady
from tests.node.api.fake_counter import JOURNAL, NODE, NOON_MS, OTHER_NODE, FakeCounter


class FakeNode(FakeCounter):
    """Satisfies NodePort: the counter, and records, tables, insight and roster beside it."""

    # -- records

    def records(self, table: str) -> list[views.RecordView]:
        return [record for (name, _), record in self.rows.items() if name == table]

    def record(self, table: str, key: str) -> views.RecordView:
        if (table, key) not in self.rows:
            raise UnknownThing("record", f"{table}/{key}")
        return self.rows[table, key]

    async def put_records(
        self, table: str, rows: Sequence[tuple[str, Mapping[str, Any]]], **writing: Any
    ) -> list[views.RecordView]:
        def work() -> list[views.RecordView]:
            checked = [(key, validate(table, key, value)) for key, value in rows]
            written = []
            for key, value in checked:
                before = self.rows.get((table, key))
                version = 1 if before is None else before.version + 1
                record = views.RecordView(
                    table=table, key=key, version=version, value=value, node="till-1", changed_at_ms=NOON_MS
                )
                self.rows[table, key] = record
                written.append(record)
            return written

        return self._step("put_records", writing, work)

    # -- seatings

    def seatings(self) -> list[views.SeatingView]:
        return [seating for seating in self.tables.values() if seating.status != "free"]

    def _seated(self, table: str) -> views.SeatingView:
        if table not in self.tables or self.tables[table].status == "free":
            raise NotInState(f"table {table}", "free", "seated")
        return self.tables[table]

    def _set(self, view: views.SeatingView) -> views.SeatingView:
        self.tables[view.table] = view
        return view

    async def seat(self, table: str, covers: int, **writing: Any) -> views.SeatingView:
        fresh = views.SeatingView(
            table=table,
            seating_id=f"{7:032x}",
            status="seated",
            covers=covers,
            lines=[],
            voided_lines=[],
            currency="EUR",
            exponent=2,
            total_minor=0,
        )
        return self._step("seat", writing, lambda: self._set(fresh))

    async def seating_add_line(self, table: str, line: views.NewLine, **writing: Any) -> views.SeatingView:
        def work() -> views.SeatingView:
            seating = self._seated(table)
            lines = [*seating.lines, self._line(line, len(seating.lines) + 1)]
            return self._set(structs.replace(seating, status="occupied", lines=lines))

        return self._step("seating_add_line", writing, work)

    async def seating_void_line(self, table: str, line: str, reason: str | None, **writing: Any) -> views.SeatingView:
        def work() -> views.SeatingView:
            seating = self._seated(table)
            gone = [each for each in seating.lines if each.line_id == line]
            if not gone:
                raise UnknownThing("line", line)
            kept = [each for each in seating.lines if each.line_id != line]
            return self._set(structs.replace(seating, lines=kept, voided_lines=gone))

        return self._step("seating_void_line", writing, work)

    async def clear_table(self, table: str, **writing: Any) -> views.SeatingView:
        return self._step(
            "clear_table", writing, lambda: self._set(structs.replace(self._seated(table), status="free"))
        )

    # -- insight

    def status(self) -> views.StatusView:
        return views.StatusView(
            node=NODE,
            name="till-1",
            role="till",
            store="33" * 16,
            version="0.1.0",
            journal=JOURNAL,
            seq=self.steps,
            ready=self.not_ready is None,
            doubtful=False,
            connectivity="isolated",
            disk="ok",
            started_at_ms=NOON_MS,
            open_sales=len(self.open_sales()),
            suspended_sales=len(self.suspended_sales()),
            completed_sales=len(self.done),
            digest="00" * 32,
        )

    def peers(self) -> list[views.PeerView]:
        return [views.PeerView(node=OTHER_NODE.hex(), name="till-2", role="till", phase="unreachable")]

    def heads(self) -> list[views.HeadView]:
        return [views.HeadView(journal=JOURNAL, node=NODE, name="till-1", seq=self.steps, hash="00" * 8)]

    def completeness(self) -> views.CompletenessView:
        return views.CompletenessView(
            complete=False,
            as_of_ms=NOON_MS,
            heads=self.heads(),
            heard=[
                views.HeardView(node=OTHER_NODE.hex(), name="till-2", role="till", silent=True, heard_at_ms=NOON_MS)
            ],
            missing=[
                views.MissingView(
                    journal=OTHER_NODE.hex() + "bb" * 8,
                    node=OTHER_NODE.hex(),
                    name="till-2",
                    held=118,
                    exists=121,
                    text="till-2: held to 118, silent since 12:04",
                )
            ],
        )

    def metrics(self) -> list[views.Metric]:
        return [views.Metric(name="steps_total", help="Steps recorded.", value=self.steps, type="counter")]

    async def events(self, after: str | None) -> AsyncGenerator[views.Event, None]:
        self.event_readers += 1
        try:
            known = {event.id: number for number, event in enumerate(self.happened, 1)}
            if after is not None and after not in known:
                yield views.Event(id="aa-0", kind="gap", at_ms=NOON_MS, data={"after": after})
            position = len(self.happened) if after is None else known.get(after, len(self.happened))
            while True:
                changed = self.changed
                for event in self.happened[position:]:
                    position += 1
                    yield event
                if position == len(self.happened):
                    await changed.wait()
        finally:
            self.event_readers -= 1

    async def drill(self, seconds: int) -> views.StatusView:
        return structs.replace(self.status(), drill_until_ms=NOON_MS + seconds * 1_000)

    async def sql(self, statement: str, rows_max: int) -> views.SqlView:
        raise NotOffered("sql", "the warehouse is at the back office")

    # -- the store's nodes

    def nodes(self) -> list[views.NodeView]:
        return [views.NodeView(node=NODE, name="till-1", role="till", revoked=False, expires_at_ms=NOON_MS)]

    async def invite(self, name: str, role: str) -> views.InviteView:
        if self.not_ready is not None:
            raise NotReady(self.not_ready)
        return views.InviteView(token="token", name=name, role=role, expires_at_ms=NOON_MS)

    async def revoke(self, node: str, reason: str, **writing: Any) -> views.NodeView:
        if node != NODE:
            raise UnknownThing("node", node)
        return self._step("revoke", writing, lambda: structs.replace(self.nodes()[0], revoked=True))
