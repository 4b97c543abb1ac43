"""Persist, then send, then answer: the order of effects, and how commits are grouped and signed."""

from __future__ import annotations

import itertools

from crdt_models.values.stamp import Place
from node.replication.effects import Persist
from node.replication.events import Persisted
from tests.node.replication.virtual_shop import VirtualShop, linked


def test_nothing_is_sent_or_answered_before_it_is_durable_and_it_is_sent_before_it_is_answered() -> None:
    shop = linked("T1", "T2")
    box = shop["T1"]
    box.holds_disk = True
    box.effects.clear()
    token = box.sell()
    assert [type(effect).__name__ for effect in box.effects] == ["Announce", "Announce", "Persist"]
    shop.run(1)
    assert token not in box.durable and shop.frames["Entries"] == 0
    box.effects.clear()
    box.release_disk()
    kinds = [
        type(effect.announcement).__name__ if hasattr(effect, "announcement") else type(effect).__name__
        for effect in box.effects
    ]
    assert kinds.index("Send") < kinds.index("StepDurable")


def test_what_gathers_while_the_disk_is_busy_is_one_commit_with_one_signature() -> None:
    shop = linked("T1", "T2")
    box = shop["T1"]
    box.effects.clear()
    for _ in range(30):
        box.sell()
    shop.heal()
    commits = [effect for effect in box.effects if isinstance(effect, Persist)]
    assert [len(commit.entries) for commit in commits] == [1, 29]
    assert [entry.signature is not None for entry in commits[1].entries] == [False] * 28 + [True]


def test_a_long_commit_is_signed_every_64_entries() -> None:
    shop = VirtualShop("T1").start()
    box = shop["T1"]
    box.holds_disk = True
    for _ in range(200):
        box.sell()
    box.effects.clear()
    box.release_disk()
    box.replica.handle(Persisted(box.now, 3))
    signed = [entry.seq for entry in box.disk[box.journal] if entry.signature is not None]
    assert max(later - earlier for earlier, later in itertools.pairwise(signed)) <= 64


def test_the_same_history_gives_the_same_effects() -> None:
    def history() -> list[str]:
        shop = VirtualShop("T1", "T2", "T3", "T4", seed=3).start()
        shop.line("T1", "T2", "T3", "T4")
        for number in range(20):
            shop[f"T{number % 4 + 1}"].sell()
            shop.run(0.13)
            if number == 10:
                shop.cut_between("T2", "T3")
            if number == 15:
                shop.mesh("T2", "T3")
        return [str(effect) for box in shop.boxes.values() for effect in box.effects]

    assert history() == history()


def test_settled_means_that_every_greeted_peer_holds_it() -> None:
    shop = linked("T1", "T2", "T3")
    shop["T3"].holds_disk = True
    token = shop["T1"].sell()
    shop.run(0.1)
    place: Place = shop["T1"].durable[token]
    assert shop["T1"].replica.unsettled(place) == (shop["T3"].node,)
    shop["T3"].release_disk()
    shop.run(0.01)
    assert shop["T1"].replica.settled(place)
