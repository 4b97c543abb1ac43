"""The desk: what the parts of a replica share, and where they lay down what must be done.

Each part is one concern (greeting, wants, giving, ...). They meet here and in the ordered list of effects, not in each other.
"""

from __future__ import annotations

from typing import Final

from crdt_models.journal.entry import Writer
from crdt_models.journal.signatures import Verify
from crdt_models.values.identity import Incarnation, NodeId, incarnation_of, node_of
from node.replication import limits as bounds
from node.replication.effects import Announce, Announcement, Effect, HangUp, Send
from node.replication.events import Now
from node.replication.fold import Fold
from node.replication.frames import Frame, Goodbye
from node.replication.journals import Journal, Journals
from node.replication.limits import Limits
from node.replication.peering import Neighbourhood, Peer
from node.replication.shop_time import ShopTime

NEVER: Final = float("inf")


class Desk:
    """State that more than one part reads, and the effects of the event at hand.

    lost: peers hung up or gone whose consequences are still to be drawn, with the reason. wake_s: earliest time that a part
    asked for. settled: journals whose pull ended, for those who give them on.
    """

    def __init__(
        self, shop: Fold, own: Writer, journals: Journals, own_journal: Journal, verify: Verify, limits: Limits
    ) -> None:
        self.shop, self.own, self.journals, self.own_journal = shop, own, journals, own_journal
        self.verify, self.limits = verify, limits
        self.node: NodeId = node_of(own.journal)
        self.incarnation: Incarnation = incarnation_of(own.journal)
        self.around = Neighbourhood()
        self.time = ShopTime()
        self.now = Now(0.0, 0)
        self.out: list[Effect] = []
        self.lost: list[tuple[Peer, str]] = []
        self.settled: list[Journal] = []
        self.wake_s = NEVER

    def send(self, peer: Peer, frame: Frame) -> None:
        """Put a frame on a peer's link."""
        self.out.append(Send(peer.link, frame))

    def announce(self, announcement: Announcement) -> None:
        """Tell the node."""
        self.out.append(Announce(announcement))

    def hang_up(self, peer: Peer, reason: str, goodbye: str | None = None) -> None:
        """Close a link, with a last word if the other side should know why; once only."""
        if self.around.linked.get(peer.link) is not peer:
            return
        if goodbye is not None:
            self.send(peer, Goodbye(goodbye[: bounds.reason_characters_max]))
        self.out.append(HangUp(peer.link, reason))
        self.gone(peer, reason)

    def gone(self, peer: Peer, reason: str) -> None:
        """The link is closed or lost; the parts hear of it at the end of the event."""
        if self.around.linked.get(peer.link) is peer:
            self.around.remove(peer)
            self.lost.append((peer, reason))

    def wake_by(self, mono_s: float) -> None:
        """Ask for a tick at this time or before."""
        if mono_s < self.wake_s:
            self.wake_s = mono_s
