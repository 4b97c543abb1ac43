"""A till's software talks to its node: sales, parked sales, receipts, tables, over real HTTP on loopback."""

from __future__ import annotations

from pathlib import Path

from tests.node.api.api_client import MILK, Client, served

NEVER = "f" * 32


async def new_sale(client: Client) -> str:
    answer = await client.post("/v1/open-sales", {})
    assert answer.status == 201
    return str(answer.body["sale_id"])


def test_a_sale_is_rung_up_line_by_line_and_completed(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        sale = await new_sale(till)
        path = f"/v1/open-sales/{sale}"
        await till.post(f"{path}/lines", {"names": {"en": "Beer", "de": "Bier"}, "unit_price": "3.20", "quantity": "2"})
        view = (await till.post(f"{path}/lines", MILK)).body
        assert [line["names"]["en"] for line in view["lines"]] == ["Beer", "Milk"]
        milk = view["lines"][1]["line_id"]
        view = (await till.post(f"{path}/lines/{milk}/void", {"reason": "broken"})).body
        assert [line["void_reason"] for line in view["voided_lines"]] == ["broken"]
        await till.ask("PUT", f"{path}/customer", {"customer": "C-7"})
        await till.post(f"{path}/notes", {"text": "gift wrap"})
        view = (await till.post(f"{path}/discounts", {"amount_minor": 40, "names": "Loyal"})).body
        assert (view["customer"], view["notes"], view["discounts"][0]["names"]) == (
            "C-7",
            ["gift wrap"],
            {"en": "Loyal"},
        )
        paid = await till.post(
            f"{path}/complete",
            {"tenders": [{"tender_type": "cash", "amount_minor": 640}], "happened_at": "2026-11-24T12:04:00+01:00"},
        )
        assert paid.status == 200
        assert (paid.body["receipt_no"], paid.body["standing"], paid.body["held_by"]) == (
            "till-1/S-K7Q2MX/1",
            "provisional",
            [],
        )
        assert (await till.get(path)).body["state"] == "completed"
        receipt = (await till.get("/v1/receipts/till-1/S-K7Q2MX/1")).body
        assert receipt["happened_at"] == "2026-11-24T12:04:00.000+01:00"
        assert receipt["total_minor"] == 640

    served(tmp_path, story)


def test_a_suspended_sale_is_listed_retrieved_and_voided(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        body = {"basket": {"lines": [MILK]}, "type": "phone", "answers": {"Number?": "0664"}, "note": "back at five"}
        parked = await till.post("/v1/suspended-sales", body)
        assert (parked.status, parked.body["state"]) == (201, "suspended")
        sale = parked.body["sale_id"]
        listed = (await till.get("/v1/sales/suspended")).body
        assert [(row["sale_id"], row["answers"]) for row in listed["sales"]] == [(sale, {"Number?": "0664"})]
        taken = (await till.post(f"/v1/open-sales/{sale}/retrieve")).body
        assert (taken["sale"]["state"], taken["standing"], taken["held_by"]) == ("retrieved", "provisional", ["till-2"])
        assert (await till.post(f"/v1/open-sales/{sale}/suspend", {"type": "later"})).body["state"] == "suspended"
        assert (await till.post(f"/v1/open-sales/{sale}/void", {"reason": "gone"})).body["state"] == "voided"
        assert (await till.get("/v1/open-sales")).body["sales"] == []

    served(tmp_path, story)


def test_a_sale_that_another_till_holds_is_refused_by_name_and_can_be_taken_over(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        sale = await new_sale(till)
        till.node.held.add(sale)
        refused = await till.post(f"/v1/open-sales/{sale}/lines", MILK)
        assert refused.refusal == (409, "held_elsewhere")
        assert refused.body["holder_name"] == "till-2"
        assert refused.body["since"].startswith("2026-11-24T")
        assert "till-2" in refused.body["detail"]
        taken = await till.post(f"/v1/open-sales/{sale}/take-over", {"reason": "till-2 is dead"})
        assert taken.body["sale"]["state"] == "retrieved"
        assert (await till.post(f"/v1/open-sales/{sale}/lines", MILK)).status == 200

    served(tmp_path, story)


def test_a_whole_basket_is_completed_at_once_and_printed_as_text(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        basket = {
            "lines": [MILK, {"names": {"en": "Cheese", "de": "Käse"}, "unit_price": "20.00", "quantity": "0.250"}]
        }
        tenders = [{"tender_type": "cash", "amount_minor": 1000}, {"tender_type": "cash", "amount_minor": -401}]
        done = await till.post("/v1/sales", {"basket": basket, "tenders": tenders, "external_reference": "POS 9"})
        assert done.status == 201
        path = f"/v1/receipts/{done.body['receipt_no']}"
        text = (await till.get(path + "/text?language=de")).text
        assert "Käse" in text and "  0.250 x 20.00" in text and "COPY" not in text
        assert "TOTAL EUR                             5.99" in text
        assert "change                               -4.01" in text
        assert all(len(line) <= 42 for line in text.splitlines())
        assert (await till.post(path + "/reprint")).body["reprints"] == 1
        assert "*** COPY ***" in (await till.get(path + "/text")).text

    served(tmp_path, story)


def test_every_figure_says_what_it_rests_on(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        for path in ("/v1/sales", "/v1/totals", "/v1/status", "/v1/open-sales", "/v1/sales/suspended", "/v1/tables"):
            rests_on = (await till.get(path)).body["rests_on"]
            assert rests_on["missing"][0]["text"] == "till-2: held to 118, silent since 12:04", path
            assert rests_on["heads"] and not rests_on["complete"], path
        assert (await till.get("/v1/completeness")).body["heard"][0]["name"] == "till-2"

    served(tmp_path, story)


def test_sales_are_paged_without_a_gap_or_a_double(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        for number in range(5):
            body = {"basket": {"lines": [MILK]}, "tenders": [{"tender_type": "cash", "amount_minor": 99}]}
            assert (await till.post("/v1/sales", body)).body["receipt_no"].endswith(f"/{number + 1}")
        seen, after = [], ""
        while after is not None:
            page = (await till.get(f"/v1/sales?limit=2&after={after}&business_day=2026-11-24")).body
            seen += [receipt["number"] for receipt in page["sales"]]
            after = page["next"]
        assert seen == [1, 2, 3, 4, 5]
        assert (await till.get("/v1/totals")).body["totals"][0]["total_minor"] == 495
        assert (await till.get(f"/v1/sales?after={NEVER}")).refusal == (404, "unknown_thing")

    served(tmp_path, story)


def test_two_lines_at_a_table_and_one_taken_back(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        assert (await till.post("/v1/tables/12/lines", MILK)).refusal == (409, "not_in_state")
        assert (await till.post("/v1/tables/12/seat", {"covers": 4})).body["covers"] == 4
        await till.post("/v1/tables/12/lines", {"names": "Beer", "unit_price": "3.20"})
        view = (await till.post("/v1/tables/12/lines", {"names": "Burger", "unit_price": "9.80"})).body
        beer = view["lines"][0]["line_id"]
        view = (await till.post(f"/v1/tables/12/lines/{beer}/void", {})).body
        assert [line["names"]["en"] for line in view["lines"]] == ["Burger"]
        assert [row["table"] for row in (await till.get("/v1/tables")).body["seatings"]] == ["12"]
        assert (await till.post("/v1/tables/12/clear")).body["status"] == "free"
        assert (await till.get("/v1/tables")).body["seatings"] == []

    served(tmp_path, story)


def test_the_same_key_answers_the_same_result_and_another_request_under_it_is_refused(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        body = {"basket": {"lines": [MILK]}, "tenders": [{"tender_type": "cash", "amount_minor": 99}]}
        key = {"Idempotency-Key": "basket-4711", "Tillmesh-Staff": "anna", "Tillmesh-Via": "handheld"}
        first = await till.post("/v1/sales", body, headers=key)
        again = await till.post("/v1/sales", body, headers=key)
        assert (first.status, first.text) == (again.status, again.text)
        assert till.node.steps == 1
        name, writing = till.node.calls[0]
        assert (name, writing["key"], writing["by"], writing["via"]) == (
            "complete_basket",
            "basket-4711",
            "anna",
            "handheld",
        )
        assert len(writing["fingerprint"]) == 32
        body["external_reference"] = "other"
        assert (await till.post("/v1/sales", body, headers=key)).refusal == (422, "idempotency_key_reused")
        elsewhere = await till.post("/v1/open-sales", {}, headers=key)
        assert elsewhere.refusal == (422, "idempotency_key_reused")
        assert till.node.steps == 1

    served(tmp_path, story)
