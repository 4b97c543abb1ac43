"""One frame of each kind with every field set, and strategies that make any frame."""

from __future__ import annotations

from hypothesis import strategies as st

from crdt_models.journal.heads import Head
from crdt_models.values.identity import Incarnation, JournalId, NodeId, StoreId
from node.replication import limits
from node.replication.frames import Ack, Answer, Ask, Entries, Frame, Goodbye, Hello, Pulse, Unknown, Urgent, Want


def _of(first: int, size: int) -> bytes:
    return bytes((first + index) % 256 for index in range(size))


NODE = NodeId(_of(0x10, 16))
OTHER_NODE = NodeId(_of(0x30, 16))
JOURNAL = JournalId(NODE + _of(0x50, 8))
OTHER_JOURNAL = JournalId(OTHER_NODE + _of(0x60, 8))
HEADS = {JOURNAL: Head(118, _of(0x70, 8)), OTHER_JOURNAL: Head(0, bytes(8))}

EXAMPLES: dict[str, Frame] = {
    "hello": Hello(
        (1, 1),
        ("example",),
        StoreId(_of(0x01, 16)),
        NODE,
        Incarnation(_of(0x50, 8)),
        HEADS,
        ("customer.balance",),
        (OTHER_NODE,),
        (NodeId(_of(0x90, 16)),),
        1_800_000_000_123,
        "till-3",
    ),
    "hello_of_an_empty_node": Hello(
        (1, 3), (), StoreId(_of(0x01, 16)), NODE, Incarnation(_of(0x50, 8)), {}, (), (), (), -1, "till-9"
    ),
    "entries_pushed": Entries(JOURNAL, 118, True, (b"first", b"second")),
    "entries_wanted": Entries(JOURNAL, 1, False, (b"first",)),
    "entries_no_more": Entries(JOURNAL, 119, False, ()),
    "want": Want(JOURNAL, 119, ((118, _of(0x70, 8)),)),
    "want_no_longer": Want(JOURNAL),
    "want_all_heads": Want(None),
    "ack": Ack(((JOURNAL, 118), (OTHER_JOURNAL, 7))),
    "pulse_quiet": Pulse(1_800_000_002_123, {}, digest=_of(0xA0, 8)),
    "pulse": Pulse(
        1_800_000_002_123,
        HEADS,
        (JournalId(NODE + _of(0x40, 8)),),
        _of(0xA0, 8),
        (OTHER_NODE,),
        (NodeId(_of(0x90, 16)),),
        nonce=_of(0xB0, 8),
        answer=_of(0xC0, 8),
    ),
    "pulse_whole": Pulse(1_800_000_002_123, HEADS, digest=_of(0xA0, 8), joined=(OTHER_NODE,), whole=True),
    "urgent": Urgent(b"entry"),
    "ask": Ask(_of(0xD0, 16), "customer.balance", b"\xa1\x01\x02", 2_000, 3),
    "answer": Answer(_of(0xD0, 16), 2, b"\x6cunknown type"),
    "goodbye": Goodbye("revoked"),
    "of_a_later_version_ignorable": Unknown(40, True),
    "of_a_later_version": Unknown(41, False),
}

_seqs = st.integers(0, (1 << 63) - 1)
_firsts = st.integers(1, (1 << 63) - 1)
_walls = st.integers(-(1 << 63), (1 << 63) - 1)
_eight = st.binary(min_size=8, max_size=8)
_sixteen = st.binary(min_size=16, max_size=16)
_journals = st.builds(JournalId, st.binary(min_size=24, max_size=32))
_nodes = st.lists(st.builds(NodeId, _sixteen), max_size=4).map(tuple)
_heads = st.dictionaries(_journals, st.builds(Head, _seqs, _eight), max_size=5)
_words = st.text(max_size=limits.word_characters_max)
_word_lists = st.lists(_words, max_size=4).map(tuple)
_maybe_eight = st.none() | _eight
_versions = st.tuples(st.integers(1, 9), st.integers(0, 9)).map(lambda pair: (pair[0], pair[0] + pair[1]))

FRAMES: st.SearchStrategy[Frame] = st.one_of(
    st.builds(
        Hello,
        _versions,
        _word_lists,
        st.builds(StoreId, _sixteen),
        st.builds(NodeId, _sixteen),
        st.builds(Incarnation, _eight),
        _heads,
        _word_lists,
        _nodes,
        _nodes,
        _walls,
        _words,
    ),
    st.builds(Entries, _journals, _firsts, st.booleans(), st.lists(st.binary(max_size=40), max_size=5).map(tuple)),
    st.builds(Want, st.none() | _journals, _seqs, st.lists(st.tuples(_seqs, _eight), max_size=5).map(tuple)),
    st.builds(Ack, st.lists(st.tuples(_journals, _seqs), max_size=5).map(tuple)),
    st.builds(
        Pulse,
        _walls,
        _heads,
        st.lists(_journals, max_size=4).map(tuple),
        _maybe_eight,
        _nodes,
        _nodes,
        st.booleans(),
        _maybe_eight,
        _maybe_eight,
    ),
    st.builds(Urgent, st.binary(max_size=60)),
    st.builds(Ask, _sixteen, _words, st.binary(max_size=40), _seqs, st.integers(0, limits.hops_max)),
    st.builds(Answer, _sixteen, _seqs, st.binary(max_size=40)),
    st.builds(Goodbye, st.text(max_size=limits.reason_characters_max)),
)
