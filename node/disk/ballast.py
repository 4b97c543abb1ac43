"""The ballast: disk space that is taken in good days, to be thrown overboard when the disk is full.

When the disk is full SQLite cannot even delete. Giving the ballast up makes room for at least 500 sales while an alarm rings;
what other programs write meanwhile is theirs to answer for. It is taken again when there is plenty of room.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from node.disk import limits

FILE_NAME = "ballast"


class Ballast:
    """A file `ballast` of `size` bytes in a data directory; size 0 means none."""

    def __init__(self, directory: Path, size: int) -> None:
        self._path = directory / FILE_NAME
        self._directory = directory
        self._size = size

    @property
    def held(self) -> bool:
        """Whether there is something to give up."""
        try:
            return 0 < self._size <= self._path.stat().st_size
        except FileNotFoundError:
            return False

    def take(self) -> bool:
        """Reserve the space; False if the disk has none to spare."""
        if self.held or self._size == 0:
            return True
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                _reserve(handle, self._size)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError:
            self.give_up()
            return False
        return True

    def give_up(self) -> bool:
        """Free the space; False if there was none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def take_again(self) -> bool:
        """Reserve the space once the disk has several times as much free; True if it was taken now."""
        if self.held or self._size == 0:
            return False
        try:
            free = shutil.disk_usage(self._directory).free
        except OSError:
            return False
        return free >= limits.ballast_return_factor * self._size and self.take()


def _reserve(handle: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
        return
    zeros = bytes(1 << 20)
    for start in range(0, size, len(zeros)):
        os.write(handle, zeros[: size - start])
