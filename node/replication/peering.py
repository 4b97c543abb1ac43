"""One conversation: what a peer said of itself, what it is known to hold, what it was sent, what it ordered.

A peering is *stranger* (linked), *greeted* (hellos exchanged), *in step* (all that either side listed then is held by both).
Peers are keyed by (node, incarnation) (RULES J4): two lives of one node are two peers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

from crdt_models.journal.heads import Head
from crdt_models.values.identity import Incarnation, JournalId, NodeId, incarnation_of, node_of
from node.replication.events import Link
from node.replication.flow import Flow
from node.replication.limits import Limits


class Phase(Enum):
    """How far a peering has come."""

    STRANGER = "stranger"
    GREETED = "greeted"
    IN_STEP = "in step"


class Peer:
    """The other end of one link.

    told, neighbours: mirror of what it told, exactly. held: highest number per journal that it is known to hold durably.
    cursors: held, or sent on this link (RULES S1). orders: journals that it is being given from the disk; the value says
    whether they count as pushed. owed: what must be held on both sides to be in step. forked: journals of which it holds
    another branch. pulls: journals that are wanted of it.
    """

    __slots__ = (
        "cursors",
        "dialed",
        "digest",
        "expires_ms",
        "flow",
        "forked",
        "heard_s",
        "heard_wall_ms",
        "held",
        "hello_heads",
        "hello_neighbours",
        "hello_sent",
        "incarnation",
        "link",
        "linked_s",
        "name",
        "neighbours",
        "node",
        "orders",
        "owed",
        "phase",
        "pulls",
        "reading",
        "told",
    )

    def __init__(self, link: Link, node: NodeId, expires_ms: int, dialed: bool, mono_s: float, limits: Limits) -> None:
        self.link, self.node, self.expires_ms, self.dialed = link, node, expires_ms, dialed
        self.linked_s = self.heard_s = mono_s
        self.heard_wall_ms: int | None = None
        self.phase = Phase.STRANGER
        self.incarnation: Incarnation | None = None
        self.name = ""
        self.hello_sent = False
        self.hello_heads: Mapping[JournalId, Head] = {}
        self.hello_neighbours: frozenset[NodeId] = frozenset()
        self.told: dict[JournalId, Head] = {}
        self.neighbours: set[NodeId] = set()
        self.digest: bytes | None = None
        self.held: dict[JournalId, int] = {}
        self.cursors: dict[JournalId, int] = {}
        self.orders: dict[JournalId, bool] = {}
        self.reading: tuple[JournalId, int] | None = None
        self.owed: dict[JournalId, int] = {}
        self.forked: set[JournalId] = set()
        self.pulls = 0
        self.flow = Flow(limits)

    @property
    def greeted(self) -> bool:
        """Whether hellos were exchanged."""
        return self.phase is not Phase.STRANGER

    def writes(self, journal: JournalId) -> bool:
        """Whether the process at the other end is the one that writes `journal` now."""
        return node_of(journal) == self.node and incarnation_of(journal) == self.incarnation


class Neighbourhood:
    """All peers of this process. version: moves when anyone's neighbours change, own or told."""

    def __init__(self) -> None:
        self.linked: dict[Link, Peer] = {}
        self.greeted: dict[Link, Peer] = {}
        self._by_node: dict[NodeId, list[Peer]] = {}
        self.version = 0

    def __iter__(self) -> Iterator[Peer]:
        """The greeted peers, first greeted first."""
        return iter(self.greeted.values())

    def greet(self, peer: Peer) -> bool:
        """The peer said hello; True if its node was no neighbour before."""
        self.greeted[peer.link] = peer
        peers = self._by_node.setdefault(peer.node, [])
        peers.append(peer)
        self.version += 1
        return len(peers) == 1

    def remove(self, peer: Peer) -> None:
        """The peer is gone."""
        del self.linked[peer.link]
        if self.greeted.pop(peer.link, None) is None:
            return
        peers = self._by_node[peer.node]
        peers.remove(peer)
        if not peers:
            del self._by_node[peer.node]
        self.version += 1

    @property
    def nodes(self) -> Iterable[NodeId]:
        """The neighbours: nodes of greeted peers."""
        return self._by_node.keys()

    def is_neighbour(self, node: NodeId) -> bool:
        """Whether a process of `node` is greeted."""
        return node in self._by_node

    def peers_of(self, node: NodeId) -> list[Peer]:
        """The greeted peers of a node, first greeted first."""
        return self._by_node.get(node, [])

    def writer_of(self, journal: JournalId) -> Peer | None:
        """The greeted peer that writes `journal` now."""
        for peer in self._by_node.get(node_of(journal), ()):
            if peer.writes(journal):
                return peer
        return None
