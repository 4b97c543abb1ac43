"""A running node: what survives its restarts, its copies and its disk."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from crdt_models import operations
from crdt_models.errors import InvalidValue, NotInState
from node import views
from node.disk.database import FILE_NAME
from node.disk.journal_store import JournalStore
from node.errors import DiskFailed, IdempotencyKeyReused, NotOffered
from node.network.authority import init_store
from node.node import Node
from node.running import Author

BASKET = views.Basket(lines=[views.NewLine(names="Milk", unit_price="1.29", quantity="2")])
PAID = [views.NewTender(tender_type="card", amount_minor=258)]


def store_at(directory: Path) -> dict[str, str]:
    """A new store whose one node lives in `directory`; the settings that keep it on loopback."""
    init_store(directory, "back-office", "back_office", time.time_ns() // 1_000_000)
    return {
        "link_host": "127.0.0.1",
        "link_port": "0",
        "join_port": "0",
        "mdns": "false",
        "warehouse": "off",
        "currency": "EUR",
        "state_directory": str(directory.parent / "state"),
    }


def at_node(directory: Path, settings: dict[str, str], work: Callable[[Node], Awaitable[Any]]) -> Any:
    """What `work` answers at the running node."""

    async def run() -> Any:
        async with Node.open(directory, settings) as node:
            return await work(node)

    return asyncio.run(run())


async def sell(node: Node, key: str | None = None) -> views.Completed:
    """One basket, completed."""
    return await node.complete_basket(BASKET, PAID, key=key)


def test_receipt_numbers_go_on_over_a_proven_restart(tmp_path: Path) -> None:
    settings = store_at(tmp_path / "office")
    first = at_node(tmp_path / "office", settings, sell)
    second = at_node(tmp_path / "office", settings, sell)
    assert first.receipt_no.rsplit("/", 1)[0] == second.receipt_no.rsplit("/", 1)[0]
    assert [receipt.rsplit("/", 1)[1] for receipt in (first.receipt_no, second.receipt_no)] == ["1", "2"]


def test_a_copied_disk_sells_at_once_under_a_series_of_its_own_and_says_that_it_doubts(tmp_path: Path) -> None:
    """FIELD story 15: the backup that forked; rules J1, J5, J6."""
    settings = store_at(tmp_path / "office")
    first = at_node(tmp_path / "office", settings, sell)
    shutil.copytree(tmp_path / "office", tmp_path / "copy")

    async def sell_and_look(node: Node) -> tuple[views.Completed, views.StatusView]:
        return await sell(node), node.status()

    copied, status = at_node(tmp_path / "copy", settings, sell_and_look)
    assert status.doubtful
    assert "doubtful_start" in {alarm.code for alarm in status.alarms}
    assert copied.receipt_no.rsplit("/", 1)[0] != first.receipt_no.rsplit("/", 1)[0]
    again = at_node(tmp_path / "office", settings, sell)
    assert len({first.receipt_no, copied.receipt_no, again.receipt_no}) == 3


def test_a_key_is_answered_from_its_entry_after_a_restart_and_never_for_another_request(tmp_path: Path) -> None:
    """FIELD story 5: twice after a time-out."""
    settings = store_at(tmp_path / "office")
    first = at_node(tmp_path / "office", settings, lambda node: sell(node, "k-1"))

    async def again(node: Node) -> tuple[views.Completed, int]:
        repeated = await sell(node, "k-1")
        with pytest.raises(IdempotencyKeyReused):
            await node.complete_basket(BASKET, PAID, key="k-2", fingerprint=b"a" * 32)
            await node.complete_basket(BASKET, PAID, key="k-2", fingerprint=b"b" * 32)
        return repeated, len(node.shop.sales)

    repeated, count = at_node(tmp_path / "office", settings, again)
    assert (repeated.receipt_no, repeated.sale_id, repeated.place) == (first.receipt_no, first.sale_id, first.place)
    assert count == 2


def test_two_requests_at_once_under_one_key_are_one_sale(tmp_path: Path) -> None:
    settings = store_at(tmp_path / "office")

    async def both(node: Node) -> tuple[list[views.Completed], int]:
        answers = await asyncio.gather(*[sell(node, "k-1") for _ in range(5)])
        return answers, len(node.shop.sales)

    answers, count = at_node(tmp_path / "office", settings, both)
    assert count == 1
    assert len({answer.receipt_no for answer in answers}) == 1


def test_a_drill_outlives_a_restart_as_a_pulled_cable_would(tmp_path: Path) -> None:
    settings = store_at(tmp_path / "office")
    at_node(tmp_path / "office", settings, lambda node: node.drill(600))

    async def look_and_end(node: Node) -> tuple[views.StatusView, views.StatusView]:
        return node.status(), await node.drill(0)

    cut, healed = at_node(tmp_path / "office", settings, look_and_end)
    assert cut.drill_until_ms is not None
    assert healed.drill_until_ms is None


def test_a_disk_that_fails_ends_all_waiting_and_takes_no_money_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = store_at(tmp_path / "office")

    async def fail(node: Node) -> tuple[str | None, views.StatusView, int]:
        async def refuse(*_: object) -> None:
            raise DiskFailed("I/O error")

        monkeypatch.setattr(node.running.store, "append", refuse)
        with pytest.raises(DiskFailed):
            await sell(node)
        with pytest.raises(DiskFailed):
            await sell(node)
        return node.readiness(), node.status(), len(node.running.shell._waiting)

    readiness, status, waiting = at_node(tmp_path / "office", settings, fail)
    assert readiness is not None
    assert "I/O error" in readiness
    assert (status.ready, status.disk, waiting) == (False, "failed", 0)
    monkeypatch.undo()
    assert at_node(tmp_path / "office", settings, sell).receipt_no.endswith("/1")


def test_a_key_whose_step_never_became_durable_is_not_answered_after_the_disk_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = store_at(tmp_path / "office")

    async def fail_and_repeat(node: Node) -> None:
        async def refuse(*_: object) -> None:
            raise DiskFailed("I/O error")

        monkeypatch.setattr(node.running.store, "append", refuse)
        for _ in range(3):
            with pytest.raises(DiskFailed):
                await sell(node, "k-1")

    at_node(tmp_path / "office", settings, fail_and_repeat)
    monkeypatch.undo()
    assert at_node(tmp_path / "office", settings, lambda node: sell(node, "k-1")).receipt_no.endswith("/1")


def test_an_alarm_of_the_disk_rings_while_the_node_runs(tmp_path: Path) -> None:
    settings = store_at(tmp_path / "office")

    async def fill_up(node: Node) -> tuple[views.StatusView, views.StatusView]:
        store = node.running.store
        assert isinstance(store, JournalStore)
        store._ring("disk_full", "the disk is full, the ballast was given up")
        await asyncio.sleep(0.01)
        full = node.status()
        store._ring("ballast_back", "there is room again")
        await asyncio.sleep(0.01)
        return full, node.status()

    full, later = at_node(tmp_path / "office", settings, fill_up)
    assert (full.disk, full.ready) == ("full", True)
    assert "disk_full" in {alarm.code for alarm in full.alarms}
    assert later.disk == "ok"


def test_a_step_that_the_node_itself_cannot_record_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = store_at(tmp_path / "office")
    monkeypatch.setattr("node.node.HOUSEKEEPING_S", 0.01)

    async def fail(node: Node) -> str | None:
        async def refuse(*_: object) -> None:
            raise DiskFailed("I/O error")

        monkeypatch.setattr(node.running.store, "append", refuse)
        monkeypatch.setattr(node.running.till, "repeat_late", lambda: [[operations.note("x", "test", "late")]])
        await asyncio.sleep(0.05)
        return node.readiness()

    assert "I/O error" in str(at_node(tmp_path / "office", settings, fail))


def test_a_malformed_record_of_another_program_stops_nobody_from_selling(tmp_path: Path) -> None:
    settings = store_at(tmp_path / "office")

    async def poison_and_sell(node: Node) -> None:
        bad = {"rate_ppm": "nineteen", "questions": 7, "cash_rounding": 5, "gives_change": "maybe"}
        for table, key in (("tax_codes", "A"), ("tender_types", "cash"), ("suspension_types", "wallet")):
            await node.running.do(Author(), lambda t=table, k=key: [operations.record(t, k, 1, bad)])  # type: ignore[misc]
        await sell(node)
        await node.complete_basket(BASKET, [views.NewTender(tender_type="cash", amount_minor=258)])
        taxed = views.NewLine(names="Milk", unit_price="1.29", tax_code="A")
        with pytest.raises(InvalidValue):
            await node.complete_basket(views.Basket(lines=[taxed]), PAID)
        with pytest.raises(InvalidValue):
            await node.suspend_basket(BASKET, "wallet", {}, None)

    at_node(tmp_path / "office", settings, poison_and_sell)


def test_the_parts_of_two_imports_under_long_keys_do_not_answer_each_other(tmp_path: Path) -> None:
    settings = store_at(tmp_path / "office")

    async def put(node: Node) -> int:
        for number in range(2):
            rows = [(f"item-{number}-{at}", {"names": {"en": "x"}, "unit_price": "1.00"}) for at in range(250)]
            await node.put_records("items", rows, key="k" * 190 + str(number), fingerprint=bytes([number]) * 32)
        return len(node.records("items"))

    assert at_node(tmp_path / "office", settings, put) == 500


def test_damaged_entries_are_set_aside_at_the_start_and_the_node_goes_on(tmp_path: Path) -> None:
    settings = store_at(tmp_path / "office")
    for _ in range(3):
        at_node(tmp_path / "office", settings, sell)
    path = tmp_path / "office" / FILE_NAME
    raw = bytearray(path.read_bytes())
    spots = [at for at in range(len(raw)) if raw.startswith(b"Milk", at)]
    raw[spots[0]] ^= 1
    path.write_bytes(raw)

    async def look(node: Node) -> tuple[int, views.StatusView]:
        await sell(node)
        return len(node.shop.sales), node.status()

    held, status = at_node(tmp_path / "office", settings, look)
    assert held < 4
    assert status.doubtful


def test_an_error_in_the_caller_s_block_comes_out_as_itself(tmp_path: Path) -> None:
    settings = store_at(tmp_path / "office")

    async def fail(node: Node) -> None:
        raise NotInState("sale", "paid", "open")

    with pytest.raises(NotInState):
        at_node(tmp_path / "office", settings, fail)


def test_records_are_checked_before_the_first_is_written_and_written_in_several_entries(tmp_path: Path) -> None:
    settings = store_at(tmp_path / "office")
    rows = [(f"item-{number}", {"names": {"en": f"Item {number}"}, "unit_price": "1.00"}) for number in range(450)]

    async def put(node: Node) -> tuple[int, int]:
        with pytest.raises(InvalidValue):
            await node.put_records("items", [*rows, ("bad", {"names": {"en": "x"}, "unit_price": "one"})])
        none = len(node.records("items"))
        await node.put_records("items", rows, key="import-1")
        await node.put_records("items", rows, key="import-1")
        with pytest.raises(NotOffered):
            await node.put_records("nodes", [("00" * 16, {"name": "x", "role": "till"})])
        assert all(node.record("items", key).version == 1 for key, _ in rows)
        return none, len(node.records("items"))

    assert at_node(tmp_path / "office", settings, put) == (0, 450)


def test_guests_sit_order_and_leave_and_the_next_guests_start_anew(tmp_path: Path) -> None:
    settings = store_at(tmp_path / "office")

    async def evening(node: Node) -> None:
        await node.seat("7", 2)
        seen = await node.seating_add_line("7", views.NewLine(names="Beer", unit_price="4.20"))
        assert (seen.status, seen.covers, seen.total_minor) == ("occupied", 2, 420)
        await node.seating_void_line("7", seen.lines[0].line_id, "spilled")
        assert [view.table for view in node.seatings()] == ["7"]
        assert (await node.clear_table("7")).status == "free"
        with pytest.raises(NotInState):
            await node.seating_add_line("7", views.NewLine(names="Beer", unit_price="4.20"))
        again = await node.seat("7", 4)
        assert (again.covers, again.lines) == (4, [])
        assert again.seating_id != seen.seating_id

    at_node(tmp_path / "office", settings, evening)
