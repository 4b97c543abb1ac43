"""All links of a node: it listens, dials every known address, and keeps exactly one link per peer process.

K1. One pursuit per address (pursuits.py), one link per peer process (duplicates.py).
K2. A lost link that had lived is redialed at once, a short-lived one like a failed dial: refusals cause no storm.
K3. The first link after an outage wakes the pursuits of proven addresses: the cable is back.
K4. Mere hints share a bounded number of dials; what was configured or once answered never waits for them.
K5. A drill cuts the node off logically: links die as if the cable were pulled, dials rest, accepts are refused.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType

import aiohttp
from aiohttp import web

from crdt_models.values.identity import Chance, NodeId
from node.network import limits
from node.network.addresses import Address, AddressBook, DialFailure, Found, Known
from node.network.certificates import NodeCertificate
from node.network.credentials import Credentials
from node.network.dialing import (
    PATH,
    PORT_HEADER,
    PROCESS_BYTES,
    PROCESS_HEADER,
    DialedSocket,
    answered_process,
    dial,
    explain,
    read_port,
    read_process,
)
from node.network.duplicates import PeerKey, newer_stays
from node.network.errors import CannotListen, UnreadableCertificate
from node.network.link import REFUSED_BYTES, Link, LinkOwner, LinkTiming, LinkView, WebSocket
from node.network.pursuits import Pursuits, wait
from node.network.tls import link_client_context, link_server_context, peer_certificate

_log = logging.getLogger("tillmesh.network.links")


class Links:
    """`async with Links(...) as links`: listens and dials while entered; leaves politely."""

    def __init__(
        self,
        credentials: Credentials,
        owner: LinkOwner,
        listen: Sequence[Address],
        process: bytes | None = None,
        timing: LinkTiming | None = None,
        remember: Callable[[NodeId, str], None] = lambda node, address: None,
        chance: Chance = os.urandom,
    ) -> None:
        """process: 8 bytes drawn at this start (the incarnation); remember: told where a node was reached."""
        self.own = PeerKey(credentials.node, chance(PROCESS_BYTES) if process is None else process)
        self.book = AddressBook()
        self.addresses: list[Address] = []
        self.dials = 0
        self._credentials, self._owner, self._listen = credentials, owner, listen
        self._timing, self._remember, self._chance = timing or LinkTiming(), remember, chance
        self._links: dict[int, Link] = {}
        self._by_peer: dict[PeerKey, Link] = {}
        self._numbers = 0
        self._tasks = asyncio.TaskGroup()
        self._pursuits = Pursuits(
            self.own, self._tasks, self._dial, self._by_peer.keys(), lambda: self._resting, self._chance
        )
        self._hint_dials = asyncio.Semaphore(limits.hint_dials_max)
        self._cut_until_s: float | None = None
        self._heal_timer: asyncio.TimerHandle | None = None
        self._stopping = False
        self._emptied = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Links:
        async with AsyncExitStack() as stack:
            await self._start_listening(stack)
            await stack.enter_async_context(self._tasks)
            connector = aiohttp.TCPConnector(
                ssl=link_client_context(self._credentials), limit=0, force_close=True, use_dns_cache=False
            )
            self._session = await stack.enter_async_context(
                aiohttp.ClientSession(
                    connector=connector,
                    ws_response_class=DialedSocket,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                )
            )
            stack.push_async_callback(self._pursuits.end)
            stack.push_async_callback(self._say_goodbye)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        if isinstance(error, asyncio.CancelledError):  # the group may have cancelled us because a pursuit crashed
            await self._stack.__aexit__(kind, error, trace)
        else:  # the caller's own error is his, not a member of a group
            await self._stack.aclose()

    # What the shell calls

    def send(self, link: int, frame: bytes) -> None:
        """Queue a frame; on a link that is gone it is dropped, since `disconnected` tells."""
        if (found := self._links.get(link)) is not None:
            found.send(frame)

    def close(self, link: int, why: str) -> None:
        """End a link after what waits was sent; `why` goes to the peer (at most 120 bytes)."""
        if (found := self._links.get(link)) is not None:
            found.close(why)

    def abort(self, link: int, why: str) -> None:
        """End a link now."""
        if (found := self._links.get(link)) is not None:
            found.abort(why)

    def certificate(self, link: int) -> NodeCertificate | None:
        """What the peer proved, with the hash of its TLS key, which its credential must name."""
        found = self._links.get(link)
        return found.certificate if found is not None else None

    def views(self) -> list[LinkView]:
        """The live links, oldest first."""
        return [self._view(link) for link in self._links.values()]

    def hint(self, address: Address, how: Found, node: NodeId | None = None, process: bytes | None = None) -> None:
        """A peer may be at `address`; it is dialed. A new process there is dialed at once."""
        if self._stopping or (node, process) == self.own:
            return
        change, known = self.book.note(address, how, node, process)
        if known is not None:
            self._pursuits.pursue(known, changed=change == "changed")
        for place in self._pursuits.addresses():
            if self.book.get(place) is None:
                self._pursuits.abandon(place, self._is_linked_at(place))

    def withdraw(self, address: Address, how: Found) -> None:
        """That source speaks for `address` no longer; a link that was made there stays."""
        if self.book.withdraw(address, how):
            self._pursuits.abandon(address, self._is_linked_at(address))

    def wake(self) -> None:
        """Dial every waiting address now: the interfaces changed."""
        self._pursuits.wake_all()

    def drill(self, seconds: float) -> None:
        """Be cut off for `seconds` from now, then heal; a drill that runs is replaced. Also before entering."""
        loop = asyncio.get_running_loop()
        self._cut_until_s = loop.time() + seconds
        if self._heal_timer is not None:
            self._heal_timer.cancel()
        self._heal_timer = loop.call_later(seconds, self.heal)
        for link in list(self._links.values()):
            link.abort("drill: this node is cut off")

    def heal(self) -> None:
        """End a drill now."""
        if self._heal_timer is not None:
            self._heal_timer.cancel()
        self._heal_timer = self._cut_until_s = None
        self.wake()

    @property
    def cut_s(self) -> float:
        """Seconds until a drill ends; 0 if none runs."""
        if self._cut_until_s is None:
            return 0.0
        return max(0.0, self._cut_until_s - asyncio.get_running_loop().time())

    # Accepting

    async def _start_listening(self, stack: AsyncExitStack) -> None:
        loop = asyncio.get_running_loop()
        server = web.Server(self._accept, access_log=None)
        stack.push_async_callback(server.shutdown, self._timing.close_s)
        context = link_server_context(self._credentials)
        for address in self._listen:
            try:
                listener = await loop.create_server(
                    server, address.host, address.port, ssl=context, ssl_handshake_timeout=limits.handshake_s
                )
            except OSError as error:
                raise CannotListen(str(address), error.strerror or str(error)) from error
            stack.callback(listener.close)
            self.addresses += [Address(*socket.getsockname()[:2]) for socket in listener.sockets]

    async def _accept(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != PATH or request.method != "GET":
            return web.Response(status=404)
        if self._resting:
            return web.Response(status=503)
        transport = request.transport
        process = read_process(request.headers.get(PROCESS_HEADER))
        if transport is None or process is None:
            return web.Response(status=400, text=f"{PROCESS_HEADER}: 16 hexadecimal digits")
        try:
            certificate = peer_certificate(transport.get_extra_info("ssl_object"))
        except UnreadableCertificate as error:
            return web.Response(status=403, text=str(error))
        headers = {PROCESS_HEADER: self.own.process.hex()}
        peer = PeerKey(certificate.node, process)
        if not self._may_have(peer, dialed=False):
            return web.Response(status=409, headers=headers)
        socket = web.WebSocketResponse(
            compress=False,
            heartbeat=self._timing.heartbeat_s,
            max_msg_size=REFUSED_BYTES,
            timeout=self._timing.close_s,
            autoping=True,
        )
        socket.headers.update(headers)
        try:
            await socket.prepare(request)
        except ConnectionError:
            return web.Response(status=400)  # it died between its question and this answer, which nobody reads
        name = transport.get_extra_info("peername")
        remote = Address(str(name[0]), int(name[1]))
        link = self._adopt(certificate, process, False, str(remote), socket, transport)
        if link is None:
            transport.abort()
            return socket
        port = read_port(request.headers.get(PORT_HEADER))
        if port is not None and "%" not in remote.host:
            self.hint(Address(remote.host, port), "dialed-in", peer.node, process)
            self._remember(peer.node, str(Address(remote.host, port)))
        await self._live(link)
        return socket

    # Having links

    @property
    def _resting(self) -> bool:
        return self._stopping or self._cut_until_s is not None or len(self._links) >= limits.links_max

    def _may_have(self, peer: PeerKey, dialed: bool) -> bool:
        if peer == self.own:
            return False
        older = self._by_peer.get(peer)
        return older is None or newer_stays(self.own, peer, older.dialed, older.age_s, dialed)

    def _adopt(
        self,
        certificate: NodeCertificate,
        process: bytes,
        dialed: bool,
        address: str,
        socket: WebSocket,
        transport: asyncio.Transport,
    ) -> Link | None:
        peer = PeerKey(certificate.node, process)
        if self._resting or not self._may_have(peer, dialed):
            return None
        if (older := self._by_peer.get(peer)) is not None:
            older.abort("a newer link with the same peer replaces it")
        self._numbers += 1
        link = Link(self._numbers, certificate, process, dialed, address, socket, transport, self._owner, self._timing)
        self._links[link.number] = self._by_peer[peer] = link
        return link

    async def _live(self, link: Link) -> None:
        self._pursuits.wake_others()
        try:
            why = await link.run()
            _log.info("a link ended", extra={"node": link.peer.node.hex()[:8], "reason": why})
        finally:
            del self._links[link.number]
            if self._by_peer.get(link.peer) is link:
                del self._by_peer[link.peer]
            if link.age_s >= limits.steady_s:
                self._pursuits.lost(link.peer.node)
            if not self._links:
                self._emptied.set()

    def _is_linked_at(self, address: Address) -> bool:
        return any(link.dialed and link.address == str(address) for link in self._links.values())

    def _view(self, link: Link) -> LinkView:
        found: tuple[Found, ...] = ("dialed-in",)
        if link.dialed:
            found = tuple(
                sorted({how for known in self.book if str(known.address) == link.address for how in known.how})
            )
        return LinkView(
            link.number,
            link.peer.node,
            link.peer.process,
            link.certificate.name,
            link.certificate.expires_ms,
            link.dialed,
            link.address,
            found,
            link.age_s,
            link.queued_bytes,
        )

    # Dialing, for the pursuits

    async def _dial(self, known: Known, limit_s: float) -> float:
        if known.is_hint:
            async with self._hint_dials:
                socket = await self._connect(known, limit_s)
        else:
            socket = await self._connect(known, limit_s)
        if socket is None:
            return 0.0
        link = self._adopt_dialed(known, socket)
        if link is None:
            socket.transport.abort()
            return 0.0
        await self._live(link)
        return link.age_s

    async def _connect(self, known: Known, limit_s: float) -> DialedSocket | None:
        self.dials += 1
        headers = {PROCESS_HEADER: self.own.process.hex()}
        if self.addresses:
            headers[PORT_HEADER] = str(self.addresses[0].port)
        try:
            return await dial(self._session, known.address, headers, limit_s, self._timing)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            known.failure = explain(error)
            process = answered_process(error)
            if process is not None:
                known.process = process
            if process == self.own.process:
                known.failure = DialFailure("self", "this is our own address")
            _log.debug("a dial failed", extra={"address": str(known.address), "reason": known.failure.reason})
            return None

    def _adopt_dialed(self, known: Known, socket: DialedSocket) -> Link | None:
        try:
            certificate = peer_certificate(socket.get_extra_info("ssl_object"))
        except UnreadableCertificate as error:
            known.failure = DialFailure("stranger", error.reason)
            return None
        if (process := socket.process) is None:
            known.failure = DialFailure("stranger", "it does not say which process it is")
            return None
        self.book.prove(known.address, certificate.node, process)
        self._remember(certificate.node, str(known.address))
        return self._adopt(certificate, process, True, str(known.address), socket, socket.transport)

    # Leaving

    async def _say_goodbye(self) -> None:
        if self._heal_timer is not None:
            self._heal_timer.cancel()
        for link in list(self._links.values()):
            link.close("this node stops")
        if self._links:
            self._emptied.clear()
            await wait(self._emptied, 2 * self._timing.close_s)
