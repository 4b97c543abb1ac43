"""One link: a websocket over mutual TLS that carries opaque binary frames in order, or dies (RULES S5).

L1. `connected` first, `disconnected(why)` last, each exactly once; no `received` after `close` or `disconnected`.
L2. What waits to be sent is bounded in bytes, and each frame in time: a slow peer loses the link, not our memory.
L3. No byte for `idle_s` kills it. aiohttp pings after two thirds of that silence and gives up after the last third;
    any byte counts, so a large frame on a slow line is no silence.
L4. Text, compression and oversize frames close it with a reason; nothing that came is parsed here.
L5. `close` sends what waits (a goodbye) and then a close frame, within `close_s`; `abort` does neither.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp
from aiohttp import web

from crdt_models.values.identity import NodeId
from node.network import limits
from node.network.certificates import NodeCertificate
from node.network.duplicates import PeerKey

REFUSED_BYTES: Final = limits.frame_bytes_max + 1
"""For aiohttp's `max_msg_size`, which refuses a frame of exactly that size (3.14)."""

_FRAMES_BEFORE_OTHERS = 64
_CLOSE_REASON_BYTES = 120
_log = logging.getLogger("tillmesh.network.link")

WebSocket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class LinkOwner(Protocol):
    """Who is told what happens on links: the shell. Called on the loop's thread; must not block or raise."""

    def connected(self, link: int, node: NodeId, expires_ms: int, dialed: bool, remote_address: str) -> None:
        """A peer proved that it is `node`. expires_ms: of its certificate; remote_address: host:port."""

    def received(self, link: int, frame: bytes) -> None:
        """One whole frame, in order."""

    def disconnected(self, link: int, why: str) -> None:
        """The link is gone; why: a sentence for people."""


@dataclass(frozen=True, slots=True)
class LinkTiming:
    """Seconds; see limits.py for the reasons. Tests and slow lines set others."""

    idle_s: float = limits.idle_s
    send_s: float = limits.send_s
    close_s: float = limits.close_s
    frame_silence_s: float = limits.frame_silence_s
    queue_bytes_max: int = limits.queue_bytes_max

    @property
    def heartbeat_s(self) -> float:
        """aiohttp waits half of this for the pong, so silence kills after `idle_s`."""
        return self.idle_s * 2 / 3


@dataclass(frozen=True, slots=True)
class LinkView:
    """One live link for `peers`. found: how its address was found; age_s: seconds since it was made."""

    link: int
    node: NodeId
    process: bytes
    name: str
    expires_ms: int
    dialed: bool
    address: str
    found: tuple[str, ...]
    age_s: float
    queued_bytes: int


