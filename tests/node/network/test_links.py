"""The contract of links: real mutual TLS on loopback, between nodes of one store, of two, and of none."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from node.network import limits
from node.network.addresses import Address
from node.network.dialing import PROCESS_HEADER
from node.network.link import LinkTiming
from node.network.tls import enrolment_client_context, link_client_context
from tests.node.network.store_fixture import QUICK, Recorder, links_of, make_store, until

PATIENT = LinkTiming(idle_s=20.0, send_s=5.0, close_s=0.5, frame_silence_s=60.0)


async def raw_socket(
    session: aiohttp.ClientSession, at: Address, context: ssl.SSLContext, process: bytes = b"stranger"
) -> aiohttp.ClientWebSocketResponse:
    """A websocket of a member whose program is not ours."""
    headers = {PROCESS_HEADER: process.hex()}
    return await session.ws_connect(f"https://{at}/link", ssl=context, headers=headers, compress=0, autoping=False)


def test_frames_arrive_whole_and_in_order_both_ways_and_the_peer_is_named(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        till, office = Recorder(), Recorder(echo=True)
        async with links_of(store.office, office) as far, links_of(store.enrol("till-1"), till) as near:
            near.hint(far.addresses[0], "static")
            await till.until(lambda: bool(till.live))
            (link,) = till.live
            frames = [os.urandom(size) for size in (1, 125, 126, 65_535, 65_536, 0, limits.frame_bytes_max, 7)]
            for frame in frames:
                near.send(link, frame)
            await till.until(lambda: len(till.frames) == len(frames))
            assert till.frames == office.frames == frames
            assert till.live[link] == store.office.node and list(office.live.values()) == [near.own.node]
            assert till.expires == [store.office.expires_ms]
            (view,) = near.views()
            assert (view.name, view.found, view.dialed) == ("office", ("static",), True)
            (view,) = far.views()
            assert (view.name, view.found, view.dialed) == ("till-1", ("dialed-in",), False)
            certificate = near.certificate(link)
            assert certificate is not None and certificate.key_hash == store.office.credential.tls_key_hash
        assert [what for what, *_ in till.told][:1] == ["connected"]
        assert [what for what, *_ in till.told].count("disconnected") == 1

    asyncio.run(story())


def test_a_goodbye_sent_before_close_arrives_and_the_reason_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        till, office = Recorder(), Recorder()
        async with links_of(store.office, office) as far, links_of(store.enrol("till-1"), till) as near:
            near.hint(far.addresses[0], "static")
            await till.until(lambda: bool(till.live and office.live))
            (link,) = office.live
            far.send(link, b"goodbye")
            far.close(link, "the shop closes")
            far.send(link, b"too late")
            await till.until(lambda: bool(till.ended))
            assert till.frames == [b"goodbye"]
            assert till.ended == ["the peer closed the link: the shop closes"]
            await office.until(lambda: bool(office.ended))
            assert office.ended == ["the shop closes"]

    asyncio.run(story())


def test_leaving_says_goodbye_to_the_peers(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        till, office = Recorder(), Recorder()
        async with links_of(store.office, office) as far:
            async with links_of(store.enrol("till-1"), till) as near:
                near.hint(far.addresses[0], "static")
                await till.until(lambda: bool(till.live and office.live))
            assert till.ended == ["this node stops"]
            await office.until(lambda: bool(office.ended))
            assert office.ended == ["the peer closed the link: this node stops"]

    asyncio.run(story())


def test_a_certificate_that_expired_years_ago_still_links_and_its_expiry_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        long_ago_ms = 1_000_000_000_000
        expired = store.enrol("till-1", wall_ms=long_ago_ms)
        till, office = Recorder(), Recorder()
        async with links_of(store.office, office) as far, links_of(expired, till) as near:
            near.hint(far.addresses[0], "static")
            await office.until(lambda: bool(office.live and till.live))
            assert office.expires == [long_ago_ms + limits.certificate_days * 86_400_000]

    asyncio.run(story())


@pytest.mark.parametrize("certificate", ["none", "foreign"])
def test_without_a_certificate_of_the_store_no_application_byte_comes_back(tmp_path: Path, certificate: str) -> None:
    async def story() -> None:
        store, foreign = make_store(tmp_path / "a"), make_store(tmp_path / "b")
        office = Recorder(greeting=b"shop data")
        async with links_of(store.office, office) as far:
            context = enrolment_client_context()
            if certificate == "foreign":
                context.load_cert_chain(foreign.office.trust / "tls.pem", foreign.office.trust / "tls.key")
            heard = b""
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(*far.addresses[0], ssl=context)
                writer.write(b"GET /link HTTP/1.1\r\nHost: x\r\n\r\n")
                async with asyncio.timeout(5):
                    heard = await reader.read()
            assert heard == b""
            assert office.told == []

    asyncio.run(story())


def test_two_stores_that_find_each_other_stay_strangers_and_send_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        store, foreign = make_store(tmp_path / "a"), make_store(tmp_path / "b")
        office, till = Recorder(greeting=b"shop data"), Recorder(greeting=b"shop data")
        async with links_of(store.office, office) as far, links_of(foreign.enrol("till-1"), till) as near:
            near.hint(far.addresses[0], "mdns")
            far.hint(near.addresses[0], "mdns")
            for links, place in ((near, far.addresses[0]), (far, near.addresses[0])):
                known = links.book.get(place)
                assert known is not None
                await until(lambda known=known: known.failure is not None)  # type: ignore[misc]
                assert known.failure is not None and known.failure.trouble == "stranger"
            assert office.told == till.told == []

    asyncio.run(story())


def test_tls_below_1_3_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        async with links_of(store.office, Recorder()) as far:
            context = link_client_context(store.enrol("till-1"))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with pytest.raises(OSError):
                await asyncio.open_connection(*far.addresses[0], ssl=context)

    asyncio.run(story())


def test_a_text_frame_ends_the_link_with_a_reason(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office = Recorder()
        async with links_of(store.office, office) as far, aiohttp.ClientSession() as session:
            socket = await raw_socket(session, far.addresses[0], link_client_context(store.enrol("till-1")))
            await socket.send_str("hello")
            message = await socket.receive(5)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1003)
            await office.until(lambda: bool(office.ended))
            assert office.ended == ["the peer sent a text frame"]
            assert office.frames == []

    asyncio.run(story())


def test_an_oversize_frame_ends_the_link_and_the_largest_does_not(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office = Recorder()
        async with links_of(store.office, office, PATIENT) as far, aiohttp.ClientSession() as session:
            socket = await raw_socket(session, far.addresses[0], link_client_context(store.enrol("till-1")))
            await socket.send_bytes(bytes(limits.frame_bytes_max))
            await office.until(lambda: len(office.frames) == 1)
            await socket.send_bytes(bytes(limits.frame_bytes_max + 1))
            message = await socket.receive(5)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)
            await office.until(lambda: bool(office.ended))
            assert office.ended[0].startswith("the peer sent what is no frame of ours")
            assert len(office.frames) == 1

    asyncio.run(story())


def test_malformed_websocket_bytes_of_a_member_end_the_link_and_the_node_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office = Recorder()
        context = link_client_context(store.enrol("till-1"))
        upgrade = (
            "GET /link HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {'a' * 22}==\r\n{PROCESS_HEADER}: {'%016x'}\r\n\r\n"
        )
        async with links_of(store.office, office) as far:
            for number, raw in enumerate((b"\x83\x80abcd", b"\xf2\x80abcd", b"\x8f\x80abcd", b"\xff" * 64)):
                reader, writer = await asyncio.open_connection(*far.addresses[0], ssl=context)
                writer.write((upgrade % number).encode() + raw)
                async with asyncio.timeout(5):
                    await reader.read()
                writer.close()
                await office.until(lambda number=number: len(office.ended) == number + 1)  # type: ignore[misc]
            reader, writer = await asyncio.open_connection(*far.addresses[0], ssl=context)
            writer.write(b"\x00\xff garbage that is no HTTP\r\n\r\n")
            async with asyncio.timeout(5):
                assert b"400" in await reader.read()
            socket_owner = Recorder()
            async with links_of(store.enrol("till-2"), socket_owner) as near:
                near.hint(far.addresses[0], "static")
                await office.until(lambda: bool(office.live))
            assert office.frames == []

    asyncio.run(story())


def test_random_bytes_dripping_before_the_handshake_harm_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office, till = Recorder(), Recorder()
        async with links_of(store.office, office) as far, links_of(store.enrol("till-1"), till) as near:
            drips = [await asyncio.open_connection(*far.addresses[0]) for _ in range(20)]
            for _ in range(30):
                for _, writer in drips:
                    writer.write(os.urandom(1))
                await asyncio.sleep(0)
            near.hint(far.addresses[0], "static")
            await till.until(lambda: bool(till.live and office.live))
            for _, writer in drips:
                writer.close()
            assert len(far.views()) == 1

    asyncio.run(story())


def test_a_silent_peer_is_dropped_after_the_idle_time(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office = Recorder()
        loop = asyncio.get_running_loop()
        async with links_of(store.office, office) as far, aiohttp.ClientSession() as session:
            silent = await raw_socket(session, far.addresses[0], link_client_context(store.enrol("till-1")))
            await office.until(lambda: bool(office.live))
            began = loop.time()
            await office.until(lambda: bool(office.ended))
            assert 0.5 * QUICK.idle_s <= loop.time() - began <= 3 * QUICK.idle_s
            assert office.ended == [f"silent for {QUICK.idle_s:g} s"]
            assert not silent.closed

    asyncio.run(story())


def test_a_quiet_link_between_two_living_nodes_stays(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office, till = Recorder(), Recorder()
        brisk = LinkTiming(idle_s=0.15, close_s=0.3)
        loop = asyncio.get_running_loop()
        async with links_of(store.office, office, brisk) as far, links_of(store.enrol("till-1"), till, brisk) as near:
            near.hint(far.addresses[0], "static")
            await till.until(lambda: bool(till.live and office.live))
            ends = loop.time() + 6 * brisk.idle_s
            await until(lambda: loop.time() > ends)
            assert not till.ended and not office.ended

    asyncio.run(story())


def test_a_peer_that_stops_reading_loses_the_link_in_bounded_time_and_memory(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office = Recorder()
        timing = LinkTiming(idle_s=60.0, send_s=0.3, close_s=0.3)
        async with links_of(store.office, office, timing) as far, aiohttp.ClientSession() as session:
            socket = await raw_socket(session, far.addresses[0], link_client_context(store.enrol("till-1")))
            await office.until(lambda: bool(office.live))
            (link,) = office.live
            deepest = 0
            while not office.ended:
                if far.views() and far.views()[0].queued_bytes < 2 * limits.frame_bytes_max:
                    far.send(link, bytes(limits.frame_bytes_max))
                deepest = max([deepest, *(view.queued_bytes for view in far.views())])
                await asyncio.sleep(0.005)
            assert office.ended == ["slow peer: it took no frame for 0.3 s"]
            assert deepest <= timing.queue_bytes_max
            assert socket is not None

    asyncio.run(story())


def test_more_waiting_bytes_than_allowed_drop_the_link_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office, till = Recorder(), Recorder()
        async with links_of(store.office, office) as far, links_of(store.enrol("till-1"), till) as near:
            near.hint(far.addresses[0], "static")
            await office.until(lambda: bool(office.live))
            (link,) = office.live
            for _ in range(limits.queue_bytes_max // limits.frame_bytes_max + 1):
                far.send(link, bytes(limits.frame_bytes_max))
            await office.until(lambda: bool(office.ended))
            assert office.ended == [f"slow peer: {limits.queue_bytes_max} bytes were waiting for it"]

    asyncio.run(story())


def test_a_link_that_is_given_up_with_a_ping_unread_ends_as_silent_and_nothing_else_fails(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        office = Recorder()
        async with links_of(store.office, office) as far, aiohttp.ClientSession() as session:
            peer = await raw_socket(session, far.addresses[0], link_client_context(store.enrol("till-1")))
            await office.until(lambda: bool(office.live))
            asked = await peer.receive()
            assert asked.type is aiohttp.WSMsgType.PING
            # The peer pings, and the node sleeps (a frozen machine) until it has waited too long for an answer itself.
            await peer.ping(b"?")
            time.sleep(QUICK.idle_s)  # noqa: ASYNC251 the loop stands still on purpose
            await office.until(lambda: bool(office.ended))
            assert office.ended != ["this node stopped"]

    asyncio.run(story())
