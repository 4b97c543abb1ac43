"""Virtual wires: connections between machines that deliver everything in order, or die (RULES S5).

What is cut holds frames back, as TCP does; a link dies when an end closes it, when its process dies, or when a machine that
rebooted is asked about it. Whoever has no link to a peer dials it, with the running node's own redial rules, from both sides
alike, so that double links happen as they do in a shop.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, Protocol

from crdt_models.values.identity import NodeId
from node.network.redial import redial_delay_s
from node.replication.events import Link
from node.simulation import limits
from node.simulation.world import World

CLOSE: Final = None
"""What travels on a link when its other end closed it."""

Pair = tuple[int, int]


class Plugged(Protocol):
    """A machine as the wires see it."""

    index: int
    node: NodeId

    @property
    def up(self) -> bool:
        """Whether a process runs there."""

    def connected(self, link: Link, node: NodeId, dialed: bool) -> None:
        """A link stands."""

    def received(self, link: Link, frame: bytes) -> None:
        """A frame came."""

    def disconnected(self, link: Link) -> None:
        """A link is gone."""


class _Connection:
    """One link with its two ends: side 0 dialed, side 1 accepted."""

    __slots__ = ("arrives_s", "began_s", "busy_s", "ends", "links", "open", "stalled")

    def __init__(self, dialer: int, acceptor: int, first_link: int, now_s: float) -> None:
        self.began_s = now_s
        self.ends = (dialer, acceptor)
        self.links = (Link(first_link), Link(first_link + 1))
        self.open = [True, True]
        self.busy_s = [0.0, 0.0]
        self.arrives_s = [0.0, 0.0]
        self.stalled: tuple[list[bytes | None], list[bytes | None]] = ([], [])


class Wires:
    """All links of a shop. blocked: ordered pairs that nothing passes; slow: unordered pairs with (latency, bytes per s).

    dials: how often each node dialed each other one.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = world.chance("wires")
        self._machines: list[Plugged] = []
        self._latency_s: dict[Pair, float] = {}
        self.blocked: frozenset[Pair] = frozenset()
        self.slow: dict[Pair, tuple[float, int]] = {}
        self._ends: dict[Link, tuple[_Connection, int]] = {}
        self._links = 0
        self._open: dict[Pair, int] = {}
        self._dialing: set[Pair] = set()
        self._in_vain: dict[Pair, int] = {}
        self._lost_s: dict[Pair, float] = {}
        self.dials: Counter[Pair] = Counter()

    def plug_in(self, machine: Plugged) -> None:
        """A machine is on the net; machines are plugged in by their index."""
        for other in self._machines:
            latency_s = self._chance.uniform(*limits.latency_s)
            self._latency_s[other.index, machine.index] = self._latency_s[machine.index, other.index] = latency_s
        self._machines.append(machine)

    # --- for machines ----------------------------------------------------------------------------------------------

    def booted(self, index: int) -> None:
        """A process started: it dials all others."""
        for other in self._machines:
            if other.index != index:
                self._dial_later(index, other.index, self._chance.uniform(0.0, 0.3))

    def send(self, link: Link, frame: bytes) -> None:
        """Put a frame on a link; one that is gone swallows it."""
        found = self._ends.get(link)
        if found is not None and found[0].open[found[1]]:
            self._put(*found, frame)

    def close(self, link: Link) -> None:
        """Close an end; the other end hears of it after what was sent."""
        found = self._ends.get(link)
        if found is not None and found[0].open[found[1]]:
            self._put(*found, CLOSE)
            self._shut(*found)

    def died(self, index: int, loudly: bool) -> None:
        """A process is gone. loudly: its machine lives on and closes its links, else nobody is told."""
        for connection, side in list(self._ends.values()):
            if connection.ends[side] == index and connection.open[side]:
                if loudly:
                    self._put(connection, side, CLOSE)
                self._shut(connection, side)

    # --- for nemeses -----------------------------------------------------------------------------------------------

    def set_blocked(self, blocked: frozenset[Pair]) -> None:
        """Cut and mend; what was held back on a mended way goes on."""
        mended = self.blocked - blocked
        self.blocked = blocked
        for connection in dict.fromkeys(connection for connection, _ in self._ends.values()):
            for side in (0, 1):
                if connection.stalled[side] and (connection.ends[side], connection.ends[1 - side]) in mended:
                    held, connection.stalled[side][:] = list(connection.stalled[side]), []
                    for frame in held:
                        self._deliver(connection, side, frame)

    # --- frames ----------------------------------------------------------------------------------------------------

    def _put(self, connection: _Connection, side: int, frame: bytes | None) -> None:
        world, ends = self._world, connection.ends
        pair = (ends[side], ends[1 - side])
        latency_s, rate = self._latency_s[pair], limits.bytes_per_s
        slow = self.slow.get((min(pair), max(pair))) if self.slow else None
        if slow is not None:
            latency_s, rate = latency_s + slow[0] * self._chance.uniform(0.5, 1.5), slow[1]
        leaves_s = max(world.now_s, connection.busy_s[side]) + (0 if frame is None else len(frame)) / rate
        connection.busy_s[side] = leaves_s
        arrives_s = max(leaves_s + latency_s, connection.arrives_s[side])
        connection.arrives_s[side] = arrives_s
        world.at(arrives_s, self._arrive, connection, side, frame)

    def _arrive(self, connection: _Connection, side: int, frame: bytes | None) -> None:
        stalled = connection.stalled[side]
        if stalled or (connection.ends[side], connection.ends[1 - side]) in self.blocked:
            stalled.append(frame)
        else:
            self._deliver(connection, side, frame)

    def _deliver(self, connection: _Connection, side: int, frame: bytes | None) -> None:
        other = 1 - side
        machine = self._machines[connection.ends[other]]
        if not connection.open[other]:
            if connection.open[side] and machine.up:
                self._world.after(limits.reset_s, self._reset, connection, side)
            return
        if frame is CLOSE:
            self._shut(connection, other)
            machine.disconnected(connection.links[other])
        else:
            machine.received(connection.links[other], frame)

    def _reset(self, connection: _Connection, side: int) -> None:
        pair = (connection.ends[1 - side], connection.ends[side])
        if connection.open[side] and pair not in self.blocked:
            self._shut(connection, side)
            self._machines[connection.ends[side]].disconnected(connection.links[side])

    def _shut(self, connection: _Connection, side: int) -> None:
        connection.open[side] = False
        del self._ends[connection.links[side]]
        index, other = connection.ends[side], connection.ends[1 - side]
        self._open[index, other] -= 1
        if not self._open[index, other]:
            self._lost_s[index, other] = self._world.now_s
            lived_s = self._world.now_s - connection.began_s
            self._in_vain[index, other] = 0 if lived_s >= limits.steady_s else self._in_vain.get((index, other), 0) + 1
            self._dial_later(index, other, self._delay(index, other))

    # --- dials -----------------------------------------------------------------------------------------------------

    def _delay(self, index: int, other: int) -> float:
        absent_s = self._world.now_s - self._lost_s.get((index, other), 0.0)
        return redial_delay_s(self._in_vain.get((index, other), 0), absent_s, self._random_bytes)

    def _random_bytes(self, count: int) -> bytes:
        return self._chance.randbytes(count)

    def _dial_later(self, index: int, other: int, delay_s: float) -> None:
        if (index, other) not in self._dialing:
            self._dialing.add((index, other))
            self._world.after(delay_s, self._dial, index, other)

    def _dial(self, index: int, other: int) -> None:
        pair = (index, other)
        self._dialing.discard(pair)
        if not self._machines[index].up or self._open.get(pair, 0):
            return
        self._dialing.add(pair)
        self.dials[pair] += 1
        cut = pair in self.blocked or (other, index) in self.blocked
        if cut:
            self._world.after(limits.dial_s, self._dialed, index, other, False)
        else:
            slow = self.slow.get((min(pair), max(pair)))
            latency_s = self._latency_s[pair] + (0.0 if slow is None else slow[0])
            self._world.after(3 * latency_s, self._dialed, index, other, True)

    def _dialed(self, index: int, other: int, reached: bool) -> None:
        pair = (index, other)
        self._dialing.discard(pair)
        dialer, acceptor = self._machines[index], self._machines[other]
        if not dialer.up:
            return
        if not reached or not acceptor.up or pair in self.blocked or (other, index) in self.blocked:
            self._in_vain[pair] = self._in_vain.get(pair, 0) + 1
            self._dial_later(index, other, self._delay(index, other))
            return
        self._links += 2
        connection = _Connection(index, other, self._links, self._world.now_s)
        for side in (0, 1):
            self._ends[connection.links[side]] = (connection, side)
            ends = (connection.ends[side], connection.ends[1 - side])
            self._open[ends] = self._open.get(ends, 0) + 1
        dialer.connected(connection.links[0], acceptor.node, True)
        if connection.open[1]:
            acceptor.connected(connection.links[1], dialer.node, False)
