"""The vectors: bytes that are out there are read as they were written, for ever, and nothing else is taken for them."""

from __future__ import annotations

import json
import typing
from pathlib import Path
from typing import Any

import pytest

from crdt_models.errors import MalformedBytes
from crdt_models.journal.entry import Entry, check_chain, check_signature, decode_entry
from crdt_models.journal.operation import Operation
from crdt_models.journal.signatures import Ed25519Signer, verify_ed25519
from crdt_models.operations import Kind
from crdt_models.shop import Shop
from crdt_models.values.identity import node_id, store_id
from node.replication import codec, frames
from node.replication.door import Door, Refusal
from node.replication.frames import Entries
from node.replication.journals import Journal
from tests.house.sources import ROOT
from tests.vectors import make_decoded
from tests.vectors.plain import entry_bytes, entry_of, frame_of, plain_entry, plain_frame

ENTRIES = make_decoded.read("decoded-entries-1.json")
FRAMES = make_decoded.read("decoded-frames-1.json")
KEYS = {name: bytes.fromhex(text) for name, text in ENTRIES["keys"].items()}
DROPPED = "update_dropped"


def journals() -> dict[bytes, list[Entry]]:
    """The entries of each journal by number, with all their operations."""
    found: dict[bytes, list[Entry]] = {}
    for name, vector in ENTRIES["vectors"].items():
        if name != DROPPED and "/" not in name:
            entry = entry_of(vector)
            found.setdefault(entry.journal, []).append(entry)
    return found


@pytest.mark.parametrize("name", ENTRIES["vectors"])
def test_an_entry_is_read_as_it_was_written(name: str) -> None:
    vector = ENTRIES["vectors"][name]
    assert plain_entry(entry_of(vector)) == vector["decoded"]


@pytest.mark.parametrize("name", ENTRIES["vectors"])
def test_the_fields_of_an_entry_make_its_bytes(name: str) -> None:
    vector = ENTRIES["vectors"][name]
    assert entry_bytes(vector["decoded"]).hex() == vector["hex"]


@pytest.mark.parametrize("name", ENTRIES["refused"])
def test_bytes_that_are_no_entry_are_refused_for_their_reason(name: str) -> None:
    vector = ENTRIES["refused"][name]
    with pytest.raises(MalformedBytes) as refused:
        check_signature(decode_entry(bytes.fromhex(vector["hex"])), KEYS["till"], verify_ed25519)
    assert refused.value.code == vector["code"]


@pytest.mark.parametrize("name", FRAMES["vectors"])
def test_a_frame_is_read_as_it_was_said(name: str) -> None:
    vector = FRAMES["vectors"][name]
    assert plain_frame(codec.decode(bytes.fromhex(vector["hex"]))) == vector["decoded"]


@pytest.mark.parametrize("name", FRAMES["vectors"])
def test_the_fields_of_a_frame_make_its_bytes(name: str) -> None:
    vector = FRAMES["vectors"][name]
    assert codec.encode(frame_of(vector["decoded"])).hex() == vector["hex"]


@pytest.mark.parametrize("name", FRAMES["refused"])
def test_bytes_that_are_no_frame_are_refused_for_their_reason(name: str) -> None:
    vector = FRAMES["refused"][name]
    with pytest.raises(MalformedBytes) as refused:
        codec.decode(bytes.fromhex(vector["hex"]))
    assert refused.value.code == vector["code"]


def test_every_kind_has_a_vector_and_so_have_an_unknown_one_and_a_dropped_one() -> None:
    operations = [operation for vector in ENTRIES["vectors"].values() for operation in entry_of(vector).operations]
    kinds = {operation.kind for operation in operations if isinstance(operation, Operation)}
    assert {int(kind) for kind in Kind} < kinds
    assert entry_of(ENTRIES["vectors"][DROPPED]).has_dropped
    assert {entry_of(vector).flags for vector in ENTRIES["vectors"].values()} == {0, 1}


def test_every_frame_has_a_vector_with_each_of_its_fields() -> None:
    told = {vector["decoded"]["frame"] for vector in FRAMES["vectors"].values()}
    assert told == {frame.__name__.lower() for frame in typing.get_args(frames.Frame)}
    empty: list[Any] = [None, False, 0, [], {"map": []}]
    for kind in told:
        seen = [
            vector["decoded"]["fields"] for vector in FRAMES["vectors"].values() if vector["decoded"]["frame"] == kind
        ]
        assert [name for name in seen[0] if all(fields[name] in empty for fields in seen)] == []


