"""Errors as the API answers them: problem details (RFC 9457) with a stable `code`, and the one table of codes.

Programs branch on `code`, people read `detail`, and a wrong input names its `field` and `reason`. Every refusal of the
models and of the node is translated here and nowhere else. What is no refusal but a defect of ours is not caught: the
server answers 500 and logs the trace.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web
from msgspec import Struct

from crdt_models.errors import HeldElsewhere, InvalidValue, ModelError
from crdt_models.reference import csv_rows
from crdt_models.reference.csv_rows import RowsRefused
from node.api import limits
from node.api.port import NodePort
from node.errors import NodeError
from node.views import BadInput, rfc3339

MEDIA_TYPE: Final = "application/problem+json"


class Kind(NamedTuple):
    """What a code means: the HTTP status it comes with, and a title."""

    status: int
    title: str


CODES: Final[dict[str, Kind]] = {
    # the caller may not ask
    "foreign_host": Kind(403, "The Host header does not name this node's loopback address and port"),
    "foreign_origin": Kind(403, "The request comes from a page of another site"),
    "token_missing": Kind(403, "The request carries no bearer token"),
    "token_wrong": Kind(403, "The bearer token is not this node's"),
    # the request is not well formed
    "bad_target": Kind(400, "The request target is not a path"),
    "malformed_json": Kind(400, "The body is not JSON"),
    "malformed_csv": Kind(400, "The body is not CSV in UTF-8"),
    "no_such_path": Kind(404, "There is no such path"),
    "method_not_allowed": Kind(405, "The path does not take this method"),
    "body_too_slow": Kind(408, "The body did not arrive in time"),
    "body_too_large": Kind(413, "The body is larger than the limit"),
    "wrong_content_type": Kind(415, "The body has another type than this path takes"),
    "invalid_value": Kind(422, "A field has a value that it must not have"),
    "rows_refused": Kind(422, "Rows of the file were refused; nothing was written"),
    "idempotency_key_reused": Kind(422, "The Idempotency-Key was used before for another request"),
    "limit_exceeded": Kind(422, "The step is larger than an entry may be"),
    # the shop's rules forbid it
    "unknown_thing": Kind(404, "No such thing is known here"),
    "held_elsewhere": Kind(409, "Another node holds it"),
    "not_in_state": Kind(409, "It is not in the state that this step needs"),
    "upgrade_needed": Kind(409, "A newer version changed it: upgrade this node"),
    "step_refused": Kind(409, "The shop's rules forbid this step"),
    # the node cannot
    "not_offered": Kind(501, "This node does not offer the service"),
    "disk_failed": Kind(503, "The disk failed: nothing was recorded"),
    "not_ready": Kind(503, "The node takes no steps now"),
    "too_many_streams": Kind(503, "Too many event streams are open"),
    "node_error": Kind(500, "The node failed"),
    "model_error": Kind(500, "The models failed"),
}


class RefusedRow(Struct, frozen=True, kw_only=True):
    """One refused row of a file. line: of the file, from 1 (the header); field: column; reason: a sentence."""

    line: int
    field: str
    reason: str


class ProblemView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details. code: stable; field and reason: for a wrong input; the rest as the code needs it."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None
    reason: str | None = None
    resource: str | None = None
    holder: str | None = None
    holder_name: str | None = None
    since_ms: int | None = None
    since: str | None = None
    refused: list[RefusedRow] | None = None
    refused_count: int | None = None


class Problem(Exception):
    """A request that is answered with problem details. code: one of CODES; members: further fields of ProblemView."""

    def __init__(self, code: str, detail: str, **members: Any) -> None:
        super().__init__(code, detail)
        kind = CODES[code]
        self.view = ProblemView(
            type=f"urn:tillmesh:problem:{code}",
            title=kind.title,
            status=kind.status,
            code=code,
            detail=detail,
            **members,
        )

    def __str__(self) -> str:
        return f"{self.view.code}: {self.view.detail}"

    def response(self, headers: dict[str, str] | None = None) -> web.Response:
        """The answer to send."""
        return web.Response(
            status=self.view.status,
            body=msgspec.json.encode(self.view),
            headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store", **(headers or {})},
        )


def invalid(field: str, reason: str) -> Problem:
    """A field has a value that it must not have."""
    return Problem("invalid_value", f"{field}: {reason}", field=field, reason=reason)


def shown_rows(rows: Sequence[csv_rows.RefusedRow]) -> list[RefusedRow]:
    """The first refused rows of a file, as an answer names them."""
    shown = rows[: limits.refused_rows_shown_max]
    return [RefusedRow(line=row.line, field=row.field, reason=row.reason) for row in shown]


def refused(error: ModelError | NodeError, node: NodePort) -> Problem:
    """The problem that a refusal of the models or the node is answered with."""
    if isinstance(error, InvalidValue):
        return invalid(error.field, error.reason)
    if isinstance(error, HeldElsewhere):
        name = node.name_of(error.holder)
        return Problem(
            "held_elsewhere",
            f"{error.resource} is held by {name} since {rfc3339(error.since_ms)}",
            resource=error.resource,
            holder=error.holder.hex(),
            holder_name=name,
            since_ms=error.since_ms,
            since=rfc3339(error.since_ms),
        )
    if isinstance(error, RowsRefused):
        first = error.rows[0]
        return Problem(
            "rows_refused",
            f"{len(error.rows)} rows were refused, nothing was written; the first: {first}",
            field=first.field,
            reason=first.reason,
            refused=shown_rows(error.rows),
            refused_count=len(error.rows),
        )
    code = error.code if error.code in CODES else "node_error" if isinstance(error, NodeError) else "model_error"
    return Problem(code, str(error))


def undecodable(error: msgspec.DecodeError) -> Problem:
    """The problem that a body is answered with which msgspec does not take: field by its path, or the byte position."""
    if not isinstance(error, msgspec.ValidationError):
        return Problem("malformed_json", f"the body is not JSON: {error}", reason=str(error))
    text, _, path = str(error).partition(" - at `")
    base = path.rstrip("`").removeprefix("$").removeprefix(".")
    if isinstance(error.__cause__, BadInput):
        inner, reason = error.__cause__.field, error.__cause__.reason
        return invalid(f"{base}.{inner}" if base else inner, reason)
    named = _NAMED_FIELD.fullmatch(text)
    if named:
        field = named["field"]
        reason = "is required" if text.startswith("Object missing") else "is not a field that is known here"
        return invalid(f"{base}.{field}" if base else field, reason)
    return invalid(base or "body", text[:1].lower() + text[1:])


def of_http(error: web.HTTPException, path: str) -> web.Response:
    """Problem details for what the router itself refuses (no such path, wrong method)."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        problem = Problem("method_not_allowed", f"{path[:200]} takes {allowed}, not {error.method[:20]}")
        return problem.response({"Allow": allowed})
    return Problem("no_such_path", f"there is no path {path[:200]}: /openapi.json lists all").response()


_NAMED_FIELD: Final = re.compile(r"Object (?:missing required|contains unknown) field `(?P<field>.*)`", re.DOTALL)
