"""The trading day: baskets at four tills, an outage in its middle, and everything merged in the evening.

The story, by the share of the day's baskets that was sold:
40 %  till-3's cable is pulled; the back office says whom it has not heard and since when
55 %  the back office is killed; till-1 suspends a sale, till-2 retrieves and completes it with no server
65 %  till-3, selling on alone, is killed and started again; its cable is still out
75 %  the back office comes back, till-3 is still cut off, and it says so again
88 %  the cable is put back; everything heals
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import Progress

from backoffice_bridge.demo.baskets import RealBasket
from backoffice_bridge.demo.processes import DemoFailed, DemoNode, DemoStore

DRILL_S = 600
HEAL_SECONDS_MAX = 30.0
PACE_S = 0.09
"""Seconds between two baskets of the day, so that the day takes about 40 s."""


@dataclass(slots=True)
class DayLog:
    """What the tills were answered. sales: per receipt number the amount, till and local hour."""

    sales: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    copies_at_answer: list[tuple[str, int]] = field(default_factory=list)
    first_fault_ms: int = 0
    retrieved: str | None = None


class TradingDay:
    """Plays one day at a store."""

    def __init__(self, store: DemoStore, baskets: list[RealBasket], console: Console) -> None:
        self._store, self._baskets, self._console = store, baskets, console
        self.log = DayLog()
        self._queues: list[asyncio.Queue[RealBasket | None]] = [asyncio.Queue() for _ in store.tills]
        self._side: list[asyncio.Task[None]] = []

    async def play(self) -> None:
        """Sell every basket, with the outage in between. Raises DemoFailed."""
        story: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (0.40, self._pull_the_cable),
            (0.55, self._kill_the_office),
            (0.65, self._kill_till_3),
            (0.75, self._bring_back_the_office),
            (0.88, self._heal),
        ]
        with Progress(console=self._console) as progress:
            bar = progress.add_task("selling", total=len(self._baskets))
            async with asyncio.TaskGroup() as tasks:
                sellers = [
                    tasks.create_task(self._sell(till, queue, lambda: progress.advance(bar)))
                    for till, queue in zip(self._store.tills, self._queues, strict=True)
                ]
                for number, basket in enumerate(self._baskets):
                    while story and number >= story[0][0] * len(self._baskets):
                        await story.pop(0)[1]()
                    self._queues[basket.till].put_nowait(basket)
                    await asyncio.sleep(PACE_S)
                for _, chapter in story:
                    await chapter()
                for queue in self._queues:
                    queue.put_nowait(None)
                await asyncio.gather(*sellers)
        await self._wait_until_healed()

    async def _sell(self, till: DemoNode, queue: asyncio.Queue[RealBasket | None], advance: Callable[[], None]) -> None:
        while (basket := await queue.get()) is not None:
            body = {
                "basket": _basket(basket),
                "tenders": [{"tender_type": "card", "amount_minor": basket.total_minor}],
                "happened_at_ms": basket.happened_at_ms,
            }
            answer = await till.insist("POST", "/v1/sales", body, f"basket-{basket.number}")
            self._note(answer, basket, till)
            advance()

    def _note(self, answer: dict[str, Any], basket: RealBasket, till: DemoNode) -> None:
        if answer["total_minor"] != basket.total_minor:
            raise DemoFailed(f"{till.name} charged {answer['total_minor']} for a basket of {basket.total_minor}")
        self.log.sales[answer["receipt_no"]] = (basket.total_minor, till.name, basket.local_hour)
        self.log.copies_at_answer.append((till.name, len(answer["held_by"])))

    # --- the chapters ----------------------------------------------------------------------------------------------

    async def _pull_the_cable(self) -> None:
        self.log.first_fault_ms = time.time_ns() // 1_000_000
        await self._store.tills[2].ask("POST", "/v1/drill", {"seconds": DRILL_S})
        self._say("till-3's cable is pulled; till-3 sells on alone")
        await asyncio.sleep(1.0)
        await self._print_completeness("till-3")

    async def _kill_the_office(self) -> None:
        await self._store.office.kill()
        self._say("the back office is killed (kill -9); the tills sell on")
        one, two = self._store.tills[:2]
        basket = self._baskets[0]
        parked = await one.ask(
            "POST",
            "/v1/suspended-sales",
            {"basket": _basket(basket), "type": "wallet", "answers": {"why": "left the wallet in the car"}},
            "parked",
        )
        listed = await self._listed(two, parked["sale_id"])
        taken = await two.ask("POST", f"/v1/open-sales/{parked['sale_id']}/retrieve", {}, "retrieved")
        answer = await two.ask(
            "POST",
            f"/v1/open-sales/{parked['sale_id']}/complete",
            {
                "tenders": [{"tender_type": "cash", "amount_minor": basket.total_minor}],
                "happened_at_ms": basket.happened_at_ms,
            },
            "completed",
        )
        self._note(answer, basket, two)
        self.log.retrieved = answer["receipt_no"]
        self._say(
            f"with no server: till-1 suspended a sale of {basket.total_minor / 100:.2f} ({listed['type']}), till-2 "
            f"retrieved it ({taken['standing']}, held by {', '.join(taken['held_by'])}) and sold it as {answer['receipt_no']}"
        )

    async def _kill_till_3(self) -> None:
        till = self._store.tills[2]
        alone = sum(1 for _, name, _ in self.log.sales.values() if name == till.name)
        await till.kill()
        self._say(f"till-3 is killed (kill -9) after {alone} sales, most of the last ones alone, and started again")
        await till.start()
        status = await till.ask("GET", "/v1/status")
        if status["connectivity"] != "isolated" or status["doubtful"]:
            raise DemoFailed(f"till-3 should be isolated and sure of its disk: {status}")

    async def _bring_back_the_office(self) -> None:
        await self._store.office.start()
        self._say("the back office is back; till-3 is still cut off")
        await asyncio.sleep(2.0)
        await self._print_completeness("till-3")

    async def _heal(self) -> None:
        await self._store.tills[2].ask("POST", "/v1/drill", {"seconds": 0})
        self._say("till-3's cable is back")

    # --- parts -----------------------------------------------------------------------------------------------------

    async def _listed(self, till: DemoNode, sale: str) -> dict[str, Any]:
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline:
            rows = (await till.ask("GET", "/v1/sales/suspended"))["sales"]
            for row in rows:
                if row["sale_id"] == sale:
                    return dict(row)
            await asyncio.sleep(0.02)
        raise DemoFailed(f"{till.name} does not list the suspended sale")

    async def _print_completeness(self, name: str) -> None:
        told = await self._store.office.ask("GET", "/v1/completeness")
        lines = [row["text"] for row in told["missing"]]
        for line in lines:
            self._console.print(f"   back office: [yellow]{line}[/]")
        if told["complete"] or not any(line.startswith(name) and " since " in line for line in lines):
            raise DemoFailed(f"the back office does not say that it has not heard {name}: {lines}")

    async def _wait_until_healed(self) -> None:
        """Until all nodes hold the same, and the warehouse has it too."""
        begun = time.monotonic()
        while True:
            statuses = [await node.ask("GET", "/v1/status") for node in self._store.nodes]
            complete = all(status["rests_on"]["complete"] for status in statuses)
            rows = await self._store.office.ask("POST", "/v1/sql", {"sql": "SELECT count(*) FROM sales"})
            loaded = int(rows["rows"][0][0]) == len(self.log.sales)
            if complete and loaded and len({status["digest"] for status in statuses}) == 1:
                self._say(f"healed: all five nodes hold the same {time.monotonic() - begun:.1f} s after the last sale")
                return
            if time.monotonic() - begun > HEAL_SECONDS_MAX:
                missing = [row["text"] for status in statuses for row in status["rests_on"]["missing"]]
                raise DemoFailed(f"the store did not heal in {HEAL_SECONDS_MAX:.0f} s: {missing or statuses}")
            await asyncio.sleep(0.1)

    def _say(self, text: str) -> None:
        share = len(self.log.sales) * 100 // len(self._baskets)
        self._console.print(f"[bold]{share:3d} %[/] {text}")


def _basket(basket: RealBasket) -> dict[str, Any]:
    return {"lines": [dict(line) for line in basket.lines], "customer": basket.household}
