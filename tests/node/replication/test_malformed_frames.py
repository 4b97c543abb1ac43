"""Thousands of malformed frames into a peering: the link is hung up with a reason, and nothing else happens (FAULTS.md)."""

from __future__ import annotations

import gc
import random
import tracemalloc
from typing import Any

import pytest

from crdt_models.journal import canonical
from crdt_models.values.identity import Incarnation
from node.replication import codec
from node.replication.effects import Announce, HangUp, Persist, Send, SendRange, WakeAt
from node.replication.events import Connected, Link, Persisted, RangeSent, Received
from node.replication.frames import Entries, Hello
from tests.node.replication.frame_examples import EXAMPLES
from tests.node.replication.test_door import Foreign
from tests.node.replication.test_greeting import hello
from tests.node.replication.virtual_shop import NEVER_MS, Box, VirtualShop

FRAMES = 5_000
GROWN_BYTES_MAX = 32 * 1024 * 1024


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """One of the ways in which a frame is broken, by accident or on purpose."""
    way = chance.randrange(8)
    if way == 0:
        return chance.randbytes(chance.randrange(80))
    if way == 1:
        return raw[: chance.randrange(len(raw))]
    if way == 2:
        return raw + chance.randbytes(chance.randrange(1, 9))
    if way == 3:
        return b"\x81" * chance.randrange(1, 3_000) + raw
    changed = bytearray(raw)
    if way == 4:
        at = chance.randrange(len(raw))
        changed[at:at] = chance.randbytes(chance.randrange(1, 5))
        return bytes(changed)
    for _ in range(chance.randrange(1, 4)):
        changed[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    if way == 5:
        return bytes(changed)
    value = canonical.decode(raw, "frame")
    return canonical.encode(replaced(value, chance))


def replaced(value: Any, chance: random.Random) -> Any:
    """The value with one part, somewhere inside, put for another: still canonical CBOR."""
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        return [*value[:at], replaced(value[at], chance), *value[at + 1 :]]
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        return {**value, key: replaced(value[key], chance)}
    return chance.choice(
        [0, 1, -1, 1 << 63, (1 << 64) - 1, b"", bytes(24), bytes(16), "", "x", True, None, [], {}, [[]]]
    )


def seeds_of(foreign: Foreign) -> list[bytes]:
    """Frames that a well-behaved peer would send, with entries that verify."""
    opened, second = foreign.open(), foreign.note()
    frames = [frame for frame in EXAMPLES.values() if not isinstance(frame, Hello)]
    frames.append(Entries(foreign.journal, 1, True, (opened.raw, second.raw)))
    frames.append(Entries(foreign.journal, 1, False, (opened.raw, second.raw)))
    return [codec.encode(frame) for frame in frames]


@pytest.mark.parametrize("seed", range(2))
def test_no_malformed_frame_does_more_than_cost_its_link(seed: int) -> None:
    chance = random.Random(seed)
    shop = VirtualShop("T1").start()
    box = shop["T1"]
    foreign = Foreign(shop)
    seeds = seeds_of(foreign)
    held = dict(box.ledger.entries)
    link, hung_up = 0, 0
    batches: list[int] = []
    gc.collect()
    tracemalloc.start()
    for _ in range(FRAMES // 2):
        if link not in box.replica._desk.around.linked:
            link += 1
            box.replica.handle(Connected(box.now, Link(link), foreign.box.node, NEVER_MS, bool(link % 2)))
            greeting = hello(node=foreign.box.node, incarnation=foreign.incarnation)
            box.replica.handle(Received(box.now, Link(link), codec.encode(greeting)))
        shop.now_s += 0.001
        for effect in box.replica.handle(Received(box.now, Link(link), mutated(chance.choice(seeds), chance))):
            match effect:
                case HangUp(at, reason):
                    assert at == link and reason
                    hung_up += 1
                case Persist(batch, entries):
                    assert all(entry.journal == foreign.journal for entry in entries)
                    batches.append(batch)
                case SendRange(at, journal, first, _, _, _):
                    box.replica.handle(RangeSent(box.now, at, journal, first - 1, 0))
                case Send() | Announce() | WakeAt():
                    pass
        for batch in batches:
            box.replica.handle(Persisted(box.now, batch))
        batches.clear()
    gc.collect()
    grown_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown_bytes < GROWN_BYTES_MAX // 2, "each half of the frames may cost half of what all may cost"
    assert hung_up > FRAMES // 4
    assert {place for place in box.ledger.entries if place.journal != foreign.journal} == set(held)
    assert len(list(box.replica._desk.journals)) < FRAMES
    token = box.sell()
    shop.run(0.1)
    assert token in box.durable, "and the till sells on"


@pytest.mark.parametrize("name", [name for name, frame in EXAMPLES.items() if not isinstance(frame, Hello)])
def test_any_frame_before_the_hello_ends_the_link(name: str) -> None:
    box = VirtualShop("T1").start()["T1"]
    stranger = Foreign(box.shop)
    box.replica.handle(Connected(box.now, Link(1), stranger.box.node, NEVER_MS, False))
    effects = box.replica.handle(Received(box.now, Link(1), codec.encode(EXAMPLES[name])))
    assert any(isinstance(effect, HangUp) for effect in effects)
    assert not any(isinstance(effect, Persist) for effect in effects)


def greeted(box: Box, stranger: Foreign) -> Link:
    box.replica.handle(Connected(box.now, Link(1), stranger.box.node, NEVER_MS, False))
    box.replica.handle(
        Received(box.now, Link(1), codec.encode(hello(node=stranger.box.node, incarnation=stranger.incarnation)))
    )
    return Link(1)


def test_an_unknown_frame_goes_by_when_it_is_ignorable_and_ends_the_link_when_it_is_not() -> None:
    box = VirtualShop("T1").start()["T1"]
    link = greeted(box, Foreign(box.shop))
    assert box.replica.handle(Received(box.now, link, codec.encode(EXAMPLES["of_a_later_version_ignorable"]))) == []
    effects = box.replica.handle(Received(box.now, link, codec.encode(EXAMPLES["of_a_later_version"])))
    assert HangUp(link, "unknown frame 41") in effects


def test_a_second_hello_ends_the_link() -> None:
    box = VirtualShop("T1").start()["T1"]
    stranger = Foreign(box.shop)
    link = greeted(box, stranger)
    again = hello(node=stranger.box.node, incarnation=Incarnation(b"8 others"))
    effects = box.replica.handle(Received(box.now, link, codec.encode(again)))
    assert HangUp(link, "a second hello") in effects


def test_a_peer_that_lists_journals_without_end_is_hung_up_on() -> None:
    box = VirtualShop("T1").start()["T1"]
    link = greeted(box, Foreign(box.shop))
    reasons: list[str] = []
    number = 0
    while not reasons and number < 40_000:
        heads = [[bytes(16) + (number + index).to_bytes(8, "big"), 1, bytes(8)] for index in range(4_000)]
        number += 4_000
        raw = canonical.encode([codec.PULSE, 0, {0: 1, 1: heads}])
        reasons = [one.reason for one in box.replica.handle(Received(box.now, link, raw)) if isinstance(one, HangUp)]
    assert reasons == ["too many heads"] and number <= 12_000
