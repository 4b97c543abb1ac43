"""The guard: what goes into a document comes out as it was, and nothing else goes in."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models.documents import facts
from crdt_models.documents.facts import check_fact_key, fact_of, made, number_in, sorted_facts, text_of
from crdt_models.errors import InvalidValue, LimitExceeded, MalformedBytes

FIELDS = {"at": "1", "claim": ""}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(texts.filter(lambda name: name not in FIELDS), values, max_size=8))
def test_a_fact_comes_out_of_a_document_as_it_went_in(fields: dict[str, Any]) -> None:
    fact = FIELDS | fields
    assert fact_of(text_of(fact)) == fact


@given(st.dictionaries(texts.filter(lambda name: name not in FIELDS), values, max_size=8))
def test_equal_facts_have_one_text_whatever_the_order_of_their_fields(fields: dict[str, Any]) -> None:
    fact = FIELDS | fields
    assert text_of(fact) == text_of(dict(reversed(fact.items())))


@pytest.mark.parametrize("number", [0, 1299, -1, 2**63, 2**64, 12.99, float("nan")])
def test_no_number_enters_a_document(number: float) -> None:
    for value in (number, [number], {"deep": [number]}):
        with pytest.raises(InvalidValue, match=r"amount(\.deep)?: is a number"):
            text_of(FIELDS | {"amount": value})  # type: ignore[dict-item]


@pytest.mark.parametrize("number", ["0", "1299", "-1", "1e9", "12.99", "18446744073709551616", "NaN"])
def test_no_number_leaves_a_document(number: str) -> None:
    for value in (number, f"[{number}]", f'{{"deep":[{number}]}}'):
        with pytest.raises(MalformedBytes):
            fact_of(f'{{"at":"1","claim":"","amount":{value}}}')


@pytest.mark.parametrize("value", [b"bytes", Decimal("1.5"), ("a", "tuple"), {1: "number as a name"}, object()])
def test_only_json_without_numbers_enters_a_document(value: Any) -> None:
    with pytest.raises(InvalidValue):
        text_of(FIELDS | {"field": value})


def test_half_a_character_enters_no_document_and_leaves_none() -> None:
    with pytest.raises(InvalidValue, match="half of a character"):
        text_of(FIELDS | {"note": "\ud83c"})
    with pytest.raises(MalformedBytes):
        fact_of('{"at":"1","claim":"","note":"\\ud83c"}')


@pytest.mark.parametrize("at", [None, "", "0", "01", "-1", "1.0", "1000000000", "1 ", "١"])
def test_a_fact_without_a_plain_ordinal_is_refused_both_ways(at: str | None) -> None:
    fact = FIELDS | {"at": at}
    with pytest.raises(InvalidValue, match="at: "):
        text_of(fact)
    with pytest.raises(MalformedBytes, match="at: "):
        fact_of(json.dumps(fact))


@pytest.mark.parametrize("claim", [None, "A0", "abc", "xy", "00" * 65])
def test_a_fact_without_a_hex_claim_is_refused_both_ways(claim: str | None) -> None:
    fact = FIELDS | {"claim": claim}
    with pytest.raises(InvalidValue, match="claim: "):
        text_of(fact)
    with pytest.raises(MalformedBytes, match="claim: "):
        fact_of(json.dumps(fact))


def nested(levels: int) -> dict[str, Any]:
    """A fact that is nested so deep, itself counted."""
    value: Any = "bottom"
    for _ in range(levels - 1):
        value = [value]
    return FIELDS | {"value": value}


def test_a_fact_may_be_nested_32_deep_and_no_deeper() -> None:
    assert fact_of(text_of(nested(32))) == nested(32)
    with pytest.raises(InvalidValue, match="deeper than 32"):
        text_of(nested(33))
    with pytest.raises(LimitExceeded, match="deeper than 32"):
        fact_of(json.dumps(nested(33)))


def test_a_fact_nested_five_thousand_deep_is_refused_and_nothing_crashes() -> None:
    with pytest.raises(LimitExceeded, match="deeper than 32"):
        fact_of('{"at":"1","claim":"","v":' + "[" * 5_000 + "]" * 5_000 + "}")


def test_texts_lists_and_facts_are_bounded_by_name() -> None:
    for value in ("x" * 2_001, ["x"] * 257, {str(n): "" for n in range(65)}):
        with pytest.raises(InvalidValue, match="value: "):
            text_of(FIELDS | {"value": value})
    with pytest.raises(InvalidValue, match="fields, at most"):
        text_of(FIELDS | {str(n): "" for n in range(65)})
    with pytest.raises(InvalidValue, match="bytes, at most"):
        text_of(FIELDS | {str(n): "x" * 2_000 for n in range(7)})


@pytest.mark.parametrize("text", ["", "null", "[]", '"x"', "{", '{"at":"1"}', "{}x", "\x00", '{"at":1,"claim":""}'])
def test_a_text_that_is_no_fact_is_malformed(text: str) -> None:
    with pytest.raises(MalformedBytes):
        fact_of(text)


@pytest.mark.parametrize(
    "key", ["line", "line/", "line/xyz", "Line/" + "0" * 32, "line/" + "A" * 32, "/" + "0" * 32, 7]
)
def test_a_key_that_its_author_did_not_draw_is_refused(key: Any) -> None:
    with pytest.raises(InvalidValue, match="fact key"):
        check_fact_key(key)


def test_facts_sort_by_ordinal_as_a_number_then_by_id() -> None:
    ten, two, two_later = ("line/" + digit * 32 for digit in "012")
    rows = [(ten, FIELDS | {"at": "10"}), (two_later, FIELDS | {"at": "2"}), (two, FIELDS | {"at": "2"})]
    assert [key for key, _ in sorted_facts(rows)] == [two, two_later, ten]  # type: ignore[arg-type]


def test_an_ordinal_out_of_bounds_is_not_made() -> None:
    for at in (0, 10**9, True, "1"):
        with pytest.raises(InvalidValue, match="at: "):
            made(at, None, {})  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "-0", "01", "1.0", "+1", "1e3", "١", "9" * 19, None, True])
def test_an_integer_has_one_spelling(text: Any) -> None:
    with pytest.raises(InvalidValue, match="amount: "):
        number_in({"amount": text}, "amount")


def test_a_field_of_the_wrong_type_is_refused_by_name() -> None:
    for read in (facts.text_in, facts.flag_in, facts.identity_in, facts.identities_in, facts.texts_in):
        with pytest.raises(InvalidValue, match="field: "):
            read({}, "field")
    with pytest.raises(InvalidValue, match="field: "):
        facts.identities_in({"field": ["short"]}, "field")
