"""A machine of the simulated shop: a disk, a wall clock, and one process life after the other, each with a production
`Shop`, `Replica`, `Till` and `Waiter`.

It stands where the shell stands: performs effects in order, and tells the replica what came of them. A process that is
gone hears nothing any more; what its disk has kept is what the next one starts from, decoded again from its bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple, Protocol

from crdt_models import operations
from crdt_models.errors import ModelError
from crdt_models.journal.credential import Credential, issue_credential
from crdt_models.journal.entry import NO_HASH, Entry, Writer, decode_entry
from crdt_models.journal.operation import Operation
from crdt_models.journal.signatures import Ed25519Signer, Signer, StandInSigner, verify_ed25519, verify_stand_in
from crdt_models.shop import Shop
from crdt_models.till import Moment, Till
from crdt_models.values.identity import Incarnation, NodeId, base32_short, journal_id, store_id
from crdt_models.values.stamp import Place
from crdt_models.waiter import Waiter
from node.replication import codec
from node.replication.effects import (
    Alarm,
    Announce,
    Announcement,
    Effect,
    EntryRefused,
    HangUp,
    Persist,
    Send,
    SendRange,
    StepDurable,
    StepFailed,
    StepRecorded,
    WakeAt,
)
from node.replication.events import (
    Connected,
    Disconnected,
    DiskFailed,
    Event,
    Link,
    Now,
    Opened,
    Persisted,
    RangeSent,
    Received,
    Recorded,
    Step,
    Tick,
)
from node.replication.frames import Entries, Frame
from node.replication.journals import held_journal
from node.replication.limits import Limits
from node.replication.replica import Replica
from node.simulation import limits
from node.simulation.disks import Copy, Disk
from node.simulation.wires import Wires
from node.simulation.world import Violation, World

BROKEN = (ModelError, AssertionError, LookupError, TypeError, ValueError, AttributeError, RuntimeError)
"""What production code may raise where it must not: told as a violation, with the seed."""

SERIES_CHARACTERS = 6


class Key(NamedTuple):
    """Who a machine is: its signer, the store's authority, and how signatures are checked."""

    signer: Signer
    authority_key: bytes
    credential: Credential
    real: bool


@cache
def key_of(name: str, role: str, real: bool, expires_ms: int) -> Key:
    """The same identity in every schedule: issuing it is not what is simulated."""
    maker: Callable[[bytes], Signer] = Ed25519Signer if real else StandInSigner
    signer, authority = (maker(hashlib.sha256(seed).digest()) for seed in (name.encode(), b"the authority"))
    tls = hashlib.sha256(b"tls" + name.encode()).digest()
    return Key(
        signer, authority.public_key, issue_credential(authority, signer.public_key, tls, name, role, expires_ms), real
    )


class Watcher(Protocol):
    """Who looks on: the oracles, through the history."""

    def synced(self, machine: Machine, entries: Sequence[Entry]) -> None:
        """Entries are durable on the machine's disk."""

    def sent(self, machine: Machine, frame: Frame) -> None:
        """A frame leaves."""

    def folded(self, machine: Machine) -> None:
        """The machine's shop knows of more sales."""


class Life:
    """One process: what is gone when it dies. recorded: place per token; waiting: whom to tell when a place is durable."""

    def __init__(self, shop: Shop, replica: Replica, writer: Writer, till: Till, waiter: Waiter) -> None:
        self.shop, self.replica, self.writer, self.till, self.waiter = shop, replica, writer, till, waiter
        self.recorded: dict[int, Place] = {}
        self.waiting: dict[int, Callable[[Place], None]] = {}
        self.tokens = 0
        self.wake_s = float("inf")
        self.sales_seen = 0
        self.failed: str | None = None

    def next_place(self) -> Place:
        """Where the next own entry will stand."""
        return Place(self.writer.journal, self.writer.seq + 1)


