"""Events as a stream (server-sent events): what happened, as it happens, resumed by `Last-Event-ID`.

Between the node and each reader stands a bounded queue. A reader that does not keep up is dropped, not waited for: the
node never slows down for a screen, and a dropped reader resumes where it was. Silence is filled with comments, so that
both sides notice a dead connection. Long polling was refused: a reader could not tell "nothing happened" from "gone".
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any, Final

import msgspec
from aiohttp import web

from node import views
from node.api import limits
from node.api.port import NodePort
from node.api.problems import Problem, invalid

_EVENT_ID: Final = re.compile(r"[!-~]{1,200}", re.ASCII)
_END: Final = None


class EventStreams:
    """All readers of one server. keep_alive_s: silence after which a comment is sent."""

    def __init__(self, keep_alive_s: float = limits.keep_alive_s, queued_max: int = limits.events_queued_max) -> None:
        self._keep_alive_s = keep_alive_s
        self._queued_max = queued_max
        self._readers: set[asyncio.Task[Any]] = set()
        self.dropped_readers = 0

    @property
    def readers(self) -> int:
        """How many streams are open."""
        return len(self._readers)

    def close(self) -> None:
        """Ends every stream; readers resume at the next start and are told of the gap."""
        for task in self._readers:
            task.cancel()

    async def serve(self, node: NodePort, request: web.Request, after: str | None) -> web.StreamResponse:
        """Streams events to one reader until it leaves, falls behind, or the server stops."""
        if len(self._readers) >= limits.streams_max:
            raise Problem("too_many_streams", f"{limits.streams_max} event streams are open already")
        task = asyncio.current_task()
        assert task is not None
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        self._readers.add(task)
        queue: asyncio.Queue[views.Event | None] = asyncio.Queue(self._queued_max)
        pump: asyncio.Task[None] | None = None
        try:
            await response.prepare(request)
            pump = asyncio.create_task(self._pump(node, after, queue, request))
            await self._send(request, response, b"retry: 1000\n\n")
            while (event := await self._next(queue)) is not _END:
                await self._send(request, response, b": keep-alive\n\n" if event == "silence" else _frame(event))
        except ConnectionResetError:
            pass  # the reader left: nothing is owed to it
        finally:
            self._readers.discard(task)
            if pump is not None:
                pump.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await pump
        return response

    async def _pump(
        self, node: NodePort, after: str | None, queue: asyncio.Queue[views.Event | None], request: web.Request
    ) -> None:
        async with contextlib.aclosing(node.events(after)) as events:
            async for event in events:
                if queue.full():
                    self._drop(request)
                    return
                queue.put_nowait(event)
        await queue.put(_END)

    async def _next(self, queue: asyncio.Queue[views.Event | None]) -> Any:
        try:
            async with asyncio.timeout(self._keep_alive_s):
                return await queue.get()
        except TimeoutError:
            return "silence"

    async def _send(self, request: web.Request, response: web.StreamResponse, chunk: bytes) -> None:
        try:
            async with asyncio.timeout(limits.send_seconds_max):
                await response.write(chunk)
        except TimeoutError:
            self._drop(request)
            raise ConnectionResetError("the reader stopped reading") from None

    def _drop(self, request: web.Request) -> None:
        self.dropped_readers += 1
        if request.transport is not None:
            request.transport.abort()


def last_event_id(request: web.Request, after: str | None) -> str | None:
    """Where a reader left off: the header that browsers send on reconnecting, else the query parameter."""
    text = request.headers.get("Last-Event-ID") or after
    if text is not None and not _EVENT_ID.fullmatch(text):
        raise invalid("Last-Event-ID", "must be 1 to 200 visible ASCII characters")
    return text


def _frame(event: views.Event) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (event.id.encode(), event.kind.encode(), msgspec.json.encode(event))
