"""A back office in its own process, told what to do by lines of JSON on standard input, answering on standard output.

A real node with real links and, if the settings say so, its warehouse; the only thing that a shop's own process does not
have is a look at the loader every millisecond, which notes when how many sales were committed as rows. Ends when its
standard input ends. Run by `bench.store`, as `python -m bench.office_process DIRECTORY SETTINGS`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

import uvloop

from backoffice_bridge.plugin import BackOffice
from bench.store import until
from node.node import Node

LOOK_S: Final = 0.001
ROWS_SECONDS_MAX: Final = 60.0


class RowWatch:
    """When how many sales were rows: pairs of monotonic nanoseconds, comparable between processes, and a count."""

    def __init__(self, warehouse: BackOffice | None) -> None:
        self._warehouse = warehouse
        self.seen: list[tuple[int, int]] = []

    @property
    def loaded(self) -> int:
        """Sales that are committed rows."""
        loader = None if self._warehouse is None else self._warehouse.loader
        return 0 if loader is None else loader.sales_loaded

    async def run(self) -> None:
        """Look until cancelled."""
        last = 0
        while True:
            if self.loaded != last:
                last = self.loaded
                self.seen.append((time.monotonic_ns(), last))
            await asyncio.sleep(LOOK_S)


async def answer(node: Node, watch: RowWatch, asked: dict[str, Any]) -> Any:
    """What one line asks for."""
    match asked["ask"]:
        case "invite":
            return (await node.invite(asked["name"])).token
        case "sales":
            return len(node.shop.sales)
        case "cpu":
            return sum(os.times()[:2])
        case "rows":
            await until(lambda: watch.loaded >= asked["until"], ROWS_SECONDS_MAX, LOOK_S)
            await asyncio.sleep(2 * LOOK_S)
            seen, watch.seen = watch.seen, []
            return seen
        case unknown:
            raise ValueError(f"nothing is called {unknown!r}")


async def serve(directory: Path, settings: dict[str, str]) -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with Node.open(directory, settings) as node:
        warehouses = [plugin for plugin in node.plugins if isinstance(plugin, BackOffice)]
        watch = RowWatch(warehouses[0] if warehouses else None)
        looking = asyncio.create_task(watch.run()) if warehouses else None
        print(json.dumps(node.link_port), flush=True)
        while line := await reader.readline():
            print(json.dumps(await answer(node, watch, json.loads(line))), flush=True)
        if looking is not None:
            looking.cancel()


def main() -> None:
    """Run on uvloop, as `tillmesh run` does."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Path(sys.argv[1]), json.loads(sys.argv[2])))


if __name__ == "__main__":
    main()
