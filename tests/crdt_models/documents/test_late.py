"""Late updates of a finished document (RULES O2): which they are, and who repeats them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crdt_models.documents.document import Document
from crdt_models.documents.facts import text_of
from crdt_models.documents.late import RetiredUpdates, Retirement, late_facts
from crdt_models.values.identity import JournalId, NodeId
from crdt_models.values.stamp import Place
from tests.crdt_models.documents.document_samples import a_line_fact, chance_of

TILL_1 = NodeId(b"1" * 16)
TILL_2 = NodeId(b"2" * 16)
JOURNAL_1 = JournalId(TILL_1 + b"a" * 8)
JOURNAL_1_AGAIN = JournalId(TILL_1 + b"b" * 8)
JOURNAL_2 = JournalId(TILL_2 + b"a" * 8)


def update(number: int) -> bytes:
    """An update with the line of that number."""
    return Document(chance_of(number)).write(dict([a_line_fact(number, number)]))[0]


def text(number: int) -> tuple[str, str]:
    """Key and JSON text of that line."""
    key, fact = a_line_fact(number, number)
    return key, text_of(fact)


def test_an_update_beyond_what_the_retirement_includes_is_late() -> None:
    retirement = Retirement({JOURNAL_1: 5})
    assert not retirement.is_late(Place(JOURNAL_1, 5))
    assert retirement.is_late(Place(JOURNAL_1, 6))
    assert retirement.is_late(Place(JOURNAL_2, 1))


def test_two_retirements_include_what_either_includes() -> None:
    joined = Retirement({JOURNAL_1: 5}).joined({JOURNAL_1: 3, JOURNAL_2: 2})
    assert joined.last == {JOURNAL_1: 5, JOURNAL_2: 2}


def test_only_its_author_repeats_a_late_fact_and_only_once() -> None:
    retired = RetiredUpdates()
    retired.retire({JOURNAL_1: 5})
    assert not retired.add(Place(JOURNAL_1, 5), 1, update(1))
    assert retired.add(Place(JOURNAL_1, 6), 1, update(2))
    assert retired.add(Place(JOURNAL_2, 9), 1, update(3))
    assert retired.late == [Place(JOURNAL_1, 6), Place(JOURNAL_2, 9)]
    assert retired.to_repeat(TILL_1) == dict([text(2)])
    assert retired.to_repeat(TILL_2) == dict([text(3)])
    retired.repeated(retired.to_repeat(TILL_1))
    assert retired.to_repeat(TILL_1) == {}
    assert retired.late == [Place(JOURNAL_1, 6), Place(JOURNAL_2, 9)]


def test_a_node_repeats_what_it_wrote_before_a_restart() -> None:
    retired = RetiredUpdates()
    retired.add(Place(JOURNAL_1, 6), 1, update(2))
    retired.add(Place(JOURNAL_1_AGAIN, 2), 1, update(1))
    assert list(retired.to_repeat(TILL_1)) == [text(1)[0], text(2)[0]]


def test_a_second_retirement_that_includes_an_update_ends_its_being_late() -> None:
    retired = RetiredUpdates()
    retired.retire({JOURNAL_1: 5})
    retired.add(Place(JOURNAL_2, 9), 1, update(3))
    retired.retire({JOURNAL_2: 9})
    assert retired.late == []
    assert retired.to_repeat(TILL_2) == {}


def test_an_update_that_cannot_be_read_is_listed_but_has_no_facts() -> None:
    retired = RetiredUpdates()
    retired.add(Place(JOURNAL_1, 6), 1, b"\xff\xff")
    assert retired.late == [Place(JOURNAL_1, 6)]
    assert retired.to_repeat(TILL_1) == {}
    assert late_facts([b"", update(1)]) == dict([text(1)])


operations = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from([JOURNAL_1, JOURNAL_2]), st.integers(1, 6)),
        st.tuples(st.just("retire"), st.sampled_from([JOURNAL_1, JOURNAL_2]), st.integers(1, 6)),
        st.tuples(st.just("repeated"), st.just(JOURNAL_1), st.integers(1, 6)),
    ),
    max_size=12,
)


@given(operations, st.data())
def test_which_updates_are_late_is_a_function_of_the_set_of_operations(
    done: list[tuple[str, JournalId, int]], data: st.DataObject
) -> None:
    results = []
    for order in (done, data.draw(st.permutations(done)) + done):
        retired = RetiredUpdates()
        for what, journal, number in order:
            match what:
                case "add":
                    retired.add(Place(journal, number), 1, update(number))
                case "retire":
                    retired.retire({journal: number})
                case "repeated":
                    retired.repeated(dict([text(number)]))
        results.append((retired.late, retired.to_repeat(TILL_1), retired.to_repeat(TILL_2)))
    assert results[0] == results[1]
