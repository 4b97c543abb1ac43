"""Documents: a function of the set of updates, genuine Yjs, one write per key, errors that are ours. Rules of document.py."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models import limits
from crdt_models.documents import document as module
from crdt_models.documents.document import Document
from crdt_models.documents.facts import text_of
from crdt_models.documents.kept_view import KeptView
from crdt_models.documents.open_sale import open_sale_view
from crdt_models.documents.seating import seating_view
from crdt_models.errors import InvalidValue, MalformedBytes
from tests.crdt_models.documents.document_samples import CLAIM_A, a_line_fact, chance_of, struct, update_of


def histories() -> st.SearchStrategy[list[bytes]]:
    """All updates of up to three authors who write while they see some of one another's updates."""
    return st.builds(
        history,
        st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(1, 3)), min_size=1, max_size=10),
        st.integers(0, 2**32),
    )


def history(steps: list[tuple[int, bool, int]], seed: int) -> list[bytes]:
    """steps: (author, whether it first hears all others, how many facts it writes)."""
    authors = [Document(chance_of(seed + author)) for author in range(3)]
    updates: list[bytes] = []
    number = itertools.count(1)
    for author, hears, count in steps:
        if hears:
            for update in updates:
                authors[author].apply(update)
        at = authors[author].next_ordinal
        updates += authors[author].write(dict(a_line_fact(next(number), at) for _ in range(count)))
    return updates


def read(updates: list[bytes]) -> Document:
    """A document of these updates in this order."""
    document = Document()
    for update in updates:
        document.apply(update)
    return document


@given(histories(), st.data())
def test_any_order_and_repetition_of_updates_gives_the_same_facts_and_views(
    updates: list[bytes], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(updates)) + data.draw(st.lists(st.sampled_from(updates)))
    first, second = read(updates), read(shuffled)
    assert first.facts() == second.facts()
    assert seating_view(first.facts()) == seating_view(second.facts())
    assert not first.has_pending
    assert not second.has_pending


@given(histories(), st.data())
def test_any_order_of_some_of_the_updates_gives_the_same_facts(updates: list[bytes], data: st.DataObject) -> None:
    some = [update for update in updates if data.draw(st.booleans())]
    first, second = read(some), read(data.draw(st.permutations(some)))
    assert first.facts() == second.facts()
    assert first.has_pending == second.has_pending


@given(histories(), st.data())
def test_updates_merged_by_yjs_read_as_the_same_facts(updates: list[bytes], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(updates)))
    merged = [pycrdt.merge_updates(*part) for part in (updates[:cut], updates[cut:]) if part]
    assert read(data.draw(st.permutations(merged))).facts() == read(updates).facts()


@given(histories())
def test_two_documents_written_at_once_merge_to_their_union(updates: list[bytes]) -> None:
    one, other = read(updates[::2]), read(updates[1::2])
    union = dict(one.facts()) | dict(other.facts())
    assert dict(read(updates).facts()) == union


@given(histories())
def test_pycrdt_holds_what_is_read(updates: list[bytes]) -> None:
    document = read(updates)
    assert document._map.to_py() == {key: text_of(fact) for key, fact in document.facts()}


def test_an_update_whose_predecessor_is_missing_is_shown_and_said_to_be_pending() -> None:
    author = Document(chance_of(1))
    first = author.write(dict([a_line_fact(1, 1)]))[0]
    second = author.write(dict([a_line_fact(2, 2)]))[0]
    other = Document()
    other.apply(second)
    assert [key for key, _ in other.facts()] == [a_line_fact(2, 2)[0]]
    assert other.has_pending
    other.apply(first)
    assert other.facts() == author.facts()
    assert not other.has_pending


def test_an_authors_number_used_twice_reads_the_same_in_any_order() -> None:
    copies = [Document(chance_of(1)), Document(chance_of(1))]
    updates = [copy.write(dict([a_line_fact(n, 1)]))[0] for n, copy in enumerate(copies, start=1)]
    pycrdt_differs = [read(order)._map.to_py() for order in (updates, updates[::-1])]
    assert pycrdt_differs[0] != pycrdt_differs[1]
    assert read(updates).facts() == read(updates[::-1]).facts()
    assert len(read(updates)) == 2


