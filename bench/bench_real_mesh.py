"""Goal 7 with eight real nodes: frames per change and peer over real links and disks.

All eight run in this process, on one loop: what is counted is what each hands to its links, which does not depend on who
shares a core; what depends on it, time, is not measured here.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from bench.bench_mesh import CHANGES_PER_SECOND, mesh_figures
from bench.figures import Figure
from bench.store import BASKET, OFFICE, TENDERS, settings, until
from node.network.authority import init_store
from node.network.join import join_store
from node.node import Node
from node.replication import codec
from node.replication.events import Link
from node.shell import Wires

NODES: Final = 8
SECONDS: Final = 10
IN_STEP_SECONDS_MAX: Final = 60.0
QUIET_S: Final = 3.0
"""After the last greeting: double links are gone, everybody knows whom everybody is linked to."""
EQUAL_SECONDS_MAX: Final = 20.0


class CountingWires:
    """The wires of a node, with every frame counted by its kind."""

    def __init__(self, wires: Wires, frames: Counter[str]) -> None:
        self._wires, self._frames = wires, frames

    def send(self, link: Link, frame: bytes) -> None:
        """Count it and pass it on."""
        self._frames[type(codec.decode(frame)).__name__] += 1
        self._wires.send(link, frame)

    def hang_up(self, link: Link, reason: str) -> None:
        """Pass it on."""
        self._wires.hang_up(link, reason)


@asynccontextmanager
async def full_mesh(directory: Path) -> AsyncIterator[list[Node]]:
    """Eight nodes of one store, each linked to each."""
    async with AsyncExitStack() as stack:
        init_store(directory / OFFICE, OFFICE, "back_office", time.time_ns() // 1_000_000)
        office = await stack.enter_async_context(Node.open(directory / OFFICE, settings(directory, warehouse="off")))
        nodes = [office]
        for number in range(1, NODES):
            name = f"till-{number}"
            await join_store(directory / name, (await office.invite(name)).token)
            peers = ",".join(f"127.0.0.1:{node.link_port}" for node in nodes)
            nodes.append(await stack.enter_async_context(Node.open(directory / name, settings(directory, peers=peers))))
        await until(
            lambda: all(len({peer.name for peer in node.peers()}) == NODES - 1 for node in nodes), IN_STEP_SECONDS_MAX
        )
        await asyncio.sleep(QUIET_S)
        yield nodes


async def measure(directory: Path) -> list[Figure]:
    """Fifty changes a second, in turn at each node."""
    frames: Counter[str] = Counter()
    changes = CHANGES_PER_SECOND * SECONDS
    async with full_mesh(directory) as nodes:
        for node in nodes:
            shell = node.running.shell
            assert shell.wires is not None
            shell.wires = CountingWires(shell.wires, frames)
        start = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(changes):
                await asyncio.sleep(max(0.0, start + number / CHANGES_PER_SECOND - time.perf_counter()))
                tasks.create_task(nodes[number % NODES].complete_basket(BASKET, TENDERS))
        await until(lambda: all(len(node.shop.sales) == changes for node in nodes), EQUAL_SECONDS_MAX)
    return mesh_figures(frames, changes, NODES - 1, f"{NODES} real nodes")
