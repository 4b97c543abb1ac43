"""Bad input at every door of a real node: an error names the field and the reason, and nothing is half done.

After each refused request the node's journal, digest and sales are what they were before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.end_to_end.real_node import RealNode, basket_body
from tests.end_to_end.store import RealStore, play

LINE: Final = {"names": "Milk", "unit_price": "1.29"}
PAID: Final = [{"tender_type": "cash", "amount_minor": 129}]
CARD: Final = "4111 1111 1111 1111"
NOBODY: Final = "0" * 32
JSON: Final = "application/json"
DEEP: Final = b'{"value": {"names": ' + b"[" * 100_000


@dataclass(frozen=True, slots=True)
class Bad:
    """One request that must be refused: what it is, and status, code, field and a word of the reason of the refusal.

    field None: the problem concerns no field. raw: content type and bytes in place of JSON; at: which node.
    """

    method: str
    path: str
    body: Any
    status: int
    code: str
    field: str | None
    word: str
    headers: tuple[tuple[str, str], ...] = ()
    raw: tuple[str, bytes] | None = None
    at: str = "till-1"


def sale(line: dict[str, Any] | None = None, basket: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The body of a sale with parts replaced."""
    lines = [{**LINE, **(line or {})}]
    return {"basket": {"lines": lines, **(basket or {})}, "tenders": PAID, **more}


def tender(**parts: Any) -> dict[str, Any]:
    """The body of a sale with one tender with parts replaced."""
    return sale(tenders=[{**PAID[0], **parts}])


def bad_sale(body: Any, field: str, word: str, code: str = "invalid_value") -> Bad:
    """A whole basket that is refused with 422."""
    return Bad("POST", "/v1/sales", body, 422, code, field, word)


def raw_sale(media: str, raw: bytes, status: int, code: str, field: str | None, word: str) -> Bad:
    """Bytes in place of a basket."""
    return Bad("POST", "/v1/sales", None, status, code, field, word, raw=(media, raw))


