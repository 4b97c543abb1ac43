"""The shell: performs what the replica asks for, in order, and tells it what came of it.

The replica decides; the shell owns the loop, the disk and the links. Rules:
1. Effects are performed in the order in which they were given. Persisting and reading go to the disk's own thread, one
   batch at a time; their outcome comes back as an event.
2. Persist, then send, then answer: a step's future is resolved when the replica announces it durable, never earlier.
3. Whoever waits for a step waits for its number, not for a time; a failed disk ends all waits with `DiskFailed`.
4. Observers only collect: they are called on the loop between two effects and must not call back into the replica.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from crdt_models.errors import LimitExceeded
from crdt_models.journal.entry import Entry
from crdt_models.journal.operation import VIA_TILL, Operation
from crdt_models.values.stamp import Place
from node import limits
from node.clock import ReadClock
from node.disk.errors import StoreError
from node.disk.store import NewEntry, StartMark, Store
from node.errors import DiskFailed, NotReady
from node.replication import codec
from node.replication.effects import (
    Announce,
    Announcement,
    CopyConfirmed,
    Effect,
    HangUp,
    PeerGreeted,
    PeerLost,
    Persist,
    Send,
    SendRange,
    StepDurable,
    StepFailed,
    StepRecorded,
    WakeAt,
)
from node.replication.events import DiskFailed as DiskFailedEvent
from node.replication.events import Event, Link, Persisted, RangeSent, Recorded, Step, Tick
from node.replication.frames import Entries
from node.replication.replica import Replica

log = logging.getLogger("tillmesh.shell")


class Wires(Protocol):
    """What the shell asks of the network."""

    def send(self, link: Link, frame: bytes) -> None:
        """Queue a frame; a link that cannot take it is dropped by the network, which reports it."""

    def hang_up(self, link: Link, reason: str) -> None:
        """Close a link after what was queued has gone out."""


class Shell:
    """Runs one replica on one disk and any number of links.

    start: the mark that is stored with this process's first entry (RULES J5); opened: set once that entry is durable, or
    can no longer be.
    """

    def __init__(self, replica: Replica, store: Store, clock: ReadClock, start: StartMark | None) -> None:
        self.replica, self.store, self.clock = replica, store, clock
        self.wires: Wires | None = None
        self.disk_failed: str | None = None
        self.opened = asyncio.Event()
        self.greeted: set[Link] = set()
        self._start = start
        self._observers: list[Callable[[Announcement], None]] = []
        self._subscribers: list[Callable[[Sequence[Entry]], None]] = []
        self._tokens = 0
        self._places: dict[int, Place] = {}
        self._by_place: dict[Place, asyncio.Future[Place]] = {}
        self._acked = asyncio.Event()
        self._turns_left = limits.steps_per_turn_max
        self._turns_armed = False
        self._in_line: deque[asyncio.Future[None]] = deque()
        self._uncopied: list[tuple[int, int, asyncio.Future[None]]] = []
        self._failed: dict[int, StepFailed] = {}
        self._waiting: dict[int, asyncio.Future[Place]] = {}
        self._to_disk: asyncio.Queue[Persist | SendRange] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self._wake_at = float("inf")
        self._stopped = False

    def observe(self, observer: Callable[[Announcement], None]) -> None:
        """Call `observer` with every announcement of the replica."""
        self._observers.append(observer)

    def subscribe(self, subscriber: Callable[[Sequence[Entry]], None]) -> None:
        """Call `subscriber` with every batch that became durable here, in order within a journal."""
        self._subscribers.append(subscriber)

    def handle(self, event: Event) -> None:
        """Give the replica an event and perform what follows from it."""
        for effect in self.replica.handle(event):
            self._perform(effect)

    async def turn(self) -> None:
        """Wait for the turn of one more step.

        A loop runs all that is ready before it looks at disk and links again. With hundreds of callers ready at once the
        first of them would wait for the last, and both ends of a link would work by turns instead of together (measured).
        """
        if self._turns_left > 0 and not self._in_line:
            self._turns_left -= 1
            self._arm_turns()
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._in_line.append(future)
        self._arm_turns()
        await future

    def _arm_turns(self) -> None:
        if not self._turns_armed:
            self._turns_armed = True
            asyncio.get_running_loop().call_soon(self._next_turns)

    def _next_turns(self) -> None:
        self._turns_armed = False
        self._turns_left = limits.steps_per_turn_max
        while self._in_line and self._turns_left > 0:
            future = self._in_line.popleft()
            if not future.done():
                future.set_result(None)
                self._turns_left -= 1
        if self._turns_left < limits.steps_per_turn_max:
            self._arm_turns()

    def check_takes_steps(self) -> None:
        """Raises DiskFailed or NotReady where nothing can be recorded; asked before a step is planned, too."""
        if self.disk_failed is not None:
            raise DiskFailed(self.disk_failed)
        if self._stopped:
            raise NotReady("the node is stopping")

    def record(
        self,
        operations: Sequence[Operation],
        key: str | None = None,
        fingerprint: bytes | None = None,
        via: int = VIA_TILL,
    ) -> tuple[Place, asyncio.Future[Place]]:
        """Record a step now; the future is done when it is durable.

        key, fingerprint: the caller's idempotency key, kept in the entry, and the hash of its request. Raises DiskFailed
        or NotReady, and LimitExceeded for a step that no entry can hold; nothing is recorded then.
        """
        self.check_takes_steps()
        self._tokens += 1
        token = self._tokens
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiting[token] = future
        self.handle(Recorded(self.clock(), Step(tuple(operations), token, key, fingerprint, via=via)))
        place = self._places.pop(token, None)
        if place is None:
            failed = self._failed.pop(token)
            del self._waiting[token]
            raise DiskFailed(failed.reason) if failed.code == DiskFailed.code else LimitExceeded("step", failed.reason)
        self._by_place[place] = future
        future.add_done_callback(lambda done: self._durable_or_not(place, done))
        return place, future

    async def durable(self, place: Place) -> None:
        """Until the own entry at `place` is durable; for a caller who comes a second time.

        Raises what ended the first one's wait, for as long as this process lives: an entry that is folded here and never
        became durable answers nobody.
        """
        future = self._by_place.get(place)
        if future is not None:
            await asyncio.shield(future)

    def _durable_or_not(self, place: Place, done: asyncio.Future[Place]) -> None:
        if done.cancelled() or done.exception() is None:
            del self._by_place[place]

    async def something_acked(self) -> None:
        """Until any peer confirms a copy, or comes or goes."""
        await self._acked.wait()

    def copied(self, place: Place) -> asyncio.Future[None]:
        """Done when a peer confirms that it holds the own entry at `place`, or when the last peer is lost."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._uncopied, (place.seq, id(future), future))
        return future

    async def run(self) -> None:
        """Serve the disk until cancelled. One writer and reader, so that effects keep their order."""
        try:
            while True:
                job = await self._to_disk.get()
                if isinstance(job, Persist):
                    await self._persist(job)
                else:
                    await self._send_range(job)
        finally:
            self._stop()

    # --- effects ---------------------------------------------------------------------------------------------------

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Send(link=link, frame=frame):
                if self.wires is not None:
                    self.wires.send(link, codec.encode(frame))
            case Persist() | SendRange():
                self._to_disk.put_nowait(effect)
            case Announce(announcement=announcement):
                self._announce(announcement)
            case HangUp(link=link, reason=reason):
                log.info("hanging up: %s", reason)
                if self.wires is not None:
                    self.wires.hang_up(link, reason)
            case WakeAt(mono_s=mono_s):
                self._wake(mono_s)

    def _announce(self, announcement: Announcement) -> None:
        match announcement:
            case StepRecorded(token=token, place=place):
                self._places[token] = place
            case CopyConfirmed() | PeerGreeted() | PeerLost():
                if isinstance(announcement, PeerGreeted):
                    self.greeted.add(announcement.link)
                elif isinstance(announcement, PeerLost):
                    self.greeted.discard(announcement.link)
                acked, self._acked = self._acked, asyncio.Event()
                acked.set()
                if isinstance(announcement, CopyConfirmed):
                    self._end_copy_waits(announcement.seq)
                elif not self.greeted:
                    self._end_copy_waits(None)
            case StepFailed(token=token):
                self._failed[token] = announcement
            case StepDurable(token=token, place=place):
                future = self._waiting.pop(token, None)
                if future is not None and not future.done():
                    future.set_result(place)
        for observer in self._observers:
            observer(announcement)

    def _end_copy_waits(self, up_to: int | None) -> None:
        """Wake those, and only those, whose entry has its copy; None: everybody, since nobody is left to hold one."""
        waiting = self._uncopied
        while waiting and (up_to is None or waiting[0][0] <= up_to):
            future = heapq.heappop(waiting)[2]
            if not future.done():
                future.set_result(None)

    def _wake(self, mono_s: float) -> None:
        if self._timer is not None:
            if self._wake_at <= mono_s:
                return
            self._timer.cancel()
        self._wake_at = mono_s
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, mono_s - self.clock().mono_s), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._wake_at = float("inf")
        if not self._stopped:
            self.handle(Tick(self.clock()))

    async def _persist(self, job: Persist) -> None:
        batch = [NewEntry(e.journal, e.seq, e.raw, e.hash, e.signature is not None) for e in job.entries]
        own = self._start is not None and any(
            entry.journal == self._start.journal and entry.seq == 1 for entry in job.entries
        )
        try:
            await self.store.append(batch, self._start if own else None)
        except (DiskFailed, StoreError) as error:
            self._fail(str(error))
            return
        for subscriber in self._subscribers:
            subscriber(job.entries)
        self.handle(Persisted(self.clock(), job.batch))
        if own:
            self.opened.set()

    async def _send_range(self, job: SendRange) -> None:
        try:
            raws, last = await self.store.read_range(job.journal, job.first, job.last, job.bytes_max)
        except StoreError as error:
            log.error("cannot read what a peer asks for: %s", error)
            raws, last = [], job.first - 1
        if raws and self.wires is not None:
            frame = codec.encode(Entries(job.journal, job.first, job.pushed, tuple(raws)))
            self.wires.send(job.link, frame)
            sent = len(frame)
        else:
            sent = 0
        self.handle(RangeSent(self.clock(), job.link, job.journal, last, sent))

    def _fail(self, reason: str) -> None:
        self.disk_failed = reason
        log.error("the disk failed, this node stops taking money: %s", reason)
        self.handle(DiskFailedEvent(self.clock(), reason))
        self.opened.set()
        self._end_waits(DiskFailed(reason))

    def _stop(self) -> None:
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self._end_waits(NotReady("the node stopped before the step was durable"))

    def _end_waits(self, error: DiskFailed | NotReady) -> None:
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(error)
