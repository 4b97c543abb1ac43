"""The server of the local API: one aiohttp application on a loopback socket, for as long as its `async with` lasts.

Order of judgement for each request: is it from this machine's own programs (`security.py`), does the path exist, is the
token right, is the request well formed, and only then the node. The site is judged before the path is looked at, so a
foreign page cannot even learn which paths exist. No access log is written: paths hold receipt numbers and customers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

from crdt_models.errors import InvalidValue, ModelError
from node.api import limits
from node.api.events import EventStreams
from node.api.insight import REQUESTS_SEEN, STREAMS
from node.api.port import NodePort
from node.api.problems import Problem, of_http, refused
from node.api.reading import read_call
from node.api.requests_seen import RequestsSeen
from node.api.routes import all_routes
from node.api.security import Guard, read_or_make_token
from node.api.table import Route
from node.errors import NodeError

_AiohttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Where and how to serve. port: 0 takes a free one; allowed_origins: pages of other origins that may ask, exact.

    metrics_open: `/metrics` needs no token. Raises InvalidValue for a host that other machines could reach.
    """

    host: str = "127.0.0.1"
    port: int = 0
    allowed_origins: tuple[str, ...] = ()
    metrics_open: bool = False
    keep_alive_s: float = limits.keep_alive_s

    def __post_init__(self) -> None:
        if self.host != "localhost" and not _is_loopback(self.host):
            raise InvalidValue("api_host", f"{self.host!r} is not a loopback address: the API never leaves the machine")
        if not 0 <= self.port <= 65_535:
            raise InvalidValue("api_port", f"{self.port} is not a port")


class ApiServer:
    """Serves a node: `async with ApiServer(node, token_path, settings) as server`; then `server.url` answers.

    token_path: the file of the bearer token, made if absent. Raises InvalidValue if the port cannot be opened.
    """

    def __init__(self, node: NodePort, token_path: Path, settings: ApiSettings | None = None) -> None:
        self._settings = settings or ApiSettings()
        self.token = read_or_make_token(token_path)
        self._guard = Guard(self.token, self._settings.allowed_origins)
        self._streams = EventStreams(self._settings.keep_alive_s)
        self._runner = web.AppRunner(
            _application(node, self._guard, self._streams, self._settings),
            access_log=None,
            shutdown_timeout=limits.shutdown_seconds_max,
            lingering_time=limits.linger_seconds_max,
        )

    @property
    def port(self) -> int:
        """The port that is open; 0 before the server is entered."""
        return self._guard.port

    @property
    def url(self) -> str:
        """Where the API answers, without a slash at the end."""
        host = self._settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            where = f"{self._settings.host}:{self._settings.port}"
            raise InvalidValue("api_port", f"{where} cannot be opened: {error.strerror}") from error
        self._guard.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._streams.close()
        await self._runner.cleanup()


def _application(node: NodePort, guard: Guard, streams: EventStreams, settings: ApiSettings) -> web.Application:
    seen = RequestsSeen()
    app = web.Application(middlewares=[_gate(guard, seen)], client_max_size=limits.import_bytes_max)
    app[STREAMS] = streams
    app[REQUESTS_SEEN] = seen
    for route in all_routes():
        needs_token = not (route.open or (route.path == "/metrics" and settings.metrics_open))
        app.router.add_route(route.method, route.path, _endpoint(node, route, guard if needs_token else None, seen))
    return app


def _gate(guard: Guard, seen: RequestsSeen) -> Any:
    @web.middleware
    async def gate(request: web.Request, handler: _AiohttpHandler) -> web.StreamResponse:
        try:
            guard.check_site(request)
            return await handler(request)
        except Problem as problem:
            seen.count("refused", problem.view.status)
            return problem.response()
        except web.HTTPException as error:
            seen.count("none", error.status)
            return of_http(error, request.path)

    return gate


def _endpoint(node: NodePort, route: Route, guard: Guard | None, seen: RequestsSeen) -> _AiohttpHandler:
    encoder = msgspec.json.Encoder()

    async def endpoint(request: web.Request) -> web.StreamResponse:
        try:
            if guard is not None:
                guard.check_token(request)
            response = await answer(request)
        except Problem as problem:
            response = problem.response()
        except (ModelError, NodeError) as error:
            response = refused(error, node).response()
        seen.count(route.name, response.status)
        return response

    async def answer(request: web.Request) -> web.StreamResponse:
        call = await read_call(route, request)
        result = await route.handler(node, call)
        if isinstance(result, web.StreamResponse):
            return result
        headers = {"Content-Type": route.answer_media, "Cache-Control": "no-store"}
        return web.Response(status=route.status, body=encoder.encode(result), headers=headers)

    return endpoint


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
