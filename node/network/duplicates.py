"""Two links between the same two processes: which one stays. A pure function that both ends evaluate alike.

D1. Peers are keyed by (node, process): a restarted node and a clone are other peers, never duplicates (RULES J4).
D2. Both dialed by the same end: the newer stays. That end lost the older one, or it would not have dialed.
D3. Dialed by different ends while the older is young: they dialed at once; the one dialed by the smaller peer stays.
D4. Dialed by different ends and the older is not young: the dialer has lost the older; the newer stays.

The accepting end judges before it upgrades and answers 409 to a dial that would lose; the dialing end judges again when
its dial succeeds, because its own accept may have happened meanwhile. "Young" is longer than any dial, so both ends
agree; if they ever do not, both links go and the jittered redial breaks the tie.
"""

from __future__ import annotations

from typing import NamedTuple

from crdt_models.values.identity import NodeId
from node.network import limits


class PeerKey(NamedTuple):
    """process: 8 random bytes drawn at the peer's start."""

    node: NodeId
    process: bytes


def newer_stays(own: PeerKey, peer: PeerKey, older_dialed: bool, older_age_s: float, newer_dialed: bool) -> bool:
    """Whether the newer of two links survives. dialed: by this end."""
    if older_dialed == newer_dialed:
        return True
    if older_age_s > limits.simultaneous_s:
        return True
    return newer_dialed == (own < peer)
