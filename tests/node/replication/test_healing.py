"""Whatever happened, all nodes end with the same entries, and what was missing is sent once."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.replication.effects import Alarm, EntryRefused
from tests.node.replication.virtual_shop import VirtualShop

TWENTY = [f"till-{number}" for number in range(1, 21)]


def entry_bytes(shop: VirtualShop) -> int:
    return sum(len(entry.raw) for entries in next(iter(shop.boxes.values())).disk.values() for entry in entries)


@pytest.mark.parametrize("cut_after", range(1, 6))
def test_a_line_of_six_that_was_cut_anywhere_heals_without_a_byte_twice(cut_after: int) -> None:
    names = list("ABCDEF")
    shop = VirtualShop(*names).start()
    shop.line(*names)
    shop.heal()
    shop.cut_between(names[cut_after - 1], names[cut_after])
    for _ in range(40):
        for name in names:
            shop[name].sell(size=400)
        shop.run(0.3)
    shop.run(2.5)
    shop.sent.clear()
    shop.link(names[cut_after - 1], names[cut_after])
    assert shop.heal() < 0.2
    assert shop.repeats() == 0


def test_twenty_nodes_that_were_each_alone_for_a_day_take_what_they_miss_once() -> None:
    shop = VirtualShop(*TWENTY).start()
    shop.mesh(*TWENTY)
    shop.heal()
    shop.run(3)
    for one, other in itertools.combinations(TWENTY, 2):
        shop.cut_between(one, other)
    before = entry_bytes(shop)
    for _ in range(15):
        for name in TWENTY:
            shop[name].sell(size=200)
        shop.run(0.5)
    shop.sent.clear(), shop.frames.clear(), shop.wire_bytes.clear()
    shop.mesh(*TWENTY)
    shop.heal()
    missing = (entry_bytes(shop) - before) * 19
    assert shop.repeats() == 0
    assert shop.wire_bytes["Entries"] < 1.1 * missing
    assert sum(shop.wire_bytes.values()) < 1.6 * missing, "hellos, wants, acks and pulses together stay below"


def test_two_halves_of_a_shop_take_what_they_miss_once_even_of_a_till_that_died() -> None:
    names = TWENTY[:8]
    left, right = names[:4], names[4:]
    shop = VirtualShop(*names).start()
    shop.mesh(*left)
    shop.mesh(*right)
    shop.run(1)
    for _ in range(30):
        for name in names:
            shop[name].sell(size=300)
        shop.run(0.05)
    shop.run(3)
    shop["till-1"].stop()
    shop.sent.clear()
    for one, other in itertools.product(left[1:], right):
        shop.link(one, other)
    alive = names[1:]
    assert shop.heal_names(*alive) < 1
    arrived: dict[tuple[str, object], int] = {}
    for (_, other), places in shop.sent.items():
        for place, count in places.items():
            arrived[other, place] = arrived.get((other, place), 0) + count
    assert max(arrived.values()) == 1


@pytest.mark.parametrize("count", [4, 20])
def test_a_full_mesh_costs_one_frame_and_one_ack_per_change_and_peer(count: int) -> None:
    names = TWENTY[:count]
    shop = VirtualShop(*names).start()
    shop.mesh(*names)
    shop.heal()
    shop.run(3)
    shop.frames.clear()
    for number in range(50):
        shop[names[number % count]].sell()
        shop.run(0.02)
    shop.heal()
    assert shop.frames["Entries"] == shop.frames["Ack"] == 50 * (count - 1)
    assert set(shop.frames) == {"Entries", "Ack", "Pulse"}
    shop.run(3)
    shop.frames.clear()
    shop.run(4)
    assert set(shop.frames) == {"Pulse"}, "all equal, then silent"


def test_a_slow_hop_slows_nobody_else() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    shop.mesh("T1", "T2", "T3")
    shop.heal()
    shop["T3"].holds_disk = True
    for _ in range(300):
        token = shop["T1"].sell(size=1_000)
        shop.run(0.01)
    shop.run(0.05)
    place = shop["T1"].durable[token]
    assert shop["T2"].node in shop["T1"].replica.copies(place)
    shop["T3"].release_disk()
    shop.heal()


def test_a_power_cut_loses_only_what_nobody_was_told() -> None:
    shop = VirtualShop("T1", "T2").start()
    shop.link("T1", "T2")
    shop.heal()
    answered = shop["T1"].sell()
    shop.run(0.1)
    shop["T1"].holds_disk = True
    lost = shop["T1"].sell()
    shop.run(0.1)
    place, lost_place = shop["T1"].durable[answered], shop["T1"].recorded[lost]
    shop["T1"].stop()
    shop["T1"].holds_disk = False
    shop["T1"].start()
    shop.link("T1", "T2")
    shop.heal()
    assert place in shop["T2"].ledger.entries
    assert lost not in shop["T1"].durable and lost_place not in shop["T2"].ledger.entries


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("sell"), st.integers(0, 3), st.sampled_from([1, 1, 3, 80])),
        st.tuples(st.just("cut"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("plug in"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("go silent"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("power off"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("power on"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("wait"), st.integers(0, 3), st.sampled_from([0, 1, 30, 700, 4_000])),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(ACTIONS, st.sampled_from([0.001, 0.02, 0.15]), st.integers(0, 1_000))
def test_any_day_ends_with_all_nodes_equal_and_nobody_accused(
    actions: list[tuple[str, int, int]], latency_s: float, seed: int
) -> None:
    names = ["T1", "T2", "T3", "T4"]
    pairs = list(itertools.combinations(names, 2))
    shop = VirtualShop(*names, latency_s=latency_s, seed=seed).start()
    shop.line(*names)
    for action, which, amount in actions:
        if action == "sell" and shop[names[which]].running:
            for _ in range(amount):
                shop[names[which]].sell(size=900)
        elif action == "cut":
            shop.cut_between(*pairs[which])
        elif action == "plug in" and not shop.links_between(*pairs[which]):
            if all(shop[name].running for name in pairs[which]):
                shop.link(*pairs[which])
        elif action == "go silent":
            for link in shop.links_between(*pairs[which]):
                shop.silence(link)
        elif action == "power off" and shop[names[which]].running:
            shop[names[which]].stop()
        elif action == "power on" and not shop[names[which]].running:
            shop[names[which]].start()
        elif action == "wait":
            shop.run(amount / 1000)
    for name in names:
        if not shop[name].running:
            shop[name].start()
    shop.run(7)
    for one, other in itertools.pairwise(names):
        if not shop.links_between(one, other):
            shop.link(one, other)
    assert shop.heal() < 10
    assert not any(box.heard(Alarm) or box.heard(EntryRefused) for box in shop.boxes.values())
    for box in shop.boxes.values():
        for token, place in box.durable.items():
            assert place in box.ledger.entries, f"sale {token} was answered and is gone"
