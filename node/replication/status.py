"""What a replica knows of its peers and journals, as plain values for people and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from crdt_models.values.identity import Incarnation, JournalId, NodeId
from node.replication.events import Link


class PeerStatus(NamedTuple):
    """One link. phase: "stranger", "greeted" or "in step"; held: per journal what it told as tips, by number.

    heard_s, heard_wall_ms: own monotonic time of the last frame, and the peer's wall clock then; round_trip_s: from pushing to
    the last ack, with the peer's durable write; clock_off_ms: its wall clock minus shop time; in_flight_bytes: entries sent
    and not acked; neighbours: nodes that it told.
    """

    link: Link
    node: NodeId
    incarnation: Incarnation | None
    name: str
    phase: str
    held: Mapping[JournalId, int]
    heard_s: float
    heard_wall_ms: int | None
    round_trip_s: float | None
    clock_off_ms: int | None
    in_flight_bytes: int
    neighbours: tuple[NodeId, ...]


class JournalStatus(NamedTuple):
    """One journal. durable: on this disk; received: folded; said: highest number that anyone said exists.

    missing: entries that someone said exist and that are not durable here; asked: the peer that is asked for them.
    """

    journal: JournalId
    node: NodeId
    durable: int
    received: int
    said: int
    asked: NodeId | None

    @property
    def missing(self) -> int:
        """Entries known to exist and not held durably."""
        return max(0, self.said - self.durable)


class ReplicaStatus(NamedTuple):
    """copies: per node the highest number of the own running journal that it said it holds; disk_failed: why, or None.

    shop_time_ms: UTC; clock_off_ms: own wall clock minus shop time.
    """

    node: NodeId
    incarnation: Incarnation
    journal: JournalId
    peers: tuple[PeerStatus, ...]
    journals: tuple[JournalStatus, ...]
    copies: Mapping[NodeId, int]
    shop_time_ms: int
    clock_off_ms: int
    disk_failed: str | None
