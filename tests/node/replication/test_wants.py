"""Many journals at once, and peers that lie about them (numbers of `node.replication.wants`)."""

from __future__ import annotations

import itertools

import pytest

from crdt_models.journal import canonical
from crdt_models.values.identity import JournalId, NodeId
from node.replication import codec, limits
from node.replication.events import Connected, Disconnected, Link, Received
from node.replication.frames import Want
from tests.node.replication.test_door import Foreign
from tests.node.replication.test_greeting import hello, sent
from tests.node.replication.virtual_shop import NEVER_MS, Box, VirtualShop


def test_a_hundred_journals_are_wanted_in_turns_without_a_pause() -> None:
    shop = VirtualShop("T1", "T2").start()
    for number in range(100):
        other = Box(shop, f"old-{number}")
        other.start()
        shop.boxes[other.name] = other
        shop.link(other.name, "T1")
        shop.run(0.05)
        other.stop()
        del shop.boxes[other.name]
    shop.link("T1", "T2")
    most = 0
    begin_s = shop.now_s
    while not shop.agree():
        shop.run(0.001)
        asked = [one.asked for one in shop["T2"].replica.status(shop["T2"].now).journals if one.asked]
        most = max(most, len(asked))
    assert most == limits.wants_open_max
    assert shop.now_s - begin_s < 0.2


def test_1_the_work_of_giving_is_shared_among_those_who_hold_it() -> None:
    names = ["T1", "T2", "T3", "new"]
    shop = VirtualShop(*names).start()
    shop.mesh("T1", "T2", "T3")
    for number in range(9):
        other = Box(shop, f"old-{number}")
        other.start()
        shop.boxes[other.name] = other
        shop.link(other.name, "T1")
        shop.run(0.05)
        other.stop()
        del shop.boxes[other.name]
    shop.heal_names("T1", "T2", "T3")
    for name in ("T1", "T2", "T3"):
        shop.link(name, "new")
    shop["new"].effects.clear()
    shop.heal()
    asked: dict[str, set[JournalId]] = {}
    for (giver, taker), places in shop.sent.items():
        if taker == "new":
            asked.setdefault(giver, set()).update(place.journal for place in places)
    for one, other_giver in itertools.combinations(asked.values(), 2):
        assert not one & other_giver, "one journal comes from one peer"


@pytest.mark.parametrize("kind", ["heads", "acks"])
def test_a_peer_that_speaks_of_journals_that_do_not_exist_costs_bounded_memory(kind: str) -> None:
    box = VirtualShop("T1").start()["T1"]
    liar = Foreign(box.shop)
    for link in range(1, 8):
        box.replica.handle(Connected(box.now, Link(link), liar.box.node, NEVER_MS, False))
        greeting = hello(node=liar.box.node, incarnation=liar.incarnation)
        box.replica.handle(Received(box.now, Link(link), codec.encode(greeting)))
        invented = [NodeId(bytes(16)) + (link * 10_000 + index).to_bytes(8, "big") for index in range(4_000)]
        if kind == "heads":
            frame = [codec.PULSE, 0, {0: 1, 1: [[journal, 5, bytes(8)] for journal in invented]}]
        else:
            frame = [codec.ACK, 0, [[journal, 5] for journal in invented]]
        effects = box.replica.handle(Received(box.now, Link(link), canonical.encode(frame)))
        assert sum(isinstance(one, Want) for one in sent(effects)) <= limits.wants_open_max
        box.replica.handle(Disconnected(box.now, Link(link)))
    assert len(box.replica.status(box.now).journals) <= limits.heads_max + 1


def test_what_only_a_lost_peer_told_of_stays_known_to_be_missing() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    shop.link("T1", "T2")
    shop.run(0.1)
    shop["T1"].sell()
    shop.run(0.1)
    shop.on_frame = lambda box, other, frame: type(frame).__name__ != "Entries"
    shop.link("T2", "T3")
    shop.run(0.1)
    shop["T2"].stop()
    missing = {one.journal: one.missing for one in shop["T3"].replica.status(shop["T3"].now).journals}
    assert missing[shop["T1"].journal] == 2
