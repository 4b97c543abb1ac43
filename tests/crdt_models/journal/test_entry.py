"""Entries: what is signed, chained and hashed cannot be changed without notice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt_models import operations
from crdt_models.errors import BadSignature, BrokenChain, LimitExceeded, MalformedBytes
from crdt_models.journal import canonical
from crdt_models.journal.credential import Credential, issue_credential
from crdt_models.journal.entry import (
    NO_HASH,
    Entry,
    Writer,
    check_chain,
    check_signature,
    decode_entry,
    without_operation,
)
from crdt_models.journal.operation import Operation, decode_operation
from crdt_models.journal.signatures import Ed25519Signer, verify_ed25519
from crdt_models.values.identity import Incarnation, journal_id, node_id
from crdt_models.values.stamp import Stamp
from tests.crdt_models.shop_floor import STORE, seeded

SIGNER = Ed25519Signer(bytes(range(32)))


def writer() -> Writer:
    journal = journal_id(node_id(SIGNER.public_key), Incarnation(b"incarnat"))
    return Writer(STORE, journal, SIGNER, seeded("entries"))


def signed(*more: Operation) -> Entry:
    made = writer()
    return made.sign(made.write([operations.step(), *more], Stamp(1, 2)))


def test_an_entry_reads_back_as_it_was_written() -> None:
    entry = signed(operations.note("receipt", "reprint", "by T1"))
    read = decode_entry(entry.raw)
    assert read.operations == entry.operations
    assert (read.place, read.stamp, read.hash, read.raw) == (entry.place, entry.stamp, entry.hash, entry.raw)
    check_signature(read, SIGNER.public_key, verify_ed25519)
    check_chain(0, NO_HASH, read)


def test_numbers_run_without_gaps_and_each_entry_names_the_one_before() -> None:
    made = writer()
    first = made.write([operations.step()], Stamp(1, 0))
    second = made.write([operations.step()], Stamp(1, 1))
    check_chain(first.seq, first.hash, second)
    with pytest.raises(BrokenChain):
        check_chain(0, NO_HASH, second)
    with pytest.raises(BrokenChain):
        check_chain(first.seq, bytes(32), second)


def test_a_dropped_operation_leaves_the_entry_verifiable() -> None:
    entry = signed(operations.note("customer", "name", "Ada Lovelace"))
    dropped = without_operation(entry, 1)
    assert b"Lovelace" in entry.raw
    assert b"Lovelace" not in dropped.raw
    read = decode_entry(dropped.raw)
    assert read.has_dropped
    assert read.hash == entry.hash
    check_signature(read, SIGNER.public_key, verify_ed25519)


def test_the_salt_keeps_a_dropped_operation_from_being_guessed() -> None:
    made = writer()
    same = [made.write([operations.step(), operations.note("c", "name", "Ada")], Stamp(1, 0)) for _ in range(2)]
    assert without_operation(same[0], 1).operations[1] != without_operation(same[1], 1).operations[1]


def test_another_key_does_not_verify_and_an_unsigned_entry_is_refused() -> None:
    entry = signed()
    with pytest.raises(BadSignature):
        check_signature(entry, Ed25519Signer(bytes(32)).public_key, verify_ed25519)
    with pytest.raises(BadSignature):
        check_signature(writer().write([operations.step()], Stamp(0, 0)), SIGNER.public_key, verify_ed25519)


def test_an_operation_of_an_unknown_kind_decodes_and_keeps_its_fields() -> None:
    unknown = Operation(99, 7, {0: b"resource", 5: [1, {2: "x"}]}, critical=True, by=("anna", 3), via=1)
    assert decode_operation(unknown.to_bytes()) == unknown
    assert decode_entry(signed(unknown).raw).operations[1] == unknown
    assert not operations.is_known(unknown)


def test_a_step_larger_than_an_entry_may_be_is_refused_before_it_is_written() -> None:
    made = writer()
    with pytest.raises(LimitExceeded):
        made.write([operations.step(), operations.note("x", "y", "z" * 300_000)], Stamp(0, 0))
    assert made.seq == 0


@given(st.data())
@settings(max_examples=200)
def test_no_changed_bit_passes_unseen(data: st.DataObject) -> None:
    entry = signed(operations.claim("sale/01", 1, "root"))
    flipped = bytearray(entry.raw)
    position = data.draw(st.integers(0, len(flipped) * 8 - 1))
    flipped[position // 8] ^= 1 << position % 8
    with pytest.raises(MalformedBytes):
        read = decode_entry(bytes(flipped))
        check_chain(0, NO_HASH, read)
        check_signature(read, SIGNER.public_key, verify_ed25519)


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_by_name(raw: bytes) -> None:
    with pytest.raises(MalformedBytes):
        decode_entry(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x18\x01",
        canonical.encode([1]) + b"\x00",
        b"\xa2\x01\x01\x01\x02",
        b"\xa2\x02\x01\x01\x02",
        b"\x9f\x01\xff",
        b"\xc0\x61a",
        b"\xf9\x3c\x00",
        b"\xf7",
        b"\xe0",
        b"\x81" * 20 + b"\x01",
        b"\xc2\x41\x01",
        bytes.fromhex("a1c24901000000000000000000"),
    ],
    ids=[
        "long int",
        "trailing",
        "duplicate",
        "unsorted",
        "indefinite",
        "tag",
        "float",
        "undefined",
        "simple",
        "deep",
        "big",
        "big key",
    ],
)
def test_whatever_has_another_encoding_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedBytes):
        canonical.decode(raw, "test")


def test_a_credential_binds_node_key_name_and_role_to_the_authority() -> None:
    authority = Ed25519Signer(b"a" * 32)
    made = issue_credential(authority, SIGNER.public_key, bytes(32), "till-3", "till", 5)
    made.check(authority.public_key, verify_ed25519)
    assert Credential.from_bytes(made.to_bytes()) == made
    with pytest.raises(BadSignature):
        made.check(Ed25519Signer(b"b" * 32).public_key, verify_ed25519)
    body = canonical.decode(made.to_bytes(), "credential")
    body[6] = "back_office"
    with pytest.raises(BadSignature):
        Credential.from_bytes(canonical.encode(body)).check(authority.public_key, verify_ed25519)
