"""All links of a node: it listens, dials every known address, and keeps exactly one link per peer process.

K1. One pursuit per address, so never two dials to one address at a time; a pursuit rests while its peer is linked.
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
from dataclasses import dataclass
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
from node.network.link import REFUSED_BYTES, Link, LinkOwner, LinkTiming, WebSocket
from node.network.redial import dial_limit_s, redial_delay_s, share
from node.network.tls import link_client_context, link_server_context, peer_certificate

_log = logging.getLogger("tillmesh.network.links")


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
    found: tuple[Found, ...]
    age_s: float
    queued_bytes: int


@dataclass(slots=True)
class _Pursuit:
    known: Known
    wake: asyncio.Event
    task: asyncio.Task[None] | None = None
    attempt: int = 0
    lost_s: float = 0.0
    woken_s: float = float("-inf")
    fresh: bool = False


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
        self._pursuits: dict[Address, _Pursuit] = {}
        self._dialing: set[bytes] = set()
        self._hint_dials = asyncio.Semaphore(limits.hint_dials_max)
        self._all_woken_s = float("-inf")
        self._cut_until_s: float | None = None
        self._heal_timer: asyncio.TimerHandle | None = None
        self._stopping = False
        self._emptied = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Links:
        async with AsyncExitStack() as stack:
            await self._start_listening(stack)
            self._tasks = await stack.enter_async_context(asyncio.TaskGroup())
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
            stack.push_async_callback(self._end_pursuits)
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
            if address not in self._pursuits:
                self._pursue(known)
            elif change == "changed":
                self._wake_fresh(self._pursuits[address])
        for gone in [place for place in self._pursuits if self.book.get(place) is None]:
            self._abandon(gone)

    def withdraw(self, address: Address, how: Found) -> None:
        """That source speaks for `address` no longer; a link that was made there stays."""
        if self.book.withdraw(address, how):
            self._abandon(address)

    def wake(self) -> None:
        """Dial every waiting address now: the interfaces changed."""
        for pursuit in self._pursuits.values():
            pursuit.fresh = True
            pursuit.wake.set()

    def drill(self, seconds: float) -> None:
        """Be cut off for `seconds` from now, then heal; a drill that runs is replaced."""
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
        await socket.prepare(request)
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
        self._wake_others()
        try:
            why = await link.run()
            _log.info("a link ended", extra={"node": link.peer.node.hex()[:8], "reason": why})
        finally:
            del self._links[link.number]
            if self._by_peer.get(link.peer) is link:
                del self._by_peer[link.peer]
            if link.age_s >= limits.steady_s:
                for pursuit in self._pursuits.values():
                    if pursuit.known.node == link.peer.node:
                        pursuit.wake.set()
            if not self._links:
                self._emptied.set()

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

    # Pursuing addresses

    def _pursue(self, known: Known) -> None:
        pursuit = _Pursuit(known, asyncio.Event(), lost_s=asyncio.get_running_loop().time())
        self._pursuits[known.address] = pursuit
        pursuit.task = self._tasks.create_task(self._run_pursuit(pursuit), name=f"dialing {known.address}")

    def _abandon(self, address: Address) -> None:
        pursuit = self._pursuits.pop(address, None)
        if pursuit is not None and pursuit.task is not None and not self._is_linked_at(address):
            pursuit.task.cancel()

    def _is_linked_at(self, address: Address) -> bool:
        return any(link.dialed and link.address == str(address) for link in self._links.values())

    def _wake_fresh(self, pursuit: _Pursuit) -> None:
        now = asyncio.get_running_loop().time()
        if now - pursuit.woken_s >= limits.announced_wake_s:
            pursuit.woken_s, pursuit.fresh = now, True
            pursuit.wake.set()

    def _wake_others(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._all_woken_s < limits.wake_s:
            return
        self._all_woken_s = now
        for pursuit in self._pursuits.values():
            if not pursuit.known.is_hint and pursuit.attempt:
                pursuit.wake.set()

    async def _run_pursuit(self, pursuit: _Pursuit) -> None:
        loop, known = asyncio.get_running_loop(), pursuit.known
        pause = 0.0
        if known.node is not None and known.node < self.own.node:
            pause = limits.yielding_s * (1 + share(self._chance))
        while self._pursuits.get(known.address) is pursuit:
            if not pursuit.fresh:
                await _wait(pursuit.wake, pause)
            if pursuit.fresh:
                pursuit.fresh, pursuit.attempt = False, 0
            if not self._is_worth_dialing(known):
                pause = limits.redial_recent_max_s
                continue
            lived_s = await self._dial(known, dial_limit_s(pursuit.attempt))
            if lived_s >= limits.steady_s:
                pursuit.attempt = 0
            if lived_s > 0:
                pursuit.lost_s = loop.time()
            pause = redial_delay_s(pursuit.attempt, loop.time() - pursuit.lost_s, self._chance)
            pursuit.attempt += 1

    def _is_worth_dialing(self, known: Known) -> bool:
        if self._resting or (known.failure is not None and known.failure.trouble == "self"):
            return False
        if known.process is not None and known.process in self._dialing:
            return False
        return not any(
            peer.process == known.process or (known.is_past and peer.node == known.node) for peer in self._by_peer
        )

    async def _dial(self, known: Known, limit_s: float) -> float:
        """Seconds that the link lived; 0 if there was none."""
        expected = known.process
        if expected is not None:
            self._dialing.add(expected)
        try:
            if known.is_hint:
                async with self._hint_dials:
                    socket = await self._connect(known, limit_s)
            else:
                socket = await self._connect(known, limit_s)
        finally:
            if expected is not None:
                self._dialing.discard(expected)
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
            await _wait(self._emptied, 2 * self._timing.close_s)

    async def _end_pursuits(self) -> None:
        for pursuit in self._pursuits.values():
            if pursuit.task is not None:
                pursuit.task.cancel()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set from now on, or `seconds` are over."""
    event.clear()
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
