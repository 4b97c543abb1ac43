"""Routes of records: items, customers, staff and other reference data, one by one, together, or from a CSV file."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from crdt_models.errors import InvalidValue
from node import views
from node.api import bodies, limits
from node.api.answers import Imported, Records
from node.api.csv_rows import Row, read_rows
from node.api.port import NodePort
from node.api.problems import Problem, RefusedRow
from node.api.table import Call, Query, RouteTable

routes = RouteTable("Records")


@routes.add(
    "GET",
    "/v1/records/{table}",
    "List the records of a table, by key",
    answer=Records,
    problems=("unknown_thing",),
    query=(
        Query(
            "limit", "integer", f"records in the page, 1 to {limits.page_size_max}, default {limits.page_size_default}"
        ),
        Query("after", "string", "the key that the last page gave as next"),
    ),
)
async def list_records(node: NodePort, call: Call) -> Records:
    """A page of records."""
    limit = call.query_number("limit", limits.page_size_default, 1, limits.page_size_max)
    after = call.query_text("after")
    found = sorted(node.records(call.text("table")), key=lambda record: record.key)
    start = 0 if after is None else bisect_right(found, after, key=lambda record: record.key)
    page = found[start : start + limit]
    return Records(records=page, next=page[-1].key if start + limit < len(found) else None)


@routes.add(
    "POST",
    "/v1/records/{table}",
    "Write several records; all or none",
    body=bodies.RecordRows,
    answer=list[views.RecordView],
    writes=True,
    problems=("unknown_thing",),
)
async def put_records(node: NodePort, call: Call) -> list[views.RecordView]:
    """Writes the rows in their order."""
    table, body = call.text("table"), call.body
    for index, row in enumerate(body.rows):
        _check(node, table, row.key, row.value, f"rows[{index}].value")
    rows: list[tuple[str, Mapping[str, Any]]] = [(row.key, row.value) for row in body.rows]
    return await node.put_records(table, rows, **call.writing)


@routes.add(
    "GET",
    "/v1/records/{table}/{key}",
    "Read one record",
    answer=views.RecordView,
    problems=("unknown_thing",),
)
async def read_record(node: NodePort, call: Call) -> views.RecordView:
    """The value that counts."""
    return node.record(call.text("table"), call.text("key"))


@routes.add(
    "PUT",
    "/v1/records/{table}/{key}",
    "Write one record, whole",
    body=bodies.RecordValue,
    answer=views.RecordView,
    writes=True,
    problems=("unknown_thing",),
)
async def put_record(node: NodePort, call: Call) -> views.RecordView:
    """Replaces the value."""
    table, key, body = call.text("table"), call.text("key"), call.body
    _check(node, table, key, body.value, "value")
    written = await node.put_records(table, [(key, body.value)], **call.writing)
    return written[0]


@routes.add(
    "POST",
    "/v1/records/{table}/import",
    "Write records from a CSV file, checked first; all or none",
    body_media="text/csv",
    answer=Imported,
    writes=True,
    problems=("unknown_thing", "malformed_csv", "rows_refused"),
    query=(Query("accepted_only", "boolean", "write the good rows although others were refused; default false"),),
)
async def import_records(node: NodePort, call: Call) -> Imported:
    """Checks every row, then writes; refused rows are named with line, field and reason."""
    table, accepted_only = call.text("table"), call.query_flag("accepted_only")
    good: list[tuple[str, Mapping[str, Any]]] = []
    refused: list[RefusedRow] = []
    refused_count = 0
    for count, row in enumerate(read_rows(call.raw), start=1):
        checked = _check_row(node, table, row) if isinstance(row, Row) else row
        if isinstance(checked, Row):
            good.append((checked.key, checked.value))
        else:
            refused_count += 1
            refused += [checked] if len(refused) < limits.refused_rows_shown_max else []
        if count % limits.rows_between_yields == 0:
            await asyncio.sleep(0)
    if refused_count and not accepted_only:
        first = refused[0]
        raise Problem(
            "rows_refused",
            f"{refused_count} of {refused_count + len(good)} rows were refused, nothing was written; "
            f"the first: line {first.line}, {first.field}: {first.reason}",
            field=first.field,
            reason=first.reason,
            refused=refused,
            refused_count=refused_count,
        )
    written = await node.put_records(table, good, **call.writing) if good else []
    return Imported(
        table=table,
        rows=refused_count + len(good),
        written=len(written),
        refused=refused,
        refused_count=refused_count,
    )


def _check(node: NodePort, table: str, key: str, value: Mapping[str, Any], where: str) -> None:
    try:
        node.check_record(table, key, value)
    except InvalidValue as error:
        field = error.field if error.field in ("table", "key") else f"{where}.{error.field}"
        raise InvalidValue(field, error.reason) from error


def _check_row(node: NodePort, table: str, row: Row) -> Row | RefusedRow:
    try:
        node.check_record(table, row.key, row.value)
    except InvalidValue as error:
        if error.field == "table":
            raise
        return RefusedRow(line=row.line, key=row.key, field=error.field, reason=error.reason)
    return row
