"""`kill -9` at random instants under load: what was answered is sold once, and nobody ever sees half a sale.

Four real nodes sell in three ways: whole baskets, line by line, and sales that one till suspends and another completes. A
request that was not answered is repeated under its key at the same till once it is back. A reader polls all nodes
meanwhile. Half of the kills hit a node at the moment of an answer, others while it is still starting.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.end_to_end.real_node import LOOK_S, UNANSWERED, RealNode, Refused, basket_body, nothing_left
from tests.end_to_end.store import RealStore, play

TILLS: Final = 3
SELLERS_PER_NODE: Final = 2
KILLS: Final = 20
KILLS_IN_TORTURE: Final = 200
DOWN_AT_ONCE_MAX: Final = 2
SETTLE_S: Final = 10.0
SQL: Final = "select sale_id, receipt_no, total_minor, external_reference from sales"
SQL_UNPAID: Final = """
    select sale_id from sales s where total_minor is distinct from
        (select sum(amount_minor) from tenders t where (t.journal, t.seq, t.operation) = (s.journal, s.seq, s.operation))
    or line_count != (select count(*) from sale_lines l where (l.journal, l.seq, l.operation) = (s.journal, s.seq, s.operation))
"""

Row = tuple[str, str, int, str]
"""sale id, receipt number, total, the client's own reference."""


@dataclass(slots=True)
class Client:
    """What sells, and its log of answers: one row for each sale that a till answered."""

    store: RealStore
    seed: int
    answers: list[Row] = field(default_factory=list)
    closed: bool = False
    started: int = 0
    reads: int = 0
    sales_read: int = 0

    def chance(self, *what: object) -> random.Random:
        """Chance of its own for each actor, so that a seed says what was tried."""
        return random.Random(f"{self.seed} {what}")

    async def sell(self, node: RealNode, number: int) -> None:
        """Sell until closing time, then finish what was begun."""
        chance = self.chance(node.name, number)
        ways = [self._basket] * 5 + [self._line_by_line] * 3 + [self._suspended] * 2
        while not self.closed:
            self.started += 1
            reference = f"{node.name}-{number}-{self.started}"
            await chance.choice(ways)(node, reference, chance)
            await asyncio.sleep(chance.uniform(0.05, 0.25))

    async def _basket(self, node: RealNode, reference: str, chance: random.Random) -> None:
        body = basket_body(chance.randint(100, 9999), external_reference=reference)
        self._note(await node.insist("POST", "/v1/sales", body, reference), reference)

    async def _line_by_line(self, node: RealNode, reference: str, chance: random.Random) -> None:
        sale = await self._ring_up(node, reference, chance)
        await self._pay(node, sale["sale_id"], sale["total_minor"], reference)

    async def _suspended(self, node: RealNode, reference: str, chance: random.Random) -> None:
        sale = await self._ring_up(node, reference, chance)
        path = f"/v1/open-sales/{sale['sale_id']}"
        await node.insist("POST", f"{path}/suspend", {"type": "wallet"}, f"{reference}-suspend")
        other = chance.choice([one for one in self.store.nodes if one is not node])
        ends_s = time.monotonic() + 60
        while True:
            try:
                taken = await other.insist("POST", f"{path}/retrieve", None, f"{reference}-retrieve")
                break
            except Refused as refused:
                # The other till has not heard of it yet: the first one died before it could tell.
                assert refused.code == "unknown_thing" or refused.problem.get("holder_name") == node.name, refused
                assert time.monotonic() < ends_s, f"{other.name} never heard of {reference}"
                await asyncio.sleep(LOOK_S)
        assert taken["sale"]["total_minor"] == sale["total_minor"]
        await self._pay(other, sale["sale_id"], sale["total_minor"], reference)

    async def _ring_up(self, node: RealNode, reference: str, chance: random.Random) -> dict[str, Any]:
        sale: dict[str, Any] = await node.insist("POST", "/v1/open-sales", {}, f"{reference}-open")
        total = 0
        for number in range(chance.randint(1, 4)):
            cents = chance.randint(10, 999)
            total += cents
            line = {"names": "Milk", "unit_price": f"{cents // 100}.{cents % 100:02d}"}
            path = f"/v1/open-sales/{sale['sale_id']}/lines"
            sale = await node.insist("POST", path, line, f"{reference}-line-{number}")
        assert sale["total_minor"] == total, "a line was lost or counted twice"
        return sale

    async def _pay(self, node: RealNode, sale: str, total: int, reference: str) -> None:
        body = {"tenders": [{"tender_type": "cash", "amount_minor": total}], "external_reference": reference}
        self._note(await node.insist("POST", f"/v1/open-sales/{sale}/complete", body, reference), reference)

    def _note(self, answer: dict[str, Any], reference: str) -> None:
        self.answers.append((answer["sale_id"], answer["receipt_no"], answer["total_minor"], reference))

    async def watch(self) -> None:
        """Poll all nodes; a sale is whole wherever it is seen."""
        chance = self.chance("reader")
        while True:
            for node in self.store.nodes:
                try:
                    await self._look(node, chance)
                except UNANSWERED:
                    pass
                except Refused as refused:
                    if refused.code != "token_wrong":
                        raise
                await asyncio.sleep(0.05)

    async def _look(self, node: RealNode, chance: random.Random) -> None:
        life = node.started_s
        sales = await node.sales()
        going_on = {sale["sale_id"] for sale in (await node.get("/v1/open-sales"))["sales"]}
        going_on |= {sale["sale_id"] for sale in (await node.get("/v1/sales/suspended"))["sales"]}
        with_documents = [sale for sale in sales if sale["document"]]
        looked_at = chance.sample(with_documents, min(3, len(with_documents)))
        ends = [await node.ask("GET", f"/v1/open-sales/{sale['document']}", refusal=True) for sale in looked_at]
        if node.started_s != life:
            return  # what it had of others and not yet on its disk comes once more
        for sale in sales:
            assert sale["lines"] and sale["tenders"], f"half a sale at {node.name}: {sale}"
            assert sum(line["amount_minor"] for line in sale["lines"]) == sale["total_minor"]
            assert sum(tender["amount_minor"] for tender in sale["tenders"]) == sale["total_minor"]
            assert sale["document"] not in going_on, f"sold and still open at {node.name}: {sale}"
        assert_unique(Counter(sale["sale_id"] for sale in sales), node.name)
        for sale, end in zip(looked_at, ends, strict=True):
            shown = (end.get("state"), end.get("receipt_no"), end.get("holder"), end.get("amendments"))
            assert shown == ("completed", sale["receipt_no"], None, []), f"no release at {node.name}: {end}"
        self.reads += 1
        self.sales_read += len(sales)


