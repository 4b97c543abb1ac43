"""Frames as bytes: what was said arrives, and nothing else is taken for a frame (PROTOCOL.md section 4)."""

from __future__ import annotations

import random
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models.errors import LimitExceeded, MalformedBytes
from crdt_models.journal import canonical
from node.replication import codec, limits
from node.replication.frames import Ack, Frame, Goodbye, Pulse, Unknown
from tests.node.replication.frame_examples import EXAMPLES, FRAMES, HEADS, JOURNAL, OTHER_JOURNAL


@given(FRAMES)
def test_every_frame_arrives_as_it_was_said(frame: Frame) -> None:
    assert codec.decode(codec.encode(frame)) == frame


@given(st.binary(max_size=200))
def test_random_bytes_are_malformed_or_a_frame_with_those_bytes(raw: bytes) -> None:
    try:
        frame = codec.decode(raw)
    except MalformedBytes:
        return
    if not isinstance(frame, Unknown):
        assert codec.encode(frame) == raw


def test_a_changed_byte_never_breaks_the_reader() -> None:
    chance = random.Random(7)
    refused = 0
    for frame in EXAMPLES.values():
        raw = codec.encode(frame)
        for _ in range(300):
            changed = bytearray(raw)
            changed[chance.randrange(len(raw))] = chance.randrange(256)
            try:
                codec.decode(bytes(changed))
            except MalformedBytes:
                refused += 1
    assert refused > 1_000


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_frame_cut_short_or_with_bytes_after_it_is_malformed(name: str) -> None:
    raw = codec.encode(EXAMPLES[name])
    for end in range(len(raw)):
        with pytest.raises(MalformedBytes):
            codec.decode(raw[:end])
    with pytest.raises(MalformedBytes):
        codec.decode(raw + b"\x00")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "begins with type and flags"),
        ({}, "begins with type and flags"),
        ([True, 0], "not a number"),
        ([1, -1, {}], "not a number"),
        ([codec.ACK, 1, []], "flag"),
        ([codec.ACK, 0, [], 1], "array of 4"),
        ([codec.ACK, 0, {}], "not an array"),
        ([codec.ACK, 0, [[JOURNAL]]], "not [journal, number]"),
        ([codec.ACK, 0, [[JOURNAL[:23], 1]]], "24 to 32 bytes"),
        ([codec.ACK, 0, [[JOURNAL, -1]]], "from 0"),
        ([codec.ACK, 0, [[JOURNAL, 1 << 63]]], "from 0"),
        ([codec.ACK, 0, [[JOURNAL, True]]], "from 0"),
        ([codec.ENTRIES, 0, JOURNAL, 0, True, []], "from 1"),
        ([codec.ENTRIES, 0, JOURNAL, 1, 1, []], "pushed"),
        ([codec.ENTRIES, 0, JOURNAL, 1, True, ["text"]], "no byte string"),
        ([codec.WANT, 0, JOURNAL, 1, [[1, b"short"]]], "8 bytes"),
        ([codec.WANT, 0, JOURNAL, 1, [[1, bytes(8)]] * 65], "at most 64"),
        ([codec.PULSE, 0, {}], "wall"),
        ([codec.PULSE, 0, {0: 1, 1: [[OTHER_JOURNAL, 1, bytes(8)], [JOURNAL, 1, bytes(8)]]}], "sorted"),
        ([codec.PULSE, 0, {0: 1, 1: [[JOURNAL, 1, bytes(8)]] * 2}], "sorted"),
        ([codec.PULSE, 0, {"0": 1}], "numbers as keys"),
        ([codec.PULSE, 0, {0: 1, 6: 1}], "whole"),
        ([codec.GOODBYE, 0, "x" * 201], "at most 200"),
        ([codec.ASK, 0, bytes(16), "t", b"", 1, 17], "at most 16"),
        ([codec.HELLO, 0, {0: 2, 1: 1}], "range of versions"),
    ],
)
def test_what_is_not_exactly_a_frame_is_refused_with_a_reason(value: Any, reason: str) -> None:
    with pytest.raises(MalformedBytes, match=None) as caught:
        codec.decode(canonical.encode(value))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        cbor2.dumps([codec.GOODBYE, 0, 1.5]),
        cbor2.dumps([codec.GOODBYE, 0, cbor2.CBORTag(0, "2027-01-01T00:00:00Z")]),
        b"\x9f\x09\x00\x61x\xff",  # indefinite length
        b"\x83\x18\x09\x00\x61x",  # 9 in two bytes
        b"\x83\x05\x00\xa2\x00\x01\x00\x01",  # a key twice
        b"\x83\x05\x00\xa2\x01\x80\x00\x01",  # keys unsorted
        b"\x81" * 5_000 + b"\x00",  # deep
        b"\x83\x09\x00\x62\xff\xfe",  # no UTF-8
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",  # an array that claims to be endless
    ],
)
def test_cbor_beyond_the_strict_profile_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedBytes):
        codec.decode(raw)


def test_an_oversized_frame_is_refused_before_it_is_read() -> None:
    with pytest.raises(LimitExceeded):
        codec.decode(b"\x83\x09\x00" + bytes(limits.frame_bytes_max))


def test_a_map_may_have_keys_of_a_later_version() -> None:
    raw = canonical.encode([codec.PULSE, 0, {0: 5, 77: ["new"]}])
    assert codec.decode(raw) == Pulse(5, {})


def test_an_unknown_type_says_whether_it_may_be_ignored() -> None:
    assert codec.decode(canonical.encode([90, 1, "anything"])) == Unknown(90, True)
    assert codec.decode(canonical.encode([90, 0, "anything"])) == Unknown(90, False)


def test_a_frame_for_many_peers_is_encoded_once() -> None:
    frame = Pulse(1, HEADS)
    assert codec.encode(frame) is codec.encode(frame)


def test_an_ack_of_one_journal_is_small() -> None:
    assert len(codec.encode(Ack(((JOURNAL, 118),)))) < 40
    assert len(codec.encode(Goodbye("revoked"))) < 16
    assert len(codec.encode(EXAMPLES["pulse_quiet"])) < 32
