"""The tables' shapes, who writes them, and CSV files that are taken whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models.errors import InvalidValue
from crdt_models.journal import canonical
from crdt_models.journal.credential import ROLES
from crdt_models.reference.csv_rows import RowsRefused, read_csv
from crdt_models.reference.tables import AUTHORITY_TABLES, ERASABLE_TABLES, TABLES, may_write, validate
from crdt_models.sales.taxes import TaxRule

EXAMPLES: dict[str, dict[str, Any]] = {
    "items": {"names": "Milk", "unit_price": "01.290", "barcodes": ["4006381333931"], "tax_code": "B"},
    "prices": {"item": "milk", "unit_price": 2, "currency": "EUR", "first_day": "2026-01-01"},
    "customers": {"credit_limit_minor": 50_000, "currency": "EUR"},
    "customer_person": {"name": "Ada", "address": ["1 High Street", "Town"]},
    "staff": {"blocked": True},
    "staff_person": {"name": "Ada"},
    "tender_types": {"names": {"en": "Cash"}, "gives_change": True, "cash_rounding": "swiss_5"},
    "tax_codes": {"rate_ppm": 190_000},
    "suspension_types": {"names": "Lay-by", "questions": [{"id": "who", "prompt": "Who?", "required": True}]},
    "nodes": {"name": "till-3", "role": "till", "addresses": ["10.0.0.3:7300"]},
    "policies": {"rules": {"voucher": "deny"}},
    "saved_queries": {"sql": "select 1", "roles": ["back_office"]},
}
KEYS = {"nodes": "00" * 16}


def key_of(table: str) -> str:
    return KEYS.get(table, "k-1")


def test_there_is_an_example_for_every_table() -> None:
    assert set(EXAMPLES) == set(TABLES)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_what_is_stored_is_accepted_again_unchanged_and_has_one_encoding(table: str) -> None:
    stored = validate(table, key_of(table), EXAMPLES[table])
    assert validate(table, key_of(table), stored) == stored
    assert canonical.decode(canonical.encode(stored), "record") == stored


def test_values_are_cleaned_and_defaults_filled_in() -> None:
    assert validate("items", "milk", {**EXAMPLES["items"], "note": None}) == {
        "names": {"en": "Milk"},
        "unit_price": "1.290",
        "tax_code": "B",
        "barcodes": ["4006381333931"],
        "quantity_decimals": 0,
        "active": True,
    }
    stored = validate("tax_codes", "A", {"rate_ppm": 190_000})
    assert TaxRule.of_record("A", stored) == TaxRule("A", 190_000)


@pytest.mark.parametrize(
    ("table", "value", "field"),
    [
        ("itmes", {}, "table"),
        ("items", [], "value"),
        ("items", {}, "names"),
        ("items", {"names": ""}, "names"),
        ("items", {"names": "x", "prise": "1"}, "prise"),
        ("items", {"names": "x", "unit_price": 1.29}, "unit_price"),
        ("items", {"names": "x", "unit_price": "1,29"}, "unit_price"),
        ("items", {"names": "x", "barcodes": ["a", "a"]}, "barcodes[2]"),
        ("items", {"names": "x", "barcodes": ["a"] * 101}, "barcodes"),
        ("items", {"names": "x", "active": "yes"}, "active"),
        ("items", {"names": "x", "note": "4111111111111111"}, "note"),
        ("items", {"names": {"de": "4111 1111 1111 1111"}}, "names"),
        ("prices", {"item": "m", "unit_price": "1", "currency": "eur"}, "currency"),
        ("prices", {"item": "m", "unit_price": "1", "currency": "EUR", "first_day": "1.1.26"}, "first_day"),
        ("tax_codes", {"rate_ppm": 10_000_001}, "rate_ppm"),
        ("tax_codes", {"rate_ppm": 1, "rounding": "sideways"}, "rounding"),
        ("suspension_types", {"names": "x", "questions": [{"id": "a"}]}, "questions[1].prompt"),
        ("nodes", {"name": "x", "role": "king"}, "role"),
        ("nodes", {"name": "x", "role": "till", "credential": "0g"}, "credential"),
        ("policies", {"rules": {"voucher": 1}}, "rules.voucher"),
        ("saved_queries", {"sql": "x" * 20_001}, "sql"),
    ],
)
def test_a_wrong_value_is_refused_by_the_fields_name(table: str, value: Any, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        validate(table, key_of(table), value)
    assert refused.value.field == field


@pytest.mark.parametrize(("table", "key"), [("items", ""), ("items", " x"), ("nodes", "till-3"), ("items", None)])
def test_a_wrong_key_is_refused(table: str, key: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        validate(table, key, EXAMPLES[table])
    assert refused.value.field == "key"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(TABLES)), st.data())
def test_any_json_is_either_stored_in_one_encoding_or_refused(table: str, data: st.DataObject) -> None:
    value = data.draw(st.dictionaries(st.sampled_from(sorted(TABLES[table].fields)), _json, max_size=4))
    try:
        stored = validate(table, key_of(table), {**EXAMPLES[table], **value})
    except InvalidValue:
        return
    assert canonical.decode(canonical.encode(stored), "record") == stored


def test_each_table_is_written_by_the_roles_that_own_it() -> None:
    writers = {table: {role for role in ROLES if may_write(table, role)} for table in TABLES}
    assert {table for table in TABLES if "till" in writers[table]} == {"customer_person"}
    assert {table for table in TABLES if "system" not in writers[table]} == {"nodes", "policies", "saved_queries"}
    assert all("back_office" in roles and "archive" not in roles for roles in writers.values())
    assert not may_write("unheard_of", "back_office")
    assert AUTHORITY_TABLES <= set(TABLES) >= ERASABLE_TABLES


def test_a_csv_file_is_read_row_by_row() -> None:
    rows = read_csv(
        "items",
        "\ufeffkey;names;names.de;unit_price;barcodes;active\r\n"
        "milk;Milk;Milch;1.29;400|401;yes\r\n"
        "\r\n"
        'tea;"Tea; ""green""";;4.50;;no\r\n',
    )
    assert [(row.key, row.value["names"], row.value["unit_price"]) for row in rows] == [
        ("milk", {"en": "Milk", "de": "Milch"}, "1.29"),
        ("tea", {"en": 'Tea; "green"'}, "4.50"),
    ]
    assert (rows[0].value["barcodes"], rows[1].value["active"]) == (["400", "401"], False)


