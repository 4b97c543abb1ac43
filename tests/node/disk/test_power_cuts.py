"""Power cuts on the real SQLite: at every sync and every write of a small day, only work that was not answered may be lost."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from crdt_models.values.identity import JournalId
from node.disk import limits
from node.disk.errors import StoreDamaged
from node.disk.journal_file import JournalFile
from node.disk.store import NewEntry
from node.errors import DiskFailed
from tests.node.disk.faulty_disk import FaultyDisk
from tests.node.disk.journal_entries import TILL_1, TILL_2, entry, mark


@pytest.fixture(autouse=True)
def short_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log so short that the day copies it several times, at sizes that a test can walk through."""
    monkeypatch.setattr(limits, "wal_bytes", 96 * 1024)
    monkeypatch.setattr(limits, "checkpoint_pages_idle", 12)
    monkeypatch.setattr(limits, "block_bytes_max", 6_000)


class Day:
    """A node's day on a faulty disk: opens, appends batches over two journals, remembers, copies the log; keeps the answers."""

    def __init__(self, disk: FaultyDisk, directory: Path, seed: int) -> None:
        self.disk, self.directory = disk, directory
        self.chance = random.Random(seed)
        self.acked: dict[JournalId, int] = {}
        self.asked: dict[JournalId, int] = {}
        self.remembered: dict[str, bytes] = {}
        self.marked = False

    def open(self) -> JournalFile:
        return JournalFile(self.directory, ballast_bytes=0, vfs=self.disk.vfs_name)

    def run(self, batches: int = 14) -> None:
        """Ends early, without a word, when the disk dies."""
        file: JournalFile | None = None
        with contextlib.suppress(DiskFailed):
            file = self.open()
            for number in range(batches):
                self._append(file, self._batch(dict(self.acked)))
                if number % 4 == 1:
                    file.remember("cursor", b"%d" % number)
                    self.remembered["cursor"] = b"%d" % number
                file.tidy(idle=True)
        if file:
            file.close()

    def _batch(self, heads: dict[JournalId, int]) -> list[NewEntry]:
        batch = []
        for _ in range(self.chance.choice((1, 1, 2, 30))):
            journal = self.chance.choice((TILL_1, TILL_2)) if self.acked else TILL_1
            heads[journal] = heads.get(journal, 0) + 1
            batch.append(entry(journal, heads[journal], self.chance.choice((60, 300, 900, 9_000))))
        self.asked = heads
        return batch

    def _append(self, file: JournalFile, batch: list[NewEntry]) -> None:
        self.sizes.update({(one.journal, one.seq): one for one in batch})
        file.append(batch, None if self.marked else mark(TILL_1))
        self.marked = True
        self.acked = self.asked

    @property
    def sizes(self) -> dict[tuple[JournalId, int], NewEntry]:
        return self.__dict__.setdefault("_sizes", {})

    def check(self) -> None:
        """Open again: all that was answered is there, the last batch whole or absent, every byte right, and work goes on."""
        file = self.open()
        held = {journal: tip.seq for journal, tip in file.tips.items()}
        assert held in (self.acked, self.asked)
        assert not file.found_at_opening
        assert file.structure_faults() == []
        for journal, seq in held.items():
            raws, last = file.read_range(journal, 1, seq, 1 << 30)
            assert last == seq
            assert raws == [self.sizes[journal, n].raw for n in range(1, seq + 1)]
            assert file.tips[journal].hash == self.sizes[journal, seq].hash
        if self.acked:
            assert file.last_start and file.last_start.mark == mark(TILL_1)
            assert file.last_written == file.tips[TILL_1]
        if "cursor" in self.remembered:
            value = file.recall("cursor")
            assert value and int(value) >= int(self.remembered["cursor"])
        self.marked = bool(held)
        self._append(file, [entry(TILL_1, held.get(TILL_1, 0) + 1)])
        file.close()


def day_length(tmp_path: Path, seed: int) -> tuple[int, int]:
    """Syncs and writes of an undisturbed day."""
    disk = FaultyDisk(seed)
    day = Day(disk, tmp_path / "undisturbed", seed)
    day.run()
    assert sum(day.acked.values()) > 14
    return disk.syncs, disk.writes


def test_a_power_cut_at_any_sync_loses_only_unanswered_work(tmp_path: Path) -> None:
    seed = 1
    syncs, _ = day_length(tmp_path, seed)
    assert syncs > 25
    for cut in range(1, syncs + 1):
        for variant in range(3):
            disk = FaultyDisk(1_000 * variant + cut)
            day = Day(disk, tmp_path / f"{cut}-{variant}", seed)
            disk.cut_at_sync = cut
            day.run()
            assert disk.dead, f"the day ended before sync {cut}"
            disk.power_cut()
            day.check()


def test_a_power_cut_at_any_write_tears_nothing_that_was_answered(tmp_path: Path) -> None:
    seed = 2
    _, writes = day_length(tmp_path, seed)
    assert writes > 80
    for cut in range(1, writes + 1):
        disk = FaultyDisk(cut)
        day = Day(disk, tmp_path / str(cut), seed)
        disk.cut_at_write = cut
        day.run()
        assert disk.dead, f"the day ended before write {cut}"
        disk.power_cut()
        day.check()


def test_a_process_that_dies_and_then_a_power_cut_take_nothing_back_that_was_told_as_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit was written but not synced when the process died. The next process reads it, tells peers that it is held,
    and then the power goes: it must still be there. (Extending the log syncs it too, by chance: not here.)"""
    monkeypatch.setattr("node.disk.database._extend_log", lambda database, path: None)
    survived_unsynced = 0
    syncs, _ = day_length(tmp_path, 3)
    for cut in range(8, syncs + 1):
        disk = FaultyDisk(cut)
        day = Day(disk, tmp_path / str(cut), 3)
        disk.cut_at_sync = cut
        day.run()
        disk.restart()
        file = day.open()
        told = {journal: tip.seq for journal, tip in file.tips.items()}
        survived_unsynced += told != day.acked
        disk.dead = True
        file.close()
        disk.power_cut()
        file = day.open()
        assert {journal: tip.seq for journal, tip in file.tips.items()} == told
        file.close()
    assert survived_unsynced > 5, "no commit was read back unsynced: the story did not happen"


def test_on_a_disk_whose_syncs_lie_the_same_checks_find_lost_work(tmp_path: Path) -> None:
    """The checks can fail: a device that says yes and keeps nothing is found out."""
    lost = 0
    for seed in range(10):
        disk = FaultyDisk(seed)
        day = Day(disk, tmp_path / str(seed), 1)
        day.open().close()
        disk.syncs_lie = True
        day.run(6)
        disk.power_cut()
        try:
            day.check()
        except (AssertionError, DiskFailed, StoreDamaged):
            lost += 1
    assert lost >= 5
