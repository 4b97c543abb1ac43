"""One real node for tests: a process of the real command line, started with an argument list, asked over its real API.

Killed and restarted by process id; every wait is bounded. It comes back on other ports and must be found again.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from node.run_file import RunFile, read_run_file

START_SECONDS_MAX: Final = 30.0
COMMAND_SECONDS_MAX: Final = 30.0
ASK_SECONDS_MAX: Final = 20.0
STOP_SECONDS_MAX: Final = 10.0
LOOK_S: Final = 0.02
LOG_SHOWN_BYTES: Final = 3_000
SETTINGS: Final = {
    "link_host": "127.0.0.1",
    "link_port": "0",
    "join_port": "0",
    "api_port": "0",
    "mdns_interfaces": "127.0.0.1",
    "currency": "EUR",
    "time_zone": "+01:00",
    "log_level": "info",
}
TILLMESH: Final = (sys.executable, "-m", "node.cli.main")


class Refused(Exception):
    """The node answered with a problem. status: HTTP's; problem: its body."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"HTTP {status}: {problem}")
        self.status, self.problem = status, problem

    @property
    def code(self) -> str:
        """The stable code of the problem."""
        return str(self.problem.get("code", ""))


UNANSWERED: Final = (aiohttp.ClientError, OSError, TimeoutError)
"""What a request raises that was not answered: nobody knows whether it was done."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command of the command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it is."""
        return json.loads(self.out)


