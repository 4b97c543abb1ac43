"""A store of real processes for tests: enrolled by real tokens through the real command line, asked over the real API.

The nodes find one another by mDNS on the loopback interface (or as a test says) and are ended when the `async with`
ends. A store that ends well has no node that ended badly and no log with a traceback; one that ends badly shows the end
of each log.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.end_to_end.real_node import SETTINGS, RealNode, nothing_left, words_of


class RealStore:
    """A back office and tills in one directory: `async with RealStore(path, tills=2) as store`.

    tills: how many, or their names. settings: for every node beside SETTINGS. started: whether they run on entering.
    """

    def __init__(
        self,
        directory: Path,
        tills: int | Sequence[str] = 1,
        settings: Mapping[str, str] | None = None,
        started: bool = True,
    ) -> None:
        self.directory = directory
        self._names = [f"till-{number}" for number in range(1, tills + 1)] if isinstance(tills, int) else list(tills)
        self._settings = {**SETTINGS, "state_directory": str(directory / "state"), **(settings or {})}
        self._started = started
        self._session: aiohttp.ClientSession | None = None
        self.office: RealNode
        self.tills: list[RealNode] = []

    @property
    def nodes(self) -> list[RealNode]:
        """All nodes, the back office first."""
        return [self.office, *self.tills]

    def __getitem__(self, name: str) -> RealNode:
        return next(node for node in self.nodes if node.name == name)

    async def __aenter__(self) -> RealStore:
        self._session = aiohttp.ClientSession()
        self.office = self._node("back-office")
        try:
            await self._open()
        except BaseException:
            self.show_logs()
            await self._end()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        ended = await self._end()
        if kind is not None:
            self.show_logs()
            return
        wrong = {name: str(code) for name, code in ended.items() if code not in (0, None, -signal.SIGKILL)}
        wrong |= {node.name: node.defect() for node in self.nodes if node.defect()}
        if wrong:
            self.show_logs()
        assert not wrong, "these nodes ended badly or had a defect: " + "\n".join(map(": ".join, wrong.items()))

    def show_logs(self) -> None:
        """Print the end of each node's log; pytest shows it with the failure."""
        for node in [self.office, *self.tills]:
            print(f"--- {node.name} (pid {node.process.pid if node.process else None})\n{node.last_words()}")

    async def enrol(self, name: str, start: bool = True, **settings: str) -> RealNode:
        """One more till, by invitation and join."""
        till = self._node(name)
        self.tills.append(till)
        await self._enrol(till, start, settings)
        return till

    async def _open(self) -> None:
        made = await self.office.command("init", self.office.name, *words_of(self._settings))
        assert made.code == 0, made.err
        await self.office.start()
        self.tills = [self._node(name) for name in self._names]
        await asyncio.gather(*[self._enrol(till, self._started, {}) for till in self.tills])

    async def _enrol(self, till: RealNode, start: bool, settings: dict[str, str]) -> None:
        invited = await self.office.ask("POST", "/v1/invites", {"name": till.name, "role": "till"})
        joined = await till.command("join", "-", *words_of(self._settings), say=invited["token"])
        assert joined.code == 0, joined.err
        if start:
            await till.start(**settings)

    async def _end(self) -> dict[str, int | None]:
        codes = await asyncio.gather(*[node.stop() for node in self.nodes])
        if self._session is not None:
            await self._session.close()
        return {node.name: code for node, code in zip(self.nodes, codes, strict=True)}

    def _node(self, name: str) -> RealNode:
        assert self._session is not None
        return RealNode(name, self.directory / name, dict(self._settings), self._session)

    # --- waiting ---------------------------------------------------------------------------------------------------

    async def until_in_step(self, seconds: float = 20.0, nodes: Sequence[RealNode] | None = None) -> None:
        """Until each of these nodes is linked with each other one and lacks nothing."""
        chosen = self.nodes if nodes is None else nodes
        names = {node.name for node in chosen}

        async def linked() -> object:
            seen = await asyncio.gather(*[node.phases() for node in chosen])
            return [
                (node.name, name, phases.get(name))
                for node, phases in zip(chosen, seen, strict=True)
                for name in names - {node.name}
                if phases.get(name) != "in_step"
            ]

        await nothing_left(linked, seconds)

    async def until_equal(self, seconds: float = 10.0, sales: int | None = None) -> None:
        """Until all nodes have one digest, and (if said) that many sales."""

        async def differing() -> object:
            seen = await asyncio.gather(*[node.get("/v1/status") for node in self.nodes])
            digests = {one["digest"] for one in seen}
            counts = [one["completed_sales"] for one in seen]
            wrong = len(digests) > 1 or (sales is not None and set(counts) != {sales})
            return [(one["name"], one["digest"][:8], one["completed_sales"]) for one in seen] if wrong else []

        await nothing_left(differing, seconds)

    async def traces(self) -> list[tuple[object, ...]]:
        """What any step would change, at each node: journal, digest, sales, a drill."""
        seen = await asyncio.gather(*[node.get("/v1/status") for node in self.nodes])
        return [(one["seq"], one["digest"], one["completed_sales"], one["drill_until_ms"]) for one in seen]


def play(scenario: Callable[[], Coroutine[Any, Any, None]], seconds: float = 100.0) -> None:
    """Run an async test, bounded."""

    async def bounded() -> None:
        async with asyncio.timeout(seconds):
            await scenario()

    asyncio.run(bounded())
