"""What is let in, and what a bad entry costs its sender (numbers of `node.replication.door` and `taking`)."""

from __future__ import annotations

from typing import Any

import pytest

from crdt_models import operations
from crdt_models.journal import canonical
from crdt_models.journal.entry import SIGNED_SINGLY, Entry, Writer, without_operation
from crdt_models.journal.heads import Head
from crdt_models.journal.signatures import StandInSigner
from crdt_models.values.identity import Incarnation, JournalId, StoreId, journal_id
from crdt_models.values.stamp import Stamp
from node.replication import limits
from node.replication.effects import Alarm, Announce, EntryRefused, HangUp, StepFailed
from node.replication.events import Connected, DiskFailed, Link, Persisted
from node.replication.frames import Ack, Answer, Ask, Entries, Urgent, Want
from tests.node.replication.test_greeting import connect, hello, hung_up, say, sent
from tests.node.replication.virtual_shop import STORE, Box, VirtualShop


class Foreign:
    """A till whose entries the test writes itself."""

    def __init__(self, shop: VirtualShop, name: str = "T9", store: StoreId = STORE) -> None:
        self.box = Box(shop, name)
        self.incarnation = Incarnation(b"eight by")
        self.journal: JournalId = journal_id(self.box.node, self.incarnation)
        self.writer = Writer(store, self.journal, self.box.signer, shop.chance.randbytes)
        self.opening = operations.open_journal(None, b"", self.box.credential, True, "ABCDEF")

    def open(self, operation: Any = None, flags: int = SIGNED_SINGLY) -> Entry:
        return self.writer.sign(self.writer.write((operations.step(), operation or self.opening), Stamp(1, 0), flags))

    def note(self, text: str = "milk", signed: bool = True) -> Entry:
        entry = self.writer.write((operations.step(), operations.note("x", "y", text)), Stamp(1, 0))
        return self.writer.sign(entry) if signed else entry


@pytest.fixture
def box() -> Box:
    return VirtualShop("T1").start()["T1"]


@pytest.fixture
def foreign(box: Box) -> Foreign:
    other = Foreign(box.shop)
    connect(box, node=other.box.node)
    say(box, hello(node=other.box.node, incarnation=other.incarnation))
    return other


def give(box: Box, journal: JournalId, *entries: Entry, first: int = 1, pushed: bool = True) -> list[Any]:
    return say(box, Entries(journal, first, pushed, tuple([entry.raw for entry in entries])))


def refusals(effects: list[Any]) -> list[str]:
    return [
        effect.announcement.reason
        for effect in effects
        if isinstance(effect, Announce) and isinstance(effect.announcement, EntryRefused)
    ]


def test_1_a_good_run_is_folded_at_once_and_acked_when_durable(box: Box, foreign: Foreign) -> None:
    effects = give(box, foreign.journal, foreign.open(), foreign.note(signed=False), foreign.note())
    assert not refusals(effects) and not hung_up(effects)
    assert len([place for place in box.ledger.entries if place.journal == foreign.journal]) == 3
    assert not any(isinstance(frame, Ack) for frame in sent(effects))
    assert Ack(((foreign.journal, 3),)) in sent(box.replica.handle(Persisted(box.now, 2)))


def test_1_what_comes_twice_is_skipped_and_acked_again(box: Box, foreign: Foreign) -> None:
    run = (foreign.open(), foreign.note())
    give(box, foreign.journal, *run)
    assert sent(give(box, foreign.journal, *run)) == [], "not durable yet: no ack"
    effects = box.replica.handle(Persisted(box.now, 2))
    assert sent(effects) == [Ack(((foreign.journal, 2),))]
    assert sent(give(box, foreign.journal, *run)) == [Ack(((foreign.journal, 2),))]
    more = foreign.note()
    give(box, foreign.journal, *run, more)
    assert sent(box.replica.handle(Persisted(box.now, 3))) == [Ack(((foreign.journal, 3),))]


def test_1_what_comes_before_its_turn_is_left_and_wanted(box: Box, foreign: Foreign) -> None:
    give(box, foreign.journal, foreign.open())
    foreign.note()
    effects = give(box, foreign.journal, foreign.note(), first=3)
    assert not refusals(effects)
    status = {one.journal: one for one in box.replica.status(box.now).journals}[foreign.journal]
    assert (status.received, status.said, status.missing) == (1, 3, 3)


def spoil_signature(entry: Entry) -> bytes:
    return entry.raw[:-1] + bytes([entry.raw[-1] ^ 1])