SALES: Final = [
    bad_sale({"tenders": PAID}, "basket", "required"),
    bad_sale({"basket": {"lines": [LINE]}}, "tenders", "required"),
    bad_sale(sale(basket={"lines": []}), "basket.lines", "at least one line"),
    bad_sale(sale(basket={"lines": "milk"}), "basket.lines", "array"),
    bad_sale(sale(basket={"lines": [{"unit_price": "1.00"}]}), "basket.lines[0].item", "item or names"),
    bad_sale(sale(basket={"lines": [LINE, {"names": "Egg"}]}), "basket.lines[1].unit_price", "amount_minor"),
    bad_sale(sale(basket={"lines": [LINE] * 2_001}), "basket.lines", "2000"),
    bad_sale(sale(basket={"colour": "red"}), "basket.colour", "not a field"),
    bad_sale(sale(basket={"currency": "euro"}), "basket.currency", "currency code"),
    bad_sale(sale(basket={"kind": "gift"}), "basket.kind", "gift"),
    bad_sale(sale(basket={"training": "yes"}), "basket.training", "bool"),
    bad_sale(sale(basket={"customer": ""}), "basket.customer", "length"),
    bad_sale(sale(basket={"notes": [f"card {CARD}"]}), "notes", "card number"),
    bad_sale(sale(basket={"notes": ["x" * 2_001]}), "basket.notes[0]", "2000"),
    bad_sale(
        sale(basket={"links": [{"receipt": "till-1/S-AAAAAA/1", "line_no": 0}]}), "basket.links[0].line_no", ">= 1"
    ),
    bad_sale(
        sale(basket={"discounts": [{"amount_minor": 5, "line": NOBODY}]}), "basket.discounts[0].line", "discount_minor"
    ),
    bad_sale(sale(basket={"discounts": [{"amount_minor": 0}]}), "basket.discounts[0].amount_minor", ">= 1"),
    bad_sale(sale({"unit_price": "1,29"}), "basket.lines[0].unit_price", "decimal"),
    bad_sale(sale({"unit_price": 1.29}), "basket.lines[0].unit_price", "float"),
    bad_sale(sale({"unit_price": "1" * 16}), "basket.lines[0].unit_price", "decimal"),
    bad_sale(sale({"quantity": "1e3"}), "basket.lines[0].quantity", "decimal"),
    bad_sale(sale({"quantity": "NaN"}), "basket.lines[0].quantity", "decimal"),
    bad_sale(sale({"quantity": "\u0967"}), "basket.lines[0].quantity", "decimal"),
    bad_sale(sale({"quantity": 2}), "basket.lines[0].quantity", "int"),
    bad_sale(sale({"names": {"the language": "Milk"}}), "basket.lines[0].names", "language tag"),
    bad_sale(sale({"names": {"en": " "}}), "basket.lines[0].names", "empty"),
    bad_sale(sale({"names": "x" * 2_001}), "basket.lines[0].names", "longer"),
    bad_sale(sale({"names": f"Voucher {CARD}"}), "lines[0].names", "card number"),
    bad_sale(sale({"tax_rate_ppm": -1}), "basket.lines[0].tax_rate_ppm", ">= 0"),
    bad_sale(sale({"tax_rate_ppm": 200_000}), "basket.lines[0].tax_code", "missing"),
    bad_sale(
        sale({"tax_code": "A", "tax_rate_ppm": 200_000, "tax_rounding": "upwards"}),
        "basket.lines[0].tax_rounding",
        "one of",
    ),
    bad_sale(sale({"kind": "present"}), "basket.lines[0].kind", "present"),
    bad_sale(sale({"serial": ""}), "basket.lines[0].serial", "length"),
    bad_sale({"basket": {"lines": [{"item": "no such"}]}, "tenders": PAID}, "basket.lines[0].unit_price", "price"),
    bad_sale(tender(amount_minor=1.29), "tenders[0].amount_minor", "float"),
    bad_sale(tender(amount_minor=True), "tenders[0].amount_minor", "bool"),
    bad_sale(tender(amount_minor="129"), "tenders[0].amount_minor", "str"),
    bad_sale(tender(amount_minor=10**15 + 1), "tenders[0].amount_minor", "<="),
    bad_sale(tender(amount_minor=10**30), "tenders[0].amount_minor", ""),
    bad_sale(tender(amount_minor=128), "tenders", "0.01 EUR is still to be paid"),
    bad_sale(sale(tenders=[]), "tenders", "1.29 EUR is still to be paid"),
    bad_sale(tender(tender_type=""), "tenders[0].tender_type", "length"),
    bad_sale(tender(reference=CARD), "tenders[0].reference", "card number"),
    bad_sale(
        tender(foreign={"currency": "usd", "exponent": 2, "amount_minor": 1, "rate": "1"}),
        "tenders[0].foreign.currency",
        "currency",
    ),
    bad_sale(
        tender(foreign={"currency": "USD", "exponent": 2, "amount_minor": 1, "rate": "one"}),
        "tenders[0].foreign.rate",
        "decimal",
    ),
    bad_sale(sale(happened_at="yesterday"), "happened_at", "time"),
    bad_sale(sale(happened_at="2026-11-24T12:00:00"), "happened_at", "offset"),
    bad_sale(sale(happened_at="2026-11-24T12:00:00Z", happened_at_ms=1), "happened_at", "either"),
    bad_sale(sale(happened_at_ms=-1), "happened_at_ms", ">= 0"),
    raw_sale("application/json", b"{", 400, "malformed_json", None, ""),
    raw_sale("application/json", b"\xff\xfe", 400, "malformed_json", None, ""),
    raw_sale("application/json", b"[" * 100_000, 422, "invalid_value", "body", "array"),
    raw_sale("application/json", b"[]", 422, "invalid_value", "body", "object"),
    raw_sale("text/plain", b"{}", 415, "wrong_content_type", "Content-Type", "application/json"),
    raw_sale("application/json", b" " * 3_000_000, 413, "body_too_large", None, "at most"),
]

