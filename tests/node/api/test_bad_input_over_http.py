"""Bad input to the API: an answer that names the field and the reason, and nothing done."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from crdt_models.errors import LimitExceeded, UpgradeNeeded
from node.api import limits
from node.errors import DiskFailed
from tests.node.api.api_client import MILK, Client, served

SALE = "/v1/open-sales/" + "1".zfill(32)
CASH = {"tender_type": "cash", "amount_minor": 99}


def basket(**line: Any) -> dict[str, Any]:
    return {"basket": {"lines": [{**MILK, **line}]}, "tenders": [CASH]}


BAD_BODIES: list[tuple[str, str, Any, str, str]] = [
    ("POST", "/v1/sales", basket(quantity="two"), "basket.lines[0].quantity", "not a decimal number"),
    ("POST", "/v1/sales", basket(quantity=2), "basket.lines[0].quantity", "expected `str`, got `int`"),
    ("POST", "/v1/sales", basket(quantity=1.5), "basket.lines[0].quantity", "expected `str`, got `float`"),
    ("POST", "/v1/sales", basket(quantity="1,5"), "basket.lines[0].quantity", "not a decimal number"),
    ("POST", "/v1/sales", basket(unit_price="1e9"), "basket.lines[0].unit_price", "not a decimal number"),
    ("POST", "/v1/sales", basket(unit_price="٣"), "basket.lines[0].unit_price", "not a decimal number"),
    ("POST", "/v1/sales", basket(amount_minor=0.99), "basket.lines[0].amount_minor", "got `float`"),
    ("POST", "/v1/sales", basket(amount_minor=10**15 + 1), "basket.lines[0].amount_minor", "<= 1000000000000000"),
    ("POST", "/v1/sales", basket(amount_minor=10**30), "basket.lines[0].amount_minor", "<= 1000000000000000"),
    ("POST", "/v1/sales", basket(amount_minor=True), "basket.lines[0].amount_minor", "got `bool`"),
    ("POST", "/v1/sales", basket(names={"english": "x"}), "basket.lines[0].names", "not a language tag"),
    ("POST", "/v1/sales", basket(names={"en": " "}), "basket.lines[0].names", "is empty"),
    ("POST", "/v1/sales", basket(colour="red"), "basket.lines[0].colour", "not a field"),
    ("POST", "/v1/sales", basket(kind="gift"), "basket.lines[0].kind", "invalid enum value"),
    ("POST", "/v1/sales", {"basket": {"lines": []}, "tenders": [CASH]}, "basket.lines", "at least one line"),
    ("POST", "/v1/sales", {"basket": {"lines": [{}]}, "tenders": [CASH]}, "basket.lines[0].item", "needs an item"),
    ("POST", "/v1/sales", {"tenders": [CASH]}, "basket", "is required"),
    ("POST", "/v1/sales", {**basket(), "tenders": [{"tender_type": "cash"}]}, "tenders[0].amount_minor", "is required"),
    ("POST", "/v1/sales", {**basket(), "tenders": [CASH] * 101}, "tenders", "length <= 100"),
    ("POST", "/v1/sales", {**basket(), "tenders": [{**CASH, "amount_minor": 98}]}, "tenders", "sum to 98"),
    ("POST", "/v1/sales", {**basket(), "happened_at": "yesterday"}, "happened_at", "not a time"),
    ("POST", "/v1/sales", {**basket(), "happened_at": "2026-11-24T12:04:00"}, "happened_at", "needs an offset"),
    ("POST", "/v1/sales", {**basket(), "happened_at": "1969-11-24T12:04:00Z"}, "happened_at", "before 1970"),
    (
        "POST",
        "/v1/sales",
        {**basket(), "happened_at": "2026-11-24T12:04:00Z", "happened_at_ms": 1},
        "happened_at",
        "either",
    ),
    ("POST", "/v1/sales", {**basket(), "happened_at_ms": -1}, "happened_at_ms", ">= 0"),
    ("POST", "/v1/sales", [], "body", "expected `object`"),
    ("POST", f"{SALE}/lines", {"item": ""}, "item", "length >= 1"),
    ("POST", f"{SALE}/lines", {"names": "x"}, "unit_price", "needs a unit_price"),
    ("POST", f"{SALE}/discounts", {"amount_minor": 0}, "amount_minor", ">= 1"),
    ("POST", f"{SALE}/notes", {"text": "x" * 2001}, "text", "length <= 2000"),
    ("POST", f"{SALE}/notes", {"text": "card 4111111111111111"}, "text", "card number"),
    ("PUT", f"{SALE}/customer", {}, "customer", "is required"),
    ("POST", f"{SALE}/void", {}, "reason", "is required"),
    ("POST", f"{SALE}/void", {"reason": ""}, "reason", "length >= 1"),
    ("POST", f"{SALE}/retrieve", {"force": True}, "force", "not a field"),
    ("POST", "/v1/open-sales/12/lines", MILK, "sale", "32 hex digits"),
    ("POST", f"{SALE}/lines/zz/void", {}, "line", "32 hex digits"),
    (
        "POST",
        "/v1/suspended-sales",
        {"basket": {"lines": [MILK]}, "answers": {"a": 1}},
        "answers[...]",
        "expected `str`",
    ),
    ("POST", "/v1/tables/12/seat", {"covers": 0}, "covers", ">= 1"),
    ("POST", "/v1/drill", {"seconds": -1}, "seconds", ">= 0"),
    ("POST", "/v1/drill", {"seconds": 86_401}, "seconds", "<= 86400"),
    ("POST", "/v1/sql", {"sql": ""}, "sql", "length >= 1"),
    ("POST", "/v1/receipts/till-1/S-K7Q2MX/0/reprint", None, "number", "not a number from 1"),
    (
        "PUT",
        "/v1/records/items/7",
        {"value": {"names": "Milk", "unit_price": 0.99}},
        "value.unit_price",
        "floating point",
    ),
    ("PUT", "/v1/records/items/7", {"value": {"unit_price": "0.99"}}, "value.names", "is missing"),
    ("PUT", "/v1/records/items/7", {"value": {"names": "Milk", "colour": "red"}}, "value.colour", "is no field"),
    ("PUT", "/v1/records/nothings/7", {"value": {}}, "table", "is no table"),
    ("POST", "/v1/records/items", {"rows": []}, "rows", "at least one row"),
    (
        "POST",
        "/v1/records/items",
        {"rows": [{"key": "7", "value": {"names": "Milk"}}, {"key": "8", "value": {}}]},
        "rows[1].value.names",
        "is missing",
    ),
    (
        "POST",
        "/v1/records/items",
        {"rows": [{"key": "7", "value": {"names": "Milk"}}, {"key": "7", "value": {"names": "Milk"}}]},
        "rows[1].key",
        "is there twice",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "field", "reason"), BAD_BODIES)
def test_a_wrong_field_is_named_with_the_reason_and_nothing_is_done(
    tmp_path: Path, method: str, path: str, body: Any, field: str, reason: str
) -> None:
    async def story(till: Client) -> None:
        await till.post("/v1/open-sales", {})
        answer = await till.ask(method, path, body)
        assert answer.refusal == (422, "invalid_value")
        assert answer.body["field"] == field
        assert reason in answer.body["reason"]
        assert till.node.steps == 1
        assert not till.node.done and not till.node.rows

    served(tmp_path, story)


@pytest.mark.parametrize(
    ("path", "field", "reason"),
    [
        ("/v1/sales?limit=0", "limit", "from 1 to 1000"),
        ("/v1/sales?limit=many", "limit", "from 1 to 1000"),
        ("/v1/sales?limit=1&limit=2", "limit", "more than once"),
        ("/v1/sales?business_day=2026-02-30", "business_day", "not a day"),
        ("/v1/sales?business_day=20261124", "business_day", "not a day"),
        ("/v1/sales?buisness_day=2026-11-24", "buisness_day", "not a query parameter"),
        ("/v1/records/items?after=" + "x" * 201, "after", "at most 200"),
        ("/v1/receipts/till-1/S%2FK/1", "series", "must not contain /"),
        ("/v1/receipts/till-1/S-K7Q2MX/one", "number", "not a number from 1"),
        ("/v1/records/items/%00", "key", "printable"),
        ("/v1/records/" + "x" * 201, "table", "printable"),
        ("/v1/events?after=%C3%A9", "Last-Event-ID", "visible ASCII"),
    ],
)
def test_a_wrong_part_of_the_path_or_query_is_named(tmp_path: Path, path: str, field: str, reason: str) -> None:
    async def story(till: Client) -> None:
        answer = await till.get(path)
        assert answer.refusal == (422, "invalid_value")
        assert answer.body["field"] == field
        assert reason in answer.body["reason"]

    served(tmp_path, story)


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"Idempotency-Key": "x" * 201}, "Idempotency-Key"),
        ({"Idempotency-Key": "two words"}, "Idempotency-Key"),
        ({"Idempotency-Key": "é"}, "Idempotency-Key"),
        ({"Idempotency-Key": ""}, "Idempotency-Key"),
        ({"Tillmesh-Via": "web"}, "Tillmesh-Via"),
        ({"Tillmesh-Staff": "x" * 201}, "Tillmesh-Staff"),
    ],
)
def test_a_wrong_header_of_a_step_is_named(tmp_path: Path, headers: dict[str, str], field: str) -> None:
    async def story(till: Client) -> None:
        answer = await till.post("/v1/sales", basket(), headers=headers)
        assert (answer.refusal, answer.body["field"]) == ((422, "invalid_value"), field)
        assert till.node.steps == 0

    served(tmp_path, story)


@pytest.mark.parametrize(
    "raw",
    [b"{", b'{"value":', b'{"value": nan}', b"\xff\xfe{}", b'{"value": {"names": "\xff"}}', b'{"value": {}} {}'],
    ids=["open", "half", "nan", "utf-16", "not utf-8", "two documents"],
)
def test_a_body_that_is_no_json_is_refused_with_the_reason(tmp_path: Path, raw: bytes) -> None:
    async def story(till: Client) -> None:
        answer = await till.ask("PUT", "/v1/records/items/7", data=raw, headers={"Content-Type": "application/json"})
        assert answer.refusal == (400, "malformed_json")
        assert answer.body["reason"]
        assert till.node.steps == 0

    served(tmp_path, story)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("levels", [50, 900, 150_000])
def test_a_body_that_is_nested_deep_harms_nobody(tmp_path: Path, opening: bytes, levels: int) -> None:
    async def story(till: Client) -> None:
        closing = {b"[": b"]", b'{"a":': b"}"}[opening]
        raw = b'{"value": {"names": "Milk", "note": %s1%s}}' % (opening * levels, closing * levels)
        answer = await till.ask("PUT", "/v1/records/items/7", data=raw, headers={"Content-Type": "application/json"})
        assert answer.refusal in ((400, "malformed_json"), (413, "body_too_large"), (422, "invalid_value"))
        assert till.node.steps == 0
        assert (await till.get("/healthz")).status == 200

    served(tmp_path, story)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", ""]
)
def test_a_body_of_another_type_is_refused_before_it_is_read(tmp_path: Path, kind: str) -> None:
    async def story(till: Client) -> None:
        answer = await till.post("/v1/open-sales", data=b"{}", headers={"Content-Type": kind} if kind else {})
        assert answer.refusal == (415, "wrong_content_type")
        assert (await till.post("/v1/records/items/import", data=b"key\n")).refusal == (415, "wrong_content_type")
        assert till.node.steps == 0

    served(tmp_path, story)


def test_a_body_over_the_limit_is_refused_with_and_without_a_length(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        large = b'{"note": "' + b"x" * limits.body_bytes_max + b'"}'
        said = await till.post("/v1/open-sales", data=large, headers={"Content-Type": "application/json"})
        assert said.refusal == (413, "body_too_large")
        head = (
            f"POST /v1/open-sales HTTP/1.1\r\nHost: 127.0.0.1:{till.server.port}\r\nConnection: close\r\n"
            f"Authorization: Bearer {till.server.token}\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        ).encode()
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large)
        assert b"body_too_large" in await till.raw(head + chunked)
        assert till.node.steps == 0

    served(tmp_path, story)


def test_a_body_that_drips_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "body_seconds_max", 0.05)

    async def story(till: Client) -> None:
        head = (
            f"POST /v1/open-sales HTTP/1.1\r\nHost: 127.0.0.1:{till.server.port}\r\nConnection: close\r\n"
            f"Authorization: Bearer {till.server.token}\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{{"
        ).encode()
        assert b"body_too_slow" in await till.raw(head)
        assert till.node.steps == 0

    served(tmp_path, story)


def test_unknown_paths_and_methods_answer_problems_too(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        assert (await till.get("/v1/nothing")).refusal == (404, "no_such_path")
        wrong = await till.ask("DELETE", "/v1/sales")
        assert wrong.refusal == (405, "method_not_allowed")
        assert wrong.headers["Allow"] == "GET, POST"
        assert (await till.get(SALE)).refusal == (404, "unknown_thing")
        assert (await till.post("/v1/sql", {"sql": "select 1"})).refusal == (501, "not_offered")

    served(tmp_path, story)


def test_a_failed_disk_is_said_so_and_the_sale_is_not(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        till.node.failure = DiskFailed("Input/output error")
        answer = await till.post("/v1/sales", basket(), headers={"Idempotency-Key": "k"})
        assert answer.refusal == (503, "disk_failed")
        assert "Input/output error" in answer.body["detail"]
        till.node.failure = None
        assert (await till.post("/v1/sales", basket(), headers={"Idempotency-Key": "k"})).status == 201

    served(tmp_path, story)


def test_an_unknown_operation_of_a_newer_version_asks_for_the_upgrade(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        till.node.failure = UpgradeNeeded("sale/7")
        assert (await till.post("/v1/open-sales", {})).refusal == (409, "upgrade_needed")
        till.node.failure = LimitExceeded("entry", "has 300000 bytes")
        assert (await till.post("/v1/open-sales", {})).refusal == (422, "limit_exceeded")

    served(tmp_path, story)


def test_a_step_goes_on_although_its_caller_hangs_up(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        started, release = asyncio.Event(), asyncio.Event()
        real = till.node.open_sale

        async def slow(*args: Any, **kwargs: Any) -> Any:
            started.set()
            await release.wait()
            return await real(*args, **kwargs)

        till.node.open_sale = slow  # type: ignore[method-assign]
        _, writer = await asyncio.open_connection("127.0.0.1", till.server.port)
        writer.write(
            f"POST /v1/open-sales HTTP/1.1\r\nHost: 127.0.0.1:{till.server.port}\r\n"
            f"Authorization: Bearer {till.server.token}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        await started.wait()
        writer.close()
        await writer.wait_closed()
        recorded = till.node.changed
        release.set()
        async with asyncio.timeout(5):
            await recorded.wait()
        assert till.node.steps == 1

    served(tmp_path, story)
