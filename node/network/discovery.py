"""Finding the other nodes: zeroconf announces and browses; configured and remembered addresses are its equals.

Everything found goes to `Hints` and is dialed there; liveness comes from links, never from here. Interfaces are polled,
because an address that DHCP brings late is otherwise never announced. When mDNS cannot start (no interface, port taken)
the node runs on, the reason is kept for `diagnosis`, and the next poll tries again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Protocol

from zeroconf import Error as ZeroconfError
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import NodeId, StoreId
from node.network import limits
from node.network.addresses import Address, Found, parse_address
from node.network.announcement import (
    SERVICE,
    Announcement,
    is_of_store,
    read_announcement,
    service_name,
    service_properties,
)
from node.network.duplicates import PeerKey
from node.network.interfaces import speaking_addresses

_log = logging.getLogger("tillmesh.network.discovery")


class Hints(Protocol):
    """Who dials: `Links`."""

    def hint(self, address: Address, how: Found, node: NodeId | None = None, process: bytes | None = None) -> None:
        """A peer may be there."""

    def withdraw(self, address: Address, how: Found) -> None:
        """That source speaks for the address no longer."""

    def wake(self) -> None:
        """The network changed: dial all that wait."""


class Discovery:
    """`async with Discovery(...)`: announces this node and hints at others while entered."""

    def __init__(
        self,
        store: StoreId,
        own: PeerKey,
        port: int,
        hints: Hints,
        interfaces: Sequence[str] = (),
        static: Sequence[str] = (),
        remembered: Callable[[], Iterable[tuple[NodeId, str]]] = lambda: (),
        mdns: bool = True,
        poll_s: float = limits.interface_poll_s,
    ) -> None:
        """port: where links listens; static: host:port, checked here (InvalidValue "static")."""
        self._store, self._own, self._port, self._hints = store, own, port, hints
        self._interfaces, self._remembered, self._mdns, self._poll_s = interfaces, remembered, mdns, poll_s
        self.static = [parse_address(text, "static") for text in static]
        self.speaking: list[str] = []
        self.failure: str | None = None
        self.heard_own = False
        self.heard: dict[str, Announcement] = {}
        self.heard_strangers: set[str] = set()
        self.dropped = 0
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._info: AsyncServiceInfo | None = None
        self._waiting: asyncio.Queue[str] = asyncio.Queue(limits.resolves_waiting_max)
        self._queued: set[str] = set()
        self._began_s = 0.0
        self._stack = AsyncExitStack()
        self._workers: list[asyncio.Task[None]] = []

    @property
    def speaking_s(self) -> float:
        """Seconds since mDNS began to speak; 0 while it does not."""
        return 0.0 if self._zeroconf is None else asyncio.get_running_loop().time() - self._began_s

    @property
    def mdns(self) -> bool:
        """Whether mDNS is wanted at all."""
        return self._mdns

    async def __aenter__(self) -> Discovery:
        for address in self.static:
            self._hints.hint(address, "static")
        for node, text in self._remembered():
            with suppress(InvalidValue):
                self._hints.hint(parse_address(text), "remembered", node)
        if self._mdns:
            async with AsyncExitStack() as stack:
                tasks = await stack.enter_async_context(asyncio.TaskGroup())
                stack.push_async_callback(self._silence)
                await self._look_at_interfaces()
                self._workers = [tasks.create_task(self._resolve_for_ever()) for _ in range(limits.resolves_max)]
                self._workers.append(tasks.create_task(self._watch_interfaces()))
                self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.cancel()
        if isinstance(error, asyncio.CancelledError):  # the group may have cancelled us because a worker crashed
            await self._stack.__aexit__(kind, error, trace)
        else:
            await self._stack.aclose()

    # Speaking

    async def _watch_interfaces(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            await self._look_at_interfaces()

    async def _look_at_interfaces(self) -> None:
        speaking = speaking_addresses(self._interfaces)
        if speaking == self.speaking and (self._zeroconf is not None or not speaking):
            return
        first = self._zeroconf is None
        try:
            if not speaking:
                await self._silence()
            elif first:
                await self._speak(speaking)
            else:
                await self._speak_elsewhere(speaking)
        except (OSError, ZeroconfError, RuntimeError) as error:
            self.failure = str(error) or type(error).__name__
            _log.warning("mDNS does not work, static and remembered addresses do", extra={"reason": self.failure})
            await self._silence()
            return
        self.speaking, self.failure = speaking, None
        if not first:
            self._hints.wake()

    async def _speak(self, speaking: list[str]) -> None:
        self._zeroconf = AsyncZeroconf(interfaces=list(speaking))
        self._began_s = asyncio.get_running_loop().time()
        self._info = self._announcement(speaking)
        await self._zeroconf.async_register_service(self._info, cooperating_responders=True)
        self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, SERVICE, handlers=[self._noticed])

    async def _speak_elsewhere(self, speaking: list[str]) -> None:
        assert self._zeroconf is not None
        await self._zeroconf.zeroconf.async_update_interfaces(list(speaking))
        self._info = self._announcement(speaking)
        await self._zeroconf.async_update_service(self._info)

    async def _silence(self) -> None:
        zeroconf, browser = self._zeroconf, self._browser
        self._zeroconf = self._browser = self._info = None
        self.speaking, self.heard_own = [], False
        with suppress(OSError, ZeroconfError, RuntimeError):
            if browser is not None:
                await browser.async_cancel()
            if zeroconf is not None:
                await zeroconf.async_close()

    def _announcement(self, speaking: list[str]) -> AsyncServiceInfo:
        name = service_name(self._store, *self._own)
        return AsyncServiceInfo(
            SERVICE,
            name,
            port=self._port,
            properties=service_properties(self._store, *self._own),
            server=f"{name.partition('.')[0]}.local.",
            addresses=[ipaddress.ip_address(host).packed for host in speaking],
        )

    # Hearing

    def _noticed(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if not is_of_store(name, self._store):
            if len(self.heard_strangers) < limits.hints_max:
                self.heard_strangers.add(name)
            return
        if state_change is ServiceStateChange.Removed:
            self._forget(name)
        elif name not in self._queued:
            try:
                self._waiting.put_nowait(name)
            except asyncio.QueueFull:
                self.dropped += 1
            else:
                self._queued.add(name)

    async def _resolve_for_ever(self) -> None:
        while True:
            name = await self._waiting.get()
            self._queued.discard(name)
            zeroconf = self._zeroconf
            if zeroconf is None:
                continue
            info = AsyncServiceInfo(SERVICE, name)
            with suppress(OSError, ZeroconfError, RuntimeError):
                await info.async_request(zeroconf.zeroconf, limits.resolve_ms)
            self.take(name, info.properties, info.parsed_addresses(), info.port)

    def take(self, name: str, properties: dict[bytes, bytes | None], hosts: Sequence[str], port: int | None) -> None:
        """A resolved service; what is not a usable word about a node of this store is ignored."""
        loopback = any(ipaddress.ip_address(host).is_loopback for host in self.speaking)
        said = read_announcement(properties, hosts, port, self._store, loopback)
        if said is None:
            return
        if PeerKey(said.node, said.process) == self._own:
            self.heard_own = True
            return
        former = self.heard.pop(name, None)
        while len(self.heard) >= limits.hints_max:
            self._forget(next(iter(self.heard)))
        self.heard[name] = said
        for address in former.addresses if former is not None else ():
            if address not in said.addresses:
                self._withdraw(address)
        for address in said.addresses:
            self._hints.hint(address, "mdns", said.node, said.process)

    def _forget(self, name: str) -> None:
        said = self.heard.pop(name, None)
        for address in said.addresses if said is not None else ():
            self._withdraw(address)

    def _withdraw(self, address: Address) -> None:
        if not any(address in other.addresses for other in self.heard.values()):
            self._hints.withdraw(address, "mdns")
