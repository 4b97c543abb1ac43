"""What any store of journals promises: the seam between a node and its disk, real or in memory.

Two stores keep it: `JournalStore` (SQLite) and `MemoryStore` (simulation and tests); both pass one contract suite.

The promises, numbered; the tests cite them:
1. When `append` returns, every entry of the batch is durable. When it raises, none of them counts, on this disk or to a caller.
2. A batch is whole or absent, over all its journals, whatever happens in between.
3. Numbers of a journal are held from 1 without gaps, in order; an append that does not continue them is refused whole.
4. What `journals` names is durable and readable; a crash never takes it back.
5. Bytes come back as they were given, or a named error says which entry of which journal is damaged.
6. After `DiskFailed` or `DiskFull` no append is taken until the store is opened again; reading goes on.
7. A range ends at a signed entry whenever one lies in it, and always makes progress.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from crdt_models.values.identity import JournalId

OnAlarm = Callable[[str, str], None]
"""Called with (code, text for the operator) when a person should act while the store goes on. Codes: `disk_full` (the ballast
was given up), `ballast_missing`, `ballast_back`, `block_set_aside`."""

CheckEntry = Callable[[JournalId, int, bytes], "str | None"]
"""Judges one entry in the verify walk (journal, seq, raw): None if whole, else the reason. Called in journal order, on the
store's own thread, so it may keep state but must not touch the loop."""

OnProgress = Callable[[int], None]
"""Called on the loop's thread with the entries walked so far."""


class NewEntry(NamedTuple):
    """One entry to keep. raw: wire bytes; hash: 32 bytes of its header's SHA-256; signed: whether it carries a signature."""

    journal: JournalId
    seq: int
    raw: bytes
    hash: bytes
    signed: bool


class HeldJournal(NamedTuple):
    """A journal on this disk, up to seq (from 1, without gaps); hash: 32 bytes of the header hash of that entry."""

    journal: JournalId
    seq: int
    hash: bytes


class Run(NamedTuple):
    """Consecutive entries of one journal, raws[0] being number `first`."""

    journal: JournalId
    first: int
    raws: list[bytes]


class StartMark(NamedTuple):
    """What a start leaves on the disk, in the transaction of its `open` entry (RULES J5).

    journal: the one that this process writes; file_id: of the database file; machine_id: of the computer; token: 16 random
    bytes that are also kept outside the data directory.
    """

    journal: JournalId
    file_id: int
    machine_id: str
    token: bytes


class LastStart(NamedTuple):
    """The mark of the last start that got its `open` entry onto this disk; own_set_aside: blocks of this disk's own journals
    that bit rot had taken away by then."""

    mark: StartMark
    own_set_aside: int


class Fault(NamedTuple):
    """What a verify walk found. journal is None when the fault concerns the file as a whole; seq: first entry concerned."""

    journal: JournalId | None
    seq: int
    reason: str


class Verification(NamedTuple):
    """The result of a verify walk; entries and bytes: those found whole. faults: the first bad entry each; empty = all is whole.
    Tips that were set aside when the store was opened are among them."""

    journals: int
    entries: int
    bytes: int
    faults: tuple[Fault, ...]


class Store(Protocol):
    """A store of journals. All methods are called on the loop's thread."""

    @property
    def last_written(self) -> HeldJournal | None:
        """The journal that this disk wrote last: the parent of the next one (RULES J1). None on a new disk."""

    @property
    def last_start(self) -> LastStart | None:
        """What the last start left here. None on a new disk."""

    @property
    def own_set_aside(self) -> int:
        """Blocks of this disk's own journals that were set aside as damaged, ever: if it grew, something of our own was lost."""

    def journals(self) -> list[HeldJournal]:
        """Every journal held, in the order in which they were first heard of; durable numbers only."""

    async def append(self, entries: Sequence[NewEntry], start: StartMark | None = None) -> None:
        """Keep a batch, durably, whole or not at all.

        start: given once, with the batch that holds this process's `open` entry (number 1 of `start.journal`).
        Raises GapInJournal, DiskFull, DiskFailed, StoreClosed. A cancelled caller does not undo the batch.
        """

    async def read_range(self, journal: JournalId, first: int, last: int, bytes_max: int) -> tuple[list[bytes], int]:
        """Entries first..k of `journal` and k, where k <= last: the highest signed entry within bytes_max, else the first signed
        one whatever its size, else (none is signed up to `last`) what fits, at least one. ([], first - 1) if none is held.

        Raises BlockDamaged.
        """

    async def read_one(self, journal: JournalId, seq: int) -> bytes:
        """The wire bytes of one entry. Raises NotHeld, BlockDamaged."""

    def runs(self, after: Mapping[JournalId, int] | None = None) -> AsyncIterator[Run]:
        """Everything held, journal by journal, for a refold; after: numbers already folded. Raises BlockDamaged."""

    async def set_aside(self, journal: JournalId, first: int) -> int:
        """Let `journal` fall back to the end of the block before number `first`, keeping the rest out of sight; the entries
        taken away. For damage found at a start: the heads fall, so the tail is fetched from peers as anyone's would be."""

    async def verify(
        self, check: CheckEntry | None = None, on_progress: OnProgress | None = None, structure: bool = True
    ) -> Verification:
        """Read every byte and judge it; never changes anything, never raises for damage.

        check: sees each whole entry until it finds one bad, then no more of that journal; after a damaged block the numbers jump.
        structure: also SQLite's own check, which holds appends up for as long as reading the whole file takes.
        """

    async def remember(self, key: str, value: bytes) -> None:
        """Keep a small value, durably. Raises InvalidValue (too long, too many), DiskFailed."""

    async def recall(self, key: str) -> bytes | None:
        """The value, or None."""

    async def recall_all(self, prefix: str = "") -> dict[str, bytes]:
        """All values whose key begins with `prefix`, sorted by key."""

    async def forget(self, key: str) -> None:
        """Drop a value; nothing happens if there is none."""

    async def close(self) -> None:
        """Finish what was asked for, and let go of the directory. Closing twice is allowed."""
