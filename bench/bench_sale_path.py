"""Goals 1 and 6: how long a sale takes until it is safe at two machines, and until it is a row in DuckDB.

Both as multiples of the floor (`bench.floor`) at the same pace, round by round. Times run from the call of
`complete_basket` to its return, which waits for the back office's acknowledgement, and to the commit of the row, noticed
within a millisecond in the back office's process; the monotonic clock is one for both processes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.figures import Figure, Spread, median, ratios, spread
from bench.floor import Floor
from bench.store import Office, newest_entry, sell, till_and_office
from node.node import Node

ROUNDS: Final = 5
SECONDS: Final = 3.0
SAFE_PER_SECOND: Final = 100
ROWS_PER_SECOND: Final = 50


async def paced(till: Node, per_second: float, seconds: float) -> tuple[list[int], list[float]]:
    """When each sale began, monotonic nanoseconds, and the seconds that it took; at a steady pace, whoever still waits."""
    count = int(per_second * seconds)
    began: list[int] = []
    took = [0.0] * count

    async def one(number: int) -> None:
        start = time.monotonic_ns()
        began.append(start)
        await sell(till)
        took[number] = (time.monotonic_ns() - start) / 1e9

    start = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / per_second - time.perf_counter()))
            tasks.create_task(one(number))
    return began, took


async def to_rows(till: Node, office: Office, rows_before: int) -> list[float]:
    """Seconds from each sale's begin to its committed row."""
    began, _ = await paced(till, ROWS_PER_SECOND, SECONDS)
    seen: list[tuple[int, int]] = await office.ask("rows", until=rows_before + len(began))
    times = []
    for number, start in enumerate(began, rows_before + 1):
        times.append((next(at for at, loaded in seen if loaded >= number) - start) / 1e9)
    return times


async def measure(directory: Path) -> list[Figure]:
    """All rounds."""
    safe: list[Spread] = []
    safe_floor: list[Spread] = []
    rows: list[Spread] = []
    rows_floor: list[Spread] = []
    async with till_and_office(directory, "on") as (till, office):
        await paced(till, SAFE_PER_SECOND, 1.0)
        sales = len(till.shop.sales)
        await office.ask("rows", until=sales)
        payload = await newest_entry(till)
        with Floor(directory) as floor:
            for _ in range(ROUNDS):
                safe_floor.append(spread(await _aside(floor, payload, SAFE_PER_SECOND)))
                safe.append(spread((await paced(till, SAFE_PER_SECOND, SECONDS))[1]))
                sales = len(till.shop.sales)
                await office.ask("rows", until=sales)
                rows_floor.append(spread(await _aside(floor, payload, ROWS_PER_SECOND)))
                rows.append(spread(await to_rows(till, office, sales)))
    return [
        _figure("1", f"sale safe at two machines, {SAFE_PER_SECOND}/s, p50", safe, safe_floor, "p50_ms", 1.5, 2.0),
        _figure("1", f"sale safe at two machines, {SAFE_PER_SECOND}/s, p90", safe, safe_floor, "p90_ms", 2.0, 3.0),
        Figure(
            number="6",
            name=f"sale is a row, {ROWS_PER_SECOND}/s, p90",
            value=median([each.p90_ms for each in rows]),
            unit="ms",
            goal=100,
            at_worst=200,
            rounds=tuple([each.p90_ms for each in rows]),
            seen=f"p50 {median([each.p50_ms for each in rows]):.1f} ms",
        ),
        _figure("6", f"sale is a row, {ROWS_PER_SECOND}/s, p90", rows, rows_floor, "p90_ms", None, None),
    ]


async def _aside(floor: Floor, payload: bytes, per_second: float) -> list[float]:
    return await asyncio.to_thread(floor.paced, payload, per_second, SECONDS)


def _figure(
    number: str,
    name: str,
    ours: Sequence[Spread],
    floor: Sequence[Spread],
    which: str,
    goal: float | None,
    at_worst: float | None,
) -> Figure:
    mine: list[float] = [getattr(each, which) for each in ours]
    its: list[float] = [getattr(each, which) for each in floor]
    rounds = ratios(mine, its)
    return Figure(
        number=number,
        name=name,
        value=median(rounds),
        unit="x floor",
        goal=goal,
        at_worst=at_worst,
        rounds=rounds,
        seen=f"{median(mine):.2f} ms, floor {median(its):.2f} ms",
    )
