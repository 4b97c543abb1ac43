"""A seating, written by two waiters at once: the beers and their twin. The numbers are the rules of seating.py."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models.documents.document import Document
from crdt_models.documents.facts import Fact
from crdt_models.documents.line_fact import line_fact, line_void_fact
from crdt_models.documents.seating import (
    SeatFact,
    SeatingView,
    clear_facts,
    seat_fact,
    seating_document_id,
    seating_view,
)
from crdt_models.errors import InvalidValue
from crdt_models.values.identity import StoreId
from tests.crdt_models.documents.document_samples import a_line, a_line_fact, chance_of, id_of

STORE = StoreId(b"S" * 16)


class Waiter:
    """A waiter's node with its copies of the seatings; `hears` is the wire."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.ids = itertools.count(1_000 * seed)
        self.documents: dict[bytes, Document] = {}
        self.updates: list[tuple[bytes, bytes]] = []

    def document(self, table: str, closed: int = 0) -> Document:
        """This node's copy of the table's next seating."""
        return self._document(seating_document_id(STORE, table, closed))

    def _document(self, identity: bytes) -> Document:
        self.seed += 1_000
        return self.documents.setdefault(identity, Document(chance_of(self.seed)))

    def writes(self, facts: dict[str, Fact], table: str = "7", closed: int = 0) -> None:
        """One step."""
        identity = seating_document_id(STORE, table, closed)
        self.updates += [(identity, update) for update in self._document(identity).write(facts)]

    def seats(self, covers: int, table: str = "7", closed: int = 0) -> None:
        """Guests sit down, or their number changes."""
        seat = SeatFact(id_of(next(self.ids)), table, covers)
        self.writes(dict([seat_fact(seat, self.document(table, closed).next_ordinal)]), table, closed)

    def orders(self, name: str, number: int) -> None:
        """A line for table 7."""
        self.writes(dict([line_fact(a_line(number, name), self.document("7").next_ordinal)]))

    def voids(self, number: int, reason: str = "") -> None:
        """A line of table 7 is taken back."""
        at = self.document("7").next_ordinal
        self.writes(dict([line_void_fact(id_of(next(self.ids)), id_of(number), reason, at)]))

    def clears(self) -> None:
        """Table 7 is cleared, as far as this waiter sees it."""
        document = self.document("7")
        self.writes(clear_facts(document.facts(), document.next_ordinal, lambda: id_of(next(self.ids))))

    def hears(self, other: Waiter) -> None:
        """All that the other wrote arrives."""
        for identity, update in other.updates:
            self._document(identity).apply(update)

    def sees(self, table: str = "7", closed: int = 0) -> SeatingView:
        """What the tables page shows."""
        return seating_view(self.document(table, closed).facts())


@pytest.fixture
def ann() -> Waiter:
    return Waiter(1)


@pytest.fixture
def bob() -> Waiter:
    return Waiter(2)


def both_see(ann: Waiter, bob: Waiter) -> SeatingView:
    """What both see of table 7 after they heard one another, which is the same."""
    ann.hears(bob)
    bob.hears(ann)
    assert ann.sees() == bob.sees()
    return ann.sees()


def names(view: SeatingView) -> list[str]:
    """What was ordered, by name."""
    return sorted(line.names["en"] for line in view.lines)


def test_story_1_the_beers_of_one_waiter_stay_when_another_adds_burgers_at_once(ann: Waiter, bob: Waiter) -> None:
    ann.seats(2)
    both_see(ann, bob)
    ann.orders("Beer", 1)
    ann.orders("Beer", 2)
    bob.orders("Burger", 3)
    view = both_see(ann, bob)
    assert names(view) == ["Beer", "Beer", "Burger"]
    assert view.total_minor == 3 * 129


