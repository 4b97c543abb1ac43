"""The block: what one commit adds to one journal, as one row. Pure bytes, no file.

One row per commit instead of one per entry: 2.8 times as many sales a second, and one checksum covers them all. The row's key
`place` packs (journal number, first seq) into one integer, so that the rows need no second index: a commit dirties one page per
journal. A block's checksum covers the journal's name too, so a row that wanders to another journal is found.
Refused: a CRC (SHA-256 is as fast here and has no blind spots), compression (hashes and signatures do not compress).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import JournalId
from node.disk import limits
from node.disk.errors import BlockDamaged, GapInJournal
from node.disk.store import HeldJournal, NewEntry, StartMark

SEQ_BITS = 40
_SEQ_MASK = (1 << SEQ_BITS) - 1
_SHAPE_ONE = struct.Struct("<I")
_PREFIX = struct.Struct("<QQ")

Row = tuple[int, int, bytes, bytes, bytes, bytes]
"""place, last, tip, shape, checksum, body: as in the table `blocks`."""


def place(journal_no: int, seq: int) -> int:
    """The key of a block that begins with `seq`; also a bound to search by."""
    return journal_no << SEQ_BITS | seq


def first_of(key: int) -> int:
    """The first number in the block with this key."""
    return key & _SEQ_MASK


class Block(NamedTuple):
    """A block read and found whole: entries first..first+len(raws)-1. tip: header hash of the last; signed: per entry."""

    first: int
    tip: bytes
    raws: list[bytes]
    signed: list[bool]

    @property
    def last(self) -> int:
        """The last number in the block."""
        return self.first + len(self.raws) - 1


def seal(journal_no: int, entries: Sequence[NewEntry]) -> Row:
    """The row for consecutive entries of one journal (at least one)."""
    head, end = entries[0], entries[-1]
    shape = struct.pack(f"<{len(entries)}I", *(len(entry.raw) << 1 | entry.signed for entry in entries))
    body = head.raw if len(entries) == 1 else b"".join([entry.raw for entry in entries])
    return (
        place(journal_no, head.seq),
        end.seq,
        end.hash,
        shape,
        _checksum(head.journal, head.seq, end.seq, end.hash, shape, body),
        body,
    )


def unseal(journal: JournalId, row: Row) -> Block:
    """The entries of a row. Raises BlockDamaged if anything in it changed since `seal`."""
    key, last, tip, shape, checksum, body = row
    first = key & _SEQ_MASK
    try:
        if _checksum(journal, first, last, tip, shape, body) != checksum:
            raise BlockDamaged(journal, first, last, "the checksum does not match: bytes changed at rest")
        if len(shape) == 4:
            return Block(first, tip, [body], [bool(shape[0] & 1)])
        sizes = struct.unpack(f"<{len(shape) // 4}I", shape)
    except (TypeError, OverflowError, struct.error) as error:
        end = last if isinstance(last, int) else first
        raise BlockDamaged(journal, first, end, "a column has another type than was written") from error
    raws, start = [], 0
    for size in sizes:
        end = start + (size >> 1)
        raws.append(body[start:end])
        start = end
    return Block(first, tip, raws, [bool(size & 1) for size in sizes])


def _checksum(journal: bytes, first: int, last: int, tip: bytes, shape: bytes, body: bytes) -> bytes:
    digest = hashlib.sha256(b"".join((journal, _PREFIX.pack(first, last), tip, shape)))
    digest.update(body)
    return digest.digest()[:8]


def split(entries: Sequence[NewEntry]) -> Iterator[Sequence[NewEntry]]:
    """Cut one journal's share of a commit into blocks of at most `block_bytes_max`; nearly always one."""
    start = size = 0
    for index, entry in enumerate(entries):
        if size and size + len(entry.raw) > limits.block_bytes_max:
            yield entries[start:index]
            start, size = index, 0
        size += len(entry.raw)
    yield entries[start:]


def check_append(
    tips: Mapping[JournalId, HeldJournal], entries: Sequence[NewEntry], start: StartMark | None
) -> dict[JournalId, HeldJournal]:
    """The tips that `entries` lead to; `tips` is left alone. Raises GapInJournal (promise 3), InvalidValue (more journals than
    `journals_max`), ValueError for what no caller of ours may ask: an impossible number, hash or name, a start without `open`."""
    new: dict[JournalId, HeldJournal] = {}
    for journal, seq, _, digest, _ in entries:
        held = new.get(journal) or tips.get(journal)
        held_seq = held.seq if held else 0
        if seq != held_seq + 1:
            raise GapInJournal(journal, held_seq, seq)
        if seq > limits.seq_max or len(digest) != 32 or not 24 <= len(journal) <= 32:
            raise ValueError(f"entry {seq} of journal {journal.hex()} has an impossible number, hash or name")
        new[journal] = HeldJournal(journal, seq, digest)
    if start and (start.journal in tips or start.journal not in new):
        raise ValueError("a start is marked with the batch that holds its journal's first entry")
    if len(tips) + len(new) > limits.journals_max and len(tips.keys() | new.keys()) > limits.journals_max:
        raise InvalidValue("journal", f"a store holds at most {limits.journals_max} journals")
    return new


def check_memory(key: str, value: bytes) -> None:
    """Raises InvalidValue for a key or value that the small memory does not take."""
    if not 1 <= len(key) <= limits.memory_key_characters_max:
        raise InvalidValue("key", f"has {len(key)} characters; 1 to {limits.memory_key_characters_max} are allowed")
    if len(value) > limits.memory_value_bytes_max:
        raise InvalidValue("value", f"has {len(value)} bytes; at most {limits.memory_value_bytes_max} are remembered")


class RangeCut:
    """Decides where a range ends (promise 7): fed entry by entry, it says when to stop and keeps what to send.

    1. The highest signed entry within bytes_max. 2. Else the first signed one, of any size. 3. Else what fits, at least one.
    """

    __slots__ = ("_bytes_max", "_fits", "_raws", "_signed", "_size")

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._raws: list[bytes] = []
        self._size = 0
        self._fits = 0
        self._signed = 0

    def feed(self, raw: bytes, signed: bool) -> bool:
        """Take one more entry; False when no further one can change the cut."""
        size = self._size + len(raw)
        if size > self._bytes_max and self._signed:
            return False
        self._raws.append(raw)
        self._size = size
        if size <= self._bytes_max or len(self._raws) == 1:
            self._fits = len(self._raws)
        if signed:
            self._signed = len(self._raws)
        return not (signed and size >= self._bytes_max) and size <= limits.unsigned_run_bytes_max

    def cut(self) -> list[bytes]:
        """The entries to send."""
        return self._raws[: self._signed or self._fits]