class Machine:
    """One node of the shop. offset_ms: how wrong its wall clock is; life: the running process or None."""

    def __init__(
        self,
        world: World,
        wires: Wires,
        watcher: Watcher,
        index: int,
        name: str,
        role: str,
        key: Key,
        clock: tuple[int, int],
        replica_limits: Limits,
    ) -> None:
        self._world, self._wires, self._watcher = world, wires, watcher
        self.index, self.name, self.role = index, name, role
        self._key, self._limits = key, replica_limits
        self.node: NodeId = key.credential.node
        self.store = store_id(key.authority_key)
        self._chance = world.chance(f"{name}/chance")
        self._verify = verify_ed25519 if key.real else verify_stand_in
        self.offset_ms, self._drift_ppm = clock
        self.disk = Disk(world, world.chance(f"{name}/disk"))
        self.disk.synced = self._synced  # type: ignore[method-assign]
        self.life: Life | None = None
        self.starts = 0
        self.doubtful = False
        self.refused: list[str] = []
        self.alarms: list[str] = []
        wires.plug_in(self)

    @property
    def up(self) -> bool:
        """Whether a process runs here."""
        return self.life is not None

    def now(self) -> Now:
        """What the machine's clocks show."""
        now_s = self._world.now_s
        drifted_ms = int(now_s * 1000 * (1 + self._drift_ppm / 1_000_000))
        return Now(now_s + self.index, limits.start_ms + drifted_ms + self.offset_ms)

    def moment(self, life: Life) -> Moment:
        """Now, in shop time, as the running node takes it."""
        return Moment(max(0, life.replica.shop_time_ms(self.now())), 60)

    # --- process lives ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """A process starts: its disk is folded again, its next journal is opened."""
        if self.life is not None:
            return
        self.starts += 1
        shop = Shop(self.store, self._key.authority_key, self._verify, self._chance.randbytes)
        for entries in self.disk.entries.values():
            for entry in entries:
                shop.fold(decode_entry(entry.raw))
        last = self.disk.last_written
        incarnation = self._incarnation()
        journal = journal_id(self.node, incarnation)
        series = base32_short(incarnation, SERIES_CHARACTERS)
        last_hash = NO_HASH
        proven = last is not None and not self.doubtful
        self.doubtful = False
        if last is not None:
            if proven:
                series = shop.roster.journals[last.journal].series
            last_hash = self.disk.entries[last.journal][-1].hash
        opening = operations.open_journal(last, last_hash, self._key.credential, proven, series)
        held = [
            held_journal(journal_, len(entries), entries[-1].hash, shop.roster.journals[journal_])
            for journal_, entries in self.disk.entries.items()
        ]
        writer = Writer(self.store, journal, self._key.signer, self._chance.randbytes)
        replica = Replica(shop, writer, held, opening, self._verify, self._limits)
        life = Life(shop, replica, writer, self._till(shop, series), Waiter(shop, self._chance.randbytes, self._next))
        self.life = life
        life.sales_seen = len(shop.sales)
        self.disk.begin(journal)
        self._world.note(f"{self.index} starts", journal)
        self.handle(Opened(self.now()))
        self._wires.booted(self.index)

    def _till(self, shop: Shop, series: str) -> Till:
        return Till(shop, self.node, self.name, self._chance.randbytes, self._next, series)

    def _next(self) -> Place:
        assert self.life is not None
        return self.life.next_place()

    def _incarnation(self) -> Incarnation:
        return Incarnation(self._chance.randbytes(8))

    def crash(self, loudly: bool) -> None:
        """The process is gone, with all that was not synced. loudly: the machine lives on and says so to its peers."""
        if self.life is None:
            return
        self._world.note(f"{self.index} crashes")
        self.life = None
        self.disk.crash()
        self._wires.died(self.index, loudly)

    def restore(self, copy: Copy) -> None:
        """The process is stopped, its disk is put back to a backup, and it starts again, in doubt (RULES J5)."""
        self.crash(loudly=True)
        self.disk.restore(copy)
        self.doubtful = True
        self.start()

    # --- steps -----------------------------------------------------------------------------------------------------

    def record(
        self,
        life: Life,
        steps: Sequence[Operation],
        key: str | None,
        done: Callable[[Place], None],
        fingerprint: bytes | None = None,
    ) -> Place | None:
        """Record a step; `done` is called when it is durable, never if the process dies before. None if it was refused."""
        life.tokens += 1
        token = life.tokens
        life.waiting[token] = done
        self.handle(Recorded(self.now(), Step(tuple(steps), token, key, fingerprint)))
        return life.recorded.get(token)

    # --- events ----------------------------------------------------------------------------------------------------

    def handle(self, event: Event) -> None:
        """Give the replica an event and perform what follows from it."""
        life, world = self.life, self._world
        assert life is not None
        world.note(f"{self.index} {type(event).__name__}")
        try:
            effects = life.replica.handle(event)
        except BROKEN as error:
            raise Violation(
                "anytime_nothing_breaks", f"{self.name}: {type(event).__name__}: {error!r}", world.now_s
            ) from error
        for effect in effects:
            self._perform(life, effect)
        if len(life.shop.sales) != life.sales_seen:
            self._watcher.folded(self)
            life.sales_seen = len(life.shop.sales)

    def connected(self, link: Link, node: NodeId, dialed: bool) -> None:
        """A link stands."""
        if self.life is not None:
            self.handle(Connected(self.now(), link, node, self._key.credential.expires_ms, dialed))

    def received(self, link: Link, frame: bytes) -> None:
        """A frame came."""
        if self.life is not None:
            self._world.note(f"{self.index} receives", frame)
            self.handle(Received(self.now(), link, frame))

    def disconnected(self, link: Link) -> None:
        """A link is gone."""
        if self.life is not None:
            self.handle(Disconnected(self.now(), link))

    # --- effects ---------------------------------------------------------------------------------------------------

    def _perform(self, life: Life, effect: Effect) -> None:
        match effect:
            case Send(link=link, frame=frame):
                self._watcher.sent(self, frame)
                self._wires.send(link, codec.encode(frame))
            case Announce(announcement=announcement):
                self._announced(life, announcement)
            case WakeAt(mono_s=mono_s):
                self._wake(life, mono_s - self.index)
            case Persist(batch=batch, entries=entries):
                self._persist(life, batch, entries)
            case SendRange():
                self._world.after(limits.read_s + self.disk.slow_s / 4, self._send_range, life, effect)
            case HangUp(link=link):
                self._wires.close(link)

    def _persist(self, life: Life, batch: int, entries: tuple[Entry, ...]) -> None:
        self.disk.persist(entries, lambda failed: self._persisted(life, batch, failed))

    def _persisted(self, life: Life, batch: int, failed: str | None) -> None:
        if self.life is not life:
            return
        if failed is None:
            self.handle(Persisted(self.now(), batch))
        else:
            life.failed = failed
            self.handle(DiskFailed(self.now(), failed))

    def _send_range(self, life: Life, job: SendRange) -> None:
        if self.life is not life:
            return
        raws = self.disk.read(job.journal, job.first, job.last, job.bytes_max)
        size = 0
        if raws:
            frame = Entries(job.journal, job.first, job.pushed, tuple(raws))
            self._watcher.sent(self, frame)
            wire = codec.encode(frame)
            size = len(wire)
            self._wires.send(job.link, wire)
        self.handle(RangeSent(self.now(), job.link, job.journal, job.first + len(raws) - 1, size))

    def _wake(self, life: Life, at_s: float) -> None:
        life.wake_s = at_s
        self._world.at(at_s, self._tick, life, at_s)

    def _tick(self, life: Life, at_s: float) -> None:
        if self.life is life and life.wake_s == at_s:
            life.wake_s = float("inf")
            self.handle(Tick(self.now()))

    def _announced(self, life: Life, announcement: Announcement) -> None:
        match announcement:
            case StepRecorded(token=token, place=place):
                life.recorded[token] = place
            case StepDurable(token=token, place=place):
                done = life.waiting.pop(token, None)
                if done is not None:
                    self._world.after(0.0, done, place)
            case StepFailed(token=token):
                life.waiting.pop(token, None)
            case EntryRefused(reason=reason):
                self.refused.append(reason)
            case Alarm(code=code):
                self.alarms.append(code)
            case _:
                pass

    def _synced(self, entries: Sequence[Entry]) -> None:
        self._watcher.synced(self, entries)
