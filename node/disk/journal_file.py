"""The journals in one SQLite file: what `JournalStore` does on its thread, as plain calls. For one thread at a time.

An object that exists is open and has the directory to itself. Its tips are those of the last COMMIT that returned. A failed
write leaves the tips as they were and spoils the object for writing: after a failed fsync the kernel may call lost pages
clean, so the only safe way on is to open again (which copies the log anew).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import JournalId
from node.disk import limits
from node.disk.ballast import Ballast
from node.disk.block import Block, RangeCut, check_append, check_memory, first_of, place, seal, split, unseal
from node.disk.block_rows import COLUMNS, BlockRows
from node.disk.database import FILE_NAME, close, connect, copy_log, failure_of, sync_directory
from node.disk.directory_lock import DirectoryLock
from node.disk.errors import BlockDamaged, NotHeld, StoreDamaged
from node.disk.store import Fault, HeldJournal, LastStart, NewEntry, OnAlarm, Run, StartMark
from node.errors import DiskFailed

Cursor = tuple[int, int]
"""Where a walk goes on: (journal number, seq)."""


class JournalFile:
    """The journal store of one data directory, which is made if missing; `STORAGE.md` has the tables.

    Raises DirectoryInUse, SchemaTooNew, NotAJournalStore, StoreDamaged, DiskFull, DiskFailed.
    """

    def __init__(
        self,
        directory: Path,
        on_alarm: OnAlarm = lambda code, text: None,
        ballast_bytes: int = limits.ballast_bytes,
        vfs: str = "",
    ) -> None:
        self.path = directory / FILE_NAME
        self._alarm = on_alarm
        self.failed: DiskFailed | None = None
        self._closed = False
        self.found_at_opening: list[Fault] = []
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = DirectoryLock(directory)
        except OSError as error:
            raise DiskFailed(f"{directory}: {error.strerror}") from error
        try:
            self._ballast = Ballast(directory, ballast_bytes)
            self._database = self._connect(vfs)
        except BaseException:
            self._lock.release()
            raise
        try:
            sync_directory(directory)
            if not self._ballast.take():
                self._alarm("ballast_missing", f"{directory} has no room for the reserve of {ballast_bytes} bytes")
            self._log_pages = 0
            self._database.set_wal_hook(self._count_log_pages)
            self._load()
        except BaseException:
            self.close()
            raise

    def _connect(self, vfs: str) -> apsw.Connection:
        try:
            return connect(self.path, vfs)
        except DiskFailed as error:
            if not isinstance(failure := error.__cause__, apsw.FullError) or not self._ballast.give_up():
                raise
            self._alarm(
                "disk_full", f"the disk is full while opening ({failure}): the reserve was given up, make room now"
            )
            return connect(self.path, vfs)

    def _count_log_pages(self, _: apsw.Connection, __: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _load(self) -> None:
        self.tips: dict[JournalId, HeldJournal] = {}
        self._rows = BlockRows(self._database)
        self._numbers: dict[JournalId, int] = {}
        self._opened_here: list[JournalId] = []
        try:
            self._load_start()
            journals: list[Any] = self._database.execute(
                "SELECT journal, journal_no, opened_here FROM journals ORDER BY journal_no"
            ).fetchall()
            for journal, number, opened_here in journals:
                if not isinstance(journal, bytes):
                    raise StoreDamaged(str(self.path), f"the name of journal {number} is not readable")
                self._numbers[JournalId(journal)] = number
                if opened_here is not None:
                    self._opened_here.append(JournalId(journal))
            for journal in self._numbers:
                self._load_tip(journal)
        except apsw.Error as error:
            raise failure_of(error, self.path) from error

    def _load_start(self) -> None:
        self.own_set_aside: int = self._database.execute("SELECT count(*) FROM set_aside WHERE own").get
        row: Any = self._database.execute(
            "SELECT journal, file_id, machine_id, token, own_set_aside FROM last_start"
        ).fetchone()
        try:
            self.last_start = LastStart(StartMark(row[0], int(row[1]), row[2], row[3]), row[4]) if row else None
        except (TypeError, ValueError):
            self.last_start = LastStart(StartMark(JournalId(b""), 0, "", b""), 0)  # damaged: it proves nothing

    def _load_tip(self, journal: JournalId) -> None:
        """The last block names the tip; if it is damaged the journal falls back to the last whole block."""
        damage: BlockDamaged | None = None
        rows = self._rows.downwards(self._numbers[journal])
        for row in rows:
            try:
                block = unseal(journal, row)
            except BlockDamaged as found:
                damage = found
                continue
            self.tips[journal] = HeldJournal(journal, block.last, block.tip)
            break
        rows.close()
        if damage:
            self._move_aside(journal, damage.first)
            self.found_at_opening.append(Fault(journal, damage.first, f"{damage.reason}; set aside"))
            self._alarm("block_set_aside", f"{damage}; it will be taken from a peer")

    @property
    def last_written(self) -> HeldJournal | None:
        """The tip of the journal that this disk opened last. The journal's row and its `open` entry are one transaction, and the
        tip is the last own entry, so this can never lag behind what was written."""
        return next((self.tips[journal] for journal in reversed(self._opened_here) if journal in self.tips), None)

    # Writing

    def append(self, entries: Sequence[NewEntry], start: StartMark | None = None) -> None:
        """Promises 1, 2 and 3. Raises GapInJournal, DiskFull, DiskFailed, InvalidValue (more than `journals_max` journals)."""
        new_tips = check_append(self.tips, entries, start)
        shares: dict[JournalId, list[NewEntry]] = {}
        for entry in entries:
            shares.setdefault(entry.journal, []).append(entry)
        fresh = [journal for journal in shares if journal not in self._numbers]
        numbers = {journal: len(self._numbers) + 1 + index for index, journal in enumerate(fresh)}

        def write() -> None:
            for journal, number in numbers.items():
                own = len(self._opened_here) + 1 if start and journal == start.journal else None
                self._database.execute("INSERT INTO journals VALUES(?, ?, ?)", (number, journal, own))
            for journal, share in shares.items():
                for part in split(share):
                    self._database.execute(
                        f"INSERT INTO blocks({COLUMNS}) VALUES(?, ?, ?, ?, ?, ?)",
                        seal(numbers.get(journal) or self._numbers[journal], part),
                    )
            if start:
                self._database.execute(
                    "INSERT OR REPLACE INTO last_start VALUES(1, ?, ?, ?, ?, ?)",
                    (start.journal, str(start.file_id), start.machine_id, start.token, self.own_set_aside),
                )

        self._commit(write)
        self.tips.update(new_tips)
        self._numbers.update(numbers)
        if start:
            self._opened_here.append(start.journal)
            self.last_start = LastStart(start, self.own_set_aside)

    def remember(self, key: str, value: bytes) -> None:
        """Raises InvalidValue, DiskFull, DiskFailed."""
        check_memory(key, value)
        count: int = self._database.execute("SELECT count(*) FROM memory WHERE key <> ?", (key,)).get
        if count >= limits.memory_keys_max:
            raise InvalidValue("key", f"at most {limits.memory_keys_max} keys are remembered")
        self._commit(lambda: self._database.execute("INSERT OR REPLACE INTO memory VALUES(?, ?)", (key, value)))

    def forget(self, key: str) -> None:
        """Raises DiskFull, DiskFailed."""
        self._commit(lambda: self._database.execute("DELETE FROM memory WHERE key = ?", (key,)))

    def set_aside(self, journal: JournalId, first: int) -> int:
        """See `Store.set_aside`. Raises NotHeld, DiskFull, DiskFailed."""
        held = self.tips.get(journal)
        if held is None or not 1 <= first <= held.seq:
            raise NotHeld(journal, first)
        start = self._rows.begin(self._numbers[journal], first)
        self._move_aside(journal, first_of(start))
        del self.tips[journal]
        self._load_tip(journal)
        left = self.tips.get(journal)
        return held.seq - (left.seq if left else 0)

    def _move_aside(self, journal: JournalId, first: int) -> None:
        number, own = self._numbers[journal], journal in self._opened_here
        span = (place(number, first), place(number, limits.seq_max))

        def write() -> None:
            self._database.execute(
                f"INSERT INTO set_aside(own, {COLUMNS}) SELECT ?, {COLUMNS} FROM blocks WHERE place BETWEEN ? AND ?",
                (int(own), *span),
            )
            self._database.execute("DELETE FROM blocks WHERE place BETWEEN ? AND ?", span)

        self._commit(write)
        self.own_set_aside = self._database.execute("SELECT count(*) FROM set_aside WHERE own").get

    def _commit(self, write: Callable[[], object]) -> None:
        """One durable transaction. When the disk is full: give the ballast up, ring the alarm, try once more."""
        if self.failed:
            raise self.failed
        try:
            try:
                self._transact(write)
            except apsw.FullError as error:
                if not self._ballast.give_up():
                    raise
                self._alarm("disk_full", f"the disk is full ({error}): the reserve was given up, make room now")
                self._transact(write)
        except apsw.Error as error:
            failure = failure_of(error, self.path)
            self.failed = failure if isinstance(failure, DiskFailed) else DiskFailed(str(failure))
            raise self.failed from error

    def _transact(self, write: Callable[[], object]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            write()
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def tidy(self, idle: bool) -> None:
        """Copy a long log into the database; under load only a very long one. Never raises: a log that cannot be copied for want
        of space grows on, until a commit itself fails and says so."""
        if self.failed or self._log_pages < (limits.checkpoint_pages_idle if idle else limits.checkpoint_pages_busy):
            return
        try:
            copy_log(self._database)
            if self._ballast.take_again():
                self._alarm("ballast_back", "there is room on the disk again, the reserve is back")
        except apsw.FullError as error:
            if self._ballast.give_up():
                self._alarm("disk_full", f"the disk is full ({error}): the reserve was given up, make room now")
        except apsw.Error as error:
            self.failed = DiskFailed(f"{self.path}: {error}")
        self._log_pages = 0

    # Reading

    def recall(self, key: str) -> bytes | None:
        """The value, or None."""
        value: bytes | None = self._database.execute("SELECT value FROM memory WHERE key = ?", (key,)).get
        return value

    def recall_all(self, prefix: str) -> dict[str, bytes]:
        """All values under `prefix`, sorted by key."""
        rows = self._database.execute(
            "SELECT key, value FROM memory WHERE substr(key, 1, ?) = ? ORDER BY key", (len(prefix), prefix)
        )
        return dict(rows)

    def read_range(self, journal: JournalId, first: int, last: int, bytes_max: int) -> tuple[list[bytes], int]:
        """Promise 7; see `Store.read_range`. Raises BlockDamaged."""
        held = self.tips.get(journal)
        last = min(last, held.seq if held else 0)
        if first > last or first < 1:
            return [], first - 1
        cut = RangeCut(bytes_max)
        for block in self.blocks(journal, first, last):
            for index in range(max(0, first - block.first), min(len(block.raws), last - block.first + 1)):
                if not cut.feed(block.raws[index], block.signed[index]):
                    raws = cut.cut()
                    return raws, first + len(raws) - 1
        raws = cut.cut()
        return raws, first + len(raws) - 1

    def read_one(self, journal: JournalId, seq: int) -> bytes:
        """Raises NotHeld, BlockDamaged."""
        held = self.tips.get(journal)
        if held is None or not 1 <= seq <= held.seq:
            raise NotHeld(journal, seq)
        for block in self.blocks(journal, seq, seq):
            return block.raws[seq - block.first]
        raise NotHeld(journal, seq)

    def runs(self, cursor: Cursor, after: Mapping[JournalId, int]) -> tuple[list[Run], Cursor | None]:
        """About `chunk_bytes` of entries from `cursor` ((0, 0) at first) on, and where to go on; None at the end."""
        runs: list[Run] = []
        size = 0
        for journal, number in self._numbers.items():
            if number < cursor[0] or journal not in self.tips:
                continue
            first = cursor[1] if number == cursor[0] else after.get(journal, 0) + 1
            raws: list[bytes] = []
            start = first
            for block in self.blocks(journal, first, self.tips[journal].seq):
                fresh = block.raws[max(0, first - block.first) :]
                raws += fresh
                size += sum(map(len, fresh))
                if size >= limits.chunk_bytes:
                    runs.append(Run(journal, start, raws))
                    return runs, (number, block.last + 1)
            if raws:
                runs.append(Run(journal, start, raws))
        return runs, None

    def blocks(self, journal: JournalId, first: int, last: int) -> Iterator[Block]:
        """The blocks that hold first..last of a held journal. Raises BlockDamaged."""
        return self._rows.blocks(journal, self._numbers[journal], first, last)

    def next_block(self, journal: JournalId, seq: int) -> int:
        """The first number of the block that begins after `seq`, 0 if there is none: the way past damage. Raises apsw.Error."""
        return self._rows.next_after(self._numbers[journal], seq, self.tips[journal].seq)

    def structure_faults(self) -> list[str]:
        """What SQLite finds wrong with the file's own structure; empty if nothing."""
        try:
            found = [text for (text,) in self._database.execute(f"PRAGMA integrity_check({limits.faults_max})")]
        except apsw.Error as error:
            return [str(error)]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Let go of the file and the directory; a second time nothing happens."""
        try:
            if not self._closed:
                self._closed = True
                close(self._database, self.path)
        except apsw.Error as error:
            self.failed = self.failed or DiskFailed(f"{self.path}: {error}")
        finally:
            self._lock.release()
