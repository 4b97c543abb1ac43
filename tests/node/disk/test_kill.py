"""A real process that appends is killed with `kill -9` at a random instant, again and again on one directory."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from node.disk.directory_lock import DirectoryLock
from node.disk.errors import DirectoryInUse
from node.disk.journal_file import JournalFile
from tests.node.disk.journal_entries import TILL_1, TILL_2, entry

ROOT = Path(__file__).parents[3]
SEED = 20261124
KILLS = 12


def start(data: Path, state: Path, life: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.node.disk.appending_child", str(data), str(state), str(life)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1)


def test_a_killed_process_loses_no_answered_entry_and_every_start_is_proven(tmp_path: Path) -> None:
    data, state = tmp_path / "data", tmp_path / "state"
    chance = random.Random(SEED)
    acked: dict[bytes, int] = {}
    for life in range(KILLS):
        child = start(data, state, life)
        assert child.stdout
        assert child.stdout.readline().split() == ["proven", str(life > 0)]
        for _ in range(chance.randrange(1, 120)):
            journal, seq = child.stdout.readline().split()
            acked[bytes.fromhex(journal)] = int(seq)
        child.kill()
        for line in child.stdout.read().splitlines():
            if len(words := line.split()) == 2 and len(words[0]) == 48:
                acked[bytes.fromhex(words[0])] = int(words[1])
        child.wait()
        child.stdout.close()
        file = JournalFile(data, ballast_bytes=0)
        held = {bytes(journal): tip.seq for journal, tip in file.tips.items()}
        assert held.keys() == acked.keys(), f"seed {SEED}, life {life}"
        for journal, tip in file.tips.items():
            assert tip.seq >= acked[journal], f"seed {SEED}, life {life}"
            raws, last = file.read_range(journal, 1, tip.seq, 1 << 30)
            assert last == tip.seq == len(raws)
            assert raws[-1][:20] == entry(journal, tip.seq).raw[:20]
        assert held[TILL_2] % 20 == 0, "a batch is whole or absent"
        assert file.last_written
        assert file.last_written.journal.startswith(b"life-%02d" % life)
        assert file.structure_faults() == []
        acked = held
        file.close()


def test_a_second_process_is_told_who_has_the_directory(tmp_path: Path) -> None:
    child = start(tmp_path / "data", tmp_path / "state", 0)
    assert child.stdout
    child.stdout.readline()
    with pytest.raises(DirectoryInUse) as refused:
        JournalFile(tmp_path / "data", ballast_bytes=0)
    assert refused.value.pid == child.pid
    assert f"process {child.pid}" in str(refused.value)
    child.kill()
    child.wait()
    child.stdout.close()
    JournalFile(tmp_path / "data", ballast_bytes=0).close()


def test_a_lock_left_by_a_dead_process_does_not_stop_a_shop(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("999999 and an older, longer line\n")
    lock = DirectoryLock(tmp_path)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    with pytest.raises(DirectoryInUse):
        DirectoryLock(tmp_path)
    lock.release()
    lock.release()
    DirectoryLock(tmp_path).release()


def test_a_failed_opening_lets_go_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "journals.db").write_bytes(b"no database" * 500)
    for _ in range(2):
        with pytest.raises(Exception, match="is not a journal store"):
            JournalFile(tmp_path, ballast_bytes=0)
    (tmp_path / "journals.db").unlink()
    file = JournalFile(tmp_path, ballast_bytes=0)
    file.append([entry(TILL_1, 1)])
    file.close()
