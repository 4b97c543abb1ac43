"""Rule J5: a start is proven on the disk that was written last, doubtful on a copy, a restored state, or another computer."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import pytest

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import JournalId
from node.disk.journal_file import JournalFile
from node.disk.start_proof import StartProof, Verdict, machine_id
from tests.node.disk.journal_entries import entry

_lives = itertools.count(1)


class Shop:
    """One data directory that is started again and again."""

    def __init__(self, tmp_path: Path, data: str = "data", machine: str = "machine-1") -> None:
        self.data, self.state, self.machine = tmp_path / data, tmp_path / "state", machine

    def start(self, crash_before_open: bool = False, settle: bool = False) -> Verdict:
        """One life of the node: judge, draw, append `open`, end."""
        life = next(_lives)
        journal = JournalId(b"%024d" % life)
        file = JournalFile(self.data, ballast_bytes=0)
        proof = StartProof(file.path, self.state, self.machine)
        verdict = proof.judge(file.last_start, file.own_set_aside)
        mark, problem = proof.draw(journal, lambda count: life.to_bytes(count, "big"))
        assert problem is None
        if not crash_before_open:
            file.append([entry(journal, 1)], mark)
            if settle:
                proof.settle()
        file.close()
        return verdict


def reasons(verdict: Verdict) -> str:
    assert not verdict.proven
    return "; ".join(verdict.reasons)


def test_the_first_start_proves_nothing_and_says_that_it_is_the_first(tmp_path: Path) -> None:
    verdict = Shop(tmp_path).start()
    assert verdict.first
    assert "no journal was ever opened" in reasons(verdict)
    assert "although" not in reasons(verdict)


def test_every_further_start_on_the_same_disk_is_proven(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.start()
    assert [shop.start(settle=settle) for settle in (False, True, False, True)] == [Verdict(True, (), False)] * 4


def test_crashes_between_token_and_open_entry_are_no_doubt(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.start()
    for _ in range(3):
        assert shop.start(crash_before_open=True).proven
    assert shop.start().proven
    assert shop.start().proven


def test_a_cloned_directory_is_doubtful_and_leaves_the_original_proven(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.start()
    shutil.copytree(shop.data, tmp_path / "clone")
    clone = Shop(tmp_path, "clone").start()
    assert "another file" in reasons(clone)
    assert "no start token" in reasons(clone)
    assert shop.start().proven


def test_a_disk_in_another_computer_is_doubtful(tmp_path: Path) -> None:
    Shop(tmp_path).start()
    assert reasons(Shop(tmp_path, machine="machine-2").start()) == "the disk was written last in another computer"


def test_a_computer_without_a_machine_id_is_doubtful(tmp_path: Path) -> None:
    Shop(tmp_path, machine="").start()
    assert "no machine id" in reasons(Shop(tmp_path, machine="").start())


def put_back(older: bytes, shop: Shop) -> None:
    """Write an older database into the same file, so that its file id stays."""
    with (shop.data / "journals.db").open("r+b") as file:
        file.write(older)
        file.truncate()


def test_a_state_from_two_starts_ago_in_the_same_file_is_doubtful(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.start()
    older = (shop.data / "journals.db").read_bytes()
    shop.start()
    shop.start()
    put_back(older, shop)
    assert "an older state was put back" in reasons(shop.start())
    assert shop.start().proven, "the doubtful start has made its own mark"


@pytest.mark.parametrize("settle", [True, False])
def test_a_state_from_before_this_start_in_the_same_file_is_found_once_the_start_is_settled(
    tmp_path: Path, settle: bool
) -> None:
    """The kept predecessor alone would let it pass: that is the price of no doubt after a crash, until `settle` drops it."""
    shop = Shop(tmp_path)
    shop.start()
    older = (shop.data / "journals.db").read_bytes()
    shop.start(settle=settle)
    put_back(older, shop)
    assert shop.start().proven is not settle


def test_a_lost_or_garbled_token_is_doubt_and_no_failure(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.start()
    (token,) = (tmp_path / "state" / "starts").iterdir()
    for garbage in (
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"tokens": [1]}',
        b'{"tokens": "zz"}',
        json.dumps({"tokens": {}}).encode(),
    ):
        token.write_bytes(garbage)
        assert "no start token is kept" in reasons(shop.start())
        assert shop.start().proven


def test_a_lost_database_beside_a_kept_token_is_said(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.start()
    shutil.rmtree(shop.data)
    assert "although a start token" in reasons(shop.start())


def test_own_entries_lost_to_bit_rot_make_the_next_start_doubtful_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.start()
    file = JournalFile(shop.data, ballast_bytes=0)
    assert file.last_written
    file.append([entry(file.last_written.journal, 2)])
    file.set_aside(file.last_written.journal, 2)
    file.close()
    assert "set aside" in reasons(shop.start())
    assert shop.start().proven


def test_a_token_that_cannot_be_kept_does_not_stop_the_start(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.start()
    file = JournalFile(shop.data, ballast_bytes=0)
    (tmp_path / "occupied").write_text("a file where a directory should be")
    proof = StartProof(file.path, tmp_path / "occupied", "machine-1")
    mark, problem = proof.draw(JournalId(bytes(24)), lambda count: bytes(count))
    assert mark.token == bytes(16)
    assert problem
    assert "occupied" in problem
    file.close()


def test_a_state_directory_inside_the_data_directory_is_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.start()
    (tmp_path / "link").symlink_to(shop.data)
    for inside in (shop.data, shop.data / "state", tmp_path / "link" / "state"):
        with pytest.raises(InvalidValue, match="state_directory"):
            StartProof(shop.data / "journals.db", inside, "machine-1")


def test_this_computer_says_the_same_machine_id_twice() -> None:
    assert machine_id() == machine_id()