def test_story_1_twin_two_waiters_who_seat_the_same_empty_table_while_apart_make_one_order(
    ann: Waiter, bob: Waiter
) -> None:
    ann.seats(2)
    ann.orders("Beer", 1)
    bob.seats(4)
    bob.orders("Burger", 2)
    assert ann.documents.keys() == bob.documents.keys()
    view = both_see(ann, bob)
    assert names(view) == ["Beer", "Burger"]
    assert (view.table, view.covers, view.seated) == ("7", 4, True)


def test_the_document_of_a_table_follows_from_store_table_and_closed_seatings() -> None:
    first = seating_document_id(STORE, "7", 0)
    assert first == seating_document_id(STORE, "7", 0)
    assert first.hex() == "a11ceb95a9c74a89f7833ab51e7c1485"
    others = {
        seating_document_id(STORE, "7", 1),
        seating_document_id(STORE, "8", 0),
        seating_document_id(StoreId(b"T" * 16), "7", 0),
    }
    assert len(others | {first}) == 4
    with pytest.raises(InvalidValue, match="table"):
        seating_document_id(STORE, "", 0)


def test_covers_changed_at_once_are_the_same_number_for_both(ann: Waiter, bob: Waiter) -> None:
    ann.seats(2)
    both_see(ann, bob)
    ann.seats(3)
    bob.seats(5)
    assert both_see(ann, bob).covers == 5
    ann.seats(3)
    assert both_see(ann, bob).covers == 3


def test_a_line_that_two_waiters_void_at_once_is_voided_once(ann: Waiter, bob: Waiter) -> None:
    ann.seats(2)
    ann.orders("Beer", 1)
    ann.orders("Burger", 2)
    both_see(ann, bob)
    ann.voids(1, "spilled")
    bob.voids(1, "wrong table")
    view = both_see(ann, bob)
    assert names(view) == ["Burger"]
    (voided,) = view.voided
    assert {void.reason for void in voided.voids} == {"spilled", "wrong table"}
    assert view.total_minor == 129


def test_a_void_that_arrives_before_its_line_waits_for_it(ann: Waiter, bob: Waiter) -> None:
    bob.voids(1)
    assert bob.sees().voided == ()
    ann.orders("Beer", 1)
    assert both_see(ann, bob).lines == ()


def test_a_line_by_one_who_did_not_know_of_the_clearing_is_late_and_reopens_nothing(ann: Waiter, bob: Waiter) -> None:
    ann.seats(2)
    ann.orders("Beer", 1)
    both_see(ann, bob)
    ann.clears()
    bob.orders("Burger", 2)
    view = both_see(ann, bob)
    assert view.cleared
    assert not view.seated
    assert [line.names["en"] for line in view.late] == ["Burger"]
    assert names(view) == ["Beer", "Burger"]


def test_a_late_line_is_late_even_if_its_waiter_counted_lower(ann: Waiter, bob: Waiter) -> None:
    ann.seats(2)
    both_see(ann, bob)
    for number in range(1, 6):
        ann.orders("Beer", number)
    ann.clears()
    bob.orders("Burger", 9)
    assert [line.names["en"] for line in both_see(ann, bob).late] == ["Burger"]


def test_a_line_that_either_of_two_clearing_waiters_saw_is_not_late(ann: Waiter, bob: Waiter) -> None:
    ann.seats(2)
    both_see(ann, bob)
    bob.orders("Burger", 1)
    ann.clears()
    bob.clears()
    view = both_see(ann, bob)
    assert view.cleared
    assert view.late == ()


def test_a_late_line_that_is_voided_is_settled(ann: Waiter, bob: Waiter) -> None:
    ann.seats(2)
    both_see(ann, bob)
    ann.clears()
    bob.orders("Burger", 1)
    both_see(ann, bob)
    bob.voids(1, "never cooked")
    assert both_see(ann, bob).late == ()


def test_guests_seated_by_one_who_did_not_know_of_the_clearing_are_shown(ann: Waiter, bob: Waiter) -> None:
    ann.seats(2)
    both_see(ann, bob)
    ann.clears()
    bob.seats(6)
    view = both_see(ann, bob)
    assert [seat.covers for seat in view.late_seats] == [6]
    assert not view.seated


