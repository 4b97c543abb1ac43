"""Entries for tests of the disk: any bytes will do, because the disk does not read them."""

from __future__ import annotations

import hashlib

from crdt_models.values.identity import JournalId
from node.disk.store import NewEntry, StartMark

TILL_1 = JournalId(b"till-1".ljust(24, b"."))
TILL_2 = JournalId(b"till-2".ljust(24, b"."))


def entry(journal: JournalId, seq: int, size: int = 300) -> NewEntry:
    """A signed entry whose bytes follow from its place and are found nowhere else."""
    seed = hashlib.sha256(journal + seq.to_bytes(8, "big")).digest()
    raw = b"".join(hashlib.sha256(seed + bytes([n & 255, n >> 8])).digest() for n in range(size // 32 + 1))[:size]
    return NewEntry(journal, seq, raw, hashlib.sha256(raw).digest(), True)


def entries(journal: JournalId, first: int, last: int, size: int = 300) -> list[NewEntry]:
    """Entries first..last."""
    return [entry(journal, seq, size) for seq in range(first, last + 1)]


def mark(journal: JournalId) -> StartMark:
    """Any mark of a start."""
    return StartMark(journal, 7, "this machine", b"0123456789abcdef")
