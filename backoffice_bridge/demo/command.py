"""`tillmesh demo`: one command that shows the main job. Exit 0 only if every figure agrees and every kill happened."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from backoffice_bridge.demo.baskets import BasketsMissing, trading_day
from backoffice_bridge.demo.day import TradingDay
from backoffice_bridge.demo.figures import check_figures, verify_all
from backoffice_bridge.demo.processes import DemoFailed, DemoStore

TILLS = 4
DAY = datetime.date(2017, 11, 22)
BASKETS = 400
FIND_SECONDS_MAX = 20.0


def run(directory: Path, arguments: Sequence[str]) -> int:
    """Plays the day in `directory`; --keep leaves the store running. Answers the exit code."""
    console = Console()
    failed = False
    try:
        asyncio.run(_demo(directory, "--keep" in arguments, console))
    except* (DemoFailed, BasketsMissing, aiohttp.ClientError, TimeoutError) as group:
        for error in _leaves(group):
            console.print(f"[bold red]the demonstration failed:[/] {error or type(error).__name__}")
        failed = True
    return 1 if failed else 0


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found


async def _demo(directory: Path, keep: bool, console: Console) -> None:
    begun = time.monotonic()
    baskets = trading_day(DAY, TILLS, BASKETS)
    console.print(f"{len(baskets)} real baskets of {DAY}, {sum(len(b.lines) for b in baskets)} lines, at {TILLS} tills")
    async with DemoStore(directory, TILLS) as store:
        await store.open()
        await _show_how_found(store, console)
        day = TradingDay(store, baskets, console)
        await day.play()
        await check_figures(store, day.log, console)
        if store.office.killed != 1 or store.tills[2].killed != 1:
            raise DemoFailed("a kill did not happen")
        await asyncio.gather(*[node.stop() for node in store.nodes])
        await verify_all(store, console)
        console.print(f"[bold green]the figures agree[/]; {time.monotonic() - begun:.0f} s")
        if keep:
            await asyncio.gather(*[node.start() for node in store.nodes])
            store.keep = True
            _say_how_to_talk(store, console)


async def _show_how_found(store: DemoStore, console: Console) -> None:
    """Wait until every node is in step with every other, and print by which way each was found."""
    deadline = time.monotonic() + FIND_SECONDS_MAX
    while True:
        peers = {node.name: (await node.ask("GET", "/v1/peers"))["peers"] for node in store.nodes}
        if all(
            len(rows) == len(store.nodes) - 1 and all(row["phase"] == "in_step" for row in rows)
            for rows in peers.values()
        ):
            break
        if time.monotonic() > deadline:
            raise DemoFailed(f"the nodes did not find each other: {peers}")
        await asyncio.sleep(0.05)
    table = Table(title="who found whom, and how")
    table.add_column("node")
    for name in peers:
        table.add_column(name)
    for name, rows in peers.items():
        how = {row["name"]: row["found_by"] or "" for row in rows}
        table.add_row(name, *[how.get(other, "-") for other in peers])
    console.print(table)
    if not any("mdns" in (row["found_by"] or "") for rows in peers.values() for row in rows):
        raise DemoFailed("no node was found by mDNS")


def _say_how_to_talk(store: DemoStore, console: Console) -> None:
    directory = store.office.directory
    console.print("the store is left running; talk to it:", style="bold")
    for words in ("status", "peers", "sales", "sql 'SELECT * FROM sales_by_hour'"):
        console.print(f"  tillmesh {words} -d {directory}", soft_wrap=True)
    pids = " ".join(str(node.process.pid) for node in store.nodes if node.process is not None)
    console.print(f"end it with: kill {pids}")