def test_the_identities_follow_from_the_keys() -> None:
    assert Ed25519Signer(KEYS["authority_seed"]).public_key == KEYS["authority"]
    assert Ed25519Signer(KEYS["till_seed"]).public_key == KEYS["till"]
    for entries in journals().values():
        assert {(entry.store, entry.node) for entry in entries} == {
            (store_id(KEYS["authority"]), node_id(KEYS["till"]))
        }


def test_the_journals_chain_and_every_signature_verifies() -> None:
    for entries in journals().values():
        seq, tip = 0, bytes(32)
        for entry in entries:
            check_chain(seq, tip, entry)
            seq, tip = entry.seq, entry.hash
            if entry.signature is not None:
                check_signature(entry, KEYS["till"], verify_ed25519)
    assert len(journals()) == 2


def test_the_journals_are_let_in_and_every_operation_of_a_known_kind_counts() -> None:
    shop = Shop(store_id(KEYS["authority"]), KEYS["authority"], verify_ed25519)
    door = Door(shop, verify_ed25519)
    for journal, entries in journals().items():
        frame = Entries(entries[0].journal, 1, False, tuple(entry.raw for entry in entries))
        admitted, opening = door.admit(Journal(entries[0].journal), frame)
        assert opening is not None and (opening.public_key, opening.name) == (KEYS["till"], "till-3")
        assert len(admitted) == len(entries) and journal
        for entry in admitted:
            shop.fold(entry)
    assert list(shop.refused.values()) == []
    assert dict(shop.unknown) == {(200, 1): 1, (25, 2): 1, (11, 1): 1}
    assert shop.blocked == {"x/1"}
    assert [fact.sale.receipt.text for fact in shop.sales.facts] == ["till-3/S-AEBAGB/1"]


def test_a_dropped_operation_leaves_hash_and_signature_and_is_not_let_in() -> None:
    whole, dropped = entry_of(ENTRIES["vectors"]["update_unsigned"]), entry_of(ENTRIES["vectors"][DROPPED])
    assert (dropped.hash, dropped.root, dropped.signature) == (whole.hash, whole.root, whole.signature)
    shop = Shop(store_id(KEYS["authority"]), KEYS["authority"], verify_ed25519)
    entries = journals()[whole.journal]
    raws = tuple(dropped.raw if entry.seq == dropped.seq else entry.raw for entry in entries)
    with pytest.raises(Refusal) as refused:
        Door(shop, verify_ed25519).admit(Journal(whole.journal), Entries(whole.journal, 1, False, raws))
    assert (refused.value.seq, refused.value.forked) == (dropped.seq, False)


def test_vectors_are_added_and_never_edited(tmp_path: Path) -> None:
    kept: dict[str, Any] = {"keys": {}, "vectors": {"goodbye": {"hex": "00"}}, "refused": {}}
    (tmp_path / "decoded-frames-1.json").write_text(json.dumps(kept))
    said: list[str] = []
    assert make_decoded.main(tmp_path, said.append) == 1
    assert len(said) == 1 and said[0].startswith("goodbye:")
    written = make_decoded.read("decoded-frames-1.json", tmp_path)["vectors"]
    assert written["goodbye"] == {"hex": "00"} and "hello" in written


def test_the_code_of_today_makes_the_vectors(tmp_path: Path) -> None:
    said: list[str] = []
    assert (make_decoded.main(tmp_path, said.append), said) == (0, [])
    made = {name: make_decoded.read(name, tmp_path) for name in ("decoded-entries-1.json", "decoded-frames-1.json")}
    assert made == {"decoded-entries-1.json": ENTRIES, "decoded-frames-1.json": FRAMES}


def test_a_later_hello_and_pulse_with_more_keys_and_a_later_frame_go_by() -> None:
    for name in ("hello", "pulse_full"):
        vector = FRAMES["vectors"][name]
        value = codec.canonical.decode(bytes.fromhex(vector["hex"]), "frame")
        value[2][99] = "later"
        assert plain_frame(codec.decode(codec.canonical.encode(value))) == vector["decoded"]
    assert codec.decode(bytes.fromhex("841828" + "0102" + "f6")) == frames.Unknown(40, True)


def test_the_protocol_holds_the_fields_of_a_sale_by_value() -> None:
    cddl = (ROOT / "crdt_models" / "sales" / "sale.cddl").read_text("utf-8")
    assert cddl in (ROOT / "node" / "replication" / "PROTOCOL.md").read_text("utf-8")
