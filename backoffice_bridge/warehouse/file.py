"""The warehouse's file: opened or set aside, loaded in transactions, checked, closed. All of it on one owned thread.

1. Rows and heads move in one transaction: a crash leaves both or neither, and the journals give what is missing.
2. Entries at or below a journal's head are left out, so a replay adds nothing.
3. A file that opens has been read from end to end: what DuckDB cannot read, a foreign store, another schema, an empty
   file, a directory in its place are *set aside* under a name of their own (kept, never deleted) and begun anew.
4. What is not the file's fault (another process has it, the disk is full, rights are missing) sets nothing aside.
The instance is locked before anyone else gets a cursor: no file, no extension, no setting can be reached through it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from backoffice_bridge import limits
from backoffice_bridge.errors import WarehouseInUse, WarehouseUnavailable
from backoffice_bridge.warehouse.rows import Arrival, Rows, arrow_table, in_calendar
from backoffice_bridge.warehouse.schema import CONTENT_TABLES, HEADS, ORIGIN, SCHEMA_VERSION, TABLES, ddl
from crdt_models.values.identity import JournalId, StoreId, node_of

_NOT_THE_FILES_FAULT: Final = (
    "No space left",
    "Permission denied",
    "Read-only file system",
    "Too many open files",
    "Quota exceeded",
    "Out of Memory",
)
_LOCKED: Final = "Could not set lock"

Name = Callable[[JournalId], str]


class Garbled(Exception):
    """The file at hand is no warehouse of this store; `str` says why. Never leaves this module."""


class WarehouseFile:
    """An open warehouse.

    heads: highest loaded entry per journal, as committed; set_aside: where an unusable predecessor was put, if any.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, set_aside: Path | None, why: str) -> None:
        self._connection = connection
        self._root = connection.cursor()
        self.set_aside, self.why = set_aside, why
        self.heads: dict[JournalId, int] = {}
        self._read_heads()

    def load(self, arrivals: Iterable[Arrival], heads: Mapping[JournalId, int], names: Name, wall_ms: int) -> int:
        """Adds the arrivals that are above their journal's head and moves the heads, in one transaction.

        heads: where each journal stands after this load, also when none of its entries holds a sale; names: the display
        name of a journal's node. Returns the sales added. Raises WarehouseUnavailable (nothing changed, try again) or
        duckdb.Error (nothing changed; the file wants to be opened anew).
        """
        rows = Rows()
        for arrival in arrivals:
            if arrival.entry.seq > self.heads.get(arrival.entry.journal, 0):
                rows.add(arrival)
        moved = {journal: seq for journal, seq in heads.items() if seq > self.heads.get(journal, 0)}
        if not moved:
            return 0
        try:
            self._commit(rows, moved, names, wall_ms)
        except duckdb.Error as error:
            with contextlib.suppress(duckdb.Error):
                self._connection.rollback()
            if any(words in str(error) for words in _NOT_THE_FILES_FAULT):
                self._read_heads()
                raise WarehouseUnavailable(_first_line(error)) from error
            raise
        self.heads.update(moved)
        return len(rows.sales)

    def checksum(self) -> str:
        """SHA-256, hex, over the content of all rows: equal wherever the same journals are loaded, in any order."""
        rows = self._connection.execute("SELECT * FROM content ORDER BY table_name").fetchall()
        return hashlib.sha256(repr(rows).encode()).hexdigest()

    def counts(self) -> dict[str, int]:
        """Rows per table."""
        return {table: self._number(f"SELECT count(*) FROM {table}") for table in CONTENT_TABLES}

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Another connection to the same instance, for the one thread that queries."""
        return self._root.cursor()

    def close(self) -> None:
        """Writes what is in the log into the file and lets go of it; cursors must be closed before."""
        self._root.close()
        self._connection.close()

    def _commit(self, rows: Rows, moved: Mapping[JournalId, int], names: Name, wall_ms: int) -> None:
        run = self._connection.execute
        run("BEGIN TRANSACTION")
        for table, arrow in rows.tables().items():
            self._append(table, arrow)
        heads = [
            (journal.hex(), node_of(journal).hex(), names(journal), seq, rows.skipped.get(journal, 0), _time(wall_ms))
            for journal, seq in sorted(moved.items())
        ]
        known = [head for head, journal in zip(heads, sorted(moved), strict=True) if journal in self.heads]
        new = [head for head, journal in zip(heads, sorted(moved), strict=True) if journal not in self.heads]
        if known:
            self._connection.register("moved", arrow_table(HEADS, known))
            run(
                "UPDATE heads SET seq = moved.seq, skipped = heads.skipped + moved.skipped, "
                "loaded_at = moved.loaded_at, node_name = moved.node_name FROM moved WHERE heads.journal = moved.journal"
            )
            self._connection.unregister("moved")
        if new:
            self._append("heads", arrow_table(HEADS, new))
        run("COMMIT")

    def _append(self, table: str, arrow: Any) -> None:
        self._connection.register("arrived", arrow)
        self._connection.execute(f"INSERT INTO {table} SELECT * FROM arrived")
        self._connection.unregister("arrived")

    def _read_heads(self) -> None:
        rows = self._connection.execute("SELECT journal, seq FROM heads").fetchall()
        self.heads = {JournalId(bytes.fromhex(journal)): seq for journal, seq in rows}

    def _number(self, query: str) -> int:
        row = self._connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def open_warehouse(path: Path, store: StoreId, wall_ms: int) -> WarehouseFile:
    """The warehouse at `path`, whole; an unusable one is set aside and an empty one begun.

    wall_ms: names what is set aside and dates what is begun. Raises WarehouseInUse and WarehouseUnavailable.
    """
    set_aside, why = None, ""
    try:
        _check_readable(path)
        connection = _connect(path)
        try:
            fresh = not _tables(connection)
            if fresh:
                _begin(connection, store, wall_ms)
            else:
                _check(connection, store)
            return WarehouseFile(connection, None, "")
        except BaseException:
            connection.close()
            raise
    except Garbled as error:
        why = str(error)
    except duckdb.Error as error:
        _raise_if_not_garbled(path, error)
        why = _first_line(error)
    set_aside = _set_aside(path, wall_ms)
    try:
        connection = _connect(path)
        _begin(connection, store, wall_ms)
        return WarehouseFile(connection, set_aside, why)
    except duckdb.Error as error:
        raise WarehouseUnavailable(_first_line(error)) from error


def read_warehouse(path: Path) -> tuple[dict[str, int], dict[JournalId, int], str]:
    """(rows per table, heads, checksum) of a warehouse that no process has open; nothing is written.

    Raises WarehouseInUse and WarehouseUnavailable.
    """
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        if _LOCKED in str(error):
            raise WarehouseInUse(path) from error
        raise WarehouseUnavailable(_first_line(error)) from error
    try:
        file = WarehouseFile(connection, None, "")
        return file.counts(), file.heads, file.checksum()
    except duckdb.Error as error:
        raise WarehouseUnavailable(_first_line(error)) from error
    finally:
        connection.close()


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        str(path),
        config={
            "memory_limit": f"{limits.memory_mib}MiB",
            "threads": str(limits.threads),
            "temp_directory": f"{path}.spill",
            "max_temp_directory_size": f"{limits.spill_mib}MiB",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
        },
    )
    for setting in (
        "GLOBAL TimeZone = 'UTC'",
        "enable_progress_bar = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection


def _check_readable(path: Path) -> None:
    """Raises Garbled for what cannot be a warehouse, WarehouseUnavailable where this process may not read."""
    log = path.with_name(path.name + ".wal")
    try:
        if not path.exists():
            if log.exists():
                raise Garbled("its log is there, the file is gone")
            return
        if not path.is_file():
            raise Garbled("it is not a file")
        if path.stat().st_size == 0:
            raise Garbled("it is empty")
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise WarehouseUnavailable(f"{path}: {error.strerror}") from error


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
    return {str(row[0]) for row in rows}


def _begin(connection: duckdb.DuckDBPyConnection, store: StoreId, wall_ms: int) -> None:
    connection.execute("BEGIN TRANSACTION")
    for statement in ddl():
        connection.execute(statement)
    connection.register("begun", arrow_table(ORIGIN, [(SCHEMA_VERSION, store.hex(), _time(wall_ms))]))
    connection.execute("INSERT INTO origin SELECT * FROM begun")
    connection.unregister("begun")
    connection.execute("COMMIT")


def _check(connection: duckdb.DuckDBPyConnection, store: StoreId) -> None:
    """Raises Garbled or duckdb.Error unless this is a warehouse of the store and every block of it can be read."""
    missing = set(TABLES) - _tables(connection)
    if missing:
        raise Garbled(f"it has no table {', '.join(sorted(missing))}")
    origin = connection.execute("SELECT schema_version, store FROM origin").fetchall()
    if len(origin) != 1 or origin[0][0] != SCHEMA_VERSION:
        raise Garbled(f"its schema is not version {SCHEMA_VERSION}")
    if origin[0][1] != store.hex():
        raise Garbled("it is another store's")
    for table in TABLES:
        connection.execute(f"SELECT bit_xor(hash(t)) FROM {table} t").fetchall()


def _raise_if_not_garbled(path: Path, error: duckdb.Error) -> None:
    if _LOCKED in str(error):
        raise WarehouseInUse(path) from error
    if any(words in str(error) for words in _NOT_THE_FILES_FAULT):
        raise WarehouseUnavailable(_first_line(error)) from error


def _set_aside(path: Path, wall_ms: int) -> Path:
    """Moves the file and its log to the first free name; returns it. Raises WarehouseUnavailable."""
    number = 0
    target = path.with_name(f"{path.name}.set-aside-{wall_ms}")
    while target.exists() or target.with_name(target.name + ".wal").exists():
        number += 1
        target = path.with_name(f"{path.name}.set-aside-{wall_ms}-{number}")
    try:
        for suffix in ("", ".wal"):
            source = path.with_name(path.name + suffix)
            if source.exists():
                source.rename(target.with_name(target.name + suffix))
    except OSError as error:
        raise WarehouseUnavailable(f"{path} cannot be set aside: {error.strerror}") from error
    return target


def _time(wall_ms: int) -> int:
    return in_calendar(wall_ms)


def _first_line(error: Exception) -> str:
    lines: Sequence[str] = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
