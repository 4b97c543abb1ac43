"""Writes decoded vectors that are not there yet: `python -m tests.vectors.make_decoded`. It adds and never edits.

Each vector is bytes and every field in them, as JSON (`plain.py`): of the released bytes beside it (`entries-1.json`,
`frames-1.json`; named after them), and of two journals of one till that hold more: a restart, a dropped operation,
strange stamps, an unknown version. With them go bytes that are refused, and why.

A vector is a promise to every journal and every node out there. If the code of today makes other bytes for a name that
has a vector already, the vector stays and the code is wrong; this program then names it and ends with 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from crdt_models.journal.entry import Entry, decode_entry
from crdt_models.journal.heads import Head
from crdt_models.values.identity import Incarnation
from node.replication import codec
from node.replication.frames import Ack, Answer, Ask, Entries, Frame, Goodbye, Hello, Pulse, Unknown, Urgent, Want
from tests.vectors import refused_bytes
from tests.vectors.plain import plain_entry, plain_frame
from tests.vectors.shop_of_vectors import AUTHORITY, AUTHORITY_SEED, CREDENTIAL, STORE, STRANGER, TILL_SEED, Vectors
from tests.vectors.shop_of_vectors import STRANGERS_JOURNAL as OTHER

HERE: Final = Path(__file__).parent
Rows = dict[str, dict[str, Any]]


def entry_rows(shop: Vectors) -> Rows:
    """Every entry by name."""
    released = {f"entries-1/{one['name']}": bytes.fromhex(one["raw"]) for one in read("entries-1.json")["entries"]}
    entries = {**shop.named, **{name: decode_entry(raw) for name, raw in released.items()}}
    return {name: {"hex": entry.raw.hex(), "decoded": plain_entry(entry)} for name, entry in entries.items()}


def frames_of(entries: Mapping[str, Entry]) -> dict[str, Frame]:
    """Each frame at least once with all its fields, and the forms that mean something of their own."""
    opened = entries["open_without_parent"]
    journal, singly = opened.journal, entries["begin_and_claim"]
    heads = dict(sorted({journal: Head(17, opened.hash[:8]), OTHER: Head(0, bytes(8))}.items()))
    incarnation, request = Incarnation(journal[16:]), bytes(range(0xD0, 0xE0))
    digest, nonce, answer = bytes(range(8)), bytes(range(8, 16)), bytes(range(16, 24))
    gone, wall = (OTHER[:16] + bytes(8),), 1_800_000_002_123
    return {
        "hello": Hello(
            (1, 3), ("x",), STORE, CREDENTIAL.node, incarnation, heads, ("customer.balance",), (STRANGER,), (STRANGER,),
            wall, "till-3",
        ),
        "hello_of_an_empty_node": Hello(
            (1, 1), (), STORE, CREDENTIAL.node, incarnation, {}, (), (), (), -1, "till-3"
        ),
        "entries_pushed": Entries(journal, 1, True, (opened.raw, singly.raw)),
        "entries_wanted": Entries(journal, 2, False, (singly.raw,)),
        "entries_no_more": Entries(journal, 18, False, ()),
        "want": Want(journal, 18, ((17, opened.hash[:8]),)),
        "want_from_the_start": Want(journal, 1),
        "want_taken_back": Want(journal),
        "want_of_all_heads": Want(None),
        "want_of_a_branch": Want(journal + bytes(range(8)), 1),  # type: ignore[arg-type,operator]
        "ack": Ack(((journal, 17), (OTHER, 0))),
        "pulse_quiet": Pulse(wall, {}, digest=digest),
        "pulse_full": Pulse(wall, heads, gone, digest, (STRANGER,), (CREDENTIAL.node,), False, nonce, answer),  # type: ignore[arg-type]
        "pulse_whole": Pulse(wall, heads, digest=digest, joined=(STRANGER,), whole=True),
        "urgent": Urgent(singly.raw),
        "ask": Ask(request, "customer.balance", b"\xa1\x01\x02", 2_000, 16),
        "answer": Answer(request, 2, b"\x6cunknown type"),
        "goodbye": Goodbye("revoked"),
        "unknown_ignorable": Unknown(40, True),
        "unknown": Unknown(41, False),
    }  # fmt: skip


def frame_rows(entries: Mapping[str, Entry]) -> Rows:
    """Every frame by name."""
    known: dict[str, str] = read("frames-1.json")["frames"]
    released = {f"frames-1/{name}": codec.decode(bytes.fromhex(raw)) for name, raw in known.items()}
    return {
        name: {"hex": codec.encode(frame).hex(), "decoded": plain_frame(frame)}
        for name, frame in {**frames_of(entries), **released}.items()
    }


def read(name: str, place: Path = HERE) -> dict[str, Any]:
    """A file of vectors."""
    found: dict[str, Any] = json.loads((place / name).read_text("utf-8"))
    return found


def add(known: Rows, made: Rows) -> list[str]:
    """Add what is new to `known`; the names whose vector the code of today would make otherwise."""
    changed = [name for name in made if name in known and known[name] != made[name]]
    known.update((name, row) for name, row in made.items() if name not in known)
    return changed


def main(place: Path = HERE, say: Callable[[str], object] = print) -> int:
    """Bring both files in `place` up to what the code can make."""
    shop = Vectors()
    keys = {
        "authority_seed": AUTHORITY_SEED.hex(),
        "till_seed": TILL_SEED.hex(),
        "authority": AUTHORITY.public_key.hex(),
    }
    keys["till"] = CREDENTIAL.journal_key.hex()
    changed: list[str] = []
    for name, made, refused in (
        ("decoded-entries-1.json", entry_rows(shop), refused_bytes.entries(shop.named)),
        ("decoded-frames-1.json", frame_rows(shop.named), refused_bytes.frames()),
    ):
        path = place / name
        known = read(name, place) if path.exists() else {"keys": keys, "vectors": {}, "refused": {}}
        changed += [*add(known["vectors"], made), *add(known["refused"], refused)]
        path.write_text(json.dumps(known, indent=1, ensure_ascii=True) + "\n", "utf-8")
    for name in changed:
        say(f"{name}: the vector stays, and the code of today makes something else")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
