"""Makes the released bytes of this version: `python -m tests.vectors.make_vectors NAME` writes tests/vectors/NAME.json.

Keys, salts and times are fixed, so the same code makes the same bytes. A released file is never written again: a new
version of the protocol or of an operation adds a file beside it (STYLE rule 22), which is why an existing one is refused.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crdt_models import operations
from crdt_models.journal.credential import issue_credential
from crdt_models.journal.entry import SIGNED_SINGLY, Entry, Writer
from crdt_models.journal.operation import Operation
from crdt_models.journal.signatures import Ed25519Signer
from crdt_models.values.identity import ClaimId, Incarnation, JournalId, journal_id, node_id, store_id
from crdt_models.values.stamp import Place, Stamp
from node.replication import codec
from tests.crdt_models.sales import sales_examples
from tests.node.replication.frame_examples import EXAMPLES

HERE = Path(__file__).parent
NOON_MS = 1_800_000_000_000
FUTURE_KIND = 200


def fixed_chance(name: bytes) -> Callable[[int], bytes]:
    """Bytes that look drawn and are the same on every machine."""
    drawn = 0

    def chance(count: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_128(name + drawn.to_bytes(4, "big")).digest(count)

    return chance


AUTHORITY = Ed25519Signer(bytes(range(32)))
TILL = Ed25519Signer(bytes(range(32, 64)))
STORE = store_id(AUTHORITY.public_key)
NODE = node_id(TILL.public_key)
BEFORE = journal_id(NODE, Incarnation(b"before.."))
JOURNAL = journal_id(NODE, Incarnation(b"process1"))
OTHER = JournalId(bytes(range(24)))
DOCUMENT = bytes(range(100, 116))
RESOURCE = f"sale/{DOCUMENT.hex()}"


def one_of_each_kind() -> dict[str, list[Operation]]:
    """Per entry its operations after the step; every kind that this version writes, and one of a later version."""
    credential = issue_credential(AUTHORITY, TILL.public_key, bytes(range(64, 96)), "till-3", "till", NOON_MS + 10**10)
    held = operations.claim_id(Place(JOURNAL, 4), 1)
    sale = sales_examples.sale(tenders=(sales_examples.TenderLine("cash", 1299),))
    value = {"name": {"en": "Milk", "de": "Milch"}, "price": "12.99"}
    signed = AUTHORITY.sign(operations.record_message(STORE, "node", NODE.hex(), 1, {"name": "till-3"}))
    return {
        "open": [operations.open_journal(Place(BEFORE, 812), bytes(range(32)), credential, True, "K7Q2MX")],
        "begin": [operations.begin(DOCUMENT, "open_sale", {"currency": "EUR", "exponent": "2", "training": "no"})],
        "update": [operations.update(DOCUMENT, bytes(range(40)), None)],
        "claim": [operations.claim(RESOURCE, 1, operations.ROOT)],
        "update_under_a_claim": [operations.update(DOCUMENT, bytes(range(20)), held)],
        "take_over": [operations.take_over(RESOURCE, ClaimId(OTHER + bytes(8) + b"\x01"), "till-9 does not answer")],
        "sale": [
            operations.sale(sale.to_fields()),
            operations.release(RESOURCE, held, "completed"),
            operations.retire(DOCUMENT, {JOURNAL: 5, OTHER: 17}),
        ],
        "fiscal": [operations.fiscal(sale.sale_id, "till-3/S-K7Q2MX/118", "example", {"code": "A1"})],
        "late": [operations.late(DOCUMENT, {"line/00": "{}"})],
        "record": [operations.record("item", "4711", 3, value)],
        "record_removed": [operations.record("item", "4712", 4, None)],
        "record_signed": [operations.record("node", NODE.hex(), 1, {"name": "till-3"}, signed)],
        "revoke": [operations.revoke(STORE, node_id(bytes(32)), {OTHER: 9}, "stolen", AUTHORITY)],
        "day": [operations.day("2027-01-15", "close")],
        "note": [operations.note("till-3/S-K7Q2MX/118", "reprint", "")],
        "of_a_later_version": [Operation(FUTURE_KIND, 7, {0: RESOURCE, 9: [1, None, {2: "x"}]}, critical=True)],
    }


def entries() -> list[tuple[str, Entry]]:
    """One journal, signed at its last entry and where an entry must be signed singly."""
    writer = Writer(STORE, JOURNAL, TILL, fixed_chance(b"entries-1"))
    made: list[tuple[str, Entry]] = []
    kinds = one_of_each_kind()
    for number, (name, done) in enumerate(kinds.items()):
        step = operations.step((Place(OTHER, 17),), "key-7", bytes(32)) if name == "sale" else operations.step()
        singly = operations.must_be_signed_singly(done)
        entry = writer.write((step, *done), Stamp(NOON_MS + number, number % 3), SIGNED_SINGLY if singly else 0)
        made.append((name, writer.sign(entry) if singly or number == len(kinds) - 1 else entry))
    return made


def entries_1() -> dict[str, Any]:
    """The file entries-1.json."""
    return {
        "what": "one journal with an operation of each kind; entry version 1",
        "store": STORE.hex(),
        "authority_key": AUTHORITY.public_key.hex(),
        "journal": JOURNAL.hex(),
        "journal_key": TILL.public_key.hex(),
        "entries": [
            {"name": name, "seq": entry.seq, "hash": entry.hash.hex(), "raw": entry.raw.hex()}
            for name, entry in entries()
        ],
    }


def frames_1() -> dict[str, Any]:
    """The file frames-1.json."""
    return {
        "what": "one frame of each kind with every field set; protocol version 1",
        "frames": {name: codec.encode(frame).hex() for name, frame in EXAMPLES.items()},
    }


FILES = {"entries-1": entries_1, "frames-1": frames_1}


def main() -> None:
    for name in sys.argv[1:]:
        path = HERE / f"{name}.json"
        if path.exists():
            sys.exit(f"{path.name} is released and is never written again; add a new file")
        path.write_text(json.dumps(FILES[name](), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