@dataclass(slots=True)
class RealNode:
    """One node. settings: given by -s at each start, beside the store's; started_s: monotonic time of the last start."""

    name: str
    directory: Path
    settings: dict[str, str]
    session: aiohttp.ClientSession
    process: Process | None = None
    started_s: float = 0.0
    kills: int = 0
    dies_of_answer: asyncio.Event | None = None
    told: RunFile | None = None
    _headers: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """What it says on standard error, over all its processes."""
        return self.directory.with_suffix(".log")

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self.process is not None
        return self.process.pid

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.returncode is None

    @property
    def link_port(self) -> int:
        """Where peers are heard."""
        assert self.told is not None
        return self.told.link_port

    @property
    def resident_bytes(self) -> int:
        """Memory of its process, as the kernel counts it."""
        for line in Path(f"/proc/{self.pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"{self.name} has no process")

    # --- its process -----------------------------------------------------------------------------------------------

    async def command(self, *words: str, say: str | None = None) -> Said:
        """One command in this node's directory, with --json."""
        process = await asyncio.create_subprocess_exec(
            *TILLMESH,
            *words,
            "--json",
            "-d",
            str(self.directory),
            stdin=DEVNULL if say is None else PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment(),
        )
        try:
            async with asyncio.timeout(COMMAND_SECONDS_MAX):
                out, err = await process.communicate(None if say is None else say.encode())
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    async def start(self, **settings: str) -> None:
        """Start it and wait until its API answers; settings stay for later starts."""
        await self.spawn(**settings)
        await self.until_told()

    async def spawn(self, **settings: str) -> None:
        """Start its process; what may happen to it before it answers is the test's matter."""
        assert not self.runs
        self.settings.update(settings)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *TILLMESH,
                "run",
                "-d",
                str(self.directory),
                *words_of(self.settings),
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=log,
                env=environment(),
            )
        self.started_s = time.monotonic()

    async def until_told(self) -> None:
        """Until the process that was spawned answers."""
        assert self.process is not None
        while True:
            told = read_run_file(self.directory)
            if told is not None and told.pid == self.process.pid:
                break
            if self.process.returncode is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.last_words()}")
            if time.monotonic() > self.started_s + START_SECONDS_MAX:
                raise AssertionError(f"{self.name} did not start: {self.last_words()}")
            await asyncio.sleep(LOOK_S)
        self.told = told
        token = (self.directory / "api.token").read_text("ascii").strip()
        self._headers = {"Authorization": f"Bearer {token}"}

    async def kill(self, at_answer_within_s: float = 0.0) -> None:
        """`kill -9`; nothing is said before. at_answer_within_s: at the very moment of its next answer to a POST, if it
        gives one by then: what it has not made durable by then was answered too early."""
        assert self.process is not None
        if at_answer_within_s:
            self.dies_of_answer = asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(at_answer_within_s):
                    await self.dies_of_answer.wait()
        if self.dies_of_answer is None or not self.dies_of_answer.is_set():
            os.kill(self.pid, signal.SIGKILL)
        self.dies_of_answer = None
        ended = await self.process.wait()
        assert ended == -signal.SIGKILL, f"{self.name} had ended by itself with {ended}: {self.last_words()}"
        self.kills += 1

    async def stop(self) -> int | None:
        """Ask it to stop; its exit code, -9 if it had to be ended."""
        if self.process is None:
            return None
        if self.runs:
            with suppress(ProcessLookupError):
                self.process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-LOG_SHOWN_BYTES:] if self.log.exists() else "(no log)"

    def defect(self) -> str:
        """The first traceback in its log, empty if there is none."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        at = text.find("Traceback")
        return "" if at < 0 else text[max(0, at - 300) : at + LOG_SHOWN_BYTES]

    # --- its API ---------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Of the API, without a path."""
        assert self.told is not None
        return f"http://{self.told.api_host}:{self.told.api_port}"

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: str | None = None,
        raw: tuple[str, bytes] | None = None,
        seconds: float = ASK_SECONDS_MAX,
        refusal: bool = False,
    ) -> Any:
        """One request. raw: content type and bytes in place of a JSON body; refusal: a problem is an answer as well.

        Raises Refused, and one of UNANSWERED.
        """
        headers = dict(self._headers)
        if key is not None:
            headers["Idempotency-Key"] = key
        data = None
        if raw is not None:
            headers["Content-Type"], data = raw
        async with self.session.request(
            method,
            self.url + path,
            json=body,
            data=data,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=seconds),
        ) as answer:
            if self.dies_of_answer is not None and method == "POST" and not self.dies_of_answer.is_set():
                self.dies_of_answer.set()
                os.kill(self.pid, signal.SIGKILL)
            if answer.content_type.startswith("text/"):
                return await answer.text()
            told = await answer.json(content_type=None)
            if answer.status >= 400 and not refusal:
                raise Refused(answer.status, told)
            return told

    async def get(self, path: str) -> Any:
        """A GET."""
        return await self.ask("GET", path)

    async def insist(self, method: str, path: str, body: Any, key: str, seconds: float = 60.0) -> Any:
        """Repeat a request under its key until it is answered, over deaths and restarts of the node."""
        ends_s = time.monotonic() + seconds
        while True:
            try:
                return await self.ask(method, path, body, key)
            except Refused as refused:
                # Another node may have been given the free port that this one had before it died.
                if refused.code != "token_wrong":
                    raise
                assert time.monotonic() < ends_s, f"{self.name} does not answer {path}"
            except UNANSWERED:
                assert time.monotonic() < ends_s, f"{self.name} does not answer {path}"
            await asyncio.sleep(LOOK_S)

    async def sell(self, cents: int = 300, key: str | None = None, name: str = "Bread") -> dict[str, Any]:
        """A basket of one line, paid by card; what the till answered."""
        answer: dict[str, Any] = await self.ask("POST", "/v1/sales", basket_body(cents, name), key)
        return answer

    async def sales(self) -> list[dict[str, Any]]:
        """Every completed sale that it knows, page by page."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = await self.get(f"/v1/sales?limit=200{after}")
            found += page["sales"]
            if not page.get("next"):
                return found
            after = f"&after={page['next']}"

    async def digest(self) -> str:
        """The digest of its fold."""
        return str((await self.get("/v1/status"))["digest"])

    async def phases(self) -> dict[str, str]:
        """Phase of the peering with each node that it knows, by name."""
        return {row["name"]: row["phase"] for row in (await self.get("/v1/peers"))["peers"]}


# --- parts ---------------------------------------------------------------------------------------------------------


async def nothing_left(look: Callable[[], Awaitable[object]], seconds: float) -> None:
    """Look until nothing is left (an empty answer); fails with what was left after `seconds`."""
    ends_s = time.monotonic() + seconds
    while True:
        try:
            left = await look()
        except UNANSWERED as error:
            left = f"no answer: {error}"
        if not left:
            return
        assert time.monotonic() < ends_s, f"still so after {seconds} s: {left}"
        await asyncio.sleep(LOOK_S)


def basket_body(cents: int = 300, name: str = "Bread", **more: Any) -> dict[str, Any]:
    """The body of a sale of one line, paid by card."""
    line = {"names": name, "unit_price": f"{cents // 100}.{cents % 100:02d}"}
    return {"basket": {"lines": [line]}, "tenders": [{"tender_type": "card", "amount_minor": cents}], **more}


def words_of(settings: Mapping[str, str]) -> list[str]:
    """Settings as -s words."""
    return [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]


def environment() -> dict[str, str]:
    """Ours without what would configure a node."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TILLMESH_")}
