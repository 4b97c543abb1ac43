"""The table of routes: each says once what it takes, answers and refuses, and everything else is made from that.

The router, `/openapi.json`, the table in API.md and the tests read these rows, so that the description cannot drift from
the code. Two other ways were refused: docstrings that a tool parses (nothing checks them), and a schema first (it lies
from the second commit on).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from node.api import limits
from node.api.port import NodePort, Writing
from node.api.problems import Problem, invalid

Handler = Callable[[NodePort, "Call"], Awaitable[Any]]
"""Answers a struct, or a whole web response where `Route.answer` is None."""

_HEX_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PATH_NAME: Final = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Query:
    """One query parameter. kind: "string", "integer" or "boolean"."""

    name: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path.

    body: struct of the JSON body, None: takes none; body_media: what `Content-Type` must say; answer: struct of the
    answer, None: answer_media is no JSON; problems: codes beside those that any route may answer; writes: takes the
    headers of a step (Idempotency-Key, Tillmesh-Staff, Tillmesh-Via); open: needs no token.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    body: Any = None
    body_media: str = "application/json"
    answer: Any = None
    answer_media: str = "application/json"
    status: int = 200
    problems: tuple[str, ...] = ()
    query: tuple[Query, ...] = ()
    headers: tuple[str, ...] = ()
    writes: bool = False
    open: bool = False

    @property
    def path_names(self) -> list[str]:
        """Names of the variable parts of the path."""
        return _PATH_NAME.findall(self.path)


@dataclass(slots=True)
class RouteTable:
    """Routes of one concern, in the order in which API.md shows them."""

    concern: str
    routes: list[Route] = field(default_factory=list)

    def add(self, method: str, path: str, summary: str, **row: Any) -> Callable[[Handler], Handler]:
        """Registers the decorated handler; its function name becomes the operation id."""

        def register(handler: Handler) -> Handler:
            self.routes.append(Route(method, path, handler.__name__, summary, handler, **row))
            return handler

        return register

    def __iter__(self) -> Iterator[Route]:
        return iter(self.routes)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked and decoded. writing: what every writing method of the node takes by keyword."""

    request: web.Request
    body: Any
    raw: bytes
    writing: Writing

    def text(self, name: str) -> str:
        """A variable part of the path: 1 to 200 characters, none of them a control character."""
        value = self.request.match_info[name]
        if not value or len(value) > limits.path_characters_max or not value.isprintable():
            raise invalid(name, f"must be 1 to {limits.path_characters_max} printable characters")
        return value

    def hex_id(self, name: str) -> str:
        """A variable part of the path that is an identity: 32 hex digits, made lower case."""
        value = self.request.match_info[name].lower()
        if not _HEX_ID.fullmatch(value):
            raise invalid(name, f"{value[:40]!r} is not an identity of 32 hex digits")
        return value

    def number(self, name: str) -> int:
        """A variable part of the path that is a number from 1."""
        value = self.request.match_info[name]
        if not re.fullmatch(r"[1-9][0-9]{0,17}", value, re.ASCII):
            raise invalid(name, f"{value[:40]!r} is not a number from 1")
        return int(value)

    def query_text(self, name: str) -> str | None:
        """A query parameter, None if absent or empty."""
        values = self.request.query.getall(name, [])
        if len(values) > 1:
            raise invalid(name, "is there more than once")
        if not values or not values[0]:
            return None
        if len(values[0]) > limits.path_characters_max or not values[0].isprintable():
            raise invalid(name, f"must be at most {limits.path_characters_max} printable characters")
        return values[0]

    def query_number(self, name: str, default: int, least: int, most: int) -> int:
        """A query parameter that is a number between least and most."""
        text = self.query_text(name)
        if text is None:
            return default
        if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not least <= int(text) <= most:
            raise invalid(name, f"{text[:20]!r} is not a number from {least} to {most}")
        return int(text)

    def query_flag(self, name: str) -> bool:
        """A query parameter that is true or false; absent is false."""
        text = self.query_text(name)
        if text not in (None, "true", "false"):
            raise invalid(name, f"{text[:20]!r} is neither true nor false")
        return text == "true"


def check_query(route: Route, request: web.Request) -> None:
    """Raises Problem for a query parameter that the route does not take: a misspelt filter must not answer everything."""
    known = {query.name for query in route.query}
    for name in request.query:
        if name not in known:
            raise Problem(
                "invalid_value",
                f"{name[:50]}: is not a query parameter of this path",
                field=name[:50],
                reason="is not a query parameter of this path",
            )
