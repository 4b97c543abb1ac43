"""Discovery on 127.0.0.1 with real multicast, what it ignores, and what it says when nobody is there."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import NodeId, StoreId
from node.network import limits
from node.network.addresses import Address, DialFailure, Found
from node.network.announcement import service_name, service_properties
from node.network.diagnosis import Facts, diagnose, explain_absence, look
from node.network.discovery import Discovery
from node.network.duplicates import PeerKey
from node.network.links import Links
from tests.node.network.store_fixture import Recorder, links_of, make_store, until

STORE = StoreId(bytes(range(16)))
OWN = PeerKey(NodeId(b"o" * 16), b"ownproc1")


class Heard:
    """Hints that are written down instead of dialed."""

    def __init__(self) -> None:
        self.known: set[tuple[Address, Found]] = set()
        self.wakes = 0

    def hint(self, address: Address, how: Found, node: NodeId | None = None, process: bytes | None = None) -> None:
        self.known.add((address, how))

    def withdraw(self, address: Address, how: Found) -> None:
        self.known.discard((address, how))

    def wake(self) -> None:
        self.wakes += 1


def discovery_of(links: Links, store: StoreId) -> Discovery:
    return Discovery(store, links.own, links.addresses[0].port, links, interfaces=["127.0.0.1"])


def test_three_nodes_find_each_other_by_mdns_and_a_foreign_store_stays_apart(tmp_path: Path) -> None:
    async def story() -> None:
        store, foreign = make_store(tmp_path / "a"), make_store(tmp_path / "b")
        members = [store.office, store.enrol("till-1"), store.enrol("till-2"), foreign.office]
        owners = [Recorder() for _ in members]
        async with AsyncExitStack() as stack:
            every = [
                await stack.enter_async_context(links_of(member, owner))
                for member, owner in zip(members, owners, strict=True)
            ]
            found = [
                await stack.enter_async_context(discovery_of(links, member.store))
                for links, member in zip(every, members, strict=True)
            ]
            await until(lambda: all(len(owner.live) == 2 for owner in owners[:3]))
            for links in every[:3]:
                for view in links.views():
                    assert view.found == (("mdns",) if view.dialed else ("dialed-in",))
            stranger = found[3]
            await until(lambda: stranger.heard_own and len(stranger.heard_strangers) >= 3)
            assert owners[3].told == [] and len(every[3].book) == 0
            assert [finding.code for finding in await diagnose(every[3], stranger)] == ["other_store_only"]
            assert await diagnose(every[0], found[0]) == []

    asyncio.run(story())


def test_a_node_that_leaves_withdraws_its_address_and_a_late_interface_is_noticed() -> None:
    async def story() -> None:
        heard, other = Heard(), PeerKey(NodeId(b"p" * 16), b"process2")
        async with Discovery(STORE, OWN, 7411, heard, interfaces=["127.0.0.1"]):
            later = Discovery(STORE, other, 7412, Heard(), interfaces=["198.51.100.77"], poll_s=0.02)
            async with later:
                assert later.speaking == []
                later._interfaces = ["127.0.0.1"]
                await until(lambda: (Address("127.0.0.1", 7412), "mdns") in heard.known)
                assert later.speaking == ["127.0.0.1"]
            await until(lambda: not heard.known)

    asyncio.run(story())


def test_static_and_remembered_addresses_are_hinted_without_any_multicast() -> None:
    async def story() -> None:
        heard = Heard()
        discovery = Discovery(
            STORE,
            OWN,
            7411,
            heard,
            static=["10.0.0.1:7411"],
            remembered=lambda: [(NodeId(bytes(16)), "10.0.0.2:7411"), (NodeId(bytes(16)), "garbled")],
            mdns=False,
        )
        async with discovery:
            assert heard.known == {(Address("10.0.0.1", 7411), "static"), (Address("10.0.0.2", 7411), "remembered")}

    asyncio.run(story())
    with pytest.raises(InvalidValue):
        Discovery(STORE, OWN, 7411, Heard(), static=["nonsense"])


def _words(node: bytes, process: bytes) -> dict[bytes, bytes | None]:
    said = service_properties(STORE, NodeId(node), process)
    return {key.encode(): value.encode() for key, value in said.items()}


def test_a_flood_of_announcements_is_bounded_and_the_oldest_hints_go() -> None:
    heard = Heard()
    discovery = Discovery(STORE, OWN, 7411, heard)
    for number in range(3 * limits.hints_max):
        node = number.to_bytes(16, "little")
        name = service_name(STORE, NodeId(node), bytes(8))
        discovery.take(name, _words(node, bytes(8)), [f"10.1.{number // 250}.{number % 250 + 1}"], 7411)
    assert len(discovery.heard) == len(heard.known) == limits.hints_max


def test_a_node_whose_address_changed_loses_the_old_hint() -> None:
    heard = Heard()
    discovery = Discovery(STORE, OWN, 7411, heard)
    name = service_name(STORE, NodeId(b"x" * 16), bytes(8))
    for host in ("10.0.0.1", "10.0.0.2"):
        discovery.take(name, _words(b"x" * 16, bytes(8)), [host], 7411)
    assert heard.known == {(Address("10.0.0.2", 7411), "mdns")}


def test_what_is_of_another_store_or_is_oneself_is_no_hint() -> None:
    heard = Heard()
    discovery = Discovery(STORE, OWN, 7411, heard)
    discovery.take("own", _words(*OWN), ["10.0.0.1"], 7411)
    foreign = {**_words(b"x" * 16, bytes(8)), b"s": b"ff" * 8}
    discovery.take("foreign", foreign, ["10.0.0.2"], 7411)
    assert heard.known == set() and discovery.heard_own


def test_spoofed_hints_cost_failed_dials_and_the_real_peer_is_linked(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        till = Recorder()
        async with links_of(store.office, Recorder()) as far, links_of(store.enrol("till-1"), till) as near:
            for number in range(2 * limits.hints_max):
                near.hint(Address("127.0.0.1", 1 + number), "mdns", store.office.node, number.to_bytes(8, "big"))
            near.hint(far.addresses[0], "mdns", far.own.node, far.own.process)
            await till.until(lambda: bool(till.live))
            assert len(near.book) <= limits.hints_max + 1
            assert set(till.live.values()) == {store.office.node}

    asyncio.run(story())


def test_a_refused_static_address_is_named_by_the_diagnosis(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        async with links_of(store.office, Recorder()) as links:
            discovery = Discovery(store.office.store, links.own, 1, links, static=["127.0.0.1:1"], mdns=False)
            async with discovery:
                await until(lambda: all(known.failure is not None for known in links.book))
                facts = await look(links, discovery)
                assert facts.static == 1 and facts.linked == 0
                (finding,) = await diagnose(links, discovery)
                assert finding.code == "address_refused" and "127.0.0.1:1" in finding.text

    asyncio.run(story())


_HEARING = {"speaking": ["10.0.0.5"], "heard_own": True}


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        (Facts(), "no_interface", "cable"),
        (Facts(mdns_wanted=False), "nothing_to_try", "static"),
        (Facts(start_failure="Address already in use"), "mdns_failed", "Address already in use"),
        (
            Facts(speaking=["10.0.0.5"], unsent={"10.0.0.5": "Operation not permitted"}),
            "multicast_not_sent",
            "Operation not permitted",
        ),
        (Facts(speaking=["10.0.0.5"], mdns_age_s=1.0), "just_started", "Ask again"),
        (Facts(speaking=["10.0.0.5"]), "multicast_not_heard", "blocked on this machine"),
        (Facts(**_HEARING), "nothing_answered", "does not pass multicast"),  # type: ignore[arg-type]
        (Facts(**_HEARING, heard_strangers=2), "other_store_only", "another store"),  # type: ignore[arg-type]
        (Facts(linked=1, cut_s=9.0), "drill", "9 s"),
        (Facts(linked=1, hints_dropped=5), "flood", "5"),
        (
            Facts(linked=1, failures={"10.0.0.7:7411": DialFailure("silent", "no answer")}),
            "address_silent",
            "10.0.0.7:7411: no answer",
        ),
    ],
)
def test_nothing_found_multicast_is_blocked_and_somebody_is_told_why(facts: Facts, code: str, words: str) -> None:
    (finding,) = explain_absence(facts)
    assert finding.code == code and words in finding.text


def test_a_node_with_peers_has_nothing_to_explain() -> None:
    assert explain_absence(Facts(linked=3)) == []
    assert explain_absence(Facts(**_HEARING, heard_peers=1)) == []  # type: ignore[arg-type]
