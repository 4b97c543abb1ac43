"""Routes of records: items, customers, staff and other reference data, one by one, together, or from a CSV file."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from crdt_models.errors import InvalidValue
from crdt_models.reference.csv_rows import RowsRefused, check_csv
from crdt_models.reference.tables import validate
from node import views
from node.api import bodies, limits
from node.api.answers import Imported, Records
from node.api.port import NodePort
from node.api.problems import Problem, shown_rows
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
        _check(table, row.key, row.value, f"rows[{index}].")
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
    _check(table, key, body.value, "")
    written = await node.put_records(table, [(key, body.value)], **call.writing)
    return written[0]


@routes.add(
    "POST",
    "/v1/records/{table}/import",
    "Write records from a CSV file, checked first; all or none",
    body_media="text/csv",
    answer=Imported,
    writes=True,
    problems=("malformed_csv", "rows_refused"),
    query=(
        Query("check", "boolean", "only check the file, write nothing; default false"),
        Query("accepted_only", "boolean", "write the good rows although others were refused; default false"),
    ),
)
async def import_records(node: NodePort, call: Call) -> Imported:
    """Checks every row, then writes; refused rows are named with line, field and reason."""
    table, check_only, accepted_only = call.text("table"), call.query_flag("check"), call.query_flag("accepted_only")
    try:
        text = call.raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem("malformed_csv", f"the file is not UTF-8 at byte {error.start}") from None
    # A large file takes seconds to check: on a thread of its own, so that sales go on meanwhile.
    rows, refused = await asyncio.to_thread(check_csv, table, text)
    if refused and not accepted_only:
        raise RowsRefused(table, refused)
    written = []
    if rows and not check_only:
        written = await node.put_records(table, rows, **call.writing)
    return Imported(
        table=table,
        rows=len(rows) + len(refused),
        written=len(written),
        refused=shown_rows(refused),
        refused_count=len(refused),
    )


def _check(table: str, key: str, value: Mapping[str, Any], where: str) -> None:
    try:
        validate(table, key, value)
    except InvalidValue as error:
        if error.field == "table":
            raise
        raise InvalidValue(
            f"{where}{error.field if error.field == 'key' else f'value.{error.field}'}", error.reason
        ) from error
