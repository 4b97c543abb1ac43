"""The errors of the disk, by whose fault they are.

    NodeError
    ├── DiskFailed (node.errors)   the device refused a write or a sync: appends are refused until the store is opened again
    │   └── DiskFull               the same, for want of space, after the ballast was given up
    └── StoreError
        ├── DirectoryInUse         another process has this data directory open
        ├── SchemaTooNew           a newer tillmesh wrote this file
        ├── NotAJournalStore       the file is another database, or no database
        ├── StoreDamaged           the database's own structure is broken: it cannot be opened or walked
        ├── BlockDamaged           bit rot in one block of one journal
        ├── NotHeld                this entry is not on this disk
        ├── GapInJournal           an append that does not continue the journal as held: the caller's mistake
        └── StoreClosed            the store was closed

`code` is stable and is what the API answers.
"""

from __future__ import annotations

from crdt_models.values.identity import JournalId
from node.errors import DiskFailed, NodeError


class DiskFull(DiskFailed):
    """The disk has no room, the ballast is spent too; nothing was recorded."""

    code = "disk_full"

    def __str__(self) -> str:
        return f"the disk is full ({self.reason}): nothing was recorded; make room on it, then restart this node"


class StoreError(NodeError):
    """Root of what a journal store refuses."""

    code = "store_error"


class DirectoryInUse(StoreError):
    """Another process has `directory` open; pid: its process id, 0 when it could not be read."""

    code = "directory_in_use"

    def __init__(self, directory: str, pid: int) -> None:
        super().__init__(directory, pid)
        self.directory, self.pid = directory, pid

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"{self.directory} is in use by {who}: stop that node first, or give this one a directory of its own"


class SchemaTooNew(StoreError):
    """`path` has schema `found`; this version knows up to `known`. The file was not touched."""

    code = "schema_too_new"

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(path, found, known)
        self.path, self.found, self.known = path, found, known

    def __str__(self) -> str:
        return (
            f"{self.path} has schema version {self.found}, this tillmesh knows up to {self.known}: it was written by a newer "
            "version; install that one (the file was not touched)"
        )


class NotAJournalStore(StoreError):
    """`path` is not a journal store; `reason` says what it is. The file was not touched."""

    code = "not_a_journal_store"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path} is not a journal store of tillmesh: {self.reason} (the file was not touched)"


class StoreDamaged(StoreError):
    """The structure of the database at `path` is broken, so it cannot be read further."""

    code = "store_damaged"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return (
            f"{self.path} is damaged ({self.reason}): move it aside and start again; this node then sells under a new series "
            "and takes the journals from its peers"
        )


class BlockDamaged(StoreError):
    """Bytes at rest changed: entries first..last of `journal` cannot be trusted. Numbers before `first` are whole."""

    code = "block_damaged"

    def __init__(self, journal: JournalId, first: int, last: int, reason: str) -> None:
        super().__init__(journal, first, last, reason)
        self.journal, self.first, self.last, self.reason = journal, first, last, reason

    def __str__(self) -> str:
        return f"journal {self.journal.hex()} is damaged from entry {self.first} to {self.last}: {self.reason}"


class NotHeld(StoreError):
    """Entry `seq` of `journal` is not on this disk."""

    code = "not_held"

    def __init__(self, journal: JournalId, seq: int) -> None:
        super().__init__(journal, seq)
        self.journal, self.seq = journal, seq

    def __str__(self) -> str:
        return f"entry {self.seq} of journal {self.journal.hex()} is not held here"


class GapInJournal(StoreError):
    """`offered` does not follow `held`, the highest number of `journal` here; nothing of the batch was written."""

    code = "gap_in_journal"

    def __init__(self, journal: JournalId, held: int, offered: int) -> None:
        super().__init__(journal, held, offered)
        self.journal, self.held, self.offered = journal, held, offered

    def __str__(self) -> str:
        return f"entry {self.offered} of journal {self.journal.hex()} does not follow {self.held}, the highest held"


class StoreClosed(StoreError):
    """The store was closed; open it again."""

    code = "store_closed"

    def __str__(self) -> str:
        return "the journal store is closed"
