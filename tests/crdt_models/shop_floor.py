"""A shop floor for tests of the models: nodes that write journals, without wires, disks or clocks."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from crdt_models import operations
from crdt_models.journal.credential import Credential, issue_credential
from crdt_models.journal.entry import SIGNED_SINGLY, Entry, Writer
from crdt_models.journal.operation import Operation
from crdt_models.journal.signatures import StandInSigner, verify_stand_in
from crdt_models.shop import Shop
from crdt_models.values.identity import Chance, JournalId, NodeId, journal_id, node_id, store_id
from crdt_models.values.stamp import Place, Stamp

AUTHORITY = StandInSigner(b"authority")
STORE = store_id(AUTHORITY.public_key)


def seeded(seed: object) -> Chance:
    """Chance that repeats itself."""
    return random.Random(str(seed)).randbytes


class FloorNode:
    """One node: its key, its running journal, and the shop as it sees it."""

    def __init__(self, name: str, role: str = "till", start: int = 1) -> None:
        self.name = name
        self.chance = seeded(f"{name}/{start}")
        self.signer = StandInSigner(name.encode())
        self.node: NodeId = node_id(self.signer.public_key)
        self.credential: Credential = issue_credential(
            AUTHORITY, self.signer.public_key, hashlib.sha256(name.encode()).digest(), name, role, 10**15
        )
        self.shop = new_shop(self.chance)
        self.wall_ms = 1_700_000_000_000
        self.entries: list[Entry] = []
        self.writer = self._writer()
        self.open(None, b"")

    def _writer(self) -> Writer:
        incarnation = self.chance(8)
        return Writer(STORE, journal_id(self.node, incarnation), self.signer, self.chance)  # type: ignore[arg-type]

    @property
    def journal(self) -> JournalId:
        """The running journal."""
        return self.writer.journal

    def next_place(self) -> Place:
        """Where the next entry will stand."""
        return Place(self.journal, self.writer.seq + 1)

    def open(self, parent: Place | None, parent_hash: bytes) -> Entry:
        """Write the first entry of the running journal."""
        return self.write(
            [
                operations.step(),
                operations.open_journal(parent, parent_hash, self.credential, parent is not None, "K7Q2MX"),
            ]
        )

    def restart(self) -> None:
        """A proven start: a new journal whose parent is the one before."""
        parent, parent_hash = Place(self.journal, self.writer.seq), self.writer.tip_hash
        self.writer = self._writer()
        self.open(parent, parent_hash)

    def write(self, steps: Sequence[Operation], wall_ms: int | None = None) -> Entry:
        """One signed entry, folded here."""
        self.wall_ms += 1
        stamp = Stamp(self.wall_ms if wall_ms is None else wall_ms, 0)
        entry = self.writer.sign(self.writer.write(steps, stamp, SIGNED_SINGLY))
        self.entries.append(entry)
        self.shop.fold(entry)
        return entry

    def do(self, *steps: Operation, wall_ms: int | None = None) -> Entry:
        """One entry of these operations, behind a plain step."""
        return self.write([operations.step(), *steps], wall_ms)

    def hear(self, *others: FloorNode) -> None:
        """Take in all that the others wrote so far."""
        for other in others:
            for entry in other.entries:
                self.shop.fold(entry)


def new_shop(chance: Chance | None = None) -> Shop:
    """An empty shop of the test store."""
    return Shop(STORE, AUTHORITY.public_key, verify_stand_in, chance)
