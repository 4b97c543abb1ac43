"""Pursuing addresses: one task per known address, which dials it whenever its peer is not linked.

One pursuit per address, so there are never two dials to one address at a time. A pursuit rests while its peer is linked
or another address of the same process is being dialed. `redial` says when; this says whether, and whom a change wakes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from crdt_models.values.identity import Chance, NodeId
from node.network import limits
from node.network.addresses import Address, Known
from node.network.duplicates import PeerKey
from node.network.redial import dial_limit_s, redial_delay_s, share

Dial = Callable[[Known, float], Awaitable[float]]
"""`dial(known, limit_s)`: connect within `limit_s` and live the link; seconds that it lived, 0 if there was none."""


@dataclass(slots=True)
class _Pursuit:
    """attempt: dials in vain; lost_s: when the last link ended; fresh: dial now, as if for the first time."""

    known: Known
    lost_s: float
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    attempt: int = 0
    woken_s: float = float("-inf")
    fresh: bool = False


class Pursuits:
    """All pursuits of one node.

    peers: who is linked now; is_resting: whether nobody is to be dialed (drill, shutdown, too many links).
    """

    def __init__(
        self,
        own: PeerKey,
        tasks: asyncio.TaskGroup,
        dial: Dial,
        peers: Collection[PeerKey],
        is_resting: Callable[[], bool],
        chance: Chance,
    ) -> None:
        self._own, self._tasks, self._dial, self._chance = own, tasks, dial, chance
        self._peers, self._is_resting = peers, is_resting
        self._pursuits: dict[Address, _Pursuit] = {}
        self._dialing: set[bytes] = set()
        self._all_woken_s = float("-inf")

    def addresses(self) -> list[Address]:
        """What is pursued."""
        return list(self._pursuits)

    def pursue(self, known: Known, changed: bool) -> None:
        """Dial `known` from now on; changed: another process is announced there, dial at once."""
        pursuit = self._pursuits.get(known.address)
        if pursuit is None:
            pursuit = self._pursuits[known.address] = _Pursuit(known, asyncio.get_running_loop().time())
            pursuit.task = self._tasks.create_task(self._run(pursuit), name=f"dialing {known.address}")
        elif changed:
            now = asyncio.get_running_loop().time()
            if now - pursuit.woken_s >= limits.announced_wake_s:
                pursuit.woken_s, pursuit.fresh = now, True
                pursuit.wake.set()

    def abandon(self, address: Address, linked: bool) -> None:
        """Dial `address` no more; a link that was made there stays."""
        pursuit = self._pursuits.pop(address, None)
        if pursuit is not None and pursuit.task is not None and not linked:
            pursuit.task.cancel()

    def wake_all(self) -> None:
        """Dial all that wait, as if for the first time."""
        for pursuit in self._pursuits.values():
            pursuit.fresh = True
            pursuit.wake.set()

    def wake_others(self) -> None:
        """One peer was reached: the cable may be back, so dial the proven ones that failed before."""
        now = asyncio.get_running_loop().time()
        if now - self._all_woken_s < limits.wake_s:
            return
        self._all_woken_s = now
        for pursuit in self._pursuits.values():
            if not pursuit.known.is_hint and pursuit.attempt:
                pursuit.wake.set()

    def lost(self, node: NodeId) -> None:
        """A link with `node` that had lived is gone: its other addresses need not rest any more."""
        for pursuit in self._pursuits.values():
            if pursuit.known.node == node:
                pursuit.wake.set()

    async def end(self) -> None:
        """Cancel all; the task group awaits them."""
        for pursuit in self._pursuits.values():
            if pursuit.task is not None:
                pursuit.task.cancel()

    async def _run(self, pursuit: _Pursuit) -> None:
        loop, known = asyncio.get_running_loop(), pursuit.known
        pause = 0.0
        if known.node is not None and known.node < self._own.node:
            pause = limits.yielding_s * (1 + share(self._chance))
        while self._pursuits.get(known.address) is pursuit:
            if not pursuit.fresh:
                await wait(pursuit.wake, pause)
            if pursuit.fresh:
                pursuit.fresh, pursuit.attempt = False, 0
            if not self._is_worth_dialing(known):
                pause = limits.redial_recent_max_s
                continue
            lived_s = await self._dial_once(known, dial_limit_s(pursuit.attempt))
            if lived_s >= limits.steady_s:
                pursuit.attempt = 0
            if lived_s > 0:
                pursuit.lost_s = loop.time()
            pause = redial_delay_s(pursuit.attempt, loop.time() - pursuit.lost_s, self._chance)
            pursuit.attempt += 1

    async def _dial_once(self, known: Known, limit_s: float) -> float:
        expected = known.process
        if expected is None:
            return await self._dial(known, limit_s)
        self._dialing.add(expected)
        try:
            return await self._dial(known, limit_s)
        finally:
            self._dialing.discard(expected)

    def _is_worth_dialing(self, known: Known) -> bool:
        if self._is_resting() or (known.failure is not None and known.failure.trouble == "self"):
            return False
        if known.process is not None and known.process in self._dialing:
            return False
        return not any(
            peer.process == known.process or (known.is_past and peer.node == known.node) for peer in self._peers
        )


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set from now on, or `seconds` are over."""
    event.clear()
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
