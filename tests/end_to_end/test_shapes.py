"""Shops of several sizes and shapes, as real processes: all nodes end equal, whoever sees whom."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.end_to_end.store import RealStore, play


@pytest.mark.parametrize("tills", [1, 4, 7], ids=["two nodes", "five nodes", "eight nodes"])
def test_real_nodes_that_all_sell_end_equal(tmp_path: Path, tills: int) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, tills) as store:
            await store.until_in_step(30)
            sold = await asyncio.gather(*[node.sell(100 + n) for node in store.nodes for n in range(5)])
            await store.until_equal(sales=len(sold))
            known = {answer["sale_id"]: answer["total_minor"] for answer in sold}
            for node in store.nodes:
                assert {sale["sale_id"]: sale["total_minor"] for sale in await node.sales()} == known
            complete = await asyncio.gather(*[node.get("/v1/completeness") for node in store.nodes])
            assert [one["missing"] for one in complete] == [[]] * len(store.nodes)

    play(scenario)


def test_a_line_of_nodes_whose_ends_do_not_see_each_other_ends_equal(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, 4, {"mdns": "false"}, started=False) as store:
            before = store.office
            for till in store.tills:
                await till.start(peers=f"127.0.0.1:{before.link_port}")
                before = till
            line = store.nodes
            for left, right in pairwise(line):
                await store.until_in_step(10, [left, right])
            sold = [await node.sell(cents) for node in line for cents in (110, 220)]
            await store.until_equal(sales=len(sold))
            neighbours = [
                sorted(name for name, phase in (await node.phases()).items() if phase != "unreachable") for node in line
            ]
            expected = [
                sorted(node.name for node in (line[at - 1 : at] if at else []) + line[at + 1 : at + 2])
                for at in range(len(line))
            ]
            assert neighbours == expected, "somebody found a node beyond its neighbours"

            # A sale at one end is at the other a moment later: hops, not pulses, carry it.
            begun = time.monotonic()
            await line[0].sell(330)
            await store.until_equal(sales=len(sold) + 1)
            assert time.monotonic() - begun < 2.0

            # With a node in the middle gone the halves sell on; the line heals with its return.
            middle = line[2]
            await middle.kill()
            await asyncio.gather(line[0].sell(440), line[-1].sell(550))
            await middle.start()
            await store.until_equal(seconds=15, sales=len(sold) + 3)

    play(scenario)