async def kill_at_random(store: RealStore, kills: int, chance: random.Random) -> None:
    """Kill nodes at random instants, start each again at once; ends when all are back."""
    slots = asyncio.Semaphore(DOWN_AT_ONCE_MAX)
    done = 0

    async def strike(node: RealNode) -> None:
        nonlocal done
        try:
            await node.kill(at_answer_within_s=chance.choice([0.0, 1.0]))
            done += 1
            await node.spawn()
            if done < kills and chance.random() < 0.25:
                await asyncio.sleep(chance.uniform(0.0, 1.2))
                await node.kill()
                done += 1
                await node.spawn()
            await node.until_told()
        finally:
            slots.release()

    async with asyncio.TaskGroup() as strikes:
        while done < kills:
            await asyncio.sleep(chance.expovariate(1 / 0.6))
            await slots.acquire()
            running = [node for node in store.nodes if node.runs and node.told and node.told.pid == node.pid]
            if done < kills and running:
                strikes.create_task(strike(chance.choice(running)))
                await asyncio.sleep(0)
            else:
                slots.release()


@pytest.mark.timeout(1_800)
def test_what_was_answered_is_sold_exactly_once_whichever_nodes_are_killed(tmp_path: Path, torture: bool) -> None:
    kills = KILLS_IN_TORTURE if torture else KILLS
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(10**9))
    print(f"KILL_SEED={seed}")

    async def scenario() -> None:
        async with RealStore(tmp_path, TILLS, {"sql_rows_max": "100000"}) as store:
            await store.until_in_step()
            client = Client(store, seed)
            reader = asyncio.create_task(client.watch())
            sellers = [
                asyncio.create_task(client.sell(node, number))
                for node in store.nodes
                for number in range(SELLERS_PER_NODE)
            ]
            begun = time.monotonic()
            try:
                await until_first_failure(kill_at_random(store, kills, client.chance("killer")), [reader, *sellers])
                client.closed = True
                await asyncio.wait_for(asyncio.gather(*sellers), 60)
                last_restart = max(node.started_s for node in store.nodes)
                await nothing_left(
                    lambda: differences(store, client.answers), last_restart + SETTLE_S - time.monotonic()
                )
                settled_s = time.monotonic() - last_restart
            finally:
                for task in (reader, *sellers):
                    task.cancel()
                ended = await asyncio.gather(reader, *sellers, return_exceptions=True)
            for error in ended:
                if isinstance(error, Exception):
                    raise error
            killed = {node.name: node.kills for node in store.nodes}
            print(
                f"{len(client.answers)} sales, {sum(killed.values())} kills {killed} in {time.monotonic() - begun:.0f} s, "
                f"{client.reads} looks at {client.sales_read} sales; equal {settled_s:.1f} s after the last restart"
            )
            assert sum(killed.values()) >= kills and min(killed.values()) > 0
            assert client.reads >= kills and len(client.answers) >= 5 * kills
            assert_unique(Counter(row[0] for row in client.answers), "the client's log")
            assert_unique(Counter(row[1] for row in client.answers), "the client's log")
            assert_unique(Counter(row[3] for row in client.answers), "the client's log")
            assert await store.office.ask("POST", "/v1/sql", {"sql": SQL_UNPAID}) | {"rests_on": None} == {
                "columns": ["sale_id"],
                "rows": [],
                "truncated": False,
                "rests_on": None,
            }
            await store.until_equal(sales=len(client.answers))
            await asyncio.gather(*[node.stop() for node in store.nodes])
            for node in store.nodes:
                verified = await node.command("verify")
                assert verified.code == 0, f"{node.name}: {verified.out} {verified.err}"

    play(scenario, 1_700 if torture else 110)