OPEN_SALES: Final = [
    Bad("POST", "/v1/open-sales", {"trainign": True}, 422, "invalid_value", "trainign", "not a field"),
    Bad("POST", "/v1/open-sales", {"note": CARD}, 422, "invalid_value", "note", "card number"),
    Bad("POST", "/v1/open-sales", {"customer": ""}, 422, "invalid_value", "customer", "length"),
    Bad("GET", "/v1/open-sales/nonsense", None, 422, "invalid_value", "sale", "32 hex"),
    Bad("GET", f"/v1/open-sales/{NOBODY}", None, 404, "unknown_thing", None, "sale"),
    Bad("POST", "/v1/open-sales/nonsense/lines", LINE, 422, "invalid_value", "sale", "32 hex"),
    Bad("POST", f"/v1/open-sales/{NOBODY}/lines", LINE, 404, "unknown_thing", None, "sale"),
    Bad("POST", "/v1/open-sales/OPEN/lines", {}, 422, "invalid_value", "item", "item or names"),
    Bad("POST", "/v1/open-sales/OPEN/lines", {**LINE, "names": CARD}, 422, "invalid_value", "names", "card number"),
    Bad("POST", f"/v1/open-sales/OPEN/lines/{NOBODY}/void", {}, 404, "unknown_thing", None, "line"),
    Bad("POST", "/v1/open-sales/OPEN/lines/xx/void", {}, 422, "invalid_value", "line", "32 hex"),
    Bad("PUT", "/v1/open-sales/OPEN/customer", {}, 422, "invalid_value", "customer", "required"),
    Bad("POST", "/v1/open-sales/OPEN/notes", {"text": ""}, 422, "invalid_value", "text", "length"),
    Bad("POST", "/v1/open-sales/OPEN/notes", {"text": CARD}, 422, "invalid_value", "note", "card number"),
    Bad("POST", "/v1/open-sales/OPEN/discounts", {"amount_minor": -5}, 422, "invalid_value", "amount_minor", ">= 1"),
    Bad(
        "POST", "/v1/open-sales/OPEN/discounts", {"amount_minor": 5, "line": NOBODY}, 404, "unknown_thing", None, "line"
    ),
    Bad("POST", "/v1/open-sales/OPEN/void", {}, 422, "invalid_value", "reason", "required"),
    Bad("POST", "/v1/open-sales/OPEN/void", {"reason": ""}, 422, "invalid_value", "reason", "length"),
    Bad("POST", "/v1/open-sales/OPEN/complete", {"tenders": []}, 422, "invalid_value", "tenders", "1.29 EUR"),
    Bad("POST", "/v1/open-sales/OPEN/suspend", {"type": ""}, 422, "invalid_value", "type", "length"),
    Bad(
        "POST",
        "/v1/open-sales/OPEN/suspend",
        {"answers": {"who": CARD}},
        422,
        "invalid_value",
        "answers.who",
        "card number",
    ),
    Bad("POST", "/v1/open-sales/OPEN/retrieve", None, 409, "not_in_state", None, ""),
    Bad("POST", "/v1/open-sales/OPEN/retrieve", {"by": "me"}, 422, "invalid_value", "by", "not a field"),
    Bad("POST", "/v1/open-sales/OPEN/take-over", {"reason": 5}, 422, "invalid_value", "reason", "int"),
    Bad("POST", "/v1/open-sales/PARKED/lines", LINE, 409, "not_in_state", None, "suspended"),
    Bad("POST", "/v1/open-sales/PARKED/complete", {"tenders": PAID}, 409, "not_in_state", None, "suspended"),
    Bad("POST", "/v1/open-sales/PARKED/suspend", {}, 409, "not_in_state", None, "suspended"),
    Bad("POST", "/v1/open-sales/DONE/lines", LINE, 409, "not_in_state", None, "completed"),
    Bad("POST", "/v1/open-sales/DONE/retrieve", None, 409, "not_in_state", None, "completed"),
    Bad("POST", "/v1/open-sales/DONE/complete", {"tenders": PAID}, 409, "not_in_state", None, "completed"),
    Bad("POST", "/v1/open-sales/DONE/void", {"reason": "no"}, 409, "not_in_state", None, "completed"),
    Bad("POST", "/v1/suspended-sales", {"type": "x"}, 422, "invalid_value", "basket", "required"),
    Bad("POST", "/v1/tables/T1/seat", {"covers": 0}, 422, "invalid_value", "covers", ">= 1"),
    Bad("POST", "/v1/tables/T1/seat", {"covers": 2.5}, 422, "invalid_value", "covers", "float"),
    Bad("POST", "/v1/tables/T1/lines", LINE, 409, "not_in_state", None, ""),
    Bad("POST", "/v1/tables/T1/clear", None, 409, "not_in_state", None, ""),
    Bad("POST", f"/v1/tables/{'T' * 201}/seat", {"covers": 1}, 422, "invalid_value", "table", "200"),
]

