"""The shop whose journals the vectors are: an authority, a till that starts twice, all by fixed Ed25519 seeds.

Its entries hold every kind that this version knows, so a reader that takes them in knows them all.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import replace

from crdt_models import operations
from crdt_models.documents.document import Document
from crdt_models.documents.facts import text_of
from crdt_models.documents.line_fact import LineFact, line_fact
from crdt_models.journal.credential import issue_credential
from crdt_models.journal.entry import SIGNED_SINGLY, Entry, Writer, without_operation
from crdt_models.journal.operation import Operation
from crdt_models.journal.signatures import Ed25519Signer
from crdt_models.sales.lines import SaleLine, TenderLine
from crdt_models.sales.receipt_no import ReceiptNo
from crdt_models.sales.sale import Sale
from crdt_models.shop import sale_resource
from crdt_models.values.identity import Incarnation, JournalId, NodeId, journal_id, store_id
from crdt_models.values.quantity import ONE, ScaledPrice
from crdt_models.values.stamp import Place, Stamp

AUTHORITY_SEED = hashlib.sha256(b"tillmesh vectors: authority").digest()
TILL_SEED = hashlib.sha256(b"tillmesh vectors: till-3").digest()
AUTHORITY = Ed25519Signer(AUTHORITY_SEED)
TILL = Ed25519Signer(TILL_SEED)
STORE = store_id(AUTHORITY.public_key)
CREDENTIAL = issue_credential(
    AUTHORITY, TILL.public_key, hashlib.sha256(b"tillmesh vectors: tls").digest(), "till-3", "till", 1_900_000_000_000
)
WALL_MS = 1_800_000_000_000
SERIES = "AEBAGBA"[:6]
DOCUMENT = bytes(range(0x10, 0x20))
SEATING = bytes(range(0x20, 0x30))
SALE = bytes(range(0x30, 0x40))
LINE = bytes(range(0x40, 0x50))
STRANGER = NodeId(bytes(range(0x50, 0x60)))
STRANGERS_JOURNAL = JournalId(STRANGER + bytes(range(0x60, 0x68)))


class Vectors:
    """Writes the two journals of till-3. named: each entry by the name of its vector, in order."""

    def __init__(self) -> None:
        self.named: dict[str, Entry] = {}
        self._chance = random.Random("tillmesh vectors").randbytes
        self._begin(bytes(range(1, 9)))
        self._first_start()
        tip = Place(self._writer.journal, self._writer.seq), self._writer.tip_hash
        self._begin(bytes(range(11, 19)))
        self._write("open_with_parent", [operations.open_journal(*tip, CREDENTIAL, True, SERIES)])
        self._write("note_after_restart", [operations.note("till-3/S-AEBAGB/1", "reprint", "till-3")], sign=True)
        held = self.named["update_unsigned"]
        self.named["update_dropped"] = without_operation(held, 1)

    def _begin(self, incarnation: bytes) -> None:
        journal = journal_id(CREDENTIAL.node, Incarnation(incarnation))
        self._writer = Writer(STORE, journal, TILL, self._chance)

    def _write(
        self,
        name: str,
        steps: Sequence[Operation],
        stamp: Stamp | None = None,
        first: Operation | None = None,
        sign: bool = False,
    ) -> Entry:
        singly = operations.must_be_signed_singly(steps)
        seq = self._writer.seq + 1
        whole = [first or operations.step(), *steps]
        entry = self._writer.write(whole, stamp or Stamp(WALL_MS + seq, 0), SIGNED_SINGLY if singly else 0)
        self.named[name] = self._writer.sign(entry) if singly or sign else entry
        return self.named[name]

    def _first_start(self) -> None:
        resource = sale_resource(DOCUMENT)
        self._write("open_without_parent", [operations.open_journal(None, b"", CREDENTIAL, False, SERIES)])
        self._write(
            "begin_and_claim",
            [
                operations.begin(DOCUMENT, "open_sale", {"currency": "EUR", "exponent": "2", "kind": "sale"}),
                operations.claim(resource, 1, operations.ROOT),
            ],
            first=operations.step(
                [Place(STRANGERS_JOURNAL, 7)], "request-1", hashlib.sha256(b"tillmesh vectors: request").digest()
            ),
        )
        claim = operations.claim_id(Place(self._writer.journal, 2), 2)
        key, fact = line_fact(LineFact(LINE, ONE, ScaledPrice(1299, 2), 1299, names={"en": "Milk"}), 1, claim)
        live = Document(random.Random("tillmesh vectors: document").randbytes)
        self._write("update_unsigned", [operations.update(DOCUMENT, one, claim) for one in live.write({key: fact})])
        sale = Sale(
            sale_id=SALE,
            receipt=ReceiptNo(STORE, "till-3", f"S-{SERIES}", 1),
            kind="sale",
            training=False,
            happened_at_ms=WALL_MS,
            utc_offset_min=60,
            business_day="2027-01-15",
            currency="EUR",
            exponent=2,
            lines=(SaleLine(1, LINE, "item", "4711", {"en": "Milk", "de": "Milch"}, ONE, ScaledPrice(1299, 2), 1299),),
            tenders=(TenderLine("cash", 2000), TenderLine("cash", -701)),
            document=DOCUMENT,
            claim=claim,
            claim_epoch=1,
        )
        completing = [
            operations.sale(sale.to_fields()),
            operations.release(resource, claim, "completed"),
            operations.retire(DOCUMENT, {self._writer.journal: 3}),
        ]
        self._write("sale_release_retire", operations.said_by(completing, "anna", 3, 1))
        receipt = sale.receipt.text
        self._write("fiscal_unsigned", [operations.fiscal(SALE, receipt, "example", {"signature": "AbC=", "no": "9"})])
        late_key, late_fact = line_fact(LineFact(SALE, ONE, ScaledPrice(50, 2), 50), 2, claim)
        self._write("late_unsigned", [operations.late(DOCUMENT, {late_key: text_of(late_fact)})])
        self._write("record_unsigned", [operations.record("customer_person", "c-17", 1, {"name": "Ada Lovelace"})])
        self._write("record_removed_unsigned", [operations.record("customer_person", "c-17", 2, None)])
        self._write("record_of_the_authority", [self._node_record()], sign=True)
        other = sale_resource(SEATING)
        held = operations.claim_id(Place(STRANGERS_JOURNAL, 7), 1)
        self._write(
            "take_over_and_claim",
            [operations.take_over(other, held, "does not answer"), operations.claim(other, 2, held)],
        )
        self._write("revoke", [operations.revoke(STORE, STRANGER, {STRANGERS_JOURNAL: 7}, "lost", AUTHORITY)])
        self._write("seating_and_its_end_unsigned", self._seating())
        self._write("day_unsigned", [operations.day("2027-01-15", "open")])
        self._write("note_unsigned", [operations.note(SALE, "acknowledged", "drawer counted")])
        self._write("operation_0_alone_with_a_strange_stamp", [], stamp=Stamp(-(1 << 63), (1 << 32) - 1), sign=True)
        every = {0: "x/1", 1: -1, 2: [b"", "ä€😀", None, True], 3: {"a": 1, "bb": {b"\x00": (1 << 64) - 1}}, 24: False}
        unknown = Operation(200, 1, every, critical=True, by=("bob", 0), via=2)
        self._write("unknown_kind_critical_unsigned", [unknown], stamp=Stamp((1 << 63) - 1, 0))
        later = replace(operations.note(SALE, "reprint", ""), version=2)
        self._write("unknown_version", [later, Operation(11, 1, {0: resource})])

    def _seating(self) -> list[Operation]:
        begun = operations.begin(SEATING, "seating", {"currency": "EUR", "exponent": "2", "table": "12"})
        return [begun, operations.retire(SEATING, {}), operations.note(SEATING, "table", "12")]

    def _node_record(self) -> Operation:
        key, value = CREDENTIAL.node.hex(), {"name": "till-3", "role": "till"}
        signature = AUTHORITY.sign(operations.record_message(STORE, "nodes", key, 1, value))
        return operations.record("nodes", key, 1, value, signature)
