"""The first entry of a journal: what the door lets in, the fold and every later start can read."""

from __future__ import annotations

from typing import Any

import pytest

from crdt_models import operations
from crdt_models.journal.entry import SIGNED_SINGLY, Entry, Writer
from crdt_models.journal.operation import Operation
from crdt_models.journal.signatures import verify_stand_in
from crdt_models.values.identity import Incarnation, journal_id
from crdt_models.values.stamp import Place, Stamp
from node.replication.door import Door, Refusal
from node.replication.frames import Entries
from node.replication.journals import Journal
from tests.crdt_models.shop_floor import STORE, FloorNode, new_shop

MEMBER = FloorNode("till-9")


def opened_with(changed: dict[int, Any]) -> Entry:
    """Number 1 of a new journal of an enrolled member, with fields of its `open` put for others."""
    journal = journal_id(MEMBER.node, Incarnation(b"hostile!"))
    writer = Writer(STORE, journal, MEMBER.signer, MEMBER.chance)
    right = operations.open_journal(Place(MEMBER.journal, 1), bytes(32), MEMBER.credential, True, "K7Q2MX")
    fields = {number: value for number, value in {**right.fields, **changed}.items() if value != "absent"}
    steps = [operations.step(), Operation(right.kind, 1, fields)]
    return writer.sign(writer.write(steps, Stamp(1, 0), SIGNED_SINGLY))


def admit(entry: Entry) -> None:
    Door(new_shop(), verify_stand_in).admit(Journal(entry.journal), Entries(entry.journal, 1, True, (entry.raw,)))


def test_an_open_that_is_right_is_let_in_and_folded() -> None:
    entry = opened_with({})
    admit(entry)
    shop = new_shop()
    shop.fold(entry)
    assert entry.journal in shop.roster.journals
    assert shop.refused == {}


@pytest.mark.parametrize(
    "changed",
    [
        {1: 7},
        {1: bytes(24)},
        {2: 0},
        {2: "absent"},
        {4: "absent"},
        {4: b"no credential"},
        {4: FloorNode("till-8").credential.to_bytes()},
        {5: "absent"},
        {5: 1},
        {6: "absent"},
        {6: 0},
        {7: "absent"},
        {7: "lower!"},
        {7: 5},
    ],
    ids=str,
)
def test_an_open_that_no_start_could_read_is_refused_at_the_door(changed: dict[int, Any]) -> None:
    """Otherwise it would lie on every disk of the shop, and no node would start again."""
    with pytest.raises(Refusal):
        admit(opened_with(changed))
