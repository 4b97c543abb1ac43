"""The lock on a data directory: one node writes it, a second one is told who does.

The lock is the operating system's lock on the file `lock`, so `kill -9` or a power cut frees it; the process id inside is
only for the message. Refused: a pid file alone (a stale one stops a shop from opening in the morning).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from node.disk.errors import DirectoryInUse

FILE_NAME = "lock"
_LOCKED_BYTE = 1 << 20
"""Windows locks bytes against reading too: the locked one lies far behind the process id."""


class DirectoryLock:
    """Held from construction to `release`. Raises DirectoryInUse, OSError (no such directory, not allowed)."""

    def __init__(self, directory: Path) -> None:
        self._handle = os.open(directory / FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._handle)
        except OSError:
            pid = _read_pid(self._handle)
            os.close(self._handle)
            raise DirectoryInUse(str(directory), pid) from None
        os.ftruncate(self._handle, 0)
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, b"%d\n" % os.getpid())

    def release(self) -> None:
        """Let another process in. The file stays: removing it would let two processes lock two files of one name."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _read_pid(handle: int) -> int:
    os.lseek(handle, 0, os.SEEK_SET)
    digits = os.read(handle, 20).strip()
    return int(digits) if digits.isdigit() else 0


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