QUESTIONS: Final = [
    Bad("GET", "/v1/sales?limit=0", None, 422, "invalid_value", "limit", "from 1"),
    Bad("GET", "/v1/sales?limit=many", None, 422, "invalid_value", "limit", "many"),
    Bad("GET", "/v1/sales?limit=5&limit=6", None, 422, "invalid_value", "limit", "more than once"),
    Bad("GET", "/v1/sales?limt=5", None, 422, "invalid_value", "limt", "query parameter"),
    Bad("GET", "/v1/sales?business_day=2026-13-01", None, 422, "invalid_value", "business_day", "2026-13-01"),
    Bad("GET", "/v1/sales?after=zz", None, 422, "invalid_value", "after", "32 hex"),
    Bad("GET", f"/v1/sales?after={NOBODY}", None, 404, "unknown_thing", None, "sale"),
    Bad("GET", "/v1/receipts/till-1/S-AAAAAA/x", None, 422, "invalid_value", "number", "from 1"),
    Bad("GET", "/v1/receipts/till-1/S-AAAAAA/1", None, 404, "unknown_thing", None, "receipt"),
    Bad("POST", "/v1/receipts/till-1/S-AAAAAA/1/reprint", None, 404, "unknown_thing", None, "receipt"),
    Bad("GET", "/v1/nothing", None, 404, "no_such_path", None, "/v1/nothing"),
    Bad("DELETE", "/v1/sales", None, 405, "method_not_allowed", None, "POST"),
    Bad("POST", "/v1/sales", sale(), 422, "invalid_value", "Idempotency-Key", "visible", (("Idempotency-Key", "a b"),)),
    Bad(
        "POST", "/v1/sales", sale(), 422, "invalid_value", "Idempotency-Key", "1 to", (("Idempotency-Key", "k" * 500),)
    ),
    Bad("POST", "/v1/sales", sale(), 422, "invalid_value", "Tillmesh-Via", "phone", (("Tillmesh-Via", "phone"),)),
    Bad("POST", "/v1/sales", sale(), 422, "invalid_value", "Tillmesh-Staff", "200", (("Tillmesh-Staff", "s" * 300),)),
    Bad("GET", "/v1/status", None, 403, "foreign_host", None, "evil", (("Host", "evil.example"),)),
    Bad("GET", "/v1/status", None, 403, "foreign_origin", None, "evil", (("Origin", "https://evil.example"),)),
    Bad("POST", "/v1/sales", sale(), 403, "token_wrong", None, "token", (("Authorization", "Bearer guess"),)),
    Bad("POST", "/v1/drill", {"seconds": -1}, 422, "invalid_value", "seconds", ">= 0"),
    Bad("POST", "/v1/drill", {"seconds": 10**9}, 422, "invalid_value", "seconds", "<="),
    Bad("POST", "/v1/drill", {"seconds": "5m"}, 422, "invalid_value", "seconds", "str"),
    Bad("POST", "/v1/sql", {"sql": "select 1"}, 501, "not_offered", None, "back office"),
    Bad("POST", "/v1/sql", {"sql": ""}, 422, "invalid_value", "sql", "length", at="back-office"),
    Bad(
        "POST",
        "/v1/sql",
        {"sql": "select 1", "rows_max": 0},
        422,
        "invalid_value",
        "rows_max",
        ">= 1",
        at="back-office",
    ),
    Bad("POST", "/v1/sql", {"sql": "drop table sales"}, 422, "invalid_value", "sql", "", at="back-office"),
    Bad("POST", "/v1/sql", {"sql": "delete from sales"}, 422, "invalid_value", "sql", "", at="back-office"),
    Bad("POST", "/v1/sql", {"sql": "attach 'x.db'"}, 422, "invalid_value", "sql", "", at="back-office"),
    Bad(
        "POST",
        "/v1/sql",
        {"sql": "select * from read_csv('/etc/passwd')"},
        422,
        "invalid_value",
        "sql",
        "",
        at="back-office",
    ),
    Bad("POST", "/v1/sql", {"sql": "select * from nowhere"}, 422, "invalid_value", "sql", "nowhere", at="back-office"),
    Bad("POST", "/v1/sql", {"sql": "select 1; select 2"}, 422, "invalid_value", "sql", "", at="back-office"),
    Bad("POST", "/v1/invites", {"name": "till-7"}, 501, "not_offered", None, "back office"),
    Bad("POST", "/v1/invites", {"name": "till-1"}, 422, "invalid_value", "name", "already", at="back-office"),
    Bad("POST", "/v1/invites", {"name": "Till 7!"}, 422, "invalid_value", "name", "small letters", at="back-office"),
    Bad(
        "POST",
        "/v1/invites",
        {"name": "till-7", "role": "king"},
        422,
        "invalid_value",
        "role",
        "king",
        at="back-office",
    ),
    Bad("POST", f"/v1/nodes/{NOBODY}/revoke", {"reason": "lost"}, 404, "unknown_thing", None, "node", at="back-office"),
    Bad("POST", f"/v1/nodes/{NOBODY}/revoke", {"reason": "lost"}, 501, "not_offered", None, "authority"),
    Bad(
        "POST", "/v1/nodes/OFFICE/revoke", {"reason": "oops"}, 422, "invalid_value", "node", "itself", at="back-office"
    ),
]


