"""The API described as OpenAPI 3.1, built from the table of routes and the structs themselves at first request.

Nothing here is written by hand a second time: paths, bodies, answers, query parameters, headers and problem codes come
from the rows that the router uses, schemas from msgspec. Built lazily, because most nodes are never asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from node.api import limits
from node.api.port import NodePort
from node.api.problems import CODES, MEDIA_TYPE, ProblemView
from node.api.table import Call, Route

VERSION: Final = "1.0.0"
"""Version of the API, not of the node: /v1 stays what it is while this starts with 1."""

ALWAYS: Final = ("bad_target", "foreign_host", "foreign_origin", "invalid_value")
"""Codes that every route may answer."""

WITH_TOKEN: Final = ("token_missing", "token_wrong")
WITH_BODY: Final = ("body_too_slow", "body_too_large", "wrong_content_type")
WITH_JSON: Final = ("malformed_json",)
WITH_STEP: Final = ("idempotency_key_reused", "limit_exceeded", "step_refused", "disk_failed", "not_ready")

_INTEGER_NAMES: Final = frozenset({"number"})
_HEX_NAMES: Final = frozenset({"sale", "line", "node"})
_HEADER_TEXTS: Final = {
    "Idempotency-Key": "1 to 200 visible ASCII characters; the same key with the same request answers the same result",
    "Tillmesh-Staff": "staff id of the person who takes the step",
    "Tillmesh-Via": "till (default), handheld or system",
    "Last-Event-ID": "id of the last event seen",
}

Concerns = Sequence[tuple[str, Sequence[Route]]]


def problem_codes(route: Route) -> list[str]:
    """Every code that the route may answer, those of all routes first."""
    codes = [*ALWAYS]
    codes += [] if route.open else WITH_TOKEN
    if route.method != "GET":
        codes += WITH_BODY
        codes += WITH_JSON if route.body_media == "application/json" else ()
    codes += WITH_STEP if route.writes else ()
    return [*codes, *(code for code in route.problems if code not in codes)]


def step_headers(route: Route) -> tuple[str, ...]:
    """Request headers that the route reads beside the usual ones."""
    return (("Idempotency-Key", "Tillmesh-Staff", "Tillmesh-Via") if route.writes else ()) + route.headers


def openapi(concerns: Concerns) -> dict[str, Any]:
    """The whole document. concerns: (title, routes) in order."""
    routes = [route for _, listed in concerns for route in listed]
    types = [part for route in routes for part in (route.body, route.answer) if part is not None]
    unique = list({str(part): part for part in [*types, ProblemView]}.values())
    schemas, components = msgspec.json.schema_components(unique, ref_template="#/components/schemas/{name}")
    schema_of = {str(part): schema for part, schema in zip(unique, schemas, strict=True)}
    paths: dict[str, Any] = {}
    for concern, listed in concerns:
        for route in listed:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(concern, route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tillmesh local API",
            "version": VERSION,
            "summary": "The node of a shop, for the till's own software on the same machine.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": concern} for concern, _ in concerns],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The content of api.token."}
            },
        },
    }


def _operation(concern: str, route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": (route.handler.__doc__ or "").strip(),
        "tags": [concern],
        "parameters": _parameters(route),
        "responses": {str(route.status): _answer(route, schema_of), **_problems(route, schema_of)},
    }
    if route.open:
        operation["security"] = []
    if route.body is not None:
        operation["requestBody"] = {"content": {route.body_media: {"schema": schema_of[str(route.body)]}}}
        operation["requestBody"]["required"] = bool(msgspec.structs.fields(route.body)) and _needs_body(route)
    elif route.body_media != "application/json":
        operation["requestBody"] = {"content": {route.body_media: {"schema": {"type": "string"}}}, "required": True}
    return operation


def _needs_body(route: Route) -> bool:
    return any(field.required for field in msgspec.structs.fields(route.body))


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(name)} for name in route.path_names
    ]
    parameters += [
        {"name": query.name, "in": "query", "description": query.text, "schema": {"type": query.kind}}
        for query in route.query
    ]
    parameters += [
        {"name": name, "in": "header", "description": _HEADER_TEXTS[name], "schema": _header_schema(name)}
        for name in step_headers(route)
    ]
    return parameters


def _path_schema(name: str) -> dict[str, Any]:
    if name in _INTEGER_NAMES:
        return {"type": "integer", "minimum": 1}
    if name in _HEX_NAMES:
        return {"type": "string", "pattern": "^[0-9A-Fa-f]{32}$"}
    return {"type": "string", "minLength": 1, "maxLength": limits.path_characters_max}


def _header_schema(name: str) -> dict[str, Any]:
    if name == "Tillmesh-Via":
        return {"type": "string", "enum": ["till", "handheld", "system"]}
    return {"type": "string", "minLength": 1, "maxLength": limits.idempotency_key_characters_max}


def _answer(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "string"} if route.answer is None else schema_of[str(route.answer)]
    return {
        "description": "Done." if route.writes else "The answer.",
        "content": {route.answer_media: {"schema": schema}},
    }


def _problems(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in problem_codes(route):
        by_status.setdefault(CODES[code].status, []).append(code)
    return {
        str(status): {
            "description": "; ".join(f"{code}: {CODES[code].title}" for code in codes),
            "content": {MEDIA_TYPE: {"schema": schema_of[str(ProblemView)]}},
        }
        for status, codes in sorted(by_status.items())
    }


def document_route(concerns: Callable[[], Concerns]) -> Route:
    """The route of the description itself; it describes itself too."""

    async def openapi_document(node: NodePort, call: Call) -> web.Response:
        """This API, described as OpenAPI 3.1."""
        if not encoded:
            encoded.append(msgspec.json.encode(openapi([*concerns(), ("Description", [route])])))
        return web.Response(body=encoded[0], content_type="application/json")

    encoded: list[bytes] = []
    route = Route("GET", "/openapi.json", "openapi_document", "Describe this API (OpenAPI 3.1)", openapi_document)
    return route
