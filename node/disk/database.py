"""Opening the SQLite file of a journal store: pragmas, tables, version, and a log that is long before it is needed.

One connection in exclusive locking mode: no shared-memory file, fewer system calls, and no second program can slip in between.
`synchronous=FULL`, so a COMMIT that returned is on the device. The write-ahead log is extended with zeros beforehand and never
shortened: a commit then overwrites blocks that the file system already knows.

At every opening the log is copied into the database and synced before anything is read. After `kill -9` the log may hold commits
that reached the operating system but not the device; read back and told to peers as held, they would be lost by a power cut
that follows. After the copy, what is read is durable (promise 4).
Refused: the stdlib's sqlite3 (3.40.1 has the WAL-reset bug, fixed in 3.51.3), mmap (an I/O error is then a signal).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Final

import apsw

from node.disk import limits
from node.disk.errors import DirectoryInUse, DiskFull, NotAJournalStore, SchemaTooNew, StoreDamaged
from node.errors import DiskFailed

FILE_NAME: Final = "journals.db"

LOG_HEADER_BYTES: Final = 32
"""SQLite file format, section 4.1: without its magic number a log has no frames."""

TABLES: Final = """
CREATE TABLE journals(
  journal_no INTEGER PRIMARY KEY,
  journal BLOB NOT NULL UNIQUE,
  opened_here INTEGER
) STRICT;
CREATE TABLE blocks(
  place INTEGER PRIMARY KEY,
  last INTEGER NOT NULL,
  tip BLOB NOT NULL,
  shape BLOB NOT NULL,
  checksum BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE TABLE set_aside(
  aside_no INTEGER PRIMARY KEY,
  own INTEGER NOT NULL,
  place INTEGER NOT NULL,
  last ANY, tip ANY, shape ANY, checksum ANY, body ANY
) STRICT;
CREATE TABLE last_start(
  only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
  journal BLOB NOT NULL,
  file_id TEXT NOT NULL,
  machine_id TEXT NOT NULL,
  token BLOB NOT NULL,
  own_set_aside INTEGER NOT NULL
) STRICT;
CREATE TABLE memory(
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""


def connect(path: Path, vfs: str = "") -> apsw.Connection:
    """Open or make the database at `path`, ready to use; vfs: SQLite's name of another file layer, for tests.

    Raises DirectoryInUse, SchemaTooNew, NotAJournalStore, StoreDamaged, DiskFull, DiskFailed.
    """
    try:
        database = apsw.Connection(str(path), vfs=vfs or None)
    except apsw.Error as error:
        raise failure_of(error, path) from error
    try:
        _set_up(database, path)
    except apsw.Error as error:
        with contextlib.suppress(apsw.Error):
            database.close()
        raise failure_of(error, path) from error
    except (SchemaTooNew, NotAJournalStore):
        database.close()
        raise
    return database


def _set_up(database: apsw.Connection, path: Path) -> None:
    for name, value in (
        ("locking_mode", "EXCLUSIVE"),
        ("temp_store", "MEMORY"),
        ("cache_size", -limits.page_cache_kib),
        ("mmap_size", 0),
        ("cell_size_check", "ON"),
        ("trusted_schema", "OFF"),
        ("fullfsync", "ON"),
        ("checkpoint_fullfsync", "ON"),
    ):
        database.pragma(name, value)
    _check_identity(database, path)
    if database.pragma("journal_mode", "WAL") != "wal":
        raise NotAJournalStore(str(path), "it cannot be used with a write-ahead log")
    database.pragma("synchronous", "FULL")
    database.wal_autocheckpoint(0)
    keep = ctypes.c_int(1)
    database.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(keep))
    if database.pragma("user_version") == 0:
        with database:
            database.execute(TABLES)
            database.pragma("application_id", limits.application_id)
            database.pragma("user_version", limits.schema_version)
    copy_log(database)
    with contextlib.suppress(apsw.FullError):
        _extend_log(database, path)


def _check_identity(database: apsw.Connection, path: Path) -> None:
    found = database.pragma("user_version")
    application = database.pragma("application_id")
    empty = database.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
    if empty and found == 0 and application == 0:
        return
    if application != limits.application_id:
        raise NotAJournalStore(str(path), "it is a database of another program")
    if found > limits.schema_version:
        raise SchemaTooNew(str(path), found, limits.schema_version)


def copy_log(database: apsw.Connection) -> None:
    """Copy the log into the database, durably; the next commit then begins the log anew. Raises apsw.Error."""
    database.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)


def _extend_log(database: apsw.Connection, path: Path) -> None:
    """Fill the log up to `wal_bytes` with zeros, which SQLite reads as "no frame here". Only where the log has no frames left."""
    log = apsw.VFSFile(database.open_vfs, f"{path}-wal", [apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_READWRITE, 0])
    try:
        size = log.xFileSize()
        zeros = bytes(limits.wal_write_bytes)
        while size < limits.wal_bytes:
            log.xWrite(zeros[: limits.wal_bytes - size], size)
            size += limits.wal_write_bytes
        log.xSync(apsw.SQLITE_SYNC_NORMAL)
    finally:
        log.xClose()


def close(database: apsw.Connection, path: Path) -> None:
    """Copy the log into the database, close, and mark the log as empty by overwriting its header: if someone puts an older
    `journals.db` back, frames that outlived it must not be read into it. Raises apsw.Error."""
    layer = database.open_vfs
    database.close()
    log = apsw.VFSFile(layer, f"{path}-wal", [apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_READWRITE, 0])
    try:
        if log.xFileSize() >= LOG_HEADER_BYTES:
            log.xWrite(bytes(LOG_HEADER_BYTES), 0)
            log.xSync(apsw.SQLITE_SYNC_NORMAL)
    finally:
        log.xClose()


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable. Windows has no such call: there the file system's journal does it."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def failure_of(error: apsw.Error, path: Path) -> DiskFailed | DirectoryInUse | NotAJournalStore | StoreDamaged:
    """Our name for what SQLite reports about the file at `path`."""
    match error:
        case apsw.FullError():
            return DiskFull(f"{path}: {error}")
        case apsw.BusyError() | apsw.LockedError():
            return DirectoryInUse(str(path), 0)
        case apsw.NotADBError():
            return NotAJournalStore(str(path), "it is no SQLite database, or its first bytes are damaged")
        case apsw.CorruptError():
            return StoreDamaged(str(path), str(error))
    code = getattr(error, "extendedresult", 0)
    return DiskFailed(f"{path}: {error} ({apsw.mapping_extended_result_codes.get(code, code)})")
