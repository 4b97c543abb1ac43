"""Every bound of the disk, with its unit and its reason. Reaching one is an error by name, or a cut that is documented."""

from __future__ import annotations

from typing import Final

schema_version: Final = 1
"""Version of the tables. A file with a larger one was written by a newer tillmesh and is left alone."""

application_id: Final = 0x746D_6A73
"""SQLite's application id of a journal store, "tmjs": tells it from any other database that lies about."""

block_bytes_max: Final = 128 * 1024
"""Bytes of entries in one block row, unless one entry alone is larger. A range of 64 KiB then reads at most two blocks too
many; a commit above it writes several rows (a catch-up, never a sale)."""

chunk_bytes: Final = 1024 * 1024
"""Bytes of entries that one step of a refold or a verify walk reads: a step takes about 10 ms, so appends get between."""

unsigned_run_bytes_max: Final = 64 * 256 * 1024
"""Bytes read in search of a signed entry. A commit signs at least every 64th entry and an entry has at most 256 KiB, so a
longer run is no journal of ours and is cut where it stands."""

seq_max: Final = (1 << 40) - 1
"""Highest number in one journal: a till with 1,000 entries a second needs 34 years."""

journals_max: Final = 1 << 22
"""Journals in one store: 60 nodes restarting every hour need 8 years."""

ballast_bytes: Final = 16 * 1024 * 1024
"""Bytes reserved for the day the disk is full: 500 sales of 25 lines handed over line by line are 5 MB of entries, 7.5 MB
in pages that are two thirds full."""

ballast_return_factor: Final = 4
"""The ballast is taken again when the disk has this many times its size free: not at the first byte, to not ring twice."""

wal_bytes: Final = 8 * 1024 * 1024
"""Bytes to which the write-ahead log is extended beforehand: a commit into existing blocks needs no file system journal
(0.24 against 0.44 ms). Room for 2,000 pages, about 1,000 small commits."""

wal_write_bytes: Final = 64 * 1024
"""Bytes of one write while extending: SQLite's unix layer takes fewer than 128 KiB at a time."""

checkpoint_pages_idle: Final = 500
"""Pages in the log from which an idle store copies them into the database: with 100 sales a second every 3 s, about 10 ms."""

checkpoint_pages_busy: Final = 1_800
"""Pages in the log from which it is done even under load: just below `wal_bytes`, so that the log need not grow."""

page_cache_kib: Final = 8 * 1024
"""KiB of SQLite's page cache: the rightmost pages of every live journal, with room for a refold."""

memory_keys_max: Final = 10_000
"""Keys of the small memory: addresses of 256 peers and a cursor or two; a flood of discovered names ends here."""

memory_key_characters_max: Final = 200
"""Characters of one key of the small memory."""

memory_value_bytes_max: Final = 64 * 1024
"""Bytes of one value of the small memory: it holds addresses, not goods."""

faults_max: Final = 1_000
"""Faults that one verify walk lists; a disk with more is replaced, not read."""

close_seconds_max: Final = 30
"""Seconds that closing waits for the last commits; a disk that takes longer is left to the operating system."""