class Link:
    """The life of one link; made when both ends have agreed to have it."""

    def __init__(
        self,
        number: int,
        certificate: NodeCertificate,
        process: bytes,
        dialed: bool,
        address: str,
        socket: WebSocket,
        transport: asyncio.Transport,
        owner: LinkOwner,
        timing: LinkTiming,
    ) -> None:
        self.number, self.certificate, self.dialed, self.address = number, certificate, dialed, address
        self.peer = PeerKey(certificate.node, process)
        self.born_s = asyncio.get_running_loop().time()
        self._socket, self._transport, self._owner, self._timing = socket, transport, owner, timing
        self._queue: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._deadline: asyncio.TimerHandle | None = None
        self._closing = False
        self._why: str | None = None
        self.queued_bytes = 0

    @property
    def age_s(self) -> float:
        """Seconds since it was made."""
        return asyncio.get_running_loop().time() - self.born_s

    @property
    def is_open(self) -> bool:
        """Whether `send` still does something."""
        return self._why is None

    def send(self, frame: bytes) -> None:
        """Queue a frame, at most `frame_bytes_max`; on a link that is closing or gone it is dropped."""
        assert len(frame) <= limits.frame_bytes_max, "the sender cuts frames to size"
        if self._why is not None:
            return
        if self.queued_bytes + len(frame) > self._timing.queue_bytes_max:
            self.abort(f"slow peer: {self.queued_bytes} bytes were waiting for it")
            return
        self._queue.append(frame)
        self.queued_bytes += len(frame)
        self._wake.set()

    def close(self, why: str) -> None:
        """Send what waits, say why, and end; bounded by `close_s`."""
        if self._why is None:
            self._why = why
            self._closing = True
            self._wake.set()
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._timing.close_s, self._transport.abort)

    def abort(self, why: str) -> None:
        """End now; what waits is lost."""
        if self._why is None:
            self._why = why
        self._queue.clear()
        self.queued_bytes = 0
        self._transport.abort()

    async def run(self) -> str:
        """Live until the link is gone; returns why."""
        self._owner.connected(self.number, self.peer.node, self.certificate.expires_ms, self.dialed, self.address)
        writer = asyncio.create_task(self._write(), name=f"link {self.number} writer")
        why = "this node stopped"
        try:
            why = await self._read()
            if self._closing:
                await asyncio.wait({writer}, timeout=self._timing.close_s)
        finally:
            if self._deadline is not None:
                self._deadline.cancel()
            self._why = self._why or why
            self._transport.abort()
            self._owner.disconnected(self.number, self._why)
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
        return self._why

    async def _read(self) -> str:
        taken = 0
        while True:
            try:
                message = await self._socket.receive(self._timing.frame_silence_s)
            except TimeoutError:
                return f"no whole frame for {self._timing.frame_silence_s:g} s"
            except (ConnectionError, aiohttp.ClientError):
                # aiohttp answers a ping within `receive`, and a link may have died with the ping unread.
                return "the connection was lost"
            match message.type:
                case aiohttp.WSMsgType.BINARY:
                    if self._why is None:
                        self._owner.received(self.number, bytes(message.data))
                    taken += 1
                    if taken % _FRAMES_BEFORE_OTHERS == 0:
                        await asyncio.sleep(0)
                case aiohttp.WSMsgType.TEXT:
                    self._why = self._why or "the peer sent a text frame"
                    await self._refuse(
                        aiohttp.WSCloseCode.UNSUPPORTED_DATA, "a text frame; only binary ones are spoken"
                    )
                    return "the peer sent a text frame"
                case aiohttp.WSMsgType.CLOSE:
                    said = _printable(message.extra)
                    return f"the peer closed the link: {said or f'code {message.data}'}"
                case aiohttp.WSMsgType.ERROR:
                    return self._broken(message.data)
                case _:
                    return self._broken(self._socket.exception())

    def _broken(self, error: object) -> str:
        if isinstance(error, aiohttp.WebSocketError):
            # Our own sending may have failed meanwhile, because the socket was closed for this: this is the reason.
            self._why = f"the peer sent what is no frame of ours: {error}"
            return self._why
        if isinstance(error, TimeoutError):
            return f"silent for {self._timing.idle_s:g} s"
        return "the connection was lost"

    async def _refuse(self, code: int, reason: str) -> None:
        with suppress(TimeoutError, OSError, aiohttp.ClientError):
            async with asyncio.timeout(self._timing.close_s):
                await self._socket.close(code=code, message=reason.encode("utf-8"))

    async def _write(self) -> None:
        try:
            while True:
                while self._queue:
                    frame = self._queue.popleft()
                    async with asyncio.timeout(self._timing.send_s):
                        await self._socket.send_bytes(frame)
                    self.queued_bytes = max(0, self.queued_bytes - len(frame))
                if self._closing:
                    break
                self._wake.clear()
                await self._wake.wait()
            reason = (self._why or "").encode("utf-8")[:_CLOSE_REASON_BYTES]
            await self._refuse(aiohttp.WSCloseCode.OK, reason.decode("utf-8", "ignore"))
        except TimeoutError:
            self.abort(f"slow peer: it took no frame for {self._timing.send_s:g} s")
        except (OSError, aiohttp.ClientError, RuntimeError) as error:
            _log.debug("a frame was not sent", extra={"link": self.number, "reason": str(error)})
            self.abort("the connection was lost")


def _printable(text: object) -> str:
    return "".join(letter for letter in str(text or "") if letter.isprintable())[:_CLOSE_REASON_BYTES]
