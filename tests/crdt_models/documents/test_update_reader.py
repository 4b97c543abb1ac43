"""The reader of updates: what it lets through, pycrdt takes; the rest is refused by name, and nothing ever crashes."""

from __future__ import annotations

import random

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models.documents.document import Document
from crdt_models.documents.facts import text_of
from crdt_models.documents.update_reader import read_state_vector, read_update
from crdt_models.errors import LimitExceeded, MalformedBytes, ModelError
from tests.crdt_models.documents.document_samples import a_line_fact, chance_of, struct, update_of, varbytes, varint

KEY, FACT = a_line_fact(1, 1)
TEXT = text_of(FACT)
GOOD = update_of(struct(KEY, TEXT))


def written_by_pycrdt(*facts: tuple[str, str], client: int = 7) -> bytes:
    """The update of pycrdt itself for a map of texts."""
    doc: pycrdt.Doc[pycrdt.Map[str]] = pycrdt.Doc(client_id=client)
    root = doc.get("facts", type=pycrdt.Map)
    for key, text in facts:
        root[key] = text
    return doc.get_update()


@given(st.integers(1, 2**53 - 1), st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=9))
def test_the_reader_reads_what_pycrdt_writes(client: int, texts: list[str]) -> None:
    facts = [(f"line/{number:032x}", text) for number, text in enumerate(texts)]
    read = read_update(written_by_pycrdt(*facts, client=client))
    assert [(fact.key, fact.text) for fact in read] == facts
    assert [(fact.client, fact.clock) for fact in read] == [(client, clock) for clock in range(len(texts))]


def test_our_hand_written_encoding_is_that_of_pycrdt() -> None:
    assert update_of(struct(KEY, TEXT)) == written_by_pycrdt((KEY, TEXT))


def test_an_update_without_authors_says_nothing() -> None:
    assert read_update(b"\x00\x00") == []


@given(st.binary(max_size=300))
def test_random_bytes_are_read_or_refused(raw: bytes) -> None:
    refuses_or_agrees_with_pycrdt(raw)


@given(st.integers(0, 2**32), st.integers(1, 4))
def test_flipped_bits_are_read_or_refused(seed: int, flips: int) -> None:
    chosen = random.Random(seed)
    raw = bytearray(update_of(struct(KEY, TEXT), struct(KEY.replace("0", "1"), TEXT)))
    for _ in range(flips):
        raw[chosen.randrange(len(raw))] ^= 1 << chosen.randrange(8)
    refuses_or_agrees_with_pycrdt(bytes(raw))


@given(st.integers(0, 2**32))
def test_spliced_updates_are_read_or_refused(seed: int) -> None:
    chosen = random.Random(seed)
    other = written_by_pycrdt((KEY, TEXT), ("note/" + "0" * 32, "é𝄞"), client=2**40)
    cut, start = chosen.randrange(len(GOOD)), chosen.randrange(len(other))
    refuses_or_agrees_with_pycrdt(GOOD[:cut] + other[start:])


def refuses_or_agrees_with_pycrdt(raw: bytes) -> None:
    """The reader refuses with one of our errors, or pycrdt reads the same texts from the update."""
    try:
        written = read_update(raw)
    except ModelError as error:
        assert isinstance(error, MalformedBytes)
        return
    doc: pycrdt.Doc[pycrdt.Map[str]] = pycrdt.Doc(client_id=1)
    root = doc.get("facts", type=pycrdt.Map)
    doc.apply_update(raw)
    assert set(root.keys()) == {fact.key for fact in written}
    assert {fact.text for fact in written} >= set(root.to_py().values())


def test_every_truncation_of_an_update_is_refused() -> None:
    for length in range(len(GOOD)):
        with pytest.raises(MalformedBytes):
            read_update(GOOD[:length])


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(MalformedBytes, match="after its end"):
        read_update(GOOD + b"\x00")


@pytest.mark.parametrize("levels", [1, 33, 2_000, 7_000])
@pytest.mark.parametrize(("opening", "name"), [(b"\x75\x01", "117"), (b"\x76\x01\x00", "118")])
def test_a_nested_value_of_any_depth_never_reaches_pycrdt(levels: int, opening: bytes, name: str) -> None:
    head = b"\x28\x01" + varbytes(b"facts") + varbytes(KEY.encode()) + b"\x01"
    raw = update_of(head + opening * levels + b"\x7e")
    with pytest.raises(MalformedBytes, match=f"type {name}|at most 16384"):
        read_update(raw)


