"""From a link to a peer, or to a goodbye (numbers of `node.replication.greeting`)."""

from __future__ import annotations

from typing import Any

import pytest

from crdt_models import operations
from crdt_models.values.identity import Incarnation, NodeId, StoreId
from node.replication import codec, limits
from node.replication.effects import ClockOff, HangUp, PeerGreeted, PeerInStep, PeerLost, Send
from node.replication.events import Connected, Link, Received, Tick
from node.replication.frames import Frame, Goodbye, Hello
from tests.node.replication.virtual_shop import AUTHORITY, NEVER_MS, STORE, YEAR_MS, Box, VirtualShop

LINK = Link(900)
STRANGER = NodeId(b"stranger" * 2)


@pytest.fixture
def box() -> Box:
    return VirtualShop("T1").start()["T1"]


def connect(box: Box, node: NodeId = STRANGER, expires_ms: int = NEVER_MS, dialed: bool = False) -> list[Any]:
    return box.replica.handle(Connected(box.now, LINK, node, expires_ms, dialed))


def say(box: Box, frame: Frame, link: Link = LINK) -> list[Any]:
    return box.replica.handle(Received(box.now, link, codec.encode(frame)))


def hello(**changes: Any) -> Hello:
    fields: dict[str, Any] = {
        "versions": (1, 1),
        "features": (),
        "store": STORE,
        "node": STRANGER,
        "incarnation": Incarnation(b"eight by"),
        "heads": {},
        "answers": (),
        "neighbours": (),
        "blocks": (),
        "wall_ms": 1_800_000_100_000,
        "name": "T9",
    }
    return Hello(**{**fields, **changes})


def sent(effects: list[Any]) -> list[Frame]:
    return [effect.frame for effect in effects if isinstance(effect, Send)]


def hung_up(effects: list[Any]) -> list[str]:
    return [effect.reason for effect in effects if isinstance(effect, HangUp)]


def revoke(shop: VirtualShop, by: str, node: NodeId) -> None:
    shop[by].record(operations.revoke(STORE, node, {}, "stolen", AUTHORITY))


def test_1_a_revoked_node_gets_a_goodbye_and_no_other_byte(box: Box) -> None:
    revoke(box.shop, "T1", STRANGER)
    effects = connect(box)
    assert sent(effects) == [Goodbye("revoked")] and hung_up(effects) == ["revoked"]
    assert say(box, hello()) == []


def test_1_a_revocation_that_arrives_later_ends_the_link() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    shop.mesh("T1", "T2", "T3")
    shop.heal()
    revoke(shop, "T1", shop["T3"].node)
    shop.run(0.1)
    assert [reason for _, reason in shop["T2"].hung_up] == ["revoked"]
    assert [peer.name for peer in shop["T2"].replica.status(shop["T2"].now).peers] == ["T1"]
    assert [reason for _, reason in shop["T3"].hung_up] == ["goodbye: revoked"] * 2


def test_1_the_hello_names_the_revoked_nodes_that_are_known() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    shop.link("T1", "T2")
    shop.heal_names("T1", "T2")
    revoke(shop, "T1", shop["T2"].node)
    shop.run(0.1)
    shop.link("T1", "T3")
    shop.run(0.1)
    hellos = [one for one in sent(shop["T1"].effects) if isinstance(one, Hello)]
    assert hellos[-1].blocks == (shop["T2"].node,)


def test_2_our_hello_is_sent_at_once(box: Box) -> None:
    frames = sent(connect(box))
    assert [type(frame) for frame in frames] == [Hello]
    assert frames[0] == hello(
        node=box.node,
        incarnation=Incarnation(box.journal[16:]),
        heads=frames[0].heads,  # type: ignore[union-attr]
        wall_ms=box.now.wall_ms,
        name="T1",
    )


def test_2_an_expired_certificate_waits_for_its_hello_and_gets_a_goodbye(box: Box) -> None:
    assert sent(connect(box, expires_ms=box.now.wall_ms - 3_600_000)) == []
    effects = say(box, hello())
    assert sent(effects) == [Goodbye("expired")] and hung_up(effects) == ["expired"]


def test_2_a_till_whose_own_clock_is_years_ahead_still_joins(box: Box) -> None:
    box.wall_off_ms = 3 * YEAR_MS
    assert sent(connect(box, expires_ms=box.now.wall_ms - YEAR_MS)) == []
    effects = say(box, hello())
    assert isinstance(sent(effects)[0], Hello) and not hung_up(effects)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"store": StoreId(bytes(16))}, "other store"),
        ({"node": NodeId(b"other by" * 2)}, "not its certificate"),
        ({"versions": (2, 9)}, "version"),
    ],
)
def test_3_a_hello_that_does_not_fit_ends_with_a_goodbye(box: Box, changes: dict[str, Any], reason: str) -> None:
    connect(box)
    effects = say(box, hello(**changes))
    assert sent(effects) == [Goodbye(reason)] and hung_up(effects) == [reason]
    assert not box.replica.status(box.now).peers