def test_a_key_written_twice_is_contested_and_reads_the_same_in_any_order() -> None:
    (key, milk), (_, beer) = a_line_fact(1, 1, name="Milk"), a_line_fact(1, 1, name="Beer")
    updates = [Document(chance_of(seed)).write({key: fact})[0] for seed, fact in ((1, milk), (2, beer))]
    for order in itertools.permutations(updates):
        document = read(list(order))
        assert document.facts() == [(key, beer)]
        assert document.contested == {key}
    assert read(updates[:1]).contested == set()


def test_writing_over_a_key_is_refused_and_writes_nothing() -> None:
    document = Document(chance_of(1))
    key, fact = a_line_fact(1, 1)
    document.write({key: fact})
    with pytest.raises(InvalidValue, match="written once"):
        document.write(dict([a_line_fact(2, 2), (key, fact)]))
    assert len(document) == 1


def test_a_fact_that_is_none_is_refused_and_writes_nothing() -> None:
    document = Document(chance_of(1))
    key, fact = a_line_fact(1, 1)
    with pytest.raises(InvalidValue, match="is a number"):
        document.write({key: {**fact, "amount_minor": 129}})  # type: ignore[dict-item]
    with pytest.raises(InvalidValue, match="fact key"):
        document.write({"line": fact})
    assert document.facts() == []


def test_a_step_of_nothing_makes_no_update() -> None:
    assert Document(chance_of(1)).write({}) == []


def test_a_small_step_is_one_update() -> None:
    assert len(Document(chance_of(1)).write(dict(a_line_fact(n, n) for n in range(1, 30)))) == 1


def test_a_large_step_is_split_into_updates_within_the_limit() -> None:
    document = Document(chance_of(1))
    basket = dict(a_line_fact(n, n, CLAIM_A, "é" * 200) for n in range(1, 401))
    updates = document.write(basket)
    assert len(updates) > 1
    assert all(len(update) <= limits.update_bytes_max for update in updates)
    assert dict(read(updates).facts()) == basket == dict(document.facts())


@given(st.lists(st.integers(0, 2_000), min_size=1, max_size=40))
def test_no_mix_of_sizes_makes_an_update_beyond_the_limit(sizes: list[int]) -> None:
    facts = {f"note/{n:032x}": {"at": "1", "claim": "", "text": "𝄞" * size} for n, size in enumerate(sizes)}
    updates = Document(chance_of(1)).write(facts)  # type: ignore[arg-type]
    assert max(map(len, updates)) <= limits.update_bytes_max
    assert dict(read(updates).facts()) == facts


def test_the_largest_fact_fits_one_update() -> None:
    fact = {"at": "1", "claim": ""} | {str(n): "x" * 2_000 for n in range(6)} | {"rest": "x" * 180}
    while True:
        longer = fact | {"rest": fact["rest"] + "x"}
        try:
            text_of(longer)  # type: ignore[arg-type]
        except InvalidValue:
            break
        fact = longer
    assert len(Document(chance_of(1)).write({"note/" + "0" * 32: fact})) == 1  # type: ignore[dict-item]


def test_a_full_document_takes_no_more_writing_but_all_that_others_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.document_limits, "document_facts_max", 2)
    document = Document(chance_of(1))
    document.write(dict(a_line_fact(n, n) for n in (1, 2)))
    with pytest.raises(InvalidValue, match="more than 2 facts"):
        document.write(dict([a_line_fact(3, 3)]))
    document.apply(Document(chance_of(2)).write(dict([a_line_fact(4, 1)]))[0])
    assert len(document) == 3


def test_applying_tells_which_keys_changed() -> None:
    (update,) = Document(chance_of(1)).write(dict(a_line_fact(n, n) for n in (1, 2)))
    document = Document()
    assert document.apply(update) == (a_line_fact(1, 1)[0], a_line_fact(2, 2)[0])
    assert document.apply(update) == ()


def test_an_update_with_a_text_that_is_no_fact_is_refused_whole() -> None:
    good_key, good = a_line_fact(1, 1)
    bad = update_of(struct(good_key, text_of(good)), struct("line/" + "0" * 32, '{"at":1}'))
    document = Document()
    with pytest.raises(MalformedBytes):
        document.apply(bad)
    assert document.facts() == []
    assert document._map.to_py() == {}
    with pytest.raises(MalformedBytes, match="fact key"):
        document.apply(update_of(struct("line", text_of(good))))


