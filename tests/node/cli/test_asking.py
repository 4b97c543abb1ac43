"""Commands that ask the running node: what they ask, what they show, and what they say when it refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from node import views
from node.api import answers
from node.api.problems import RefusedRow
from node.cli.exits import Exit
from node.cli.items import fields
from node.cli.receipt import name_text
from node.cli.screen import amount_text
from node.run_file import RunFile, read_run_file, remove_run_file, write_run_file
from tests.node.cli.canned_node import APART, COMPLETE, JOURNAL, NODE, STORE, TOKEN, CannedNode
from tests.node.cli.conftest import Tillmesh

STATUS = views.StatusView(
    node=NODE,
    name="till-1",
    role="till",
    store=STORE,
    version="0.1.0",
    journal=JOURNAL,
    seq=121,
    ready=True,
    doubtful=False,
    connectivity="connected",
    disk="ok",
    started_at_ms=1_795_000_000_000,
    open_sales=1,
    suspended_sales=2,
    completed_sales=118,
    digest="d" * 64,
    alarms=[views.AlarmView(code="disk_full", text="make room", since_ms=1_795_000_000_000)],
)
RECEIPT = views.ReceiptView(
    receipt_no="till-3/S-K7Q2MX/118",
    sale_id="e" * 32,
    kind="sale",
    training=False,
    terminal="till-3",
    series="S-K7Q2MX",
    number=118,
    happened_at_ms=1_795_000_000_000,
    utc_offset_min=60,
    business_day="2026-11-18",
    currency="EUR",
    exponent=2,
    lines=[
        views.LineView(
            line_no=1,
            line_id="f" * 32,
            kind="item",
            item="4711",
            names={"en": "Milk", "de": "Milch [1 l]"},
            quantity="2",
            unit_price="0.99",
            amount_minor=198,
        )
    ],
    tenders=[views.TenderView(tender_type="cash", amount_minor=198)],
    total_minor=198,
    tax_minor=18,
    tendered_minor=198,
    place=views.PlaceView(journal=JOURNAL, seq=121),
    held_by=["back-office"],
)


def refusal(code: str, detail: str, **members: object) -> dict[str, object]:
    return {"code": code, "detail": detail, **members}


def test_status_shows_the_node_its_alarms_and_whom_it_has_not_heard(node: CannedNode, tillmesh: Tillmesh) -> None:
    node.answer("GET", "/v1/status", {**json_of(STATUS), "rests_on": json_of(APART)})
    ran = tillmesh("status")
    assert ran.code == Exit.OK
    assert "till-1 (till), ready, connected" in ran.out
    assert "ALARM disk_full: make room" in ran.out
    assert "till-3: held to 118 of 121" in ran.out
    assert "till-4: not heard since this node started" in ran.out
    assert node.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_json_is_the_answer_of_the_api_and_nothing_else(node: CannedNode, tillmesh: Tillmesh) -> None:
    node.answer("GET", "/v1/status", json_of(STATUS))
    for arguments in (("--json", "status"), ("status", "--json")):
        ran = tillmesh(*arguments)
        assert ran.document == json_of(STATUS)
        assert ran.err == ""


def test_peers_tells_how_each_was_found(node: CannedNode, tillmesh: Tillmesh) -> None:
    peer = views.PeerView(
        node=NODE,
        name="till-2",
        role="till",
        phase="in_step",
        address="10.0.0.6:8471",
        found_by="mdns",
        round_trip_us=420,
    )
    node.answer("GET", "/v1/peers", answers.Peers(peers=[peer]))
    assert tillmesh("peers").out.splitlines()[1].split() == (
        ["till-2", "till", "in_step", "10.0.0.6:8471", "mdns", "0", "0", "0.4", "ms"]
    )
    node.answer("GET", "/v1/peers", answers.Peers(peers=[]))
    assert "no peer is known" in tillmesh("peers").out


def test_sales_lists_receipts_with_what_they_rest_on(node: CannedNode, tillmesh: Tillmesh) -> None:
    node.answer("GET", "/v1/sales", answers.Sales(sales=[RECEIPT], next="e" * 32, rests_on=COMPLETE))
    ran = tillmesh("sales", "--day", "2026-11-18", "--limit", "1")
    assert node.asked[0].path == "/v1/sales?limit=1&business_day=2026-11-18"
    assert "till-3/S-K7Q2MX/118" in ran.out
    assert "1.98" in ran.out
    assert f"--after {'e' * 32}" in ran.out
    assert "complete: every node is heard" in ran.out


def test_sales_totals_are_sums_of_the_node(node: CannedNode, tillmesh: Tillmesh) -> None:
    row = views.TotalView(
        business_day="2026-11-18",
        terminal="till-3",
        currency="JPY",
        exponent=0,
        sales=7,
        total_minor=-1234,
        tax_minor=0,
    )
    node.answer("GET", "/v1/totals", answers.Totals(totals=[row], rests_on=APART))
    ran = tillmesh("sales", "--totals")
    assert ran.out.splitlines()[1].split() == ["2026-11-18", "till-3", "7", "-1234", "0", "JPY"]
    assert "not complete" in ran.out


def test_suspended_lists_the_answers_of_the_till_that_parked(node: CannedNode, tillmesh: Tillmesh) -> None:
    parked = views.SuspendedView(
        sale_id="e" * 32,
        type="forgot_wallet",
        answers={"name": "Ada"},
        note=None,
        currency="EUR",
        exponent=2,
        total_minor=5,
        line_count=3,
        customer=None,
        suspended_by="till-1",
        suspended_at_ms=1_795_000_000_000,
    )
    node.answer("GET", "/v1/sales/suspended", answers.SuspendedSales(sales=[parked], rests_on=COMPLETE))
    ran = tillmesh("suspended")
    assert "name: Ada" in ran.out
    assert "0.05" in ran.out
    assert "no other node" in ran.out


def test_a_receipt_is_shown_in_the_language_of_the_settings(node: CannedNode, tillmesh: Tillmesh) -> None:
    node.answer("GET", "/v1/receipts/till-3/S-K7Q2MX/118", RECEIPT)
    ran = tillmesh("receipt", "till-3/S-K7Q2MX/118", "-s", "language=de-AT")
    assert "Milch [1 l]" in ran.out
    assert "TOTAL 1.98 EUR" in ran.out
    assert "entry 121 of journal" in ran.out


def test_a_reprint_is_asked_for_as_a_step(node: CannedNode, tillmesh: Tillmesh) -> None:
    node.answer("POST", "/v1/receipts/till-3/S-K7Q2MX/118/reprint", RECEIPT)
    assert tillmesh("receipt", "till-3/S-K7Q2MX/118", "--reprint").code == Exit.OK
    assert node.asked[0].method == "POST"


@pytest.mark.parametrize("receipt", ["118", "till-3/118", "a/b/c/d", "till-3//118"])
def test_a_text_that_is_no_receipt_number_is_refused_before_anything_is_asked(
    node: CannedNode, tillmesh: Tillmesh, receipt: str
) -> None:
    ran = tillmesh("receipt", receipt)
    assert (ran.code, node.asked) == (Exit.BAD_INPUT, [])
    assert "RECEIPT: must be terminal/series/number" in ran.err


def test_items_are_read_page_by_page(node: CannedNode, tillmesh: Tillmesh) -> None:
    def page(key: str, after: str | None) -> answers.Records:
        row = views.RecordView(
            table="items",
            key=key,
            version=1,
            value={"names": {"en": "Milk"}, "unit_price": "0.99"},
            node=NODE,
            changed_at_ms=0,
        )
        return answers.Records(records=[row], next=after)

    node.answer("GET", "/v1/records/items", page("4711", "4711"))
    node.answer("GET", "/v1/records/items?after=4711", page("4712", None))
    assert [item["key"] for item in tillmesh("items", "list", "--json").document["records"]] == ["4711", "4712"]
    assert "Milk" in tillmesh("items", "list").out


def test_an_item_is_put_as_one_whole_value(node: CannedNode, tillmesh: Tillmesh) -> None:
    row = views.RecordView(table="items", key="47/11", version=3, value={}, node=NODE, changed_at_ms=0)
    node.answer("PUT", "/v1/records/items/47%2F11", row)
    ran = tillmesh("items", "put", "47/11", "names.en=Milk", "names.de=Milch", "price=0.99", "open_price=true")
    assert ran.code == Exit.OK
    assert "version 3" in ran.out
    assert json.loads(node.asked[0].body) == {
        "value": {"names": {"en": "Milk", "de": "Milch"}, "price": "0.99", "open_price": True}
    }


def test_field_assignments_keep_fractions_as_text_and_refuse_what_is_ambiguous() -> None:
    assert fields(["price=0.990", "count=2", 'tags=["a"]', 'code="007"', "plain=007", "empty="]) == {
        "price": "0.990",
        "count": 2,
        "tags": ["a"],
        "code": "007",
        "plain": "007",
        "empty": "",
    }
    for wrong in (["price"], ["=1"], ["a..b=1"], ["a=1", "a.b=2"]):
        with pytest.raises(Exception, match=r"FIELD=VALUE"):
            fields(wrong)


def test_an_import_sends_the_file_and_says_how_many_rows_were_written(
    node: CannedNode, tillmesh: Tillmesh, tmp_path: Path
) -> None:
    (tmp_path / "items.csv").write_text("key,price\n4711,0.99\n")
    done = answers.Imported(table="items", rows=1, written=1, refused=[], refused_count=0)
    node.answer("POST", "/v1/records/items/import", done)
    assert "1 of 1 articles written" in tillmesh("items", "import", str(tmp_path / "items.csv")).out
    assert node.asked[0].body == b"key,price\n4711,0.99\n"
    assert node.asked[0].headers["Content-Type"] == "text/csv"


def test_an_import_with_refused_rows_names_line_field_and_reason(
    node: CannedNode, tillmesh: Tillmesh, tmp_path: Path
) -> None:
    (tmp_path / "items.csv").write_text("key,price\n4711,x\n")
    row = RefusedRow(line=2, field="price", reason="'x' is not a decimal number")
    problem = refusal("rows_refused", "1 of 1 rows were refused", refused=[json_of(row)], refused_count=1)
    node.answer("POST", "/v1/records/items/import", problem, status=422)
    ran = tillmesh("items", "import", str(tmp_path / "items.csv"))
    assert ran.code == Exit.BAD_INPUT
    assert "1 rows refused, nothing was written" in ran.out
    assert "'x' is not a decimal number" in ran.out
    machine = tillmesh("items", "import", str(tmp_path / "items.csv"), "--json")
    assert machine.out == ""
    assert json.loads(machine.err)["error"]["refused"][0]["line"] == 2


def test_a_file_that_is_not_there_is_named(node: CannedNode, tillmesh: Tillmesh, tmp_path: Path) -> None:
    ran = tillmesh("items", "import", str(tmp_path / "none.csv"))
    assert (ran.code, node.asked) == (Exit.BAD_INPUT, [])
    assert "FILE: " in ran.err


def test_a_drill_takes_minutes_and_ends_with_zero(node: CannedNode, tillmesh: Tillmesh) -> None:
    node.answer("POST", "/v1/drill", STATUS)
    assert "cut off for 300 s" in tillmesh("drill", "5m").out
    assert "not cut off" in tillmesh("drill", "0").out
    assert [json.loads(asked.body) for asked in node.asked] == [{"seconds": 300}, {"seconds": 0}]
    assert tillmesh("drill", "25h").code == Exit.BAD_INPUT


def test_sql_shows_rows_as_table_csv_or_json_and_says_when_it_was_cut(node: CannedNode, tillmesh: Tillmesh) -> None:
    node.answer("POST", "/v1/sql", views.SqlView(columns=["terminal", "n"], rows=[["till-3", 7]], truncated=True))
    shown = tillmesh("sql", "select terminal, count(*) n from sales group by 1", "--rows", "1")
    assert shown.out.splitlines()[1].split() == ["till-3", "7"]
    assert "cut off after 1 rows" in shown.err
    assert tillmesh("sql", "select 1", "--csv").out.splitlines() == ["terminal,n", "till-3,7"]
    assert tillmesh("sql", "select 1", "--json").document["rows"] == [["till-3", 7]]
    assert json.loads(node.asked[0].body)["rows_max"] == 1
    assert json.loads(node.asked[1].body)["rows_max"] == 10_000


def test_invite_prints_the_token_alone_on_standard_output(node: CannedNode, tillmesh: Tillmesh) -> None:
    invited = views.InviteView(token="tm1-abc", name="till-4", role="till", expires_at_ms=1_795_000_000_000)
    node.answer("POST", "/v1/invites", invited, status=201)
    ran = tillmesh("invite", "till-4")
    assert ran.out == "tm1-abc\n"
    assert "for till-4 (till), once, until 2026-" in ran.err


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "token_wrong", Exit.NOT_REACHABLE),
        (404, "unknown_thing", Exit.REFUSED),
        (404, "no_such_path", Exit.BAD_INPUT),
        (409, "held_elsewhere", Exit.REFUSED),
        (422, "invalid_value", Exit.BAD_INPUT),
        (501, "not_offered", Exit.NOT_OFFERED),
        (503, "disk_failed", Exit.NODE_FAILED),
        (500, "node_error", Exit.NODE_FAILED),
    ],
)
def test_what_the_node_refuses_becomes_its_sentence_and_an_exit_code(
    node: CannedNode, tillmesh: Tillmesh, status: int, code: str, expected: Exit
) -> None:
    node.answer("GET", "/v1/peers", refusal(code, "the reason"), status=status)
    ran = tillmesh("peers")
    assert (ran.code, ran.err.strip(), ran.out) == (expected, "tillmesh: the reason", "")
    assert json.loads(tillmesh("peers", "--json").err) == {"error": {"code": code, "detail": "the reason"}}


def test_an_answer_that_is_not_json_is_another_programs(node: CannedNode, tillmesh: Tillmesh) -> None:
    node.answer("GET", "/v1/peers", b"<html>hello</html>")
    ran = tillmesh("peers")
    assert ran.code == Exit.NODE_FAILED
    assert "is another program on this port?" in ran.err


def test_without_a_running_node_the_directory_is_named(directory: Path, tillmesh: Tillmesh) -> None:
    ran = tillmesh("status")
    assert ran.code == Exit.NOT_REACHABLE
    assert "there is no such directory" in ran.err
    directory.mkdir()
    assert "it does not run" in tillmesh("status").err
    assert "start it with: tillmesh run -d" in tillmesh("status").err


def test_a_run_file_of_a_dead_process_is_no_running_node(directory: Path, tillmesh: Tillmesh) -> None:
    directory.mkdir()
    (directory / "api.token").write_text(TOKEN)
    write_run_file(directory, RunFile(pid=4_000_000, api_port=1, link_port=1, name="till-1"))
    ran = tillmesh("status")
    assert ran.code == Exit.NOT_REACHABLE
    assert "process 4000000 left 127.0.0.1:1 in its run.json, where nobody answers" in ran.err


def test_a_run_file_is_taken_back_by_its_own_process_only(tmp_path: Path) -> None:
    told = RunFile(pid=os.getpid() + 1, api_port=1, link_port=2, name="till-1", join_port=3)
    write_run_file(tmp_path, told)
    remove_run_file(tmp_path)
    assert read_run_file(tmp_path) == told
    write_run_file(tmp_path, RunFile(pid=os.getpid(), api_port=1, link_port=2, name="till-1"))
    remove_run_file(tmp_path)
    assert read_run_file(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_amounts_are_shown_without_a_float() -> None:
    assert [amount_text(minor, 2) for minor in (0, 5, -5, 123456789012345678)] == [
        "0.00",
        "0.05",
        "-0.05",
        "1234567890123456.78",
    ]
    assert amount_text(7, 0, "JPY") == "7 JPY"
    assert amount_text(-1, 3) == "-0.001"


def test_a_name_is_shown_in_the_nearest_language_that_it_has() -> None:
    names = {"fr": "Lait", "de": "Milch", "en": "Milk"}
    assert [name_text(names, tag) for tag in ("de", "de-AT", "it", "fr")] == ["Milch", "Milch", "Milk", "Lait"]
    assert name_text({"fr": "Lait"}, "en") == "Lait"
    assert name_text({}, "en") == ""


def json_of(struct: object) -> dict[str, object]:
    import msgspec

    document: dict[str, object] = msgspec.json.decode(msgspec.json.encode(struct))
    return document
