"""Greeting: from a link to a peer, or to a goodbye (DESIGN section 11, RULES J4, O5).

Rules, cited by tests:
1. A node that is revoked here gets a goodbye and no other byte.
2. Our hello is the first frame that we send, at once; to an expired certificate only after its hello, and only if shop time
   with the stranger's clock in the median says that it is not expired: a till whose own clock is years off still joins.
3. A hello of another store, of another node than the certificate's, or without a common version ends with a goodbye.
4. Peers are keyed by (node, incarnation). The own one is hung up on: it dialed itself.
5. Of two links to one process one stays, the same at both ends: the one that the smaller node dialed. If one side dialed
   both, it decides alone and keeps the older. A link that missed two pulses gives way to a new one in any case.
6. A stranger that does not say hello in 3 s is hung up on, so is a peer that is silent for 6 s.
"""

from __future__ import annotations

from crdt_models.values.identity import NodeId
from node.replication import limits as bounds
from node.replication.desk import NEVER, Desk
from node.replication.effects import PeerGreeted
from node.replication.events import Connected
from node.replication.frames import Hello
from node.replication.giving import Giving
from node.replication.hearsay import Hearsay
from node.replication.peering import Peer, Phase
from node.replication.pulses import Pulses

FEATURES: tuple[str, ...] = ()
"""What this node can beyond version 1; none yet."""


class Greeting:
    """Strangers become peers here. name: this node's display name."""

    def __init__(self, desk: Desk, hearsay: Hearsay, giving: Giving, pulses: Pulses, name: str) -> None:
        self._desk, self._hearsay, self._giving, self._pulses, self._name = desk, hearsay, giving, pulses, name

    def connected(self, event: Connected) -> None:
        """A link stands."""
        desk = self._desk
        peer = Peer(event.link, event.node, event.expires_ms, event.dialed, desk.now.mono_s, desk.limits)
        desk.around.linked[event.link] = peer
        if desk.shop.revoked(event.node):
            desk.hang_up(peer, "revoked", "revoked")
            return
        if event.expires_ms > desk.time.now_ms(desk.now):
            self._say_hello(peer)
        desk.wake_by(desk.now.mono_s + desk.limits.hello_wait_s)

    def hello(self, peer: Peer, hello: Hello) -> None:
        """The other side's first frame."""
        desk = self._desk
        reason = self._objection(peer, hello)
        if reason is not None:
            desk.hang_up(peer, reason, reason)
            return
        if (hello.node, hello.incarnation) == (desk.node, desk.incarnation):
            desk.hang_up(peer, "this node itself")
            return
        peer.incarnation, peer.name = hello.incarnation, hello.name
        if not peer.hello_sent:
            if peer.expires_ms <= desk.time.now_ms_with(desk.now, hello.wall_ms):
                desk.hang_up(peer, "expired", "expired")
                return
            self._say_hello(peer)
        if not self._keep_one(peer):
            return
        self._greet(peer, hello)

    def tick(self) -> None:
        """Hang up on strangers that say nothing and on peers that fell silent."""
        desk = self._desk
        for peer in list(desk.around.linked.values()):
            if peer.greeted:
                if peer.heard_s + desk.limits.silence_s <= desk.now.mono_s:
                    desk.hang_up(peer, "silent")
            elif peer.linked_s + desk.limits.hello_wait_s <= desk.now.mono_s:
                desk.hang_up(peer, "no hello", "no hello")

    @property
    def due_s(self) -> float:
        """When the next peer would have been silent too long."""
        limits = self._desk.limits
        return min(
            [
                peer.heard_s + limits.silence_s if peer.greeted else peer.linked_s + limits.hello_wait_s
                for peer in self._desk.around.linked.values()
            ],
            default=NEVER,
        )

    # --- parts -----------------------------------------------------------------------------------------------------

    def _say_hello(self, peer: Peer) -> None:
        desk = self._desk
        peer.hello_sent = True
        peer.hello_heads = dict(desk.journals.heads)
        peer.hello_neighbours = frozenset(desk.around.nodes)
        desk.send(
            peer,
            Hello(
                (bounds.version_low, bounds.version_high),
                FEATURES,
                desk.shop.store,
                desk.node,
                desk.incarnation,
                peer.hello_heads,
                (),
                tuple(sorted(desk.around.nodes)),
                self._blocks(),
                desk.now.wall_ms,
                self._name,
            ),
        )

    def _blocks(self) -> tuple[NodeId, ...]:
        nodes = {journal.node for journal in self._desk.journals}
        return tuple(sorted([node for node in nodes if self._desk.shop.revoked(node)]))[: bounds.blocks_max]

    def _objection(self, peer: Peer, hello: Hello) -> str | None:
        if hello.store != self._desk.shop.store:
            return "other store"
        if hello.node != peer.node:
            return "not its certificate"
        low, high = hello.versions
        if min(high, bounds.version_high) < max(low, bounds.version_low):
            return "version"
        return None

    def _keep_one(self, peer: Peer) -> bool:
        """Whether this link stays; hangs up the other one or this one if there is a second to the same process."""
        desk = self._desk
        for other in list(desk.around.peers_of(peer.node)):
            if other.incarnation != peer.incarnation:
                continue
            if other.heard_s + desk.limits.stale_link_s <= desk.now.mono_s:
                desk.hang_up(other, "replaced by a newer link", "double")
            elif other.dialed != peer.dialed:
                smaller_dials = desk.node < peer.node
                if peer.dialed == smaller_dials:
                    desk.hang_up(other, "double", "double")
                else:
                    desk.hang_up(peer, "double", "double")
                    return False
            elif peer.dialed:
                desk.hang_up(peer, "double", "double")
                return False
        return True

    def _greet(self, peer: Peer, hello: Hello) -> None:
        desk = self._desk
        own = peer.hello_heads.get(desk.own_journal.id)
        peer.phase = Phase.GREETED
        peer.told = dict(hello.heads)
        peer.neighbours = set(hello.neighbours)
        peer.heard_wall_ms = hello.wall_ms
        desk.time.heard(desk.now, peer.link, hello.wall_ms)
        is_new = desk.around.greet(peer)
        desk.announce(PeerGreeted(peer.link, peer.node, hello.incarnation, hello.name))
        self._pulses.greeted(peer, is_new)
        self._hearsay.owe(peer)
        self._hearsay.told(peer, hello.heads, at_hello=True)
        self._giving.catch_up_own(peer, 0 if own is None else own.seq)
