"""Files that are there wholly or not at all, also after a power cut: keys, certificates, invitations.

Written beside, synced, then renamed; the directory is synced too, else the name can be lost (LIBRARIES, FAULTS: "lost
rename"). Readable by their owner alone, because most of them are secrets and none needs other readers.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

_OWNER_ONLY = 0o600


def write_durably(path: Path, content: bytes) -> None:
    """Put `content` at `path`, replacing what is there. Raises OSError; then the former content is untouched."""
    beside = _written_beside(path, content)
    try:
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def create_durably(path: Path, content: bytes) -> None:
    """Put `content` at `path`, which must not exist: of several callers exactly one succeeds.

    Raises FileExistsError, other OSError.
    """
    beside = _written_beside(path, content)
    try:
        os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    sync_directory(path.parent)


def remove_durably(path: Path) -> None:
    """Remove `path`; no error if it is not there."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def private_directory(path: Path) -> Path:
    """Make `path` (and parents) for its owner alone."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def sync_directory(path: Path) -> None:
    """Make the names in `path` durable. Windows cannot open directories; NTFS journals names by itself."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written_beside(path: Path, content: bytes) -> Path:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return beside