async def differences(store: RealStore, answers: list[Row]) -> list[str]:
    """Where the client's log, the warehouse and the nodes do not tell the same, as sentences."""
    wanted = Counter(answers)
    told = {"DuckDB": await rows_in_duckdb(store.office)}
    for node in store.nodes:
        told[node.name] = [
            (sale["sale_id"], sale["receipt_no"], sale["total_minor"], sale["external_reference"])
            for sale in await node.sales()
        ]
    found = []
    for where, rows in told.items():
        has = Counter(rows)
        if has != wanted:
            lacks, more = list((wanted - has).elements()), list((has - wanted).elements())
            found.append(f"{where} lacks {len(lacks)} {lacks[:3]}, has {len(more)} more {more[:3]}")
    return found


async def rows_in_duckdb(office: RealNode) -> list[Row]:
    """What the warehouse says."""
    answer = await office.ask("POST", "/v1/sql", {"sql": SQL, "rows_max": 100_000})
    assert not answer["truncated"]
    return [(row[0], row[1], row[2], row[3]) for row in answer["rows"]]


async def until_first_failure(work: Any, others: list[asyncio.Task[None]]) -> None:
    """Until `work` is done; raises at once what ends any of the others before it."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            done, _ = await asyncio.wait({task, *others}, return_when=asyncio.FIRST_COMPLETED)
            for other in done - {task}:
                other.result()
                raise AssertionError("a seller or the reader ended before closing time")
        task.result()
    finally:
        task.cancel()


def assert_unique(counted: Counter[str], where: str) -> None:
    """Nothing there twice."""
    assert [name for name, times in counted.items() if times > 1] == [], f"twice in {where}"