def test_shared_types_nested_two_thousand_deep_never_reach_pycrdt() -> None:
    first = b"\x27\x01" + varbytes(b"facts") + varbytes(b"a") + b"\x01"
    inner = b"".join(b"\x27\x00" + varint(7) + varint(n) + varbytes(b"a") + b"\x01" for n in range(500))
    with pytest.raises(MalformedBytes, match="a shared type"):
        read_update(update_of(first, inner[:100]))


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (0x00, "collected garbage"),
        (0x21, "deleted content"),
        (0x22, "JSON content"),
        (0x23, "binary content"),
        (0x24, "text that is edited"),
        (0x25, "an embedded object"),
        (0x26, "a format"),
        (0x27, "a shared type"),
        (0x29, "a sub-document"),
        (0x0A, "a gap"),
        (0x2B, "a move"),
        (0x3F, "unknown kind 31"),
        (0x08, "without a key"),
        (0xA8, "writes over something"),
        (0x68, "writes over something"),
    ],
)
def test_what_is_no_fact_is_refused_by_name(info: int, reason: str) -> None:
    with pytest.raises(MalformedBytes, match=reason):
        read_update(update_of(bytes([info]) + struct(KEY, TEXT)[1:]))


def test_a_delete_is_refused_since_removing_is_a_fact() -> None:
    with pytest.raises(MalformedBytes, match="deletes something"):
        read_update(update_of(struct(KEY, TEXT), deletes=b"\x01\x05\x01\x00\x01"))


def test_a_deletion_by_pycrdt_itself_is_refused() -> None:
    doc: pycrdt.Doc[pycrdt.Map[str]] = pycrdt.Doc(client_id=7)
    root = doc.get("facts", type=pycrdt.Map)
    root[KEY] = TEXT
    del root[KEY]
    with pytest.raises(MalformedBytes):
        read_update(doc.get_update())


def test_an_overwrite_by_pycrdt_itself_is_refused() -> None:
    doc: pycrdt.Doc[pycrdt.Map[str]] = pycrdt.Doc(client_id=7)
    root = doc.get("facts", type=pycrdt.Map)
    root[KEY] = TEXT
    before = doc.get_state()
    root[KEY] = "another"
    with pytest.raises(MalformedBytes, match="writes over something"):
        read_update(doc.get_update(before))


def test_a_root_of_another_name_or_another_item_is_refused() -> None:
    with pytest.raises(MalformedBytes, match="root other than"):
        read_update(update_of(struct(KEY, TEXT).replace(b"facts", b"facta")))
    with pytest.raises(MalformedBytes, match="stands in another item"):
        read_update(update_of(b"\x28\x00" + struct(KEY, TEXT)[2:]))


def test_numbers_beyond_their_bounds_are_refused_by_name() -> None:
    for raw, name in (
        (varint(65), "authors"),
        (b"\x01" + varint(513), "facts of one author"),
        (b"\x01\x01" + varint(2**53), "client id"),
        (b"\x01\x01\x07" + varint(2**31), "clock"),
        (b"\x01\x01\x07" + b"\xff" * 12, "clock"),
        (update_of(b"\x28\x01" + varint(2**30)), "length"),
    ):
        with pytest.raises(LimitExceeded, match=name):
            read_update(raw + b"\x00" * 8)


def test_a_clock_that_would_run_over_its_bound_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="clock beyond its bound"):
        read_update(update_of(struct(KEY, TEXT), clock=2**31 - 1))


def test_a_number_that_is_longer_than_it_need_be_is_refused() -> None:
    with pytest.raises(MalformedBytes, match="longer than it need be"):
        read_update(b"\x81\x00" + GOOD[1:])


def test_an_author_who_is_named_twice_or_says_nothing_is_refused() -> None:
    section = b"\x01\x07\x00" + struct(KEY, TEXT)
    with pytest.raises(MalformedBytes, match="an author twice"):
        read_update(b"\x02" + section + section + b"\x00")
    with pytest.raises(MalformedBytes, match="says nothing"):
        read_update(b"\x01\x00\x07\x00\x00")


def test_two_values_under_one_key_and_text_that_is_no_text_are_refused() -> None:
    head = b"\x28\x01" + varbytes(b"facts") + varbytes(KEY.encode())
    with pytest.raises(MalformedBytes, match="2 values"):
        read_update(update_of(head + b"\x02\x77\x01a\x77\x01b"))
    with pytest.raises(MalformedBytes, match="not UTF-8"):
        read_update(update_of(head + b"\x01\x77\x01\xff"))
    with pytest.raises(MalformedBytes, match="beyond its end"):
        read_update(update_of(head + b"\x01\x77\x7f"))


def test_an_update_of_more_than_16_kib_is_refused_unread() -> None:
    with pytest.raises(LimitExceeded, match="at most 16384"):
        read_update(b"\x00" * (16 * 1024 + 1))


def test_what_is_not_bytes_is_refused() -> None:
    with pytest.raises(MalformedBytes, match="must be bytes"):
        read_update("text")  # type: ignore[arg-type]


def test_a_state_vector_tells_what_is_held_of_each_author() -> None:
    document = Document(chance_of(1))
    document.write({KEY: FACT})
    assert list(read_state_vector(document._doc.get_state()).values()) == [1]
    with pytest.raises(MalformedBytes):
        read_state_vector(b"\x02\x01")