def test_3_a_newer_node_that_still_speaks_our_version_is_greeted(box: Box) -> None:
    connect(box)
    effects = say(box, hello(versions=(1, 7), features=("something new",)))
    assert not hung_up(effects) and box.replica.status(box.now).peers[0].phase == "greeted"


def test_4_a_node_that_dialed_itself_hangs_up(box: Box) -> None:
    connect(box, node=box.node)
    effects = say(box, hello(node=box.node, incarnation=Incarnation(box.journal[16:])))
    assert hung_up(effects) == ["this node itself"]


def test_4_two_lives_of_one_node_are_two_peers() -> None:
    shop = VirtualShop("T1", "T2").start()
    shop.link("T1", "T2")
    twin = Box(shop, "T2")
    shop.boxes["twin"] = twin
    twin.start()
    shop.link("T1", "twin")
    shop.run(3)
    peers = shop["T1"].replica.status(shop["T1"].now).peers
    assert [peer.node for peer in peers] == [shop["T2"].node] * 2
    assert len({peer.incarnation for peer in peers}) == 2
    shop.heal_names("T1", "T2", "twin")


@pytest.mark.parametrize("first_dialer", ["T1", "T2"])
def test_5_of_two_links_that_cross_the_same_one_stays_at_both_ends(first_dialer: str) -> None:
    other = "T2" if first_dialer == "T1" else "T1"
    shop = VirtualShop("T1", "T2").start()
    crossing = shop.link(first_dialer, other), shop.link(other, first_dialer)
    shop.run(1)
    assert len(shop.links_between("T1", "T2")) == 1
    smaller = min(("T1", "T2"), key=lambda name: shop[name].node)
    dialed_by_smaller = crossing[0] if smaller == first_dialer else crossing[1]
    assert set(shop.ends) == set(dialed_by_smaller)
    assert [len(shop[name].replica.status(shop[name].now).peers) for name in ("T1", "T2")] == [1, 1]
    shop["T1"].sell()
    shop.heal()
    assert shop.frames["Hello"] == 4, "and nobody dials again"


def test_5_a_second_link_dialed_by_the_same_side_is_given_up_by_that_side() -> None:
    shop = VirtualShop("T1", "T2").start()
    first = shop.link("T1", "T2")
    shop.run(0.1)
    shop.link("T1", "T2")
    shop.run(0.1)
    assert shop.links_between("T1", "T2") == [first[0]]


def test_5_a_link_that_missed_two_pulses_gives_way_to_a_new_one() -> None:
    shop = VirtualShop("T1", "T2").start()
    first = shop.link("T1", "T2")
    shop.run(0.1)
    shop.silence(first[0])
    shop.run(limits.stale_link_s + 0.1)
    second = shop.link("T1", "T2")
    shop.run(0.1)
    assert shop.links_between("T1", "T2") == [second[0]]
    shop["T1"].sell()
    shop.heal()


def test_6_a_stranger_that_says_nothing_is_hung_up_on_after_three_seconds(box: Box) -> None:
    connect(box)
    now = box.now
    assert not hung_up(box.replica.handle(Tick(now._replace(mono_s=now.mono_s + limits.hello_wait_s - 0.1))))
    effects = box.replica.handle(Tick(now._replace(mono_s=now.mono_s + limits.hello_wait_s)))
    assert hung_up(effects) == ["no hello"]


def test_6_a_goodbye_ends_the_link_without_an_answer(box: Box) -> None:
    connect(box)
    effects = say(box, Goodbye("bye"))
    assert sent(effects) == [] and hung_up(effects) == ["goodbye: bye"]


def test_a_peer_is_announced_as_greeted_in_step_and_lost() -> None:
    shop = VirtualShop("T1", "T2").start()
    shop["T2"].sell()
    shop.run(0.1)
    shop.link("T1", "T2")
    shop.heal()
    shop.run(2.5)
    shop["T2"].stop()
    kinds = [type(one) for one in shop["T1"].announced if isinstance(one, PeerGreeted | PeerInStep | PeerLost)]
    assert kinds == [PeerGreeted, PeerInStep, PeerLost]


def test_a_clock_that_is_off_is_announced_once_and_taken_back_once() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    shop["T1"].wall_off_ms = YEAR_MS
    shop.mesh("T1", "T2", "T3")
    shop.run(10)
    assert [(one.off, round(one.off_ms, -3)) for one in shop["T1"].heard(ClockOff)] == [(True, YEAR_MS)]
    assert not shop["T2"].heard(ClockOff)
    shop["T1"].wall_off_ms = 0
    shop.run(10)
    assert [one.off for one in shop["T1"].heard(ClockOff)] == [True, False]


def test_with_a_clock_a_year_off_a_till_stamps_like_everyone() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    shop["T1"].wall_off_ms = YEAR_MS
    shop.mesh("T1", "T2", "T3")
    shop.run(5)
    shop["T1"].sell()
    shop.run(1)
    entry = shop["T2"].disk[shop["T1"].journal][-1]
    assert abs(entry.stamp.wall_ms - shop["T2"].now.wall_ms) < 2_000
