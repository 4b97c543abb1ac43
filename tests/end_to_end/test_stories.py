"""True stories of shops (FIELD), each told to real nodes: what happened elsewhere must not happen here."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.real_node import RealNode, Refused, basket_body, nothing_left
from tests.end_to_end.store import RealStore, play


def test_story_1_the_beers_of_one_waiter_and_the_burgers_of_the_other_are_both_on_the_table(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, 2) as store:
            await store.until_in_step()
            anna, ben = store.tills
            await anna.ask("POST", "/v1/tables/T4/seat", {"covers": 3})
            await store.until_equal()
            await cut_off(store, ben)

            await anna.ask("POST", "/v1/tables/T4/lines", {"names": "Beer", "unit_price": "4.20", "quantity": "3"})
            await ben.ask("POST", "/v1/tables/T4/lines", {"names": "Burger", "unit_price": "11.90"})
            # The twin of the story: both seat the same empty table.
            await anna.ask("POST", "/v1/tables/T5/seat", {"covers": 2})
            await anna.ask("POST", "/v1/tables/T5/lines", {"names": "Wine", "unit_price": "5.00"})
            await ben.ask("POST", "/v1/tables/T5/seat", {"covers": 2})
            await ben.ask("POST", "/v1/tables/T5/lines", {"names": "Soup", "unit_price": "6.00"})
            assert await dishes(ben) == {"T4": ["Burger"], "T5": ["Soup"]}

            await heal(store, ben)
            await store.until_equal()
            for node in store.nodes:
                assert await dishes(node) == {"T4": ["Beer", "Burger"], "T5": ["Soup", "Wine"]}
            bills = [(await node.get("/v1/tables"))["seatings"] for node in store.nodes]
            assert bills == [bills[0]] * len(bills), "one order, read in one order everywhere"
            assert {bill["table"]: bill["total_minor"] for bill in bills[0]} == {"T4": 2450, "T5": 1100}

    play(scenario)


def test_story_4_every_receipt_that_was_printed_is_found_and_says_where_its_copies_are(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, 2) as store:
            await store.until_in_step()
            till, other = store.tills
            together = [await till.sell(100 + n) for n in range(3)]
            assert all(sold["held_by"] for sold in together), "printed with a copy elsewhere, as the answer says"
            await cut_off(store, till)
            alone = [await till.sell(200 + n) for n in range(3)]
            assert all(sold["held_by"] == [] for sold in alone), "printed alone, and the answer says so: copies 0"
            with pytest.raises(Refused) as unknown:
                await other.get(f"/v1/receipts/{alone[0]['receipt_no']}")
            assert unknown.value.code == "unknown_thing"
            seen = await other.get("/v1/completeness")
            assert not seen["complete"]
            assert [
                gap["text"] for gap in seen["missing"] if gap["name"] == till.name and "silent since" in gap["text"]
            ]

            await till.kill()
            await till.start()
            for sold in together + alone:
                assert (await till.get(f"/v1/receipts/{sold['receipt_no']}"))["total_minor"] == sold["total_minor"]
            await heal(store, till)
            await store.until_equal(sales=6)
            for node in store.nodes:
                for sold in together + alone:
                    receipt = await node.get(f"/v1/receipts/{sold['receipt_no']}")
                    assert (receipt["sale_id"], receipt["total_minor"]) == (sold["sale_id"], sold["total_minor"])
                    assert sold["receipt_no"] in await node.get(f"/v1/receipts/{sold['receipt_no']}/text")
            await nothing_left(lambda: without_copies(till, together + alone), 5)

    play(scenario)


def test_story_5_a_client_that_timed_out_and_repeats_gets_the_one_receipt(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, 1) as store:
            await store.until_in_step()
            till = store.tills[0]
            body = basket_body(1990, "Wine")
            os.kill(till.pid, signal.SIGSTOP)
            try:
                with pytest.raises(TimeoutError):
                    await till.ask("POST", "/v1/sales", body, "order-1", seconds=0.5)
            finally:
                os.kill(till.pid, signal.SIGCONT)

            # The till works off what lay in its socket, although nobody waits for it any more.
            async def not_done() -> list[str]:
                return [] if await till.sales() else ["the first request"]

            await nothing_left(not_done, 10)
            again = await asyncio.gather(*[till.ask("POST", "/v1/sales", body, "order-1") for _ in range(5)])
            assert len({answer["receipt_no"] for answer in again}) == 1
            await till.kill()
            await till.start()
            after_the_crash = await till.ask("POST", "/v1/sales", body, "order-1")
            assert after_the_crash["receipt_no"] == again[0]["receipt_no"]
            with pytest.raises(Refused) as reused:
                await till.ask("POST", "/v1/sales", basket_body(5, "Gum"), "order-1")
            assert reused.value.code == "idempotency_key_reused"
            await store.until_equal(sales=1)

            # Line by line as well: a line that was repeated is there once.
            sale = await till.ask("POST", "/v1/open-sales", {}, "sale-2")
            assert (await till.ask("POST", "/v1/open-sales", {}, "sale-2"))["sale_id"] == sale["sale_id"]
            path = f"/v1/open-sales/{sale['sale_id']}"
            line = {"names": "Milk", "unit_price": "1.29"}
            for _ in range(3):
                rung = await till.ask("POST", f"{path}/lines", line, "line-1")
            assert [each["names"]["en"] for each in rung["lines"]] == ["Milk"]
            paid = {"tenders": [{"tender_type": "cash", "amount_minor": 129}]}
            receipts = [(await till.ask("POST", f"{path}/complete", paid, "pay-2"))["receipt_no"] for _ in range(3)]
            assert len(set(receipts)) == 1
            await store.until_equal(sales=2)

    play(scenario)


def test_story_12_nobody_rescans_the_goods_when_the_back_office_is_dead(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, 3) as store:
            await store.until_in_step()
            first, second, third = store.tills
            await store.office.kill()
            goods = [{"names": f"Article {n}", "unit_price": f"{n}.50"} for n in range(1, 21)]
            sale = (await first.ask("POST", "/v1/open-sales", {}))["sale_id"]
            for line in goods:
                await first.ask("POST", f"/v1/open-sales/{sale}/lines", line)
            question = {"type": "wallet", "answers": {"name": "Maria"}, "note": "is at the cash machine"}
            suspended = await first.ask("POST", f"/v1/open-sales/{sale}/suspend", question)
            assert suspended["state"] == "suspended" and suspended["held_by"], "another node holds it before the answer"

            await nothing_left(lambda: not_listed(second, sale), 5)
            listed = (await second.get("/v1/sales/suspended"))["sales"][0]
            assert (listed["type"], listed["answers"], listed["suspended_by"]) == (
                "wallet",
                {"name": "Maria"},
                "till-1",
            )
            taken = await second.ask("POST", f"/v1/open-sales/{sale}/retrieve")
            assert len(taken["sale"]["lines"]) == 20 and taken["standing"] == "provisional"
            assert taken["sale"]["holder"]["name"] == "till-2"
            with pytest.raises(Refused) as held:
                await third.ask("POST", f"/v1/open-sales/{sale}/retrieve")
            assert (held.value.code, held.value.problem["holder_name"]) == ("held_elsewhere", "till-2")
            total = taken["sale"]["total_minor"]
            paid = {"tenders": [{"tender_type": "card", "amount_minor": total}]}
            receipt = await second.ask("POST", f"/v1/open-sales/{sale}/complete", paid)
            assert receipt["receipt_no"].startswith("till-2/S-")

            await store.office.start()
            await store.until_equal(sales=1)
            statement = f"select receipt_no, total_minor, line_count from sales where document = '{sale}'"
            await nothing_left(lambda: other_rows(store.office, statement, [[receipt["receipt_no"], total, 20]]), 5)

    play(scenario)


def test_story_13_tills_that_number_receipts_while_apart_never_give_one_number_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, 3) as store:
            await store.until_in_step()
            sold = [await till.sell() for till in store.tills]
            for till in store.tills:
                await till.ask("POST", "/v1/drill", {"seconds": 600})
            for _ in range(4):
                sold += await asyncio.gather(*[till.sell() for till in store.tills])
            # One is killed and goes on in the same series, still alone; a void and a training sale have their own.
            await store.tills[0].kill()
            await store.tills[0].start()
            sold += [await store.tills[0].sell() for _ in range(3)]
            body = basket_body(300)
            body["basket"]["training"] = True
            training = await store.tills[0].ask("POST", "/v1/sales", body)
            assert training["receipt_no"].split("/")[1].startswith("T-")
            for till in store.tills:
                await till.ask("POST", "/v1/drill", {"seconds": 0})
            await store.until_equal(15, sales=len(sold) + 1)
            numbers = [answer["receipt_no"] for answer in sold]
            assert len(set(numbers)) == len(numbers)
            for node in store.nodes:
                series: dict[str, list[int]] = {}
                for sale in await node.sales():
                    series.setdefault(f"{sale['terminal']}/{sale['series']}", []).append(sale["number"])
                assert sorted(len(used) for used in series.values()) == [1, 5, 5, 8], series
                for used in series.values():
                    assert sorted(used) == list(range(1, len(used) + 1)), "no gap and nothing twice"
                alarms = (await node.get("/v1/status"))["alarms"]
                assert [alarm for alarm in alarms if alarm["code"] == "double_number"] == []

    play(scenario)


def test_story_17_a_node_that_finds_nobody_says_why_in_words_and_sells_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, 2, started=False) as store:
            mute, misled = store.tills
            await mute.start(mdns="false")
            dead = store.office.link_port
            await store.office.kill()
            await misled.start(mdns="false", peers=f"127.0.0.1:{dead}")
            assert (await mute.sell())["held_by"] == []
            await nothing_left(lambda: no_alarm(mute, "no_peer", "mDNS is switched off", "peers ="), 15)
            refused = f"127.0.0.1:{dead}: the machine is there, but nothing listens at this port"
            await nothing_left(lambda: no_alarm(misled, "no_peer", refused), 15)
            status = await mute.get("/v1/status")
            assert status["connectivity"] == "isolated" and status["ready"]
            assert not status["rests_on"]["complete"]
            assert "never heard any other node" in status["rests_on"]["missing"][0]["text"]
            shown = await mute.command("status")
            assert [alarm["code"] for alarm in shown.json["alarms"]] == ["no_peer"]

            # Once somebody is found, the alarm goes.
            await store.office.start()
            await misled.stop()
            await misled.start(peers=f"127.0.0.1:{store.office.link_port}")
            await store.until_in_step(nodes=[store.office, misled])
            await nothing_left(lambda: alarms_of(misled, "no_peer"), 5)
            await misled.ask("POST", "/v1/drill", {"seconds": 60})
            await nothing_left(lambda: still_linked(store.office, misled), 5)
            told = {row["name"]: row for row in (await misled.get("/v1/peers"))["peers"]}
            assert told["back-office"]["phase"] == "unreachable" and told["back-office"]["reason"]

    play(scenario)


# --- parts ---------------------------------------------------------------------------------------------------------


async def cut_off(store: RealStore, node: RealNode) -> None:
    """Pull its cable, and wait until it is missed."""
    await node.ask("POST", "/v1/drill", {"seconds": 600})
    for other in store.nodes:
        if other is not node:
            await nothing_left(lambda other=other: still_linked(other, node), 8)  # type: ignore[misc]


async def heal(store: RealStore, node: RealNode) -> None:
    """Put the cable back, and wait until all are in step."""
    await node.ask("POST", "/v1/drill", {"seconds": 0})
    await store.until_in_step(10)


async def still_linked(node: RealNode, other: RealNode) -> list[str]:
    phase = (await node.phases()).get(other.name)
    return [] if phase == "unreachable" else [f"{other.name} at {node.name}: {phase}"]


async def dishes(node: RealNode) -> dict[str, list[str]]:
    """What is ordered, by table, sorted."""
    return {
        seating["table"]: sorted(line["names"]["en"] for line in seating["lines"])
        for seating in (await node.get("/v1/tables"))["seatings"]
    }


async def without_copies(node: RealNode, sold: list[dict[str, Any]]) -> list[str]:
    """Receipts that no other node is known to hold."""
    receipts = [await node.get(f"/v1/receipts/{one['receipt_no']}") for one in sold]
    return [receipt["receipt_no"] for receipt in receipts if not receipt["held_by"]]


async def not_listed(node: RealNode, sale: str) -> list[str]:
    """The sale, if it is not in the node's list of suspended ones."""
    listed = [row["sale_id"] for row in (await node.get("/v1/sales/suspended"))["sales"]]
    return [] if sale in listed else [sale]


async def other_rows(office: RealNode, statement: str, wanted: list[list[Any]]) -> list[Any]:
    """What the warehouse answers instead of what is wanted."""
    rows = (await office.ask("POST", "/v1/sql", {"sql": statement}))["rows"]
    return [] if rows == wanted else [rows, "instead of", wanted]


async def alarms_of(node: RealNode, code: str) -> list[Any]:
    """Its alarms of one code."""
    return [alarm for alarm in (await node.get("/v1/status"))["alarms"] if alarm["code"] == code]


async def no_alarm(node: RealNode, code: str, *words: str) -> list[Any]:
    """The alarms, if none of this code has these words."""
    alarms = (await node.get("/v1/status"))["alarms"]
    found = [alarm for alarm in alarms if alarm["code"] == code and all(word in alarm["text"] for word in words)]
    return [] if found else [f"no alarm {code} with {words}", alarms]