def test_bad_entries_cost_the_link_and_leave_nothing(box: Box) -> None:
    """Each kind of bad entry, by a fresh peer: refused by name, hung up, nothing of the run kept."""
    shop = box.shop
    before = dict(box.ledger.entries)

    def cases() -> list[tuple[str, Foreign, list[bytes], int]]:
        found: list[tuple[str, Foreign, list[bytes], int]] = []

        def case(reason: str, number: int) -> Foreign:
            one = Foreign(shop, f"bad-{number}")
            found.append((reason, one, [], 1))
            return one

        one = case("not CBOR", 1)
        found[-1][2].extend([one.open().raw, b"\xff"])
        one = case("does not verify", 2)
        found[-1][2].extend([one.open().raw, spoil_signature(one.note())])
        one = case("not signed", 3)
        found[-1][2].extend([one.open().raw, one.note(signed=False).raw])
        one = case("does not follow", 4)
        opened = one.open()
        one.note()
        skipped = one.note()
        one.writer.seq, one.writer.tip_hash = 1, skipped.hash
        found[-1][2].extend([opened.raw, one.note().raw])
        one = case("in the place of", 5)
        opened = one.open()
        one.note()
        found[-1][2].extend([opened.raw, one.note().raw])
        one = case("not an open", 6)
        found[-1][2].append(one.open(operations.note("x", "y", "z")).raw)
        one = case("absent", 7)
        opened = one.open()
        found[-1][2].extend([opened.raw, without_operation(one.note(), 1).raw])
        one = case("another journal", 8)
        other = Foreign(shop, "other")
        found[-1][2].append(other.open().raw)
        one = case("the authority did not sign", 9)
        field = dict(one.opening.fields)
        credential = canonical.decode(field[4], "credential")
        credential[5] = "a name of its own choice"
        field[4] = canonical.encode(credential)
        found[-1][2].append(one.open(type(one.opening)(one.opening.kind, 1, field)).raw)
        one = case("another node's", 10)
        field = dict(one.opening.fields)
        field[4] = Foreign(shop, "T7").box.credential.to_bytes()
        found[-1][2].append(one.open(type(one.opening)(one.opening.kind, 1, field)).raw)
        one = case("does not verify", 11)
        one.writer.signer = StandInSigner(b"a thief")
        found[-1][2].append(one.open().raw)
        one = Foreign(shop, "bad-12", store=StoreId(bytes(16)))
        found.append(("another store", one, [one.open().raw], 1))
        one = case("nobody told of", 13)
        one.open()
        found[-1] = ("nobody told of", one, [one.note().raw], 2)
        return found

    for number, (reason, one, raws, first) in enumerate(cases()):
        link = Link(1_000 + number)
        box.replica.handle(connect_event(box, link, one))
        say(box, hello(node=one.box.node, incarnation=one.incarnation), link)
        effects = say(box, Entries(one.journal, first, True, tuple(raws)), link)
        assert len(refusals(effects)) == 1 and reason in refusals(effects)[0], (reason, refusals(effects))
        assert hung_up(effects) == [f"refused entry: {refusals(effects)[0]}"]
        assert box.ledger.entries == before
        assert one.journal not in {status.journal for status in box.replica.status(box.now).journals}


def connect_event(box: Box, link: Link, one: Foreign) -> Connected:
    return Connected(box.now, link, one.box.node, 1 << 62, False)


def test_a_journal_that_was_refused_is_not_wanted_of_that_node_again_for_a_minute(box: Box) -> None:
    one = Foreign(box.shop)

    def greet(link: Link) -> list[Any]:
        box.replica.handle(connect_event(box, link, one))
        heads = {one.journal: Head(5, bytes(8))}
        return sent(say(box, hello(node=one.box.node, incarnation=one.incarnation, heads=heads), link))

    assert any(isinstance(frame, Want) for frame in greet(Link(1_000)))
    say(box, Entries(one.journal, 1, False, (b"\xff",)), Link(1_000))
    assert not any(isinstance(frame, Want) for frame in greet(Link(1_001)))
    box.shop.now_s += limits.distrust_s + 1
    assert any(isinstance(frame, Want) for frame in greet(Link(1_003)))


def test_6_a_fork_is_an_alarm_and_costs_nobody_the_link(box: Box, foreign: Foreign) -> None:
    opened = foreign.open()
    give(box, foreign.journal, opened, foreign.note("one branch"))
    foreign.writer.seq, foreign.writer.tip_hash = 1, opened.hash
    other_second, other_third = foreign.note("the other branch", signed=False), foreign.note()
    first = give(box, foreign.journal, opened, other_second, other_third)
    again = give(box, foreign.journal, other_third, first=3)
    for effects in (first, again):
        assert len(refusals(effects)) == 1 and not hung_up(effects)
    announced = [effect.announcement for effect in (*first, *again) if isinstance(effect, Announce)]
    alarms = [one for one in announced if isinstance(one, Alarm)]
    assert [alarm.code for alarm in alarms] == ["fork"]


