"""A full disk and a failing sync: the ballast carries sales on while an alarm rings; what a sync refused is never answered."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from node.disk import limits
from node.disk.errors import DiskFull
from node.disk.journal_file import JournalFile
from node.disk.journal_store import JournalStore
from node.errors import DiskFailed
from tests.node.disk.faulty_disk import FaultyDisk
from tests.node.disk.journal_entries import TILL_1, TILL_2, entries, entry

BALLAST = 16 * 1024 * 1024


@pytest.fixture
def alarms() -> list[str]:
    return []


def filled_to_the_brim(disk: FaultyDisk, data: Path, ballast: int) -> None:
    """From now on the files may have what they have, and the ballast's bytes when it is gone."""
    used = disk.used()
    disk.room = lambda: used if (data / "ballast").exists() else used + ballast


def test_sales_go_on_from_the_ballast_while_the_alarm_rings(
    tmp_path: Path, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least 500 sales of 25 lines, each line a commit of its own, after the last free byte is gone."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    disk = FaultyDisk()
    file = JournalFile(tmp_path, lambda code, _: alarms.append(code), BALLAST, disk.vfs_name)
    file.append(entries(TILL_1, 1, 10))
    filled_to_the_brim(disk, tmp_path, BALLAST)
    for seq in range(11, 11 + 500 * 26):
        file.append([entry(TILL_1, seq, 370)])
        file.tidy(idle=True)
    assert alarms == ["disk_full"]
    assert not (tmp_path / "ballast").exists()
    file.close()
    disk.room = None
    file = JournalFile(tmp_path, ballast_bytes=BALLAST, vfs=disk.vfs_name)
    assert file.tips[TILL_1].seq == 10 + 500 * 26
    assert file.structure_faults() == []
    assert (tmp_path / "ballast").stat().st_size == BALLAST
    file.close()


def test_when_the_ballast_is_spent_too_nothing_is_answered_and_nothing_is_corrupt(
    tmp_path: Path, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "wal_bytes", 64 * 1024)
    disk = FaultyDisk()
    file = JournalFile(tmp_path, lambda code, _: alarms.append(code), 100_000, disk.vfs_name)
    file.append(entries(TILL_1, 1, 1))
    filled_to_the_brim(disk, tmp_path, 100_000)
    seq = 1
    with pytest.raises(DiskFull) as refused:
        while True:
            file.append([entry(TILL_1, seq + 1, 5_000)])
            seq += 1
            file.tidy(idle=True)
    assert seq > 10
    assert "make room" in str(refused.value)
    assert file.tips[TILL_1].seq == seq
    with pytest.raises(DiskFull):
        file.append([entry(TILL_2, 1, 10)])
    assert file.read_one(TILL_1, seq) == entry(TILL_1, seq, 5_000).raw
    file.close()
    disk.room = None
    file = JournalFile(tmp_path, ballast_bytes=0, vfs=disk.vfs_name)
    assert {journal: tip.seq for journal, tip in file.tips.items()} == {TILL_1: seq}
    assert file.structure_faults() == []
    file.append([entry(TILL_1, seq + 1)])
    file.close()


def test_a_node_starts_on_a_full_disk_by_giving_the_ballast_up(tmp_path: Path, alarms: list[str]) -> None:
    disk = FaultyDisk()
    file = JournalFile(tmp_path, ballast_bytes=100_000, vfs=disk.vfs_name)
    file.append(entries(TILL_1, 1, 400))
    file.close()
    del disk.files[f"{tmp_path}/journals.db-wal"]
    filled_to_the_brim(disk, tmp_path, 100_000)
    file = JournalFile(tmp_path, lambda code, _: alarms.append(code), 100_000, disk.vfs_name)
    file.append([entry(TILL_1, 401)])
    assert alarms[0] == "disk_full"
    file.close()


def test_the_ballast_is_taken_again_when_there_is_room(
    tmp_path: Path, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "checkpoint_pages_idle", 1)
    file = JournalFile(tmp_path, lambda code, _: alarms.append(code), 4096)
    (tmp_path / "ballast").unlink()
    file.append(entries(TILL_1, 1, 1))
    file.tidy(idle=True)
    assert alarms == ["ballast_back"]
    assert (tmp_path / "ballast").stat().st_size == 4096
    file.close()


def test_a_disk_without_room_for_the_ballast_says_so_and_sells(
    tmp_path: Path, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(handle: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("node.disk.ballast._reserve", no_room)
    file = JournalFile(tmp_path, lambda code, _: alarms.append(code), 4096)
    file.append(entries(TILL_1, 1, 1))
    assert alarms == ["ballast_missing"]
    assert not (tmp_path / "ballast").exists()
    file.close()


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_after_a_failed_sync_nothing_is_answered_until_the_store_is_opened_again(tmp_path: Path, nth: int) -> None:
    """The kernel may call the lost pages clean: a retry would lie. Every group commit after it is refused, reading goes on."""

    async def story() -> None:
        disk = FaultyDisk()
        store = await JournalStore.open(tmp_path, ballast_bytes=0, vfs=disk.vfs_name)
        await store.append(entries(TILL_1, 1, 3))
        disk.fail_sync_at = disk.syncs + nth
        acked = 3
        with pytest.raises(DiskFailed, match="SQLITE_IOERR_FSYNC") as refused:
            for seq in range(4, 20):
                await store.append([entry(TILL_1, seq)])
                acked = seq
        assert "this node stops taking money" in str(refused.value)
        assert store.failed is refused.value
        for late in (store.append([entry(TILL_2, 1)]), store.remember("key", b""), store.forget("key")):
            with pytest.raises(DiskFailed):
                await late
        assert [(held.journal, held.seq) for held in store.journals()] == [(TILL_1, acked)]
        assert await store.read_one(TILL_1, 2) == entry(TILL_1, 2).raw
        await store.close()
        disk.power_cut()
        store = await JournalStore.open(tmp_path, ballast_bytes=0, vfs=disk.vfs_name)
        held = store.journals()[0].seq
        assert held >= acked
        await store.append([entry(TILL_1, held + 1)])
        await store.close()

    asyncio.run(story())


def test_appends_that_waited_behind_a_failing_one_are_refused_too(tmp_path: Path) -> None:
    async def story() -> None:
        disk = FaultyDisk()
        store = await JournalStore.open(tmp_path, ballast_bytes=0, vfs=disk.vfs_name)
        await store.append(entries(TILL_1, 1, 3))
        disk.fail_sync_at = disk.syncs + 1
        asked = [store.append([entry(TILL_1, seq)]) for seq in range(4, 30)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(answer, DiskFailed) for answer in answers)
        await store.close()

    asyncio.run(story())


def test_a_mistake_on_the_thread_reaches_the_caller_and_ends_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        store = await JournalStore.open(tmp_path, ballast_bytes=0)
        await store.append([entry(TILL_1, 1)])
        with pytest.raises(ZeroDivisionError):
            await store.verify(lambda *_: str(1 // 0))
        await store.append([entry(TILL_1, 2)])

        def broken(*_: object) -> None:
            raise ZeroDivisionError("ours")

        monkeypatch.setattr("node.disk.journal_file.seal", broken)
        with pytest.raises(DiskFailed, match="ours"):
            await store.append([entry(TILL_1, 3)])
        monkeypatch.undo()
        with pytest.raises(DiskFailed):
            await store.append([entry(TILL_1, 4)])
        assert store.journals()[0].seq == 2
        await store.close()

    asyncio.run(story())
