"""The table of blocks, read by journal and number. Whatever became of the bytes, what comes out is whole or a named error.

The key of a row is (journal number, first seq) in one integer, so a range of one journal is a range of keys, and the block that
holds a number is the last one whose key is not above it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import apsw

from crdt_models.values.identity import JournalId
from node.disk import limits
from node.disk.block import SEQ_BITS, Block, Row, first_of, place, unseal
from node.disk.errors import BlockDamaged

COLUMNS = "place, last, tip, shape, checksum, body"


class BlockRows:
    """Reading of `blocks`; number: of the journal, as in the table `journals`."""

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database

    def downwards(self, number: int) -> Generator[Row, None, None]:
        """The journal's rows from the last to the first, not judged; close it when done. Raises apsw.Error."""
        rows: Any = self._database.execute(
            f"SELECT {COLUMNS} FROM blocks WHERE place BETWEEN ? AND ? ORDER BY place DESC",
            (place(number, 0), place(number, limits.seq_max)),
        )
        try:
            yield from rows
        finally:
            rows.close()

    def begin(self, number: int, seq: int) -> int:
        """The key of the block that holds `seq`, or the key that it would have. Raises apsw.Error."""
        key: int | None = self._database.execute(
            "SELECT max(place) FROM blocks WHERE place <= ?", (place(number, seq),)
        ).get
        return key if key is not None and key >> SEQ_BITS == number else place(number, seq)

    def next_after(self, number: int, seq: int, last: int) -> int:
        """The first number of the next block that begins above `seq`, up to `last`; 0 if there is none. Raises apsw.Error."""
        key: int | None = self._database.execute(
            "SELECT min(place) FROM blocks WHERE place > ? AND place <= ?", (place(number, seq), place(number, last))
        ).get
        return 0 if key is None else first_of(key)

    def blocks(self, journal: JournalId, number: int, first: int, last: int) -> Iterator[Block]:
        """The blocks that hold first..last, each whole and following the one before. Raises BlockDamaged."""
        if first > last:
            return
        expected = 0
        try:
            rows = self._database.execute(
                f"SELECT {COLUMNS} FROM blocks WHERE place BETWEEN ? AND ? ORDER BY place",
                (self.begin(number, first), place(number, last)),
            )
            try:
                for row in rows:
                    block = unseal(journal, row)
                    if expected != block.first and (expected or block.first > first):
                        raise BlockDamaged(journal, expected or first, block.first - 1, "a row is missing")
                    if not expected and block.last < first:
                        raise BlockDamaged(journal, first, last, "a row is missing")
                    expected = block.last + 1
                    yield block
            finally:
                rows.close()
        except apsw.Error as error:
            raise BlockDamaged(journal, expected or first, last, f"SQLite cannot read it: {error}") from error
        if expected <= last:
            raise BlockDamaged(journal, max(expected, first), last, "a row is missing")
