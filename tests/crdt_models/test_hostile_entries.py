"""Entries of a hostile member: signed, chained, and nonsense inside. Nothing that is let in may stop a shop or its screens."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crdt_models import operations
from crdt_models.journal.operation import Operation
from crdt_models.operations import Kind
from crdt_models.sales.lines import TenderLine
from crdt_models.shop import sale_resource
from crdt_models.till import Closing
from node import showing
from tests.crdt_models.shop_floor import FloorNode, new_shop
from tests.crdt_models.test_shop import EUR, NOON, Worked

DOCUMENT = bytes(range(16))
NEXT_CLAIM = b"next claim"
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, 2, -1, 2**53, 2**63 - 1, 2**64 - 1]),
    st.sampled_from(["", "x", "root", "open_sale", "seating", "returned", "completed", "voided", "items", "tax_codes"]),
    st.sampled_from([sale_resource(DOCUMENT), "sale/zz", "items/1", "till-1/S-K7Q2MX/1", "2026-11-24", "open"]),
    st.sampled_from([b"", DOCUMENT, bytes(24), bytes(33), NEXT_CLAIM]),
    st.dictionaries(
        st.sampled_from(["currency", "exponent", "table", "names", "rate_ppm"]), st.sampled_from(["EUR", "2", "x", ""])
    ),
    st.dictionaries(st.sampled_from([bytes(24), b"j"]), st.integers(0, 9)),
    st.lists(st.integers(0, 3), max_size=3),
)


RIGHT: dict[int, dict[int, Any]] = {
    Kind.BEGIN: {0: DOCUMENT, 1: "open_sale", 2: {"currency": "EUR", "exponent": "2"}},
    Kind.CLAIM: {0: sale_resource(DOCUMENT), 1: 1, 2: "root", 3: 0},
    Kind.RELEASE: {0: sale_resource(DOCUMENT), 1: NEXT_CLAIM, 2: "returned"},
    Kind.TAKE_OVER: {0: sale_resource(DOCUMENT), 1: NEXT_CLAIM, 2: "silent", 3: 0},
    Kind.RETIRE: {0: DOCUMENT, 1: {}},
    Kind.LATE: {0: DOCUMENT, 1: {}},
    Kind.RECORD: {0: "customer_person/1", 1: "customer_person", 2: "1", 3: 1, 4: {"name": "Ada"}, 5: None},
    Kind.DAY: {0: "2026-11-24", 1: "open"},
    Kind.NOTE: {0: "x", 1: "reprint", 2: "x"},
}
"""Operations that count, by kind: the starting points of those that nearly do."""


@st.composite
def hostile(draw: st.DrawFn) -> Operation:
    """An operation of a known kind: whatever fields, or the right ones with up to two of them put for others."""
    kind = draw(st.sampled_from([int(kind) for kind in Kind if kind is not Kind.STEP]))
    right = RIGHT.get(kind)
    if right is None or draw(st.integers(0, 3)) == 0:
        return Operation(kind, 1, {number: draw(VALUES) for number in range(draw(st.integers(0, 8)))})
    fields = dict(right)
    if kind == Kind.BEGIN and draw(st.booleans()):
        fields |= {1: "seating", 2: {"currency": "EUR", "exponent": "2", "table": "7"}}
    for number in draw(st.lists(st.sampled_from(sorted(fields)), max_size=2)):
        fields[number] = draw(VALUES)
    return Operation(kind, 1, fields)


def with_claims(node: FloorNode, operation: Operation) -> Operation:
    """The same, with the identity of the claim that the writer will make in its next entry."""
    mine = operations.claim_id(node.next_place(), 1)
    later = operations.claim_id(node.next_place()._replace(seq=node.next_place().seq + 1), 1)
    given_fields = {n: (later if n == 2 else mine) if v == NEXT_CLAIM else v for n, v in operation.fields.items()}
    return Operation(operation.kind, 1, given_fields)


def no_copies(_place: object) -> list[str]:
    return []


@settings(max_examples=300)
@given(st.lists(hostile(), max_size=25))
def test_whatever_a_member_signs_the_shop_folds_it_and_every_screen_still_shows(nonsense: list[Operation]) -> None:
    member = FloorNode("till-9")
    for each in nonsense:
        member.do(with_claims(member, each))
    shop = new_shop()
    for entry in member.entries:
        shop.fold(entry)
    assert shop.digest() == member.shop.digest()
    shop.claims.conflicts()
    shop.business_day_said()
    for document in [*shop.documents.documents]:
        if (
            shop.claims.standing(sale_resource(document)).state != "free"
            and shop.documents[document].type == "open_sale"
        ):
            showing.sale(shop, member.node, document, no_copies)
        showing.suspended(shop, member.node, document, no_copies)
    for fact in shop.sales:
        showing.receipt(shop, fact, no_copies)
    showing.totals(shop.sales, None)
    honest = Worked("till-1")
    honest.hear(member)
    sale = honest.open_sale(500)
    completed, steps = honest.till.complete(sale, Closing((TenderLine("cash", 500),)), NOON)
    honest.do(*steps)
    assert completed.receipt.number == 1
    table = honest.waiter.seat("7", 2, NOON, EUR)
    honest.do(*table)
    for seated in [*honest.shop.documents.of_type["seating"].values()]:
        name = seated.attributes.get("table", "")
        showing.seating(name, seated.id, honest.waiter.view(name), "EUR", 2)
