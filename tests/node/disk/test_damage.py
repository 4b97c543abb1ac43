"""Bit rot at rest: found on reading and by the verify walk, named by journal and number, and never handed on."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import apsw
import pytest

from crdt_models.values.identity import JournalId
from node.disk import limits
from node.disk.errors import BlockDamaged, NotAJournalStore, SchemaTooNew, StoreDamaged
from node.disk.journal_file import JournalFile
from node.disk.journal_store import JournalStore
from node.disk.store import Fault, Verification
from node.errors import NodeError
from tests.node.disk.journal_entries import TILL_1, TILL_2, entries, entry, mark


def fill(directory: Path) -> None:
    """Till 1 with ten commits of three entries, opened here; till 2 with five of one."""
    file = JournalFile(directory, ballast_bytes=0)
    for first in range(1, 31, 3):
        file.append(entries(TILL_1, first, first + 2), mark(TILL_1) if first == 1 else None)
    for seq in range(1, 6):
        file.append([entry(TILL_2, seq)])
    file.close()


def flip(directory: Path, journal: JournalId, seq: int) -> None:
    """Change one bit in the middle of an entry, in the file; also in copies that SQLite left in the slack of its pages."""
    path = directory / "journals.db"
    raw = entry(journal, seq).raw
    worn = bytearray(raw)
    worn[150] ^= 0x10
    content = path.read_bytes()
    assert raw in content
    path.write_bytes(content.replace(raw, worn))


def verify(directory: Path) -> Verification:
    async def story() -> Verification:
        async with await JournalStore.open(directory, ballast_bytes=0) as store:
            return await store.verify()

    return asyncio.run(story())


def test_a_flipped_bit_is_found_on_reading_and_named(tmp_path: Path) -> None:
    fill(tmp_path)
    flip(tmp_path, TILL_1, 14)
    file = JournalFile(tmp_path, ballast_bytes=0)
    assert file.found_at_opening == []
    for read in (
        lambda: file.read_one(TILL_1, 13),
        lambda: file.read_range(TILL_1, 10, 30, 1 << 20),
        lambda: file.runs((0, 0), {}),
    ):
        with pytest.raises(BlockDamaged) as damage:
            read()
        assert (damage.value.journal, damage.value.first, damage.value.last) == (TILL_1, 13, 15)
        assert TILL_1.hex() in str(damage.value)
    assert file.read_range(TILL_1, 1, 12, 1 << 20)[1] == 12
    assert file.read_range(TILL_1, 16, 30, 1 << 20)[1] == 30
    assert file.read_one(TILL_2, 5) == entry(TILL_2, 5).raw
    file.close()


def test_verify_lists_every_damaged_block_and_counts_what_is_whole(tmp_path: Path) -> None:
    fill(tmp_path)
    flip(tmp_path, TILL_1, 1)
    flip(tmp_path, TILL_1, 14)
    flip(tmp_path, TILL_2, 2)
    found = verify(tmp_path)
    assert [(fault.journal, fault.seq) for fault in found.faults] == [(TILL_1, 1), (TILL_1, 13), (TILL_2, 2)]
    assert (found.journals, found.entries, found.bytes) == (2, 35 - 7, 300 * (35 - 7))


def test_a_lost_row_is_a_fault_too(tmp_path: Path) -> None:
    fill(tmp_path)
    with apsw.Connection(str(tmp_path / "journals.db")) as database:
        database.execute("DELETE FROM blocks WHERE place & 0xffffffffff IN (1, 13, 16) AND place >> 40 = 1")
    database.close()
    found = verify(tmp_path)
    assert found.faults == (Fault(TILL_1, 1, "a row is missing"), Fault(TILL_1, 13, "a row is missing"))
    assert found.entries == 35 - 9
    file = JournalFile(tmp_path, ballast_bytes=0)
    with pytest.raises(BlockDamaged) as damage:
        file.read_one(TILL_1, 14)
    assert (damage.value.first, damage.value.last) == (14, 14)
    file.close()


def test_a_row_that_wandered_to_another_journal_is_found(tmp_path: Path) -> None:
    fill(tmp_path)
    with apsw.Connection(str(tmp_path / "journals.db")) as database:
        database.execute("UPDATE blocks SET place = place + (1 << 40) WHERE place = (1 << 40 | 13)")
    database.close()
    assert {(fault.journal, fault.seq) for fault in verify(tmp_path).faults} >= {(TILL_1, 13)}


def test_a_damaged_tip_falls_back_to_the_last_whole_block_with_an_alarm(tmp_path: Path) -> None:
    fill(tmp_path)
    flip(tmp_path, TILL_1, 26)
    flip(tmp_path, TILL_1, 30)
    alarms: list[tuple[str, str]] = []
    file = JournalFile(tmp_path, lambda code, text: alarms.append((code, text)), 0)
    assert {journal: tip.seq for journal, tip in file.tips.items()} == {TILL_1: 24, TILL_2: 5}
    assert file.tips[TILL_1].hash == entry(TILL_1, 24).hash
    assert file.last_written == file.tips[TILL_1]
    assert file.own_set_aside == 2
    assert file.last_start
    assert file.last_start.own_set_aside == 0
    assert [code for code, _ in alarms] == ["block_set_aside"]
    assert TILL_1.hex() in alarms[0][1]
    assert [(fault.journal, fault.seq) for fault in file.found_at_opening] == [(TILL_1, 25)]
    file.append(entries(TILL_1, 25, 31))
    assert file.read_range(TILL_1, 20, 40, 1 << 20) == ([one.raw for one in entries(TILL_1, 20, 31)], 31)
    file.close()
    assert verify(tmp_path).faults == ()


def test_what_was_set_aside_at_the_opening_is_among_the_faults_of_that_verify(tmp_path: Path) -> None:
    fill(tmp_path)
    flip(tmp_path, TILL_2, 5)
    assert [(fault.journal, fault.seq) for fault in verify(tmp_path).faults] == [(TILL_2, 5)]


def test_damage_in_the_middle_can_be_set_aside_and_fetched_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with await JournalStore.open(tmp_path, ballast_bytes=0) as store:
            with pytest.raises(BlockDamaged) as damage:
                async for _ in store.runs():
                    pass
            assert await store.set_aside(damage.value.journal, damage.value.first) == 18
            assert {held.journal: held.seq for held in store.journals()} == {TILL_1: 12, TILL_2: 5}
            await store.append(entries(TILL_1, 13, 30))
            assert sum([len(run.raws) async for run in store.runs()]) == 35

    fill(tmp_path)
    flip(tmp_path, TILL_1, 13)
    asyncio.run(story())
    assert verify(tmp_path).faults == ()


@pytest.mark.parametrize("seed", range(40))
def test_any_few_flipped_bits_give_whole_entries_or_a_named_error(tmp_path: Path, seed: int) -> None:
    """Anywhere in the file: structure, small tables, blocks. Never other bytes, never an error without a name."""
    fill(tmp_path)
    path = tmp_path / "journals.db"
    content, chance = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(8):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)

    async def story() -> None:
        async with await JournalStore.open(tmp_path, ballast_bytes=0) as store:
            faults = (await store.verify()).faults
            for journal in (TILL_1, TILL_2):
                for seq in range(1, next((held.seq for held in store.journals() if held.journal == journal), 0) + 1):
                    try:
                        assert await store.read_one(journal, seq) == entry(journal, seq).raw
                    except BlockDamaged:
                        assert faults

    try:
        asyncio.run(story())
    except NodeError as error:
        assert error.code in {"store_damaged", "not_a_journal_store", "schema_too_new", "disk_failed"}


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    with apsw.Connection(str(tmp_path / "journals.db")) as database:
        database.pragma("user_version", 2)
    database.close()
    before = (tmp_path / "journals.db").read_bytes()
    with pytest.raises(SchemaTooNew, match="newer version") as refused:
        JournalFile(tmp_path, ballast_bytes=0)
    assert (refused.value.found, refused.value.known) == (2, 1)
    assert (tmp_path / "journals.db").read_bytes() == before


def test_another_programs_database_and_no_database_are_left_alone(tmp_path: Path) -> None:
    with apsw.Connection(str(tmp_path / "journals.db")) as database:
        database.execute("CREATE TABLE customers(name)")
    database.close()
    with pytest.raises(NotAJournalStore, match="another program"):
        JournalFile(tmp_path, ballast_bytes=0)
    (tmp_path / "journals.db").write_bytes(b"a letter to the bank" * 500)
    with pytest.raises(NotAJournalStore, match="no SQLite database"):
        JournalFile(tmp_path, ballast_bytes=0)
    assert (tmp_path / "journals.db").read_bytes() == b"a letter to the bank" * 500


def test_a_broken_structure_is_named_with_what_to_do(tmp_path: Path) -> None:
    fill(tmp_path)
    path = tmp_path / "journals.db"
    content = bytearray(path.read_bytes())
    content[100:4096] = bytes(3996)
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match="move it aside"):
        JournalFile(tmp_path, ballast_bytes=0)


def test_an_older_database_put_back_after_a_clean_stop_is_read_as_it_is(tmp_path: Path) -> None:
    """The log of the newer one still lies beside it, as long as ever, and must not be read into it."""
    fill(tmp_path)
    older = (tmp_path / "journals.db").read_bytes()
    file = JournalFile(tmp_path, ballast_bytes=0)
    file.append(entries(TILL_1, 31, 60))
    file.close()
    assert (tmp_path / "journals.db-wal").stat().st_size >= limits.wal_bytes
    (tmp_path / "journals.db").write_bytes(older)
    file = JournalFile(tmp_path, ballast_bytes=0)
    assert file.tips[TILL_1].seq == 30
    assert file.structure_faults() == []
    file.close()
