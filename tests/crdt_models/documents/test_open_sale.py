"""An open sale, written at two tills: what both see. The numbers are the rules of open_sale.py."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models.documents.document import Document
from crdt_models.documents.facts import sorted_facts
from crdt_models.documents.line_fact import LineFact, line_fact, line_void_fact
from crdt_models.documents.open_sale import (
    AFTER_TAKE_OVER,
    OFF_CHAIN,
    DiscountFact,
    OpenSaleView,
    customer_fact,
    discount_fact,
    note_fact,
    open_sale_view,
    suspension_fact,
    taken_over_fact,
)
from crdt_models.errors import InvalidValue
from crdt_models.values.identity import ClaimId
from crdt_models.values.quantity import Quantity, ScaledPrice
from tests.crdt_models.documents.document_samples import CLAIM_A, CLAIM_B, Till, a_discount, a_line, a_line_fact, id_of

CARD = "4111 1111 1111 1111"


def both_see(one: Till, other: Till, *chain: ClaimId) -> OpenSaleView:
    """What both tills see after they heard one another, which is the same."""
    one.hears(other)
    other.hears(one)
    assert one.sees(*chain) == other.sees(*chain)
    return one.sees(*chain)


def test_lines_count_in_the_order_in_which_they_were_rung_up() -> None:
    till = Till(CLAIM_A, 1)
    for number in (3, 1, 2):
        till.does(line_fact, a_line(number, amount_minor=100 * number))
    view = till.sees(CLAIM_A)
    assert [line.amount_minor for line in view.lines] == [300, 100, 200]
    assert view.total_minor == view.lines_minor == 600


def test_a_line_comes_out_of_the_document_as_it_went_in() -> None:
    line = LineFact(
        id_of(1),
        Quantity(-1500, 3),
        ScaledPrice(14990, 4),
        -225,
        kind="deposit",
        item_id="4711",
        names={"en": "Milk", "de": "Milch"},
        discount_minor=5,
        tax_code="A",
        tax_rate_ppm=190_000,
        tax_included=False,
        tax_rounding="half_even",
        tax_minor=-43,
        barcode="4006381333931",
        serial="S-1",
        department="dairy",
    )
    till = Till(CLAIM_A, 1)
    till.does(line_fact, line)
    assert till.sees(CLAIM_A).lines == (line,)
    assert till.sees(CLAIM_A).total_minor == -225 - 43


# --- rule 2: the chain ---------------------------------------------------------------------------------------------


def test_the_next_holder_goes_on_with_the_lines_of_the_one_before() -> None:
    one, other = Till(CLAIM_A, 1), Till(CLAIM_B, 2)
    one.does(line_fact, a_line(1, "Milk"))
    other.hears(one)
    other.does(line_fact, a_line(2, "Bread"))
    view = both_see(one, other, CLAIM_A, CLAIM_B)
    assert [line.names["en"] for line in view.lines] == ["Milk", "Bread"]
    assert view.amendments == ()


def test_lines_under_a_claim_off_the_chain_are_amendments_and_count_nothing() -> None:
    one, other = Till(CLAIM_A, 1), Till(CLAIM_B, 2)
    one.does(line_fact, a_line(1, "Milk"))
    other.does(line_fact, a_line(2, "Bread"))
    view = both_see(one, other, CLAIM_A)
    assert [line.names["en"] for line in view.lines] == ["Milk"]
    (amendment,) = view.amendments
    assert amendment.reason == OFF_CHAIN
    assert amendment.line == a_line(2, "Bread")
    assert view.total_minor == 129


def test_the_holder_settles_an_amendment_by_voiding_it() -> None:
    one, other = Till(CLAIM_A, 1), Till(CLAIM_B, 2)
    other.does(line_fact, a_line(2))
    one.hears(other)
    one.does(line_void_fact, id_of(9), id_of(2), "not wanted")
    assert both_see(one, other, CLAIM_A).amendments == ()


def test_a_void_from_off_the_chain_takes_nothing_back_until_the_holder_agrees() -> None:
    one, other = Till(CLAIM_A, 1), Till(CLAIM_B, 2)
    one.does(line_fact, a_line(1))
    other.hears(one)
    other.does(line_void_fact, id_of(9), id_of(1), "returned to the shelf")
    view = both_see(one, other, CLAIM_A)
    assert len(view.lines) == 1
    assert [amendment.line for amendment in view.amendments] == [None]
    one.does(line_void_fact, id_of(10), id_of(1), "agreed")
    view = both_see(one, other, CLAIM_A)
    assert (view.lines, view.amendments) == ((), ())


def test_facts_without_a_claim_count_nothing_in_an_open_sale() -> None:
    till = Till(CLAIM_A, 1)
    till.writes(a_line_fact(1, 1, None))
    assert till.sees(CLAIM_A).lines == ()
    assert len(till.sees(CLAIM_A).amendments) == 1


# --- rule 3: taken over --------------------------------------------------------------------------------------------


def test_what_a_silent_till_rang_up_after_it_was_taken_over_is_an_amendment() -> None:
    silent, taker = Till(CLAIM_A, 1), Till(CLAIM_B, 2)
    silent.does(line_fact, a_line(1, "Milk"))
    taker.hears(silent)
    silent.does(line_fact, a_line(2, "Bread"))
    silent.does(line_void_fact, id_of(8), id_of(1), "a mistake")
    at = taker.document.next_ordinal
    taker.writes(
        taken_over_fact(id_of(9), taker.document.facts(), CLAIM_A, at, CLAIM_B),
        line_fact(a_line(3, "Beer"), at, CLAIM_B),
    )
    view = both_see(silent, taker, CLAIM_A, CLAIM_B)
    assert sorted(line.names["en"] for line in view.lines) == ["Beer", "Milk"]
    assert [amendment.reason for amendment in view.amendments] == [AFTER_TAKE_OVER] * 2
    assert view.amendments[0].line == a_line(2, "Bread")


def test_a_take_over_that_lost_cuts_nothing_off() -> None:
    holder, loser = Till(CLAIM_A, 1), Till(CLAIM_B, 2)
    loser.writes(taken_over_fact(id_of(9), [], CLAIM_A, 1, CLAIM_B))
    holder.does(line_fact, a_line(1))
    assert len(both_see(holder, loser, CLAIM_A).lines) == 1


def test_a_till_that_saw_nothing_of_the_sale_takes_over_an_empty_one() -> None:
    silent, taker = Till(CLAIM_A, 1), Till(CLAIM_B, 2)
    silent.does(line_fact, a_line(1))
    taker.writes(taken_over_fact(id_of(9), [], CLAIM_A, 1, CLAIM_B))
    view = both_see(silent, taker, CLAIM_A, CLAIM_B)
    assert (len(view.lines), len(view.amendments)) == (0, 1)


# --- rule 4: voids and discounts -----------------------------------------------------------------------------------


def test_a_line_voided_twice_is_voided_once_with_both_reasons_shown() -> None:
    till = Till(CLAIM_A, 1)
    till.does(line_fact, a_line(1))
    till.does(line_void_fact, id_of(8), id_of(1), "first")
    till.does(line_void_fact, id_of(9), id_of(1), "second")
    view = till.sees(CLAIM_A)
    assert view.lines == ()
    assert [void.reason for void in view.voided[0].voids] == ["first", "second"]
    assert view.total_minor == 0


def test_a_void_waits_for_its_line() -> None:
    till = Till(CLAIM_A, 1)
    till.does(line_void_fact, id_of(9), id_of(1), "early")
    assert till.sees(CLAIM_A).voided == ()
    till.does(line_fact, a_line(1))
    assert till.sees(CLAIM_A).lines == ()


@pytest.mark.parametrize(
    ("discounts", "taken_off"),
    [
        ([a_discount(9, minor=50)], 50),
        ([a_discount(9, line=1, minor=50)], 50),
        ([a_discount(9, line=1, ppm=100_000)], 10),  # 10 % of 0.99, half up
        ([a_discount(9, ppm=100_000)], 30),  # 10 % of 2.99
        ([a_discount(8, ppm=100_000), a_discount(9, ppm=100_000)], 60),  # of the same base, not of one another's rest
        ([a_discount(8, ppm=100_000), a_discount(9, line=2, minor=100)], 120),  # lines first, whatever came first
        ([a_discount(9, line=77, minor=50)], 0),  # a line that is not known
        ([a_discount(9, line=3, minor=50)], 0),  # a line that is voided
    ],
)
def test_discounts_take_off_what_the_table_says(discounts: list[DiscountFact], taken_off: int) -> None:
    till = Till(CLAIM_A, 1)
    for number, minor in ((1, 99), (2, 200), (3, 1_000)):
        till.does(line_fact, a_line(number, amount_minor=minor))
    till.does(line_void_fact, id_of(7), id_of(3), "")
    for discount in discounts:
        till.does(discount_fact, discount)
    view = till.sees(CLAIM_A)
    assert view.discounts_minor == taken_off
    assert view.total_minor == 299 - taken_off


def test_a_discount_is_taken_back_by_a_void() -> None:
    till = Till(CLAIM_A, 1)
    till.does(line_fact, a_line(1))
    till.does(discount_fact, a_discount(5, minor=29))
    assert till.sees(CLAIM_A).total_minor == 100
    till.does(line_void_fact, id_of(9), id_of(5), "wrong customer")
    assert till.sees(CLAIM_A).total_minor == 129


@pytest.mark.parametrize(
    ("minor", "ppm", "reason"),
    [
        (None, None, "exactly one"),
        (1, 1, "exactly one"),
        (0, None, "above 0"),
        (-5, None, "above 0"),
        (None, -1, "ppm"),
    ],
)
def test_a_discount_that_is_none_is_refused(minor: int | None, ppm: int | None, reason: str) -> None:
    with pytest.raises(InvalidValue, match=reason):
        a_discount(1, minor=minor, ppm=ppm)


# --- rule 5: customer, notes, suspensions --------------------------------------------------------------------------


def test_two_tills_that_set_the_customer_at_once_agree_on_one() -> None:
    one, other = Till(CLAIM_A, 1), Till(CLAIM_A, 2)
    one.does(customer_fact, id_of(1), "C-1")
    other.does(customer_fact, id_of(2), "C-2")
    assert both_see(one, other, CLAIM_A).customer == "C-2"
    one.does(customer_fact, id_of(3), None)
    assert both_see(one, other, CLAIM_A).customer is None


def test_notes_of_both_tills_stay() -> None:
    one, other = Till(CLAIM_A, 1), Till(CLAIM_A, 2)
    one.does(note_fact, id_of(1), "allergic to nuts")
    other.does(note_fact, id_of(2), "pays at six")
    assert both_see(one, other, CLAIM_A).notes == ("allergic to nuts", "pays at six")


def test_a_sale_that_was_parked_twice_shows_the_last_suspension() -> None:
    till = Till(CLAIM_A, 1)
    till.does(suspension_fact, id_of(1), "phone", {"number": "12"}, None)
    till.does(suspension_fact, id_of(2), "wallet", {"name": "Ann", "back at": "six"}, "in the fridge")
    view = till.sees(CLAIM_A)
    assert view.suspension is not None
    assert (view.suspension.type, view.suspension.note) == ("wallet", "in the fridge")
    assert view.suspension.answers == {"name": "Ann", "back at": "six"}
    assert len(view.suspensions) == 2
    assert OpenSaleView().suspension is None


# --- rule 6: what cannot be read ------------------------------------------------------------------------------------


# --- rule 1: a function of the set ----------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.booleans(),  # which till
        st.booleans(),  # whether it hears the other first
        st.sampled_from(["line", "void", "discount", "customer", "note", "suspension", "take over"]),
        st.integers(1, 12),  # of which line
    ),
    max_size=14,
)


def act(till: Till, other: Till, what: str, own: bytes, line: int) -> None:
    """One shop action."""
    match what:
        case "line":
            till.does(line_fact, LineFact(own, Quantity(1), ScaledPrice(line), line))
        case "void":
            till.does(line_void_fact, own, id_of(line), "")
        case "discount":
            till.does(discount_fact, DiscountFact(own, id_of(line) if line % 2 else None, None, 100_000, ""))
        case "customer":
            till.does(customer_fact, own, f"C-{line}")
        case "note":
            till.does(note_fact, own, str(line))
        case "suspension":
            till.does(suspension_fact, own, "phone", {}, None)
        case "take over":
            till.does(taken_over_fact, own, till.document.facts(), other.claim)


@given(steps, st.data())
def test_any_history_of_two_tills_ends_in_one_view_whatever_came_first(
    history: list[tuple[bool, bool, str, int]], data: st.DataObject
) -> None:
    one, other = Till(CLAIM_A, 1), Till(CLAIM_B, 2)
    for number, (second, hears, what, line) in enumerate(history, start=1):
        till, peer = (other, one) if second else (one, other)
        if hears:
            till.hears(peer)
        act(till, peer, what, id_of(number), line)
    shuffled = Document()
    for update in data.draw(st.permutations(one.updates + other.updates)):
        shuffled.apply(update)
    for chain in ([], [CLAIM_A], [CLAIM_B], [CLAIM_A, CLAIM_B]):
        view = both_see(one, other, *chain)
        assert view == open_sale_view(shuffled.facts(), chain[::-1])
        assert view.unreadable == view.unknown == ()
        assert view.lines_minor == sum(line.amount_minor for line in view.lines)
        assert {line.line_id for line in view.lines}.isdisjoint(void.line.line_id for void in view.voided)


def test_the_view_is_that_of_the_sorted_facts_for_every_order_of_a_small_sale() -> None:
    rows = [
        a_line_fact(1, 1, CLAIM_A),
        line_void_fact(id_of(2), id_of(1), "", 2, CLAIM_A),
        a_line_fact(3, 2, CLAIM_B),
        customer_fact(id_of(4), "C", 2, CLAIM_A),
    ]
    views = {repr(open_sale_view(sorted_facts(order), [CLAIM_A])) for order in itertools.permutations(rows)}
    assert len(views) == 1
