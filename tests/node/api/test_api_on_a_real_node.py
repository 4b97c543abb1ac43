"""The API on the real node: what a till's software sees, with journal, disk and fold under it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from node.api.port import NodePort
from node.api.server import ApiServer
from node.network.authority import init_store
from node.node import Node
from tests.node.api.api_client import MILK, Client

PAID = [{"tender_type": "cash", "amount_minor": 99}]


def in_a_shop(directory: Path, *stories: Callable[[Client], Awaitable[None]]) -> None:
    """Plays each story in a process life of its own of one back office, over HTTP."""
    init_store(directory / "office", "office", "back_office", time.time_ns() // 1_000_000)
    settings = {
        "link_host": "127.0.0.1",
        "link_port": "0",
        "join_port": "0",
        "mdns": "false",
        "warehouse": "off",
        "currency": "EUR",
        "time_zone": "+01:00",
        "state_directory": str(directory / "state"),
    }

    async def life(story: Callable[[Client], Awaitable[None]]) -> None:
        async with asyncio.timeout(30), Node.open(directory / "office", settings) as node:
            port: NodePort = node
            async with (
                ApiServer(port, directory / "office" / "api.token") as server,
                aiohttp.ClientSession() as session,
            ):
                await story(Client(server, node, session))  # type: ignore[arg-type]

    for story in stories:
        asyncio.run(life(story))


def test_a_sale_line_by_line_from_item_records_to_the_receipt(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        table = "key,names,names.de,unit_price,currency,tax_code\n7,Milk,Milch,0.99,EUR,A\n"
        rates = await till.ask("PUT", "/v1/records/tax_codes/A", {"value": {"rate_ppm": 100_000}})
        assert rates.status == 200, rates.text
        brought = await till.post("/v1/records/items/import", data=table.encode(), headers={"Content-Type": "text/csv"})
        assert brought.body["written"] == 1, brought.text
        sale = (await till.post("/v1/open-sales", {"note": "window seat"})).body["sale_id"]
        path = f"/v1/open-sales/{sale}"
        view = (await till.post(f"{path}/lines", {"item": "7", "quantity": "3"})).body
        assert (view["total_minor"], view["lines"][0]["names"]["de"], view["tax_minor"]) == (297, "Milch", 27)
        view = (await till.post(f"{path}/lines", {"names": "Beer", "unit_price": "3.20"})).body
        beer = view["lines"][1]["line_id"]
        view = (await till.post(f"{path}/lines/{beer}/void", {"reason": "warm"})).body
        assert [line["void_reason"] for line in view["voided_lines"]] == ["warm"]
        view = (await till.post(f"{path}/discounts", {"amount_minor": 20})).body
        assert view["total_minor"] == 277
        assert (await till.ask("PUT", f"{path}/customer", {"customer": "C-7"})).body["customer"] == "C-7"
        assert (await till.post(f"{path}/notes", {"text": "gift wrap"})).body["notes"] == ["window seat", "gift wrap"]
        short = await till.post(f"{path}/complete", {"tenders": PAID})
        assert short.refusal == (422, "invalid_value")
        paid = await till.post(
            f"{path}/complete",
            {"tenders": [{"tender_type": "cash", "amount_minor": 277}], "happened_at": "2026-11-24T12:04:00+01:00"},
        )
        assert (paid.status, paid.body["held_by"]) == (200, []), paid.text
        assert (await till.get(path)).body["receipt_no"] == paid.body["receipt_no"]
        again = await till.post(f"{path}/complete", {"tenders": PAID})
        assert again.refusal == (409, "not_in_state")
        receipt = (await till.get(f"/v1/receipts/{paid.body['receipt_no']}")).body
        assert (receipt["happened_at"], receipt["business_day"]) == ("2026-11-24T12:04:00.000+01:00", "2026-11-24")
        text = (await till.get(f"/v1/receipts/{paid.body['receipt_no']}/text?language=de")).text
        assert "Milch" in text and "2.77" in text
        page = (await till.get("/v1/sales?business_day=2026-11-24")).body
        assert [row["total_minor"] for row in page["sales"]] == [277]
        assert page["rests_on"]["heads"]
        assert (await till.get("/v1/totals")).body["totals"][0]["total_minor"] == 277

    in_a_shop(tmp_path, story)


def test_a_key_is_remembered_over_a_restart(tmp_path: Path) -> None:
    answers: list[Any] = []
    body = {"basket": {"lines": [MILK]}, "tenders": PAID}
    key = {"Idempotency-Key": "basket-4711"}

    async def before(till: Client) -> None:
        answers.append((await till.post("/v1/sales", body, headers=key)).body)

    async def after(till: Client) -> None:
        answers.append((await till.post("/v1/sales", body, headers=key)).body)
        other = {**body, "external_reference": "another"}
        assert (await till.post("/v1/sales", other, headers=key)).refusal == (422, "idempotency_key_reused")
        assert len((await till.get("/v1/sales")).body["sales"]) == 1

    in_a_shop(tmp_path, before, after)
    first, second = answers
    assert (first["receipt_no"], first["sale_id"], first["place"]) == (
        second["receipt_no"],
        second["sale_id"],
        second["place"],
    )


def test_a_parked_basket_survives_a_restart_and_is_retrieved_and_completed(tmp_path: Path) -> None:
    async def park(till: Client) -> None:
        parked = await till.post("/v1/suspended-sales", {"basket": {"lines": [MILK]}, "answers": {"Who?": "Anna"}})
        assert (parked.status, parked.body["state"]) == (201, "suspended"), parked.text

    async def fetch(till: Client) -> None:
        (row,) = (await till.get("/v1/sales/suspended")).body["sales"]
        assert (row["answers"], row["line_count"], row["suspended_by"]) == ({"Who?": "Anna"}, 1, "office")
        path = f"/v1/open-sales/{row['sale_id']}"
        assert (await till.post(f"{path}/lines", MILK)).refusal == (409, "not_in_state")
        taken = await till.post(f"{path}/retrieve")
        assert (taken.body["sale"]["state"], taken.body["standing"]) == ("retrieved", "provisional"), taken.text
        assert (await till.post(f"{path}/complete", {"tenders": PAID})).status == 200
        assert (await till.get("/v1/sales/suspended")).body["sales"] == []

    in_a_shop(tmp_path, park, fetch)


def test_a_table_from_seating_to_clearing(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        assert (await till.post("/v1/tables/12/lines", MILK)).status == 409
        assert (await till.post("/v1/tables/12/seat", {"covers": 2})).body["covers"] == 2
        view = (await till.post("/v1/tables/12/lines", {"names": "Beer", "unit_price": "3.20"})).body
        voided = await till.post(f"/v1/tables/12/lines/{view['lines'][0]['line_id']}/void", {})
        assert (voided.body["lines"], len(voided.body["voided_lines"])) == ([], 1), voided.text
        assert (await till.post("/v1/tables/12/clear")).status == 200
        assert (await till.get("/v1/tables")).body["seatings"] == []

    in_a_shop(tmp_path, story)


def test_every_question_is_answered(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        status = (await till.get("/v1/status")).body
        assert (status["name"], status["role"], status["disk"]) == ("office", "back_office", "ok")
        assert status["rests_on"]["complete"]
        assert (await till.get("/v1/heads")).body["heads"][0]["name"] == "office"
        assert (await till.get("/v1/peers")).status == 200
        assert [row["name"] for row in (await till.get("/v1/nodes")).body["nodes"]] == ["office"]
        assert (await till.get("/v1/open-sales")).body["sales"] == []
        assert (await till.get("/readyz", token=None)).body == {"ok": True}
        assert "tillmesh_api_requests_total" in (await till.get("/metrics")).text
        assert (await till.post("/v1/drill", {"seconds": 60})).body["drill_until"]
        assert (await till.post("/v1/drill", {"seconds": 0})).status == 200
        assert (await till.post("/v1/sql", {"sql": "select 1"})).refusal == (501, "not_offered")
        invited = await till.post("/v1/invites", {"name": "till-1"})
        assert invited.status == 201 and invited.body["token"], invited.text
        nobody = "f" * 32
        assert (await till.post(f"/v1/nodes/{nobody}/revoke", {"reason": "stolen"})).refusal == (404, "unknown_thing")
        assert (await till.get(f"/v1/open-sales/{nobody}")).refusal == (404, "unknown_thing")
        assert (await till.get("/v1/receipts/till-9/S-K7Q2MX/1")).refusal == (404, "unknown_thing")
        assert (await till.get("/v1/records/items/none")).refusal == (404, "unknown_thing")
        assert (await till.get(f"/v1/sales?after={nobody}")).refusal == (404, "unknown_thing")

    in_a_shop(tmp_path, story)


async def events_until_sold(till: Client, headers: dict[str, str], sell: bool = True) -> list[tuple[str, str]]:
    """(id, kind) of the events of one stream up to the first sale; the sale is made once the stream has begun."""
    seen: list[tuple[str, str]] = []
    event_id = ""
    async with till.session.get(till.server.url + "/v1/events", headers=headers) as response:
        while not seen or seen[-1][1] != "sale_completed":
            name, _, value = (await response.content.readuntil(b"\n")).decode().strip().partition(": ")
            if name == "id":
                event_id = value
            if name == "event":
                seen.append((event_id, value))
                if sell:
                    sell = False
                    await till.post("/v1/sales", {"basket": {"lines": [MILK]}, "tenders": PAID})
    return seen


def test_a_sale_is_an_event_that_a_reader_resumes_at(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        sent = {"Authorization": f"Bearer {till.server.token}", "Last-Event-ID": "another-1"}
        seen = await events_until_sold(till, sent)
        assert seen[0][1] == "gap"
        await till.post("/v1/sales", {"basket": {"lines": [MILK]}, "tenders": PAID})
        again = await events_until_sold(till, {**sent, "Last-Event-ID": seen[-1][0]}, sell=False)
        assert [kind for _, kind in again] == ["sale_completed"]

    in_a_shop(tmp_path, story)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/open-sales", {"note": "card 4111 1111 1111 1111"}, "note"),
        ("/v1/sales", {"basket": {"lines": [{"item": "nowhere"}]}, "tenders": PAID}, None),
        ("/v1/sales", {"basket": {"lines": [MILK], "currency": "XX1"}, "tenders": PAID}, "basket.currency"),
        ("/v1/sales", {"basket": {"lines": [MILK]}, "tenders": []}, "tenders"),
        (
            "/v1/sales",
            {"basket": {"lines": [{**MILK, "quantity": "0.001"}]}, "tenders": [], "external_reference": "r\n"},
            None,
        ),
        ("/v1/suspended-sales", {"basket": {"lines": [MILK], "notes": ["4111111111111111"]}}, None),
        ("/v1/tables/12/seat", {"covers": 1_001}, "covers"),
    ],
)
def test_what_the_node_refuses_is_named_and_nothing_is_recorded(
    tmp_path: Path, path: str, body: Any, field: str | None
) -> None:
    async def story(till: Client) -> None:
        before = (await till.get("/v1/status")).body
        answer = await till.post(path, body, headers={"Idempotency-Key": "k"})
        status, code = answer.refusal
        assert 400 <= status < 500
        assert field is None or (code, answer.body["field"]) == ("invalid_value", field)
        after = (await till.get("/v1/status")).body
        assert (after["seq"], after["digest"]) == (before["seq"], before["digest"])

    in_a_shop(tmp_path, story)