def test_a_panic_in_pycrdt_leaves_as_our_error(capfd: pytest.CaptureFixture[str]) -> None:
    document = Document(chance_of(1))
    with pytest.raises(MalformedBytes, match="pycrdt panicked"):
        module._within_pycrdt(lambda: document._map.__setitem__("key", 2**64))  # type: ignore[call-overload]
    capfd.readouterr()  # the panic's own backtrace
    document.write(dict([a_line_fact(1, 1)]))
    assert len(document) == 1


def test_an_interrupt_within_pycrdt_is_not_taken_for_a_panic() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module._within_pycrdt(interrupt)


def test_what_pycrdt_refuses_leaves_as_our_error() -> None:
    document = Document()
    with pytest.raises(MalformedBytes, match="pycrdt refuses it"):
        module._within_pycrdt(lambda: document._doc.apply_update(b"\x01\x02"))


def test_each_instance_writes_under_its_own_client_id_drawn_from_the_given_chance() -> None:
    drawn = {Document(chance_of(seed))._doc.client_id for seed in range(50)}
    assert len(drawn) == 50
    assert max(drawn) <= 2**53 - 1
    assert Document(lambda n: b"\x00" * n)._doc.client_id == 2
    assert Document(lambda n: b"\xff" * n)._doc.client_id >= 2


def test_the_same_chance_and_facts_make_the_same_bytes() -> None:
    facts = dict(a_line_fact(n, n) for n in range(1, 20))
    assert Document(chance_of(5)).write(facts) == Document(chance_of(5)).write(facts)


def test_an_update_says_only_what_its_author_wrote_in_that_step() -> None:
    other = Document(chance_of(2))
    missing, later = (other.write(dict([a_line_fact(n, n)]))[0] for n in (11, 12))
    author = Document(chance_of(1))
    author.apply(later)
    (update,) = author.write(dict([a_line_fact(1, author.next_ordinal)]))
    assert [key for key, _ in read([update]).facts()] == [a_line_fact(1, 1)[0]]
    assert missing


def test_the_next_ordinal_follows_the_highest_that_was_seen_and_never_passes_its_bound() -> None:
    document = Document(chance_of(1))
    assert document.next_ordinal == 1
    document.write(dict([a_line_fact(1, 41)]))
    assert document.next_ordinal == 42
    document.write(dict([a_line_fact(2, 10**9 - 1)]))
    assert document.next_ordinal == 10**9 - 1


def test_facts_are_read_in_one_order_in_every_process() -> None:
    updates = Document(chance_of(1)).write(dict(a_line_fact(n, 1 + n % 3) for n in range(1, 40)))
    program = (
        "import sys; from crdt_models.documents.document import Document\n"
        "d = Document(); [d.apply(bytes.fromhex(u)) for u in sys.argv[1:]]\n"
        "print(*[key for key, _ in d.facts()], sep='\\n')"
    )
    command = [sys.executable, "-c", program, *(update.hex() for update in updates)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(2):
        seen = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
        assert seen == [key for key, _ in read(updates).facts()]


def test_a_kept_view_is_made_once_per_change_and_per_chain() -> None:
    made: list[int] = []

    def count(facts: list[tuple[str, object]], chain: tuple[object, ...]) -> tuple[int, int]:
        made.append(1)
        return len(facts), len(chain)

    document = Document(chance_of(1))
    view = KeptView(document, count)
    assert (view.of(()), view.of(())) == ((0, 0), (0, 0))
    assert len(made) == 1
    document.write(dict([a_line_fact(1, 1)]))
    assert (view.of(()), view.of((CLAIM_A,)), view.of(())) == ((1, 0), (1, 1), (1, 0))
    assert len(made) == 3


def test_a_kept_view_of_an_open_sale_follows_the_chain() -> None:
    document = Document(chance_of(1))
    view = KeptView(document, open_sale_view)
    document.write(dict([a_line_fact(1, 1, CLAIM_A)]))
    assert len(view.of(()).lines) == 0
    assert len(view.of((CLAIM_A,)).lines) == 1


def test_at_most_four_views_are_kept_of_one_document() -> None:
    view = KeptView(Document(), lambda facts, number: number)
    for number in range(20):
        assert view.of(number) == number
    assert len(view._kept) <= 4


def test_the_guid_is_no_source_of_chance() -> None:
    assert Document()._doc.guid == Document()._doc.guid