def item(value: Any, field: str, word: str, status: int = 422, code: str = "invalid_value") -> Bad:
    """A refused article at the back office."""
    return Bad("PUT", "/v1/records/items/4711", {"value": value}, status, code, field, word, at="back-office")


def csv(text: str | bytes, status: int, code: str, word: str, field: str | None = None) -> Bad:
    """A refused file of articles at the back office."""
    raw = text if isinstance(text, bytes) else text.encode()
    path = "/v1/records/items/import"
    return Bad("POST", path, None, status, code, field, word, raw=("text/csv", raw), at="back-office")


RECORDS: Final = [
    item({}, "value.names", "missing"),
    item({"names": {"en": "Milk"}, "unit_price": 0.99}, "value.unit_price", "floating point"),
    item({"names": {"en": "Milk"}, "unit_price": "cheap"}, "value.unit_price", "decimal text"),
    item({"names": {"en": "Milk"}, "colour": "white"}, "value.colour", ""),
    item({"names": {"en": "Milk"}, "active": "yes"}, "value.active", "true or false"),
    item({"names": {"en": "Milk"}, "note": CARD}, "value.note", "card number"),
    item({"names": {"en": "Milk"}, "quantity_decimals": 10}, "value.quantity_decimals", "9"),
    item("milk", "value", "object"),
    Bad("PUT", "/v1/records/items/4711", {"value": {"names": {"en": "Milk"}}}, 501, "not_offered", None, "back_office"),
    Bad("PUT", "/v1/records/planets/4711", {"value": {}}, 422, "invalid_value", "table", "planets", at="back-office"),
    Bad("GET", "/v1/records/planets", None, 404, "unknown_thing", None, "planets"),
    Bad("GET", "/v1/records/items/none", None, 404, "unknown_thing", None, "none"),
    Bad("POST", "/v1/records/items", {"rows": []}, 422, "invalid_value", "rows", "at least one", at="back-office"),
    Bad(
        "POST", "/v1/records/items", {"rows": [{"key": "a", "value": {"names": {"en": "A"}}}, {"key": "b", "value": {}}]},
        422, "invalid_value", "rows[1].value.names", "missing", at="back-office",
    ),
    Bad(
        "POST", "/v1/records/items", {"rows": [{"key": "a", "value": {"names": {"en": "A"}}}] * 2},
        422, "invalid_value", "rows[1].key", "twice", at="back-office",
    ),
    csv("", 422, "rows_refused", "first row names the columns", "key"),
    Bad("PUT", "/v1/records/items/1", None, 400, "malformed_json", None, "deep", raw=(JSON, DEEP), at="back-office"),
    csv(b"key,names.en\n1,\xff\n", 400, "malformed_csv", "UTF-8"),
    csv("names.en,unit_price\nMilk,0.99\n", 422, "rows_refused", "first row names the columns", "key"),
    csv("key,names.en,unit_price\n1,Milk,0.99\n2,Egg,cheap\n3,,1.00\n", 422, "rows_refused", "line 3", "unit_price"),
    csv("key,names.en\n1,Milk\n1,Milch\n", 422, "rows_refused", "on line 2 already", "key"),
]  # fmt: skip