def test_nothing_is_late_at_a_table_that_nobody_cleared(ann: Waiter, bob: Waiter) -> None:
    ann.seats(2)
    bob.orders("Burger", 1)
    view = both_see(ann, bob)
    assert (view.late, view.late_seats, view.cleared) == ((), (), False)


def test_the_next_guests_are_in_another_document(ann: Waiter, bob: Waiter) -> None:
    ann.seats(2)
    ann.orders("Beer", 1)
    ann.clears()
    ann.seats(4, closed=1)
    both_see(ann, bob)
    assert (bob.sees(closed=1).covers, bob.sees(closed=1).lines) == (4, ())


def test_clearing_a_banquet_names_every_line_in_as_many_facts_as_it_takes(ann: Waiter, bob: Waiter) -> None:
    ann.seats(300)
    ann.writes(dict(a_line_fact(number, 2) for number in range(1, 701)))
    document = ann.document("7")
    assert len(clear_facts(document.facts(), 3, lambda: id_of(next(ann.ids)))) == 3
    ann.clears()
    view = both_see(ann, bob)
    assert (len(view.lines), view.late, view.late_seats) == (700, (), ())


def test_an_empty_table_can_be_cleared(ann: Waiter, bob: Waiter) -> None:
    ann.clears()
    view = both_see(ann, bob)
    assert view.cleared
    assert view.table is None


@pytest.mark.parametrize("covers", [0, -1, 1_000, True, "2", 1.5])
def test_covers_that_are_no_number_of_guests_are_refused(covers: int) -> None:
    with pytest.raises(InvalidValue, match="covers"):
        SeatFact(id_of(1), "7", covers)


@pytest.mark.parametrize("kind", ["seat", "line", "line_void", "clear"])
def test_a_fact_that_cannot_be_read_is_shown_and_counts_nothing(kind: str) -> None:
    key = f"{kind}/{'0' * 32}"
    view = seating_view([(key, {"at": "1", "claim": ""})])
    assert [found.key for found in view.unreadable] == [key]
    assert (view.table, view.lines, view.voided, view.cleared) == (None, (), (), False)


def test_a_fact_of_an_unknown_kind_is_named() -> None:
    key = f"course/{'0' * 32}"
    assert seating_view([(key, {"at": "1", "claim": ""})]) == SeatingView(unknown=(key,))


shop_actions = st.sampled_from(["seat", "order", "void", "clear"])


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), shop_actions, st.integers(1, 6)), max_size=14),
    st.data(),
)
def test_any_history_of_two_waiters_ends_in_one_view_and_loses_no_line(
    history: list[tuple[bool, bool, str, int]], data: st.DataObject
) -> None:
    ann, bob = Waiter(1), Waiter(2)
    ordered: set[bytes] = set()
    voided: set[bytes] = set()
    seen_when_cleared: set[bytes] = set()
    for second, hears, action, number in history:
        waiter, other = (bob, ann) if second else (ann, bob)
        if hears:
            waiter.hears(other)
        match action:
            case "seat":
                waiter.seats(number)
            case "order":
                ordered.add(id_of(len(ordered) + 1))
                waiter.orders("Beer", len(ordered))
            case "void":
                voided.add(id_of(number))
                waiter.voids(number)
            case "clear":
                seen_when_cleared |= {line.line_id for line in waiter.sees().lines}
                waiter.clears()
    view = both_see(ann, bob)
    shuffled = Document()
    for _, update in data.draw(st.permutations(ann.updates + bob.updates)):
        shuffled.apply(update)
    assert seating_view(shuffled.facts()) == view
    assert {line.line_id for line in view.lines} == ordered - voided
    assert {void.line.line_id for void in view.voided} == ordered & voided
    late = ordered - voided - seen_when_cleared if view.cleared else set()
    assert {line.line_id for line in view.late} == late
