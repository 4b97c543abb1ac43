"""The wiring between shell and network: links become events, effects become frames on links.

Knows both sides and decides nothing. A link that is gone swallows what is still sent to it; the replica hears of it by
`Disconnected`, once.
"""

from __future__ import annotations

import asyncio

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import NodeId
from node.disk.store import Store
from node.errors import DiskFailed
from node.network.links import Links
from node.replication.events import Connected, Disconnected, Link, Received
from node.shell import Shell

ADDRESS = "address/"
"""Prefix of what the disk remembers: where a node was reached last."""


class Wiring:
    """The owner of all links, and the wires of the shell."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.links: Links | None = None

    def connected(self, link: int, node: NodeId, expires_ms: int, dialed: bool, remote_address: str) -> None:
        """A peer proved who it is."""
        self._shell.handle(Connected(self._shell.clock(), Link(link), node, expires_ms, dialed))

    def received(self, link: int, frame: bytes) -> None:
        """One whole frame, in order."""
        self._shell.handle(Received(self._shell.clock(), Link(link), frame))

    def disconnected(self, link: int, why: str) -> None:
        """The link is gone."""
        self._shell.handle(Disconnected(self._shell.clock(), Link(link)))

    def send(self, link: Link, frame: bytes) -> None:
        """Queue a frame."""
        if self.links is not None:
            self.links.send(link, frame)

    def hang_up(self, link: Link, reason: str) -> None:
        """Close a link after what was queued has gone out."""
        if self.links is not None:
            self.links.close(link, reason[:120])


class Remembered:
    """Addresses at which nodes were reached, kept on the disk: as good as mDNS where multicast is blocked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fresh: asyncio.Queue[tuple[NodeId, str]] = asyncio.Queue()
        self.known: dict[NodeId, str] = {}

    async def load(self) -> None:
        """Read what earlier processes remembered."""
        for key, raw in (await self._store.recall_all(ADDRESS)).items():
            self.known[NodeId(bytes.fromhex(key[len(ADDRESS) :]))] = raw.decode("utf-8", "replace")

    def note(self, node: NodeId, address: str) -> None:
        """A node was reached at `address`."""
        if self.known.get(node) != address:
            self.known[node] = address
            self._fresh.put_nowait((node, address))

    async def run(self) -> None:
        """Write down what is new, until cancelled; a full disk or memory costs the address, never the sale."""
        while True:
            node, address = await self._fresh.get()
            try:
                await self._store.remember(ADDRESS + node.hex(), address.encode())
            except (DiskFailed, InvalidValue):
                continue
