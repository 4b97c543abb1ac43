"""init, invite and join on real directories, and verify on a real disk."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from crdt_models import operations
from crdt_models.journal.entry import Entry, Writer
from crdt_models.journal.operation import Operation
from crdt_models.values.identity import Incarnation, journal_id
from crdt_models.values.stamp import Stamp
from node.cli.exits import Exit
from node.cli.main import main
from node.cli.verify import EntryJudge
from node.config import load
from node.disk.journal_store import JournalStore
from node.disk.store import NewEntry
from node.network.addresses import Address
from node.network.authority import Authority
from node.network.credentials import Credentials
from node.network.enrolment import Enrolment
from node.network.invite import Token
from tests.node.cli.conftest import Tillmesh


def opening(credentials: Credentials, operation: Operation) -> tuple[Writer, Entry]:
    """A writer of a journal of this node, and its signed first entry."""
    journal = journal_id(credentials.node, Incarnation(os.urandom(8)))
    writer = Writer(credentials.store, journal, credentials.signer, os.urandom)
    return writer, writer.sign(writer.write([operations.step(), operation], Stamp(time.time_ns() // 1_000_000, 0)))


def entries_of(credentials: Credentials, count: int) -> list[Entry]:
    """An opened journal with notes, every entry signed."""
    writer, first = opening(
        credentials, operations.open_journal(None, bytes(32), credentials.credential, False, "K7Q2MX")
    )
    notes = [operations.note("x", "test", f"note {number}") for number in range(count - 1)]
    return [first, *(writer.sign(writer.write([operations.step(), note], Stamp(1, 0))) for note in notes)]


def store_on_disk(directory: Path, entries: list[Entry]) -> None:
    async def append() -> None:
        async with await JournalStore.open(directory) as store:
            await store.append([NewEntry(e.journal, e.seq, e.raw, e.hash, e.signature is not None) for e in entries])

    asyncio.run(append())


def test_init_makes_a_store_and_leaves_what_was_set(tillmesh: Tillmesh, directory: Path) -> None:
    ran = tillmesh("init", "office-1", "-s", "api_port=0", "-s", "peers=10.0.0.5:8471", "--json")
    made = Credentials.load(directory)
    assert ran.document == {
        "store": made.store.hex(),
        "node": made.node.hex(),
        "name": "office-1",
        "role": "back_office",
    }
    loaded = load(directory, {}, {})
    assert (loaded.api_port, loaded.peers, set(loaded.origins)) == (0, ("10.0.0.5:8471",), {"api_port", "peers"})


def test_init_changes_nothing_in_a_directory_that_has_a_store(tillmesh: Tillmesh, directory: Path) -> None:
    assert tillmesh("init").code == Exit.OK
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    ran = tillmesh("init", "other")
    assert ran.code == Exit.REFUSED
    assert "is already back-office of a store; nothing was changed" in ran.err
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


def test_init_refuses_a_name_that_cannot_be_printed_on_a_receipt(tillmesh: Tillmesh, directory: Path) -> None:
    ran = tillmesh("init", "Back Office")
    assert ran.code == Exit.BAD_INPUT
    assert "NAME: use small letters" in ran.err
    assert not directory.exists()


def test_a_settings_file_that_a_person_wrote_is_kept(tillmesh: Tillmesh, directory: Path) -> None:
    directory.mkdir()
    (directory / "tillmesh.toml").write_text("# mine\n")
    assert tillmesh("init", "-s", "api_port=0").code == Exit.OK
    assert (directory / "tillmesh.toml").read_text() == "# mine\n"


def test_invite_works_in_the_directory_of_a_node_that_sleeps(tillmesh: Tillmesh, directory: Path) -> None:
    tillmesh("init")
    ran = tillmesh("invite", "till-1", "-s", "advertise=shop.example,10.0.0.5", "-s", "join_port=9000")
    assert ran.code == Exit.OK
    token = Token.from_text(ran.out)
    assert token.addresses == (Address("shop.example", 9000), Address("10.0.0.5", 9000))
    assert "this node does not run" in ran.err
    ran = tillmesh("invite", "till-1", "-s", "join_port=0")
    assert ran.code == Exit.BAD_INPUT
    assert "join_port: is 0" in ran.err


def test_only_the_authority_invites(tillmesh: Tillmesh, directory: Path) -> None:
    ran = tillmesh("invite", "till-1")
    assert ran.code == Exit.REFUSED
    assert "belongs to no store yet" in ran.err


def test_a_token_makes_an_empty_directory_a_node_of_the_store_once(
    tillmesh: Tillmesh, directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tillmesh("init")

    async def enrol() -> list[int]:
        authority, credentials = Authority.load(directory), Credentials.load(directory)
        async with Enrolment(authority, credentials, [Address("127.0.0.1", 0)]) as enrolment:
            now_ms = time.time_ns() // 1_000_000
            token = enrolment.invitations.invite("till-1", "till", enrolment.addresses, now_ms, os.urandom).token
            lines = [
                ["join", token, "-d", str(tmp_path / "till-1"), "-s", "api_port=0"],
                ["join", token, "-d", str(tmp_path / "thief")],
            ]
            return [await asyncio.to_thread(main, line) for line in lines]

    assert asyncio.run(enrol()) == [Exit.OK, Exit.REFUSED]
    assert "has joined with this token" in capsys.readouterr().err
    joined = Credentials.load(tmp_path / "till-1")
    assert (joined.name, joined.role, joined.store) == ("till-1", "till", Credentials.load(directory).store)
    assert load(tmp_path / "till-1", {}, {}).api_port == 0


@pytest.mark.parametrize("token", ["", "hello", "tm1-aaaaaaaa-aaaaaaaa"])
def test_a_text_that_is_no_token_is_refused(tillmesh: Tillmesh, token: str) -> None:
    ran = tillmesh("join", token)
    assert ran.code in {Exit.BAD_INPUT, Exit.REFUSED}
    assert ran.err


def test_verify_says_whole_of_a_whole_disk(tillmesh: Tillmesh, directory: Path) -> None:
    tillmesh("init")
    store_on_disk(directory, entries_of(Credentials.load(directory), 70))
    ran = tillmesh("verify")
    assert ran.code == Exit.OK
    assert "whole: 70 entries of 1 journals" in ran.out
    assert tillmesh("verify", "--json").document["faults"] == []


def test_verify_names_the_first_bad_entry_of_each_journal(tillmesh: Tillmesh, directory: Path) -> None:
    tillmesh("init")
    credentials = Credentials.load(directory)
    good, spliced = entries_of(credentials, 5), entries_of(credentials, 5)
    stranger = entries_of(credentials, 5)[3]
    writer = Writer(credentials.store, spliced[0].journal, credentials.signer, os.urandom)
    writer.seq, writer.tip_hash = 3, stranger.hash
    spliced[3] = writer.sign(writer.write([operations.step()], Stamp(1, 0)))
    store_on_disk(directory, [*good, *spliced])
    ran = tillmesh("verify", "--json")
    assert ran.code == Exit.CHECK_FAILED
    (fault,) = ran.document["faults"]
    assert (fault["journal"], fault["seq"], fault["node"]) == (spliced[0].journal.hex(), 4, "back-office")
    assert "names another predecessor" in fault["reason"]
    assert "first bad entry" in tillmesh("verify").out


def test_verify_of_a_node_that_never_ran_says_so(tillmesh: Tillmesh) -> None:
    tillmesh("init")
    ran = tillmesh("verify")
    assert ran.code == Exit.BAD_INPUT
    assert "its node never ran" in ran.err


def test_verify_leaves_a_running_node_alone(tillmesh: Tillmesh, directory: Path) -> None:
    tillmesh("init")
    store_on_disk(directory, entries_of(Credentials.load(directory), 2))

    async def while_open() -> int:
        async with await JournalStore.open(directory):
            return await asyncio.to_thread(main, ["verify"])

    assert asyncio.run(while_open()) == Exit.REFUSED


def test_the_judge_refuses_what_no_honest_journal_holds(tillmesh: Tillmesh, directory: Path, tmp_path: Path) -> None:
    tillmesh("init")
    credentials = Credentials.load(directory)
    assert main(["init", "-d", str(tmp_path / "other")]) == Exit.OK
    other = Credentials.load(tmp_path / "other")
    judge = EntryJudge(credentials.authority_key)
    honest = entries_of(credentials, 3)
    foreign = entries_of(other, 1)[0]
    assert "it belongs to store" in str(judge(foreign.journal, 1, foreign.raw))
    _, closed = opening(credentials, operations.note("x", "test", "no opening"))
    assert "number 1 does not open the journal" in str(judge(closed.journal, 1, closed.raw))
    assert "it is number 2" in str(judge(honest[0].journal, 1, honest[1].raw))
    assert judge(honest[0].journal, 1, honest[0].raw) is None
    forged = bytearray(honest[1].raw)
    forged[-1] ^= 1
    assert "does not verify" in str(judge(honest[0].journal, 2, bytes(forged)))
    assert judge(honest[0].journal, 2, honest[1].raw) is None
