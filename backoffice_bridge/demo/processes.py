"""A store of real processes: enrolled by real tokens, run by the real command line, asked over the real API.

Everything is started with an argument list and ended by its process id. A node that does not come up in time shows the
end of its log.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from node.run_file import read_run_file

START_SECONDS_MAX: Final = 30.0
ASK_SECONDS_MAX: Final = 20.0
SETTINGS: Final = (
    "link_host=127.0.0.1",
    "link_port=0",
    "join_port=0",
    "api_port=0",
    "mdns_interfaces=127.0.0.1",
    "currency=USD",
    "time_zone=-05:00",
    "log_level=warning",
)


class DemoFailed(Exception):
    """The demonstration cannot go on, or its figures do not agree; the text says why."""


class ApiRefused(DemoFailed):
    """The node answered with a problem; status: HTTP's, problem: its body."""

    def __init__(self, status: int, problem: Any) -> None:
        super().__init__(f"HTTP {status}: {problem}")
        self.status, self.problem = status, problem


@dataclass(slots=True)
class DemoNode:
    """One node of the store. killed: how often it was ended by `kill -9`."""

    name: str
    directory: Path
    state: Path
    session: aiohttp.ClientSession
    process: Process | None = None
    killed: int = 0
    _base: str = ""
    _headers: dict[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.returncode is None

    @property
    def log(self) -> Path:
        """What it says on standard error."""
        return self.directory.with_suffix(".log")

    async def command(self, *words: str, say: str | None = None) -> Any:
        """Run one command of the real command line in this node's directory; its JSON answer. Raises DemoFailed."""
        process = await asyncio.create_subprocess_exec(
            *_tillmesh(), *words, "--json", "-d", str(self.directory), stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        out, err = await process.communicate(None if say is None else say.encode())
        if process.returncode != 0:
            raise DemoFailed(f"tillmesh {words[0]} at {self.name} ended with {process.returncode}: {out + err!r}")
        return json.loads(out)

    async def start(self) -> None:
        """Start its process and wait until its API answers."""
        settings = [word for setting in (*SETTINGS, f"state_directory={self.state}") for word in ("-s", setting)]
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *_tillmesh(), "run", "-d", str(self.directory), *settings, stdin=DEVNULL, stdout=DEVNULL, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            told = read_run_file(self.directory)
            if told is not None and told.pid == self.process.pid:
                break
            if self.process.returncode is not None or time.monotonic() > deadline:
                raise DemoFailed(f"{self.name} did not start: {self.log.read_text('utf-8', 'replace')[-2_000:]}")
            await asyncio.sleep(0.02)
        token = (self.directory / "api.token").read_text("ascii").strip()
        self._base = f"http://{told.api_host}:{told.api_port}"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        if await self.process.wait() != -signal.SIGKILL:
            raise DemoFailed(f"{self.name} was not ended by kill -9")
        self.killed += 1

    async def stop(self) -> None:
        """Ask it to stop; end it if it does not."""
        if self.process is None or self.process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(10):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    async def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """One request. Raises ApiRefused, aiohttp.ClientError where the node is not there, TimeoutError."""
        headers = self._headers if key is None else {**self._headers, "Idempotency-Key": key}
        async with self.session.request(
            method,
            self._base + path,
            json=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=ASK_SECONDS_MAX),
        ) as answer:
            told = await answer.json(content_type=None)
            if answer.status >= 400:
                raise ApiRefused(answer.status, told)
            return told

    async def insist(self, method: str, path: str, body: Any, key: str) -> Any:
        """Repeat a request under its key until it is answered, over deaths and restarts of the node."""
        while True:
            try:
                return await self.ask(method, path, body, key)
            except (aiohttp.ClientError, TimeoutError, ConnectionError):
                await asyncio.sleep(0.05)


class DemoStore:
    """One back office and tills, in one directory: `async with DemoStore(...) as store`."""

    def __init__(self, directory: Path, tills: int) -> None:
        self._directory = directory
        self._count = tills
        self._session: aiohttp.ClientSession | None = None
        self.keep = False
        self.office: DemoNode
        self.tills: list[DemoNode] = []

    @property
    def nodes(self) -> list[DemoNode]:
        """All nodes, the back office first."""
        return [self.office, *self.tills]

    async def __aenter__(self) -> DemoStore:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._session = aiohttp.ClientSession()
        self.office = self._node("back-office")
        self.tills = [self._node(f"till-{number}") for number in range(1, self._count + 1)]
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.keep:
            await asyncio.gather(*[node.stop() for node in self.nodes])
        if self._session is not None:
            await self._session.close()

    async def open(self) -> None:
        """Make the store, enrol the tills by tokens, start everything."""
        await self.office.command("init", "back-office", *self._words())
        await self.office.start()

        async def enrol(till: DemoNode) -> None:
            invited = await self.office.ask("POST", "/v1/invites", {"name": till.name, "role": "till"})
            await till.command("join", "-", *self._words(), say=invited["token"])
            await till.start()

        await asyncio.gather(*[enrol(till) for till in self.tills])

    def _words(self) -> Sequence[str]:
        return [word for setting in SETTINGS for word in ("-s", setting)]

    def _node(self, name: str) -> DemoNode:
        assert self._session is not None
        return DemoNode(name, self._directory / name, self._directory / "state", self._session)


def _tillmesh() -> tuple[str, ...]:
    return (sys.executable, "-m", "node.cli.main")
