"""What the tests of the API share: a served fake node, and an HTTP client that is not polite on its own account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from node.api.server import ApiServer, ApiSettings
from tests.node.api.fake_node import FakeNode

MILK = {"names": "Milk", "unit_price": "0.99"}


@dataclass
class Answer:
    """status, headers and the decoded body of one answer."""

    status: int
    headers: Any
    body: Any
    text: str

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code of a problem; asserts that it is one, whole."""
        assert self.headers["Content-Type"] == "application/problem+json", self.text
        assert self.body["status"] == self.status
        assert self.body["type"] == f"urn:tillmesh:problem:{self.body['code']}"
        assert self.body["title"] and self.body["detail"]
        return self.status, self.body["code"]


@dataclass
class Client:
    """A till's software. `ask` sends the token unless told otherwise."""

    server: ApiServer
    node: FakeNode
    session: aiohttp.ClientSession

    async def ask(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        token: str | None = "",
    ) -> Answer:
        sent = {} if token is None else {"Authorization": f"Bearer {token or self.server.token}"}
        if json is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        async with self.session.request(
            method, self.server.url + path, json=json, data=data, headers=sent, skip_auto_headers=["Content-Type"]
        ) as response:
            text = await response.text()
            kind = response.headers.get("Content-Type", "")
            body = await response.json(content_type=None) if "json" in kind else text
            return Answer(response.status, response.headers, body, text)

    async def post(self, path: str, json: Any = None, **more: Any) -> Answer:
        return await self.ask("POST", path, json, **more)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.ask("GET", path, **more)

    async def raw(self, request: bytes) -> bytes:
        """Bytes in, all bytes out: for requests that no client would send."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(request)
        try:
            async with asyncio.timeout(5):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def serving(directory: Path, **settings: Any) -> AsyncGenerator[Client, None]:
    """A fake node behind a real server on a free port of loopback."""
    node = FakeNode()
    async with (
        ApiServer(node, directory / "api.token", ApiSettings(**settings)) as server,
        aiohttp.ClientSession() as session,
    ):
        yield Client(server, node, session)


def served(directory: Path, story: Callable[[Client], Awaitable[None]], **settings: Any) -> None:
    """Plays a story against a served node."""

    async def play() -> None:
        async with asyncio.timeout(20), serving(directory, **settings) as client:
            await story(client)

    asyncio.run(play())
