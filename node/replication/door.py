"""The door: what an entry must be to be let in (RULES O3, O4). Whether it counts is decided in the fold, never here.

Rules, cited by tests:
1. A frame is let in whole or not at all. It continues the journal as it is here; what is here already is skipped.
2. Every entry decodes, is of this store and of the journal that it was sent as, names its predecessor's hash.
3. Number 1 holds `open` with a credential that the store's authority signed for the journal's node; its key checks the rest.
4. Every signature that is there verifies; entries flagged so, and the last of a frame, have one.
5. A dropped operation is refused: this version knows nothing that would name its absence (DESIGN section 2).
6. An entry with a good signature that does not continue what is here is a fork, not a fault of who brought it (RULES J3).
"""

from __future__ import annotations

from typing import NamedTuple

from crdt_models.errors import BadSignature, BrokenChain, MalformedBytes
from crdt_models.journal.entry import Entry, check_signature, decode_entry
from crdt_models.journal.operation import Operation
from crdt_models.journal.roster import read_open
from crdt_models.journal.signatures import Verify
from crdt_models.operations import Kind, is_known
from crdt_models.values.identity import JOURNAL_BYTES, JournalId
from crdt_models.values.stamp import Place
from node.replication.fold import Fold
from node.replication.frames import Entries
from node.replication.journals import Journal


class Opening(NamedTuple):
    """What the first entry of a journal proves."""

    public_key: bytes
    parent: Place | None
    name: str


class Refusal(Exception):
    """An entry is not let in. seq: its number; forked: whether its writer, not the peer, is at fault."""

    def __init__(self, seq: int, reason: str, forked: bool = False) -> None:
        super().__init__(seq, reason, forked)
        self.seq, self.reason, self.forked = seq, reason, forked


class Door:
    """Lets runs of entries in."""

    def __init__(self, shop: Fold, verify: Verify) -> None:
        self._shop, self._verify = shop, verify

    def admit(self, journal: Journal, frame: Entries) -> tuple[list[Entry], Opening | None]:
        """The new entries of a frame that begins at or before the next number, and the opening if number 1 is among them.

        Raises Refusal; nothing has changed then.
        """
        entries: list[Entry] = []
        opening: Opening | None = None
        public_key, tip, tip_hash = journal.public_key, journal.received, journal.received_hash
        begin = max(frame.first, tip)
        number = begin
        forked: int | None = None
        try:
            for raw in frame.entries[begin - frame.first :]:
                entry = decode_entry(raw)
                self._check_belongs(entry, journal.id, number)
                if number == tip:
                    if entry.hash != tip_hash:
                        forked, tip_hash = number, entry.hash
                else:
                    if number == 1:
                        opening = opening_of(entry, self._shop, self._verify)
                        public_key = opening.public_key
                    if entry.previous != tip_hash:
                        if number != begin or number == 1:
                            raise BrokenChain("entry", f"number {number} does not follow the one before it")
                        forked = number
                    tip_hash = entry.hash
                    entries.append(entry)
                if entry.signature is not None:
                    assert public_key is not None, "a journal with entries has its opening"
                    check_signature(entry, public_key, self._verify)
                number += 1
            number -= 1
            if entries and entries[-1].signature is None:
                raise BadSignature("entries", f"number {number} is the last and is not signed")
        except MalformedBytes as error:
            raise Refusal(number, str(error)) from error
        if forked is not None and (entries or entry.signature is not None):
            raise Refusal(forked, "its writer wrote another entry under this number or the one before", forked=True)
        return entries, opening

    def _check_belongs(self, entry: Entry, journal: JournalId, number: int) -> None:
        if entry.store != self._shop.store:
            raise MalformedBytes("entry", "it is of another store")
        if entry.journal != journal:
            raise MalformedBytes("entry", "it is of another journal than it was sent as")
        if entry.seq != number:
            raise BrokenChain("entry", f"number {entry.seq} in the place of {number}")
        if entry.has_dropped:
            raise MalformedBytes("entry", "an operation is absent and nothing held here names its absence")


def opening_of(entry: Entry, shop: Fold, verify: Verify) -> Opening:
    """What number 1 of a journal proves. Raises MalformedBytes."""
    if len(entry.journal) != JOURNAL_BYTES or entry.signature is None:
        raise MalformedBytes("entry", "the first of a journal is signed")
    operation = entry.operations[1] if len(entry.operations) > 1 else None
    if not isinstance(operation, Operation) or operation.kind != Kind.OPEN or not is_known(operation):
        raise MalformedBytes("entry", "the first of a journal is not an open that this version reads")
    opened = read_open(entry.journal, entry.stamp, operation.fields)
    if opened.credential.store != shop.store:
        raise MalformedBytes("open", "the credential is another store's")
    opened.credential.check(shop.authority_key, verify)
    return Opening(opened.credential.journal_key, opened.parent, opened.credential.name)