def test_the_api_refuses_bad_baskets_by_field_and_reason_and_does_nothing(tmp_path: Path) -> None:
    play(lambda: refuses_all(tmp_path, SALES))


def test_the_api_refuses_bad_steps_on_open_sales_and_tables_by_field_and_reason_and_does_nothing(
    tmp_path: Path,
) -> None:
    play(lambda: refuses_all(tmp_path, OPEN_SALES))


def test_the_api_refuses_bad_questions_headers_and_orders_by_field_and_reason_and_does_nothing(tmp_path: Path) -> None:
    play(lambda: refuses_all(tmp_path, QUESTIONS))


def test_the_api_refuses_bad_records_and_files_by_field_and_reason_and_writes_none(tmp_path: Path) -> None:
    play(lambda: refuses_all(tmp_path, RECORDS))


def test_a_request_without_a_body_may_name_any_type(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, 0) as store:
            parked = await store.office.ask("POST", "/v1/suspended-sales", {"basket": basket_body()["basket"]})
            path = f"/v1/open-sales/{parked['sale_id']}/retrieve"
            taken = await store.office.ask("POST", path, raw=("application/octet-stream", b""))
            assert taken["sale"]["state"] in ("open", "retrieved")

    play(scenario)


async def refuses_all(tmp_path: Path, table: list[Bad]) -> None:
    """Every request of the table is refused as it says, and leaves the store as it was."""
    async with RealStore(tmp_path, 1) as store:
        await store.until_in_step()
        till, office = store.tills[0], store.office
        names = {"OFFICE": (await office.get("/v1/status"))["node"]}
        for name in ("OPEN", "PARKED", "DONE"):
            opened = await till.ask("POST", "/v1/open-sales", {})
            names[name] = opened["sale_id"]
            await till.ask("POST", f"/v1/open-sales/{opened['sale_id']}/lines", LINE)
        await till.ask("POST", f"/v1/open-sales/{names['PARKED']}/suspend", {})
        await till.ask("POST", f"/v1/open-sales/{names['DONE']}/complete", {"tenders": PAID})
        await store.until_equal(sales=1)
        before = await store.traces()
        wrong = []
        for bad in table:
            told = await refused(store[bad.at], bad, names)
            if told is not None:
                wrong.append(told)
            after = await store.traces()
            if after != before:
                wrong.append(f"{shown(bad)} left a trace: {before} became {after}")
                before = after
        assert not wrong, "\n".join(wrong)
        # The node is none the worse for it, and the open sale is whole.
        done = await till.ask("POST", f"/v1/open-sales/{names['OPEN']}/complete", {"tenders": PAID})
        assert done["total_minor"] == 129
        await store.until_equal(sales=2)


async def refused(node: RealNode, bad: Bad, names: dict[str, str]) -> str | None:
    """What is wrong with the refusal, as a sentence; None if nothing is."""
    path = bad.path
    for name, identity in names.items():
        path = path.replace(name, identity)
    headers = {**node._headers, **dict(bad.headers)}
    data = None if bad.body is None else json.dumps(bad.body).encode()
    if data is not None:
        headers["Content-Type"] = "application/json"
    if bad.raw is not None:
        headers["Content-Type"], data = bad.raw
    async with node.session.request(
        bad.method, node.url + path, data=data, headers=headers, timeout=aiohttp.ClientTimeout(total=10)
    ) as answer:
        told = await answer.json(content_type=None)
        media = answer.content_type
        status = answer.status
    if media != "application/problem+json":
        return f"{shown(bad)} was answered {status} {media}: {told}"
    reason = json.dumps([told.get("detail"), told.get("reason"), told.get("refused")], ensure_ascii=False)
    right = (
        (status, told["code"]) == (bad.status, bad.code)
        and told["status"] == status
        and told.get("field") == bad.field
        and bad.word.lower() in reason.lower()
        and len(told["detail"]) > 5
        and (bad.field is None or told.get("reason"))
    )
    return (
        None if right else f"{shown(bad)}\n    wanted {bad.status} {bad.code} {bad.field} {bad.word!r}\n    got {told}"
    )


def shown(bad: Bad) -> str:
    return f"{bad.method} {bad.path[:80]} {json.dumps(bad.body)[:120]} {str(bad.raw)[:60]} {str(bad.headers)[:60]}"
