"""Bytes that were released once are read for ever, and what this version writes has not drifted from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crdt_models.journal import canonical
from crdt_models.journal.credential import Credential
from crdt_models.journal.entry import NO_HASH, Entry, check_chain, check_signature, decode_entry
from crdt_models.journal.operation import Operation
from crdt_models.journal.signatures import verify_ed25519
from crdt_models.operations import Kind, is_known, revoke_verifies
from crdt_models.sales.sale import Sale
from crdt_models.shop import Shop
from crdt_models.values.identity import JournalId, StoreId
from node.replication import codec
from node.replication.frames import Unknown
from tests.node.replication.frame_examples import EXAMPLES
from tests.vectors import make_vectors

HERE = Path(__file__).parent


def released(name: str) -> dict[str, Any]:
    return json.loads((HERE / f"{name}.json").read_text("utf-8"))  # type: ignore[no-any-return]


FRAMES: dict[str, str] = released("frames-1")["frames"]
JOURNAL = released("entries-1")
ENTRIES: dict[str, str] = {one["name"]: one["raw"] for one in JOURNAL["entries"]}


@pytest.mark.parametrize("name", FRAMES)
def test_a_released_frame_is_read_as_what_it_meant(name: str) -> None:
    raw = bytes.fromhex(FRAMES[name])
    frame = codec.decode(raw)
    assert frame == EXAMPLES[name]
    if not isinstance(frame, Unknown):
        assert codec.encode(frame) == raw


def test_every_frame_of_this_version_is_released() -> None:
    assert set(FRAMES) == set(EXAMPLES)


def read() -> list[Entry]:
    return [decode_entry(bytes.fromhex(raw)) for raw in ENTRIES.values()]


def test_the_released_journal_is_read_chained_and_verified() -> None:
    seq, tip_hash = 0, NO_HASH
    key = bytes.fromhex(JOURNAL["journal_key"])
    for entry, said in zip(read(), JOURNAL["entries"], strict=True):
        check_chain(seq, tip_hash, entry)
        assert (entry.seq, entry.hash.hex()) == (said["seq"], said["hash"])
        assert entry.journal == JournalId(bytes.fromhex(JOURNAL["journal"]))
        if entry.signature is not None:
            check_signature(entry, key, verify_ed25519)
        seq, tip_hash = entry.seq, entry.hash
    assert entry.signature is not None


def test_the_released_journal_holds_every_kind_that_this_version_writes() -> None:
    kinds = {operation.kind for entry in read() for operation in entry.operations if isinstance(operation, Operation)}
    assert kinds - {make_vectors.FUTURE_KIND} == {int(kind) for kind in Kind}


def test_every_released_operation_encodes_to_the_bytes_that_were_hashed() -> None:
    for raw in ENTRIES.values():
        _, parts, _ = canonical.decode(bytes.fromhex(raw), "entry")
        for (_, body), operation in zip(parts, decode_entry(bytes.fromhex(raw)).operations, strict=True):
            assert isinstance(operation, Operation) and operation.to_bytes() == body


def test_the_authoritys_words_in_the_released_journal_verify() -> None:
    authority, store = bytes.fromhex(JOURNAL["authority_key"]), StoreId(bytes.fromhex(JOURNAL["store"]))
    by_name = dict(zip(ENTRIES, read(), strict=True))
    opened, revoked = by_name["open"].operations[1], by_name["revoke"].operations[1]
    assert isinstance(opened, Operation) and isinstance(revoked, Operation)
    credential = Credential.from_bytes(opened.fields[4])
    credential.check(authority, verify_ed25519)
    assert (credential.name, credential.role) == ("till-3", "till")
    assert revoke_verifies(revoked, store, authority, verify_ed25519)


def test_the_released_sale_is_read_to_the_cent() -> None:
    operation = dict(zip(ENTRIES, read(), strict=True))["sale"].operations[1]
    assert isinstance(operation, Operation)
    sale = Sale.from_fields(operation.fields)
    assert (sale.total_minor, sale.tendered_minor, str(sale.receipt)) == (1299, 1299, "till-3/S-NFXGGY/118")
    assert sale.to_fields() == operation.fields


def test_the_released_journal_folds_and_the_operation_of_a_later_version_is_kept() -> None:
    shop = Shop(
        StoreId(bytes.fromhex(JOURNAL["store"])), bytes.fromhex(JOURNAL["authority_key"]), verify_ed25519, bytes
    )
    for entry in read():
        shop.fold(entry)
    later = read()[-1].operations[1]
    assert isinstance(later, Operation) and not is_known(later)
    assert shop.unknown == {(make_vectors.FUTURE_KIND, 7): 1}
    assert make_vectors.RESOURCE in shop.blocked


def test_what_this_version_writes_is_what_was_released() -> None:
    for name, file in make_vectors.FILES.items():
        assert json.loads(json.dumps(file())) == released(name)


def test_a_released_file_is_never_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["make_vectors", "frames-1"])
    with pytest.raises(SystemExit):
        make_vectors.main()
