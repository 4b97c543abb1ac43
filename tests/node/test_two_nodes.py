"""Two nodes that part and meet: what each is told of a sale that both took."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crdt_models.errors import HeldElsewhere
from node.network.join import join_store
from node.node import Node
from tests.node.test_node import BASKET, store_at

EQUAL_SECONDS_MAX = 15.0


async def equal(one: Node, other: Node) -> None:
    """Until both hold the same."""
    async with asyncio.timeout(EQUAL_SECONDS_MAX):
        while one.shop.digest() != other.shop.digest() or not one.running.shell.greeted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def test_a_retrieval_that_lost_is_refused_also_when_it_is_repeated_under_its_key(tmp_path: Path) -> None:
    settings = {**store_at(tmp_path / "office"), "mdns": "true", "mdns_interfaces": "127.0.0.1"}

    async def evening() -> None:
        async with Node.open(tmp_path / "office", settings) as office:
            await join_store(tmp_path / "till", (await office.invite("till-1")).token)
            async with Node.open(tmp_path / "till", settings) as till:
                parked = await office.suspend_basket(BASKET, "wallet", {}, None)
                await equal(office, till)
                await till.drill(600)
                await office.retrieve(parked.sale_id, key="office takes it")
                alone = await till.retrieve(parked.sale_id, key="till takes it")
                assert (alone.standing, alone.held_by) == ("provisional", [])
                await till.drill(0)
                await equal(office, till)
                won = await office.retrieve(parked.sale_id, key="office takes it")
                assert won.sale.holder is not None
                assert won.sale.holder.here
                with pytest.raises(HeldElsewhere) as lost:
                    await till.retrieve(parked.sale_id, key="till takes it")
                assert lost.value.holder == office.node_id

    asyncio.run(evening())
