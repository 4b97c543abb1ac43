"""Who passes an entry on: one relay, chosen alike by all who could (RULES S2).

For a neighbour that does not list the origin, the relay is the first by hash(origin, neighbour, relay) among the nodes known
to be neighbours of both. A node that knows no such node relays itself, so a line of nodes works; where several could,
only one does. Refused: everyone relays (850 duplicates per 50 entries).
"""

from __future__ import annotations

import hashlib

from crdt_models.values.identity import NodeId
from node.replication.peering import Neighbourhood, Peer


class Relays:
    """The elections as this node sees them; an outcome is kept until anyone's neighbours change."""

    def __init__(self, me: NodeId, around: Neighbourhood) -> None:
        self._me, self._around = me, around
        self._outcomes: dict[tuple[NodeId, NodeId], bool] = {}
        self._version = -1

    def elected(self, origin: NodeId, neighbour: Peer) -> bool:
        """Whether this node passes the entries of `origin` on to `neighbour`."""
        if origin == neighbour.node or origin in neighbour.neighbours:
            return False
        if self._version != self._around.version:
            self._outcomes.clear()
            self._version = self._around.version
        outcome = self._outcomes.get((origin, neighbour.node))
        if outcome is None:
            outcome = self._outcomes[origin, neighbour.node] = self._elect(origin, neighbour)
        return outcome

    def _elect(self, origin: NodeId, neighbour: Peer) -> bool:
        around = self._around
        of_origin = {node for peer in around.peers_of(origin) for node in peer.neighbours}
        able = [
            node
            for node in neighbour.neighbours
            if node != self._me
            and (node in of_origin or any(origin in peer.neighbours for peer in around.peers_of(node)))
        ]
        if around.is_neighbour(origin):
            able.append(self._me)
        return not able or min(able, key=lambda node: rank(origin, neighbour.node, node)) == self._me


def rank(origin: NodeId, neighbour: NodeId, relay: NodeId) -> bytes:
    """Where `relay` stands in the election; the smallest is elected."""
    return hashlib.sha256(origin + neighbour + relay).digest()
