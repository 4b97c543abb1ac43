"""Events over server-sent events: order, resuming, gaps, silence, slow readers and shutdown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from node.api import limits
from tests.node.api.api_client import Client, served


class Stream:
    """Reads one stream, frame by frame."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def frame(self) -> dict[str, str]:
        """The next frame, as field -> value; a comment is under ""."""
        found: dict[str, str] = {}
        async with asyncio.timeout(5):
            while True:
                line = (await self.response.content.readuntil(b"\n")).decode().rstrip("\n")
                if not line:
                    return found
                name, _, value = line.partition(":")
                found[name] = value.strip()

    async def event(self) -> tuple[str, str, Any]:
        """(id, kind, data) of the next event; comments and retry are skipped."""
        while "data" not in (frame := await self.frame()):
            pass
        return frame["id"], frame["event"], json.loads(frame["data"])


@asynccontextmanager
async def following(till: Client, after: str | None = None, **headers: str) -> AsyncIterator[Stream]:
    """An open stream whose first frame was read, so that it follows from now on."""
    sent = {"Authorization": f"Bearer {till.server.token}", **headers}
    url = till.server.url + "/v1/events" + (f"?after={after}" if after else "")
    async with till.session.get(url, headers=sent) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream")
        stream = Stream(response)
        assert (await stream.frame())["retry"] == "1000"
        yield stream


async def follower_is_waiting(till: Client) -> None:
    """The node knows the reader: what happens from here on is its."""
    async with asyncio.timeout(5):
        while till.node.event_readers == 0:  # noqa: ASYNC110 - the fake has nothing to wait on
            await asyncio.sleep(0.005)


def test_events_come_in_order_with_their_ids(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        async with following(till) as stream:
            await follower_is_waiting(till)
            await till.post("/v1/open-sales", {})
            till.node.announce("peer_lost", name="till-2")
            event_id, kind, event = await stream.event()
            assert (event_id, kind, event["id"], event["kind"]) == ("aa-1", "open_sale", "aa-1", "open_sale")
            event_id, kind, event = await stream.event()
            assert (event_id, kind, event["data"]) == ("aa-2", "peer_lost", {"name": "till-2"})
            assert event["at"].endswith("Z")

    served(tmp_path, story)


@pytest.mark.parametrize("way", ["header", "query", "header wins"])
def test_a_reader_resumes_after_the_last_event_that_it_saw(tmp_path: Path, way: str) -> None:
    async def story(till: Client) -> None:
        for number in range(5):
            till.node.announce("note", number=number)
        headers = {} if way == "query" else {"Last-Event-ID": "aa-3"}
        after = {"header": None, "query": "aa-3", "header wins": "aa-1"}[way]
        async with following(till, after, **headers) as stream:
            assert [(await stream.event())[0] for _ in range(2)] == ["aa-4", "aa-5"]
            till.node.announce("note")
            assert (await stream.event())[0] == "aa-6"

    served(tmp_path, story)


def test_a_reader_whose_place_is_gone_is_told_of_the_gap(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        till.node.announce("note")
        async with following(till, **{"Last-Event-ID": "bb-17"}) as stream:
            _, kind, event = await stream.event()
            assert (kind, event["data"]) == ("gap", {"after": "bb-17"})
            till.node.announce("note")
            assert (await stream.event())[0] == "aa-2"

    served(tmp_path, story)


def test_silence_is_filled_with_comments(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        async with following(till) as stream:
            assert await stream.frame() == {"": "keep-alive"}
            assert await stream.frame() == {"": "keep-alive"}
            till.node.announce("note")
            assert (await stream.event())[1] == "note"

    served(tmp_path, story, keep_alive_s=0.02)


def test_a_reader_that_stops_reading_is_dropped_and_the_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "send_seconds_max", 0.2)

    async def story(till: Client) -> None:
        request = (
            f"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{till.server.port}\r\n"
            f"Authorization: Bearer {till.server.token}\r\n\r\n"
        ).encode()
        stopped, writer = await asyncio.open_connection("127.0.0.1", till.server.port, limit=1_024)
        writer.write(request)
        async with following(till) as stream:
            async with asyncio.timeout(5):
                while till.node.event_readers < 2:  # noqa: ASYNC110 - the fake has nothing to wait on
                    await asyncio.sleep(0.005)
            for number in range(300):
                till.node.announce("note", text="x" * 60_000)
                assert (await stream.event())[0] == f"aa-{number + 1}"
            async with asyncio.timeout(5):
                while till.node.event_readers > 1:  # noqa: ASYNC110 - the fake has nothing to wait on
                    await asyncio.sleep(0.005)
        metrics = (await till.get("/metrics")).text
        assert "tillmesh_api_event_readers_dropped_total 1\n" in metrics
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            while True:
                await stopped.readexactly(65_536)
        writer.close()

    served(tmp_path, story)


def test_a_reader_that_falls_too_far_behind_is_dropped_without_waiting(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        async with following(till) as stream:
            await follower_is_waiting(till)
            for _ in range(limits.events_queued_max + 2):
                till.node.announce("note")
            with pytest.raises((aiohttp.ClientError, asyncio.IncompleteReadError)):
                while True:
                    await stream.event()
        assert (await till.get("/metrics")).text.count("readers_dropped_total 1\n") == 1

    served(tmp_path, story)


def test_one_stream_too_many_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "streams_max", 1)

    async def story(till: Client) -> None:
        async with following(till):
            assert (await till.get("/v1/events")).refusal == (503, "too_many_streams")

    served(tmp_path, story)


def test_a_reader_that_leaves_is_forgotten(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        async with following(till):
            await follower_is_waiting(till)
        async with asyncio.timeout(5):
            while till.node.event_readers:  # noqa: ASYNC110 - the fake has nothing to wait on
                await asyncio.sleep(0.005)

    served(tmp_path, story, keep_alive_s=0.01)


def test_the_server_stops_at_once_although_a_reader_follows(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        async with following(till) as stream:
            await follower_is_waiting(till)
            loop = asyncio.get_running_loop()
            began = loop.time()
            await till.server.__aexit__(None, None, None)
            assert loop.time() - began < limits.shutdown_seconds_max
            with pytest.raises((aiohttp.ClientError, asyncio.IncompleteReadError)):
                await stream.event()
        assert till.node.event_readers == 0

    served(tmp_path, story)
