"""A disk that fails on demand, under the real SQLite: files in memory behind a VFS written in Python.

What a process sees (`seen`) and what the device has (`durable`) differ by the writes since the last sync of that file. A power
cut keeps each of those writes whole, not at all, or torn into sectors, by a seeded chance; a crash of the process alone
keeps all. Every sync and every write is counted, so a test can cut at each of them in turn.
"""

from __future__ import annotations

import ctypes
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import apsw

SECTOR = 512
_numbers = itertools.count()


@dataclass(slots=True)
class DiskFile:
    """One file; unsynced: (offset, bytes) of a write, or (size, None) of a cut to that size."""

    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    unsynced: list[tuple[int, bytes | None]] = field(default_factory=list)
    named: bool = False
    """Whether the name itself reached the device: after the first sync."""


def put(content: bytearray, offset: int, data: bytes) -> None:
    """Write into a file's bytes; a gap reads as zeros."""
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class FaultyDisk(apsw.VFS):
    """A registered VFS; `vfs_name` is what a store is opened with. Set the plans, run, look at what is left.

    cut_at_sync, cut_at_write: the power goes at the n-th one from now (it does not happen). fail_sync_at: the n-th sync fails
    once and drops what it should have kept, as Linux does. syncs_lie: a sync says yes and keeps nothing. room: the bytes that
    all files together may have, asked at each write.
    """

    def __init__(self, seed: int = 0) -> None:
        self.vfs_name = f"faulty-{next(_numbers)}"
        self.files: dict[str, DiskFile] = {}
        self.chance = random.Random(seed)
        self.syncs = self.writes = 0
        self.cut_at_sync = self.cut_at_write = self.fail_sync_at = 0
        self.room: Callable[[], int] | None = None
        self.dead = self.syncs_lie = False
        super().__init__(self.vfs_name, "")

    def power_cut(self) -> None:
        """Leave only what the device has, give the power back; the plans are over."""
        for name, file in list(self.files.items()):
            for offset, data in file.unsynced:
                self._land(file.durable, offset, data)
            if not file.named and self.chance.random() < 0.5:
                del self.files[name]
                continue
            file.seen, file.unsynced = bytearray(file.durable), []
        self.restart()

    def _land(self, durable: bytearray, offset: int, data: bytes | None) -> None:
        fate = self.chance.choice(("whole", "lost", "torn"))
        if fate == "lost":
            return
        if data is None:
            del durable[offset:]
            return
        for start in range(0, len(data), SECTOR):
            if fate == "whole" or self.chance.random() < 0.5:
                put(durable, offset + start, data[start : start + SECTOR])

    def restart(self) -> None:
        """The process starts anew with what it had seen; the plans are over."""
        self.dead = False
        self.syncs = self.writes = 0
        self.cut_at_sync = self.cut_at_write = self.fail_sync_at = 0

    def used(self) -> int:
        """Bytes in all files."""
        return sum(len(file.seen) for file in self.files.values())

    def check_alive(self) -> None:
        """Nothing works any more once the power is gone."""
        if self.dead:
            raise apsw.exception_for(apsw.SQLITE_IOERR)

    def xOpen(self, name: Any, flags: list[int]) -> OpenFile:
        path = str(name.filename() if isinstance(name, apsw.URIFilename) else name or f"temporary-{next(_numbers)}")
        self.check_alive()
        flags[1] = flags[0]
        return OpenFile(self, self.files.setdefault(path, DiskFile()))

    def xAccess(self, pathname: str, flags: int) -> bool:
        return pathname in self.files

    def xFullPathname(self, name: str) -> str:
        return name

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.check_alive()
        self.files.pop(filename, None)


class OpenFile:
    """What SQLite holds of a file."""

    def __init__(self, disk: FaultyDisk, file: DiskFile) -> None:
        self._disk = disk
        self._file = file
        self._keep_log = 0

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.check_alive()
        return bytes(self._file.seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        disk, file = self._disk, self._file
        disk.check_alive()
        disk.writes += 1
        if disk.writes == disk.cut_at_write:
            file.unsynced.append((offset, bytes(data)))
            disk.dead = True
            disk.check_alive()
        growth = offset + len(data) - len(file.seen)
        if disk.room and growth > 0 and disk.used() + growth > disk.room():
            raise apsw.exception_for(apsw.SQLITE_FULL)
        put(file.seen, offset, data)
        file.unsynced.append((offset, bytes(data)))

    def xSync(self, flags: int) -> None:
        disk, file = self._disk, self._file
        disk.check_alive()
        disk.syncs += 1
        if disk.syncs == disk.cut_at_sync:
            disk.dead = True
            disk.check_alive()
        if disk.syncs == disk.fail_sync_at:
            file.unsynced = []
            raise apsw.exception_for(apsw.SQLITE_IOERR_FSYNC)
        if disk.syncs_lie:
            return
        for offset, data in file.unsynced:
            if data is None:
                del file.durable[offset:]
            else:
                put(file.durable, offset, data)
        file.unsynced = []
        file.named = True

    def xTruncate(self, size: int) -> None:
        self._disk.check_alive()
        del self._file.seen[size:]
        self._file.unsynced.append((size, None))

    def xFileSize(self) -> int:
        return len(self._file.seen)

    def xClose(self) -> None:
        pass

    def xLock(self, level: int) -> None:
        pass

    def xUnlock(self, level: int) -> None:
        pass

    def xCheckReservedLock(self) -> bool:
        return False

    def xSectorSize(self) -> int:
        return 4096

    def xDeviceCharacteristics(self) -> int:
        return int(apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE)

    def xFileControl(self, operation: int, pointer: int) -> bool:
        if operation != apsw.SQLITE_FCNTL_PERSIST_WAL:
            return False
        asked = ctypes.c_int.from_address(pointer)
        if asked.value < 0:
            asked.value = self._keep_log
        else:
            self._keep_log = asked.value
        return True
