"""Records over HTTP: one by one, several together, and from a CSV file that is taken whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from node.api import limits
from tests.node.api.api_client import Answer, Client, served

GOOD = "key,names,names.de,unit_price,barcodes\n7,Milk,Milch,0.99,4006381333931|96385074\n8,Beer,Bier,3.20,\n"


async def bring(till: Client, text: str | bytes, query: str = "", **headers: str) -> Answer:
    raw = text.encode() if isinstance(text, str) else text
    return await till.post(
        f"/v1/records/items/import{query}", data=raw, headers={"Content-Type": "text/csv; charset=utf-8", **headers}
    )


def test_a_record_is_written_whole_read_and_counted_up(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        path = "/v1/records/items/7%2F500%20g"
        first = await till.ask("PUT", path, {"value": {"names": "Milk", "unit_price": "0.99"}})
        assert (first.body["key"], first.body["version"]) == ("7/500 g", 1)
        second = await till.ask("PUT", path, {"value": {"names": {"de": "Milch"}}})
        assert second.body["version"] == 2
        assert (await till.get(path)).body["value"]["names"] == {"de": "Milch"}
        assert (await till.get("/v1/records/items/8")).refusal == (404, "unknown_thing")

    served(tmp_path, story)


def test_several_records_are_one_step_and_are_paged_by_key(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        rows = [{"key": key, "value": {"names": key}} for key in "dbaec"]
        written = await till.post("/v1/records/items", {"rows": rows})
        assert [record["key"] for record in written.body] == list("dbaec")
        assert till.node.steps == 1
        seen: list[str] = []
        after: str | None = ""
        while after is not None:
            page = (await till.get(f"/v1/records/items?limit=2&after={after}")).body
            seen += [record["key"] for record in page["records"]]
            after = page["next"]
        assert seen == list("abcde")

    served(tmp_path, story)


@pytest.mark.parametrize("form", ["plain", "with a mark", "semicolons", "windows lines"])
def test_a_csv_file_is_taken_whole_and_once_per_key(tmp_path: Path, form: str) -> None:
    text = {
        "plain": GOOD,
        "with a mark": "\ufeff" + GOOD,
        "semicolons": GOOD.replace(",", ";"),
        "windows lines": GOOD.replace("\n", "\r\n"),
    }[form]

    async def story(till: Client) -> None:
        done = await bring(till, text, **{"Idempotency-Key": "file-1"})
        assert done.body == {"table": "items", "rows": 2, "written": 2, "refused": [], "refused_count": 0}
        assert (await bring(till, text, **{"Idempotency-Key": "file-1"})).text == done.text
        assert till.node.steps == 1
        value = (await till.get("/v1/records/items/7")).body["value"]
        assert (value["names"], value["unit_price"]) == ({"en": "Milk", "de": "Milch"}, "0.99")
        assert value["barcodes"] == ["4006381333931", "96385074"]

    served(tmp_path, story)


BAD_ROWS = (
    "key,names,unit_price,note\n"
    "7,Milk,0.99,\n"
    "8,Beer,three,\n"  # line 3
    '9,Tea,1.00,"two\nlines"\n'  # lines 4 and 5, right
    ",Bread,1.00,\n"  # line 6
    "7,Milk again,1.00,\n"  # line 7
    "10,Cheese\n"  # line 8
)


def test_refused_rows_are_named_by_line_field_and_reason_and_nothing_is_written(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        answer = await bring(till, BAD_ROWS)
        assert answer.refusal == (422, "rows_refused")
        assert answer.body["refused_count"] == 4
        named = [(row["line"], row["field"]) for row in answer.body["refused"]]
        assert named == [(3, "unit_price"), (6, "key"), (7, "key"), (8, "row")]
        assert all(row["reason"] for row in answer.body["refused"])
        assert "line 3: unit_price" in answer.body["detail"]
        assert till.node.steps == 0 and not till.node.rows

    served(tmp_path, story)


def test_the_right_rows_are_taken_if_the_caller_says_so(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        done = await bring(till, BAD_ROWS, "?accepted_only=true")
        assert (done.body["rows"], done.body["written"], done.body["refused_count"]) == (6, 2, 4)
        assert {key for _, key in till.node.rows} == {"7", "9"}

    served(tmp_path, story)


def test_a_file_can_be_checked_without_writing(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        done = await bring(till, GOOD, "?check=true")
        assert (done.status, done.body["rows"], done.body["written"]) == (200, 2, 0)
        assert (await bring(till, BAD_ROWS, "?check=true")).refusal == (422, "rows_refused")
        assert till.node.steps == 0

    served(tmp_path, story)


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("", "rows_refused", "key"),
        ("names\nMilk\n", "rows_refused", "key"),
        ("key,colour\n7,red\n", "rows_refused", "colour"),
        ("key,key\n7,7\n", "rows_refused", "key"),
        ('key,names\n7,"Milk\n', "rows_refused", "file"),
        (b"key,names\n7,Milch f\xfcr\n", "malformed_csv", None),
    ],
)
def test_a_file_that_is_no_table_is_refused_even_for_the_right_rows_only(
    tmp_path: Path, text: Any, code: str, field: str | None
) -> None:
    async def story(till: Client) -> None:
        for query in ("", "?accepted_only=true"):
            answer = await bring(till, text, query)
            assert answer.refusal[1] == code
            assert answer.body.get("field") == field
        assert till.node.steps == 0

    served(tmp_path, story)


def test_an_answer_names_the_first_hundred_refused_rows_and_counts_all(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        answer = await bring(till, "key,names\n" + "".join(f"{number},\n" for number in range(250)))
        assert len(answer.body["refused"]) == limits.refused_rows_shown_max
        assert answer.body["refused_count"] == 250

    served(tmp_path, story)
