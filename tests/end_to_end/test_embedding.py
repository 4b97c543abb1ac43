"""A node inside a program: `async with Node.open`, and `Node.blocking` for programs that are not async."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crdt_models.errors import InvalidValue
from node.blocking import BlockingNode
from node.disk.errors import DirectoryInUse
from node.errors import DiskFailed, NotReady
from node.network.authority import init_store
from node.network.errors import NotAMember
from node.network.join import join_store
from node.node import Node
from node.views import Basket, NewLine, NewTender
from tests.end_to_end.real_node import SETTINGS, nothing_left
from tests.end_to_end.store import play

MILK = NewLine(names="Milk", unit_price="1.29", quantity="2")
PAID = [NewTender(tender_type="cash", amount_minor=258)]


def settings(directory: Path) -> dict[str, str]:
    """For a node of this test."""
    return {name: value for name, value in SETTINGS.items() if name != "log_level"} | {
        "state_directory": str(directory / "state")
    }


def test_two_nodes_in_one_program_find_each_other_and_hand_a_sale_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        init_store(tmp_path / "office", "back-office", "back_office", time.time_ns() // 1_000_000)
        async with Node.open(tmp_path / "office", settings(tmp_path)) as office:
            invited = await office.invite("till-1")
            await join_store(tmp_path / "till-1", invited.token)
            async with Node.open(tmp_path / "till-1", settings(tmp_path)) as till:

                async def apart() -> list[str]:
                    return [] if [peer.phase for peer in till.peers()] == ["in_step"] else ["not in step"]

                await nothing_left(apart, 10)
                before = till.status().seq
                sale = await till.open_sale(customer="4711", note="birthday")
                assert (sale.customer, sale.notes) == ("4711", ["birthday"])
                assert till.status().seq == before + 1, "opened with customer and note in one entry"
                await till.add_line(sale.sale_id, MILK)
                parked = await till.suspend(sale.sale_id, "wallet", {"name": "Maria"})
                assert parked.held_by == ["back-office"]
                taken = await office.retrieve(sale.sale_id)
                assert [line.names for line in taken.sale.lines] == [{"en": "Milk"}]
                done = await office.complete(sale.sale_id, PAID)
                assert (done.total_minor, done.held_by) == (258, ["till-1"])
                assert till.receipt(done.receipt_no).total_minor == 258
                assert till.shop.digest() == office.shop.digest()
            with pytest.raises(NotReady):
                await till.open_sale()

    play(scenario)


def test_what_happens_can_be_followed_as_events(tmp_path: Path) -> None:
    async def scenario() -> None:
        init_store(tmp_path / "office", "back-office", "back_office", time.time_ns() // 1_000_000)
        async with Node.open(tmp_path / "office", settings(tmp_path)) as office:
            events = office.events()
            heard = asyncio.create_task(anext(events))
            await asyncio.sleep(0)
            done = await office.complete_basket(Basket(lines=[MILK]), PAID)
            event = await asyncio.wait_for(heard, 5)
            while event.kind != "sale_completed":
                event = await asyncio.wait_for(anext(events), 5)
            assert done.receipt_no in event.data.values()

    play(scenario)


def test_a_program_that_is_not_async_sells_from_several_threads(tmp_path: Path) -> None:
    init_store(tmp_path / "office", "back-office", "back_office", time.time_ns() // 1_000_000)
    with Node.blocking(tmp_path / "office", settings(tmp_path)) as node:
        assert (node.name, node.role) == ("back-office", "back_office")

        def sell(number: int) -> str:
            sale = node.open_sale()
            node.add_line(sale.sale_id, MILK)
            return str(node.complete(sale.sale_id, PAID, key=f"sale-{number}").receipt_no)

        with ThreadPoolExecutor(8) as threads:
            receipts = list(threads.map(sell, range(40)))
        assert len(set(receipts)) == 40
        assert sorted(int(receipt.rpartition("/")[2]) for receipt in receipts) == list(range(1, 41))
        assert node.status().completed_sales == 40
        with pytest.raises(InvalidValue, match="tenders"):
            node.complete_basket(Basket(lines=[MILK]), [])
        with pytest.raises(AttributeError, match="events"):
            _ = node.events
        assert len([each for each in threading.enumerate() if each.name == "tillmesh-node"]) == 1
    with pytest.raises(NotReady):
        node.open_sale()
    assert [each for each in threading.enumerate() if each.name == "tillmesh-node"] == []
    # What was sold is there for the next process of this directory.
    with BlockingNode.open(tmp_path / "office", settings(tmp_path)) as again:
        assert again.status().completed_sales == 40
        assert again.complete_basket(Basket(lines=[MILK]), PAID).receipt_no.endswith("/41")


def test_what_opening_raises_is_raised_in_the_thread_that_asked(tmp_path: Path) -> None:
    with pytest.raises(NotAMember), Node.blocking(tmp_path / "nothing", settings(tmp_path)):
        pass
    init_store(tmp_path / "office", "back-office", "back_office", time.time_ns() // 1_000_000)
    with (
        Node.blocking(tmp_path / "office", settings(tmp_path)),
        pytest.raises(DirectoryInUse),
        Node.blocking(tmp_path / "office", settings(tmp_path)),
    ):
        pass


def test_a_call_that_the_end_of_the_node_overtakes_is_refused_and_never_hangs(tmp_path: Path) -> None:
    init_store(tmp_path / "office", "back-office", "back_office", time.time_ns() // 1_000_000)
    node = Node.blocking(tmp_path / "office", settings(tmp_path))
    answers: list[object] = []
    selling = threading.Event()

    def sell_for_ever() -> None:
        while True:
            try:
                answers.append(node.complete_basket(Basket(lines=[MILK]), PAID).receipt_no)
            except NotReady as error:
                answers.append(error)
                return
            selling.set()

    with node:
        sellers = [threading.Thread(target=sell_for_ever, daemon=True) for _ in range(4)]
        for seller in sellers:
            seller.start()
        assert selling.wait(10)
    for seller in sellers:
        seller.join(10)
        assert not seller.is_alive(), "a caller waits for ever"
    assert sum(isinstance(answer, NotReady) for answer in answers) == 4
    answered = {answer for answer in answers if isinstance(answer, str)}
    with Node.blocking(tmp_path / "office", settings(tmp_path)) as again:
        assert answered <= {receipt.receipt_no for receipt in again.sales(100_000)}


def test_a_node_that_fails_while_it_serves_says_so_at_the_end_of_its_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(self: Node) -> None:
        raise DiskFailed("planted")

    init_store(tmp_path / "office", "back-office", "back_office", time.time_ns() // 1_000_000)
    monkeypatch.setattr(Node, "housekeep", failing)
    with pytest.raises((DiskFailed, ExceptionGroup)) as failed, Node.blocking(tmp_path / "office", settings(tmp_path)):
        pass
    assert "planted" in repr(failed.value)