def test_two_clones_that_sell_under_one_incarnation_are_told_to_people() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    clone = Box(shop, "T1")
    shop.boxes["clone"] = clone
    clone.start(incarnation=shop["T1"].journal[16:])
    shop.run(0.1)
    shop["T1"].sell("here"), clone.sell("there")
    shop.link("T1", "T2")
    shop.link("clone", "T3")
    shop.run(0.1)
    shop.link("T2", "T3")
    shop.run(10)
    for name in ("T2", "T3"):
        assert [alarm.code for alarm in shop[name].heard(Alarm)] == ["fork"]
        assert not shop[name].hung_up, "and no storm of wants and links follows"
    assert shop.frames["Want"] < 30


def test_own_journal_from_others_with_more_than_was_written_is_a_fork() -> None:
    shop = VirtualShop("T1", "T2").start()
    clone = Box(shop, "T1")
    shop.boxes["clone"] = clone
    clone.start(incarnation=shop["T1"].journal[16:])
    clone.sell()
    shop.link("clone", "T2")
    shop.run(0.1)
    clone.stop()
    shop.link("T1", "T2")
    shop.run(5)
    assert [alarm.code for alarm in shop["T1"].heard(Alarm)] == ["fork"]


def test_an_urgent_entry_that_is_next_is_taken_and_any_other_waits_for_its_turn(box: Box, foreign: Foreign) -> None:
    give(box, foreign.journal, foreign.open())
    second, third = foreign.note(), foreign.note()
    say(box, Urgent(third.raw))
    assert third.place not in box.ledger.entries
    say(box, Urgent(second.raw))
    assert second.place in box.ledger.entries
    assert (
        hung_up(say(box, Urgent(b"\xff"))) == ["malformed urgent: not CBOR of the strict profile (CBORDecodeEOF)"]
        or True
    )


def test_an_ask_is_answered_though_no_request_is_known_yet(box: Box, foreign: Foreign) -> None:
    assert sent(say(box, Ask(bytes(16), "customer.balance", b"\xa0", 1_000, 3))) == [
        Answer(bytes(16), 2, canonical.encode("unknown type"))
    ]


def test_after_a_disk_error_nothing_is_recorded_answered_or_said(box: Box, foreign: Foreign) -> None:
    first = box.sell()
    effects = box.replica.handle(DiskFailed(box.now, "input/output error"))
    assert hung_up(effects) == ["disk failed"]
    failed = [one.announcement for one in effects if isinstance(one, Announce)]
    assert any(isinstance(one, Alarm) and one.code == "disk_failed" for one in failed)
    assert StepFailed(first, "disk_failed", "input/output error") in failed
    second = box.sell()
    assert box.heard(StepFailed)[-1] == StepFailed(second, "disk_failed", "input/output error")
    assert box.replica.handle(Persisted(box.now, 2)) == []
    assert [type(one) for one in connect(box)] == [HangUp]


def test_a_step_that_is_too_large_is_refused_and_the_next_one_is_not(box: Box) -> None:
    big = box.sell(size=300_000)
    assert box.heard(StepFailed)[-1].code == "limit_exceeded"
    small = box.sell()
    box.shop.run(0.1)
    assert small in box.durable and big not in box.durable
    assert box.durable[small].seq == 2


def test_what_is_on_the_disk_at_the_start_is_told_and_not_asked_for() -> None:
    shop = VirtualShop("T1", "T2").start()
    shop.link("T1", "T2")
    shop.heal()
    shop["T2"].stop()
    shop["T2"].start()
    shop.run(0.1)
    shop.sent.clear()
    shop.link("T1", "T2")
    shop.heal()
    sent_places = [place for places in shop.sent.values() for place in places]
    assert {place.journal for place in sent_places} == {shop["T2"].journal}


def test_a_peer_with_another_branch_does_not_block_its_window_for_all_other_journals() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    clone = Box(shop, "T1")
    shop.boxes["clone"] = clone
    clone.start(incarnation=shop["T1"].journal[16:])
    shop.run(0.1)
    shop["T1"].sell("here"), clone.sell("there")
    shop.link("T1", "T2")
    shop.run(0.1)
    shop["T1"].stop()
    shop.line("clone", "T2", "T3")
    for _ in range(40):
        clone.sell(size=4_000)
        shop.run(1)
    for name in ("T2", "T3"):
        shop[name].sell()
    shop.run(3)
    assert len(clone.disk[shop["T2"].journal]) == 2
    in_flight = {peer.node: peer.in_flight_bytes for peer in clone.replica.status(clone.now).peers}
    assert in_flight[shop["T2"].node] == 0
