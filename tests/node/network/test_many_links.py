"""Many links: one per pair of processes, made again when lost, cut by a drill, and never a storm."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from node.network.addresses import Address
from node.network.errors import CannotListen
from node.network.link import LinkTiming
from node.network.links import Links
from tests.node.network.store_fixture import LOOPBACK, QUICK, Recorder, links_of, make_store, until

PATIENT = LinkTiming(idle_s=20.0, send_s=5.0, close_s=0.5, frame_silence_s=60.0)


def test_three_nodes_that_dial_each_other_at_once_end_with_one_link_per_pair(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        owners = [Recorder(), Recorder(), Recorder()]
        async with (
            links_of(store.office, owners[0]) as a,
            links_of(store.enrol("till-1"), owners[1]) as b,
            links_of(store.enrol("till-2"), owners[2]) as c,
        ):
            every = [a, b, c]
            for links in every:
                for other in every:
                    if other is not links:
                        links.hint(other.addresses[0], "static")
            await until(lambda: all(len(owner.live) == 2 for owner in owners))
            await asyncio.sleep(0.05)
            dials = [links.dials for links in every]
            for owner, links in zip(owners, every, strict=True):
                assert sorted(owner.live.values()) == sorted(other.own.node for other in every if other is not links)
            for one in every:
                for other in every:
                    if one.own < other.own:
                        (mine,) = [view for view in one.views() if view.node == other.own.node]
                        (theirs,) = [view for view in other.views() if view.node == one.own.node]
                        assert mine.dialed is not theirs.dialed
            assert sum(dials) <= 12

    asyncio.run(story())


def test_clones_of_one_node_are_two_peers_and_both_stay_linked(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        till = store.enrol("till-1")
        office = Recorder()
        async with (
            links_of(store.office, office) as far,
            links_of(till, Recorder(), process=b"process1") as one,
            links_of(till, Recorder(), process=b"process2") as two,
        ):
            for links in (one, two):
                links.hint(far.addresses[0], "static")
            await office.until(lambda: len(office.live) == 2)
            assert {view.process for view in far.views()} == {b"process1", b"process2"}
            two.hint(one.addresses[0], "static")
            await until(lambda: len(one.views()) == 2)

    asyncio.run(story())


def test_a_node_never_links_to_itself_and_stops_trying(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office = Recorder()
        async with links_of(store.office, office) as links:
            links.hint(links.addresses[0], "static")
            known = links.book.get(links.addresses[0])
            assert known is not None
            await until(lambda: known.failure is not None)
            assert known.failure is not None and known.failure.trouble == "self"
            links.wake()
            await asyncio.sleep(0.05)
            assert (office.told, links.dials) == ([], 1)

    asyncio.run(story())


def test_a_lost_link_is_made_again_and_a_restarted_peer_is_found_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office, till = Recorder(), Recorder()
        async with links_of(store.enrol("till-1"), till) as near:
            async with links_of(store.office, office) as far:
                place = far.addresses[0]
                near.hint(place, "static")
                await till.until(lambda: bool(till.live))
                near.abort(next(iter(till.live)), "cable pulled")
                await till.until(lambda: len(till.ended) == 1 and len(till.live) == 1)
            await till.until(lambda: not till.live)
            again = Recorder()
            async with Links(store.office, again, [place], timing=QUICK) as back:
                near.hint(place, "mdns", store.office.node, back.own.process)
                await till.until(lambda: bool(till.live), 2.0)
                assert near.views()[0].process == back.own.process

    asyncio.run(story())


def test_a_drill_cuts_the_node_off_and_heals_by_itself(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office, till = Recorder(), Recorder()
        async with links_of(store.office, office) as far, links_of(store.enrol("till-1"), till) as near:
            near.hint(far.addresses[0], "static")
            await till.until(lambda: bool(till.live and office.live))
            near.drill(0.4)
            await till.until(lambda: not till.live and not office.live)
            assert till.ended == ["drill: this node is cut off"]
            far.hint(near.addresses[0], "static")
            await asyncio.sleep(0.05)
            assert near.cut_s > 0 and not till.live and not office.live
            dials = near.dials
            await until(lambda: near.cut_s < 0.05)
            assert near.dials == dials and not office.live
            await till.until(lambda: bool(till.live and office.live), 3.0)
            assert near.cut_s == 0.0

    asyncio.run(story())


def test_a_drill_that_a_former_process_began_goes_on_before_the_first_link(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office, till = Recorder(), Recorder()
        async with links_of(store.office, office) as far:
            cut_off, over = links_of(store.enrol("till-1"), till), links_of(store.enrol("till-2"), Recorder())
            cut_off.drill(0.3)
            over.drill(0.0)
            await asyncio.sleep(0.02)
            async with cut_off as near:
                near.hint(far.addresses[0], "static")
                await until(lambda: near.cut_s < 0.1)
                assert not till.told and near.dials == 0
                await till.until(lambda: bool(till.live))
            async with over as near:
                near.hint(far.addresses[0], "static")
                await office.until(lambda: bool(office.live))

    asyncio.run(story())


def test_an_error_of_the_caller_leaves_the_links_as_itself(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        with pytest.raises(KeyError, match="the caller's"):
            async with links_of(store.office, Recorder()) as links:
                links.hint(Address("127.0.0.1", 1), "static")
                raise KeyError("the caller's")

    asyncio.run(story())


def test_where_a_peer_was_reached_is_remembered_on_both_sides(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        kept: list[tuple[bytes, str]] = []
        office = Recorder()
        far_links = Links(
            store.office, office, [LOOPBACK], timing=QUICK, remember=lambda node, text: kept.append((node, text))
        )
        async with far_links as far, links_of(store.enrol("till-1"), Recorder()) as near:
            near.hint(far.addresses[0], "static")
            await office.until(lambda: bool(office.live))
            await until(lambda: bool(kept))
            assert kept == [(near.own.node, str(near.addresses[0]))]

    asyncio.run(story())


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        async with links_of(store.office, Recorder()) as far:
            with pytest.raises(CannotListen) as failure:
                async with Links(store.office, Recorder(), [far.addresses[0]]):
                    raise AssertionError("two nodes listen at one port")
            assert str(far.addresses[0]) in str(failure.value)

    asyncio.run(story())


def test_a_peer_that_refuses_every_link_is_not_stormed(tmp_path: Path) -> None:
    """Both dial; the office closes each link at once: short-lived links count as failed dials."""

    class Refusing(Recorder):
        def connected(self, link: int, node: bytes, expires_ms: int, dialed: bool, remote_address: str) -> None:
            super().connected(link, node, expires_ms, dialed, remote_address)
            assert self.links is not None
            self.links.close(link, "revoked")

    async def story() -> None:
        store = make_store(tmp_path)
        office, till = Refusing(), Recorder()
        async with links_of(store.office, office) as far, links_of(store.enrol("till-1"), till) as near:
            near.hint(far.addresses[0], "static")
            loop = asyncio.get_running_loop()
            ends = loop.time() + 1.5
            await until(lambda: loop.time() > ends)
            assert till.ended and set(till.ended) <= {"the peer closed the link: revoked"}
            assert near.dials + far.dials <= 14

    asyncio.run(story())