def test_every_wrong_row_is_named_by_line_field_and_reason_and_none_is_taken() -> None:
    text = "\n".join(
        [
            "key,names,unit_price,active",
            "milk,Milk,1.29,true",
            "tea,,4.50,true",
            "",
            "jam,Jam,1.2.3,true",
            "milk,Milk again,1.29,true",
            "pie,Pie,2.00",
            "bun,Bun,0.50,perhaps",
            ",Nameless,1,true",
        ]
    )
    with pytest.raises(RowsRefused) as refused:
        read_csv("items", text)
    assert [(row.line, row.field) for row in refused.value.rows] == [
        (3, "names"),
        (5, "unit_price"),
        (6, "key"),
        (7, "row"),
        (8, "active"),
        (9, "key"),
    ]
    assert "stands on line 2 already" in refused.value.rows[2].reason
    assert str(refused.value).startswith("6 rows for items are refused, nothing was taken: line 3: names: is missing")


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("", 1, "key"),
        ("names\nMilk\n", 1, "key"),
        ("key,names,prise\n", 1, "prise"),
        ("key,names,names\n", 1, "names"),
        ("key,unit_price.de\n", 1, "unit_price.de"),
        ('key,names\nmilk,"Milk\n', 2, "file"),
        ('key,names\nmilk,"Mi"lk\n', 2, "file"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_line(text: str, line: int, field: str) -> None:
    with pytest.raises(RowsRefused) as refused:
        read_csv("items", text)
    assert [(row.line, row.field) for row in refused.value.rows] == [(line, field)]


def test_a_map_cannot_be_given_in_a_csv_file() -> None:
    with pytest.raises(RowsRefused, match="cannot be given in a CSV file"):
        read_csv("policies", "key,rules\np,voucher\n")


def test_a_file_for_no_table_is_refused() -> None:
    with pytest.raises(InvalidValue, match="itmes"):
        read_csv("itmes", "key\n")


@given(st.text(alphabet='key,names\n\r"|;\t\x001.5', max_size=80))
def test_any_text_is_rows_or_rows_refused(text: str) -> None:
    try:
        rows = read_csv("items", "key,names\n" + text)
    except RowsRefused as refused:
        assert all(row.line >= 1 and row.reason for row in refused.rows)
    else:
        assert all(validate("items", row.key, row.value) == row.value for row in rows)
