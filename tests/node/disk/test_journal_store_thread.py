"""What only the store on disk has: its thread, group commit, blocks, and alarms that arrive on the loop."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import apsw
import pytest

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import JournalId
from node.disk import limits
from node.disk.journal_file import JournalFile
from node.disk.journal_store import JournalStore
from node.disk.store import NewEntry
from node.errors import DiskFailed
from tests.node.disk.journal_entries import TILL_1, TILL_2, entries, entry, mark


def rows(directory: Path) -> list[tuple[int, int, int]]:
    """(journal number, first, last) of every block of a closed store."""
    database = apsw.Connection(str(directory / "journals.db"))
    found = database.execute("SELECT place >> 40, place & 0xffffffffff, last FROM blocks ORDER BY place").fetchall()
    database.close()
    return [(int(number), int(first), int(last)) for number, first, last in found]  # type: ignore[arg-type]


def test_a_commit_is_one_row_for_each_journal_in_it(tmp_path: Path) -> None:
    file = JournalFile(tmp_path, ballast_bytes=0)
    file.append([entry(TILL_1, 1), entry(TILL_2, 1), entry(TILL_1, 2), entry(TILL_2, 2)])
    file.append(entries(TILL_2, 3, 9))
    file.close()
    assert rows(tmp_path) == [(1, 1, 2), (2, 1, 2), (2, 3, 9)]


def test_a_commit_larger_than_a_block_is_several_rows(tmp_path: Path) -> None:
    file = JournalFile(tmp_path, ballast_bytes=0)
    half = limits.block_bytes_max // 2
    sizes = [10, half, half, half, 3 * half, 10, half]
    file.append([entry(TILL_1, seq, size) for seq, size in enumerate(sizes, 1)])
    expected = [entry(TILL_1, seq, size).raw for seq, size in enumerate(sizes, 1)]
    assert file.read_range(TILL_1, 1, 9, 1 << 30) == (expected, 7)
    assert file.read_range(TILL_1, 3, 9, half) == (expected[2:3], 3)
    file.close()
    assert rows(tmp_path) == [(1, 1, 2), (1, 3, 4), (1, 5, 5), (1, 6, 7)]


def test_what_is_asked_for_during_a_commit_shares_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the thread stands in the first commit, forty more are asked for: one further commit takes them all."""
    commits = 0
    standing, go_on = threading.Event(), threading.Event()
    real = JournalFile.append

    def append(self: JournalFile, batch: list[NewEntry], start: None = None) -> None:
        nonlocal commits
        commits += 1
        standing.set()
        assert go_on.wait(10)
        real(self, batch, start)

    monkeypatch.setattr(JournalFile, "append", append)

    async def story() -> None:
        async with await JournalStore.open(tmp_path, ballast_bytes=0) as store:
            first = asyncio.ensure_future(store.append([entry(TILL_1, 1)]))
            await asyncio.to_thread(standing.wait)
            others = [asyncio.ensure_future(store.append([entry(TILL_1, seq)])) for seq in range(2, 42)]
            await asyncio.sleep(0)
            assert not any(one.done() for one in (first, *others))
            assert store.journals() == [], "nothing is shown as held before it is durable"
            go_on.set()
            await asyncio.gather(first, *others)

    asyncio.run(story())
    assert commits == 2
    assert rows(tmp_path) == [(1, 1, 1), (1, 2, 41)]


def test_a_start_that_shares_its_commit_is_still_marked(tmp_path: Path) -> None:
    async def story() -> None:
        async with await JournalStore.open(tmp_path, ballast_bytes=0) as store:
            await asyncio.gather(
                store.append([entry(TILL_2, 1)]),
                store.append([entry(TILL_1, 1)], mark(TILL_1)),
                store.append([entry(TILL_1, 2), entry(TILL_2, 2)]),
            )
            assert store.last_start
            assert store.last_start.mark == mark(TILL_1)
            assert store.last_written
            assert store.last_written.seq == 2

    asyncio.run(story())


def test_an_alarm_arrives_on_the_loops_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(handle: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("node.disk.ballast._reserve", no_room)
    heard: list[tuple[str, bool]] = []

    async def story() -> None:
        here = threading.current_thread()
        store = await JournalStore.open(
            tmp_path, on_alarm=lambda code, text: heard.append((code, threading.current_thread() is here))
        )
        await store.close()

    asyncio.run(story())
    assert heard == [("ballast_missing", True)]


def test_a_closed_store_leaves_no_thread_behind(tmp_path: Path) -> None:
    async def story() -> None:
        store = await JournalStore.open(tmp_path, ballast_bytes=0)
        names = {thread.name for thread in threading.enumerate()}
        await store.close()
        assert "tillmesh-journals" in names

    asyncio.run(story())
    assert "tillmesh-journals" not in {thread.name for thread in threading.enumerate()}


def test_a_directory_that_cannot_be_made_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskFailed, match="file/data"):
        asyncio.run(JournalStore.open(tmp_path / "file" / "data"))


def test_limits_of_journals_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "journals_max", 1)
    file = JournalFile(tmp_path, ballast_bytes=0)
    file.append([entry(TILL_1, 1)])
    file.append([entry(TILL_1, 2)])
    with pytest.raises(InvalidValue, match="at most 1 journals"):
        file.append([entry(TILL_2, 1)])
    for wrong in (
        NewEntry(TILL_1, 3, b"raw", b"short hash", True),
        NewEntry(JournalId(b"short"), 1, b"raw", bytes(32), True),
    ):
        with pytest.raises(ValueError, match="impossible"):
            file.append([wrong])
    file.close()


def test_a_long_log_is_copied_when_idle_and_keeps_its_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "wal_bytes", 256 * 1024)
    monkeypatch.setattr(limits, "checkpoint_pages_idle", 20)
    file = JournalFile(tmp_path, ballast_bytes=0)
    for seq in range(1, 200):
        file.append([entry(TILL_1, seq, 2_000)])
        file.tidy(idle=True)
    assert (tmp_path / "journals.db-wal").stat().st_size == 256 * 1024
    assert (tmp_path / "journals.db").stat().st_size > 180 * 2_000
    file.close()
