"""Goal 4: sales per second that are durable at both ends, as long as one likes.

Embedding, `complete_basket` from many coroutines at once; the load generator is in the till's process and counts into it,
the back office has the other core. Group commit does the rest: what gathers while a commit runs is the next one. Beside it
stands the floor's rate with groups of 64 ready-made entries, and the same with the back office's warehouse loading.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.figures import Figure, median, ratios
from bench.floor import Floor
from bench.store import newest_entry, sell, till_and_office
from node.node import Node

ROUNDS: Final = 5
SALES: Final = 3_000
AT_ONCE: Final = 192
"""Coroutines that sell: more tills than a shop has, enough for a commit and an acknowledgement always to be under way."""
GROUP: Final = 64
FLOOR_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Rate:
    """One round: sales per second, and the share of a core that each end's process took."""

    per_second: float
    till_cores: float
    office_cores: float


async def sustained(till: Node, count: int) -> float:
    """Seconds for so many sales, each answered with a copy at the back office."""
    left = iter(range(count))

    async def seller() -> None:
        for _ in left:
            await sell(till)

    start = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(seller())
    return time.perf_counter() - start


async def rates(directory: Path, warehouse: str, rounds: int) -> tuple[list[Rate], list[float]]:
    """Rounds of ours and of the floor, one after the other."""
    ours: list[Rate] = []
    bare: list[float] = []
    async with till_and_office(directory, warehouse) as (till, office):
        await sustained(till, AT_ONCE * 4)
        payload = await newest_entry(till)
        with Floor(directory) as floor:
            for _ in range(rounds):
                bare.append(await asyncio.to_thread(floor.sustained, payload, GROUP, FLOOR_SECONDS))
                office_cpu, till_cpu = await office.ask("cpu"), sum(os.times()[:2])
                took_s = await sustained(till, SALES)
                till_cpu, office_cpu = sum(os.times()[:2]) - till_cpu, await office.ask("cpu") - office_cpu
                ours.append(Rate(SALES / took_s, till_cpu / took_s, office_cpu / took_s))
        held, there = len(till.shop.sales), await office.ask("sales")
        if held != there:
            raise RuntimeError(f"{held} sales at the till, {there} at the back office")
    return ours, bare


async def measure(directory: Path) -> list[Figure]:
    """Without a warehouse and with it."""
    figures = []
    for warehouse, rounds, what in (("off", ROUNDS, "journals only"), ("on", ROUNDS, "warehouse loading")):
        place = directory / warehouse
        place.mkdir()
        ours, bare = await rates(place, warehouse, rounds)
        per_second = tuple([each.per_second for each in ours])
        till, office = median([each.till_cores for each in ours]), median([each.office_cores for each in ours])
        unshared = tuple([each.per_second / max(each.till_cores, each.office_cores) for each in ours])
        figures.append(
            Figure(
                number="4",
                name=f"sales durable at both ends, {what}",
                value=median(per_second),
                unit="sales/s",
                goal=5_000 if warehouse == "off" else None,
                at_worst=2_000 if warehouse == "off" else None,
                higher_is_better=True,
                rounds=per_second,
                seen=f"cores: till {till:.2f}, office {office:.2f}; "
                f"{median(ratios(per_second, bare)):.3f} of bare groups of {GROUP} ({median(bare):,.0f}/s)",
            )
        )
        figures.append(
            Figure(
                number="4",
                name=f"the same per second of CPU of the busier end, {what}",
                value=median(unshared),
                unit="sales/s",
                higher_is_better=True,
                rounds=unshared,
                seen="what an unshared core each could do; independent of who else runs",
            )
        )
    return figures
