"""A shop of replicas on virtual time: links with latency, disks with a write delay, every frame counted.

Small on purpose: the simulation that ships (`node.simulation`) is the large one. Here a test sees each frame.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from crdt_models import operations
from crdt_models.journal.credential import Credential, issue_credential
from crdt_models.journal.entry import Entry, Writer
from crdt_models.journal.operation import Operation
from crdt_models.journal.signatures import StandInSigner, verify_stand_in
from crdt_models.values.identity import Incarnation, JournalId, NodeId, StoreId, journal_id, store_id
from crdt_models.values.stamp import Place
from node.replication import codec
from node.replication.effects import Announce, Effect, HangUp, Persist, Send, SendRange, WakeAt
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
from node.replication.journals import HeldJournal
from node.replication.limits import Limits
from node.replication.replica import Replica

AUTHORITY = StandInSigner(b"authority")
STORE: StoreId = store_id(AUTHORITY.public_key)
WALL_MS = 1_800_000_000_000
YEAR_MS = 365 * 86_400_000
NEVER_MS = WALL_MS + 10 * YEAR_MS


class Ledger:
    """The least that is a fold: the set of entries, and who is revoked."""

    def __init__(self) -> None:
        self.store, self.authority_key = STORE, AUTHORITY.public_key
        self.entries: dict[Place, bytes] = {}
        self._revoked: set[NodeId] = set()

    def fold(self, entry: Entry) -> None:
        assert entry.seq == 1 or Place(entry.journal, entry.seq - 1) in self.entries, "out of order"
        assert entry.place not in self.entries, "folded twice"
        self.entries[entry.place] = entry.hash
        for operation in entry.operations:
            if (
                isinstance(operation, Operation)
                and operation.kind == operations.Kind.REVOKE
                and operations.revoke_verifies(operation, STORE, self.authority_key, verify_stand_in)
            ):
                self._revoked.add(NodeId(operation.fields[0]))

    def revoked(self, node: NodeId) -> bool:
        return node in self._revoked


class Box:
    """A machine in the shop: a key, a disk that survives restarts, and while it runs a replica."""

    def __init__(self, shop: VirtualShop, name: str, role: str = "till") -> None:
        self.shop, self.name = shop, name
        self.signer = StandInSigner(name.encode())
        self.credential: Credential = issue_credential(
            AUTHORITY, self.signer.public_key, hashlib.sha256(name.encode()).digest(), name, role, NEVER_MS
        )
        self.node = self.credential.node
        self.disk: dict[JournalId, list[Entry]] = {}
        self.last_journal: JournalId | None = None
        self.wall_off_ms = 0
        self.disk_delay_s = 0.001
        self.disk_fails = False
        self.holds_disk = False
        self.waiting: list[Persist] = []
        self.life = 0
        self.announced: list[Any] = []
        self.effects: list[Effect] = []
        self.hung_up: list[tuple[Link, str]] = []
        self.recorded: dict[int, Place] = {}
        self.durable: dict[int, Place] = {}
        self._token = 0

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self, limits: Limits | None = None, incarnation: bytes | None = None) -> None:
        self.life += 1
        drawn = Incarnation(incarnation or self.shop.chance.randbytes(8))
        self.journal = journal_id(self.node, drawn)
        self.ledger = Ledger()
        held = []
        for journal, entries in self.disk.items():
            for entry in entries:
                self.ledger.fold(entry)
            opened = entries[0].operations[1]
            assert isinstance(opened, Operation)
            parent = opened.fields[1] and Place(opened.fields[1], opened.fields[2])
            key = Credential.from_bytes(opened.fields[4]).journal_key
            held.append(HeldJournal(journal, len(entries), entries[-1].hash, key, parent))
        parent, parent_hash = None, b""
        if self.last_journal is not None:
            before = self.disk[self.last_journal]
            parent, parent_hash = Place(self.last_journal, len(before)), before[-1].hash
        opening = operations.open_journal(parent, parent_hash, self.credential, True, "ABCDEF")
        writer = Writer(STORE, self.journal, self.signer, self.shop.chance.randbytes)
        self.replica = Replica(self.ledger, writer, held, opening, verify_stand_in, limits)
        self.running = True
        self.waiting = []
        self.wake_s = float("inf")
        self.take(Opened(self.now))

    def stop(self) -> None:
        """Power off: what is not on the disk is gone, and the links with it."""
        self.running = False
        self.life += 1
        for link in [link for link, (box, _) in self.shop.ends.items() if box is self]:
            self.shop.cut(link)

    @property
    def now(self) -> Now:
        return Now(self.shop.now_s, WALL_MS + int(self.shop.now_s * 1000) + self.wall_off_ms)

    # --- what happens ----------------------------------------------------------------------------------------------

    def take(self, event: Event) -> list[Effect]:
        effects = self.replica.handle(event)
        self.effects.extend(effects)
        for effect in effects:
            self._perform(effect)
        return effects

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Send(link, frame):
                self.shop.carry(self, link, frame)
            case SendRange(link, journal, first, last, bytes_max, pushed):
                life = self.life
                self.shop.after(
                    self.disk_delay_s / 4,
                    lambda: self._send_range(life, link, journal, first, last, bytes_max, pushed),
                )
            case Persist():
                if self.holds_disk:
                    self.waiting.append(effect)
                else:
                    life = self.life
                    self.shop.after(self.disk_delay_s, lambda: self._write(life, effect))
            case HangUp(link, reason):
                self.hung_up.append((link, reason))
                self.shop.hang_up(link)
            case Announce(announcement):
                self.announced.append(announcement)
                if type(announcement).__name__ == "StepDurable":
                    self.durable[announcement.token] = announcement.place
                elif type(announcement).__name__ == "StepRecorded":
                    self.recorded[announcement.token] = announcement.place
            case WakeAt(mono_s):
                self.wake_s = mono_s
                life = self.life
                self.shop.at(mono_s, lambda: self._wake(life, mono_s))

    def release_disk(self) -> None:
        self.holds_disk = False
        for persist in self.waiting:
            self._write(self.life, persist)
        self.waiting = []

    def _wake(self, life: int, mono_s: float) -> None:
        if self.running and life == self.life and mono_s == self.wake_s:
            self.take(Tick(self.now))

    def _write(self, life: int, persist: Persist) -> None:
        if not self.running or life != self.life:
            return
        if self.disk_fails:
            self.take(DiskFailed(self.now, "no space"))
            return
        for entry in persist.entries:
            entries = self.disk.setdefault(entry.journal, [])
            assert entry.seq == len(entries) + 1, "the disk takes entries in order"
            entries.append(entry)
        self.last_journal = self.journal
        self.take(Persisted(self.now, persist.batch))

    def _send_range(
        self, life: int, link: Link, journal: JournalId, first: int, last: int, bytes_max: int, pushed: bool
    ) -> None:
        if not self.running or life != self.life or link not in self.shop.ends:
            return
        chosen: list[bytes] = []
        size = end = 0
        for entry in self.disk[journal][first - 1 : last]:
            size += len(entry.raw)
            if size > bytes_max and end:
                break
            chosen.append(entry.raw)
            if entry.signature is not None:
                end = len(chosen)
        frame = Entries(journal, first, pushed, tuple(chosen[:end]))
        wire_bytes = self.shop.carry(self, link, frame)
        self.take(RangeSent(self.now, link, journal, first + end - 1, wire_bytes))

    # --- what people do --------------------------------------------------------------------------------------------

    def sell(self, text: str = "milk", size: int = 0) -> int:
        note = operations.note("till", "sale", text + "x" * size)
        return self.record(note)

    def record(self, *done: Operation, key: str | None = None) -> int:
        self._token += 1
        self.take(Recorded(self.now, Step(done, self._token, key)))
        return self._token

    def heard(self, kind: type) -> list[Any]:
        return [one for one in self.announced if isinstance(one, kind)]

    def __repr__(self) -> str:
        return self.name


class VirtualShop:
    """Boxes and the wires between them, on one virtual clock."""

    def __init__(self, *names: str, latency_s: float = 0.002, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.now_s = 100.0
        self.latency_s = latency_s
        self.ends: dict[Link, tuple[Box, Link]] = {}
        self.frames: Counter[str] = Counter()
        self.wire_bytes: Counter[str] = Counter()
        self.sent: dict[tuple[str, str], Counter[Place]] = defaultdict(Counter)
        self.on_frame: Callable[[Box, Box, Frame], bool] | None = None
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self._links = 0
        self._dead: set[Link] = set()
        self.boxes = {name: Box(self, name) for name in names}

    def __getitem__(self, name: str) -> Box:
        return self.boxes[name]

    def start(self) -> VirtualShop:
        for box in self.boxes.values():
            box.start()
        self.run(0.05)
        return self

    # --- time ------------------------------------------------------------------------------------------------------

    def at(self, mono_s: float, what: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (max(mono_s, self.now_s), self._count, what))

    def after(self, seconds: float, what: Callable[[], object]) -> None:
        self.at(self.now_s + seconds, what)

    def run(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self._queue and self._queue[0][0] <= end_s:
            self.now_s, _, what = heapq.heappop(self._queue)
            what()
        self.now_s = end_s

    def run_until(self, holds: Callable[[], bool], seconds: float) -> float:
        """Seconds until it holds; fails the test if it does not in time."""
        begin_s, end_s = self.now_s, self.now_s + seconds
        while not holds():
            assert self._queue and self._queue[0][0] <= end_s, f"not within {seconds} s"
            self.now_s, _, what = heapq.heappop(self._queue)
            what()
        return self.now_s - begin_s

    # --- wires -----------------------------------------------------------------------------------------------------

    def link(self, dialer: str, other: str) -> tuple[Link, Link]:
        a, b = self.boxes[dialer], self.boxes[other]
        here, there = Link(self._links + 1), Link(self._links + 2)
        self._links += 2
        self.ends[here], self.ends[there] = (a, there), (b, here)
        a.take(Connected(a.now, here, b.node, b.credential.expires_ms, True))
        if there in self.ends:
            b.take(Connected(b.now, there, a.node, a.credential.expires_ms, False))
        return here, there

    def line(self, *names: str) -> None:
        for one, next_one in itertools.pairwise(names):
            self.link(one, next_one)

    def mesh(self, *names: str) -> None:
        for index, one in enumerate(names):
            for other in names[index + 1 :]:
                self.link(one, other)

    def links_between(self, one: str, other: str) -> list[Link]:
        a, b = self.boxes[one], self.boxes[other]
        return [link for link, (box, far) in self.ends.items() if box is a and self.ends[far][0] is b]

    def cut(self, link: Link) -> None:
        """Both ends notice at once."""
        if link not in self.ends:
            return
        box, far = self.ends.pop(link)
        other, _ = self.ends.pop(far)
        for one, end in ((box, link), (other, far)):
            if one.running:
                one.take(Disconnected(one.now, end))

    def cut_between(self, one: str, other: str) -> None:
        for link in self.links_between(one, other):
            self.cut(link)

    def silence(self, link: Link) -> None:
        """Nothing passes any more, either way, and nobody is told."""
        self._dead.update((link, self.ends[link][1]))

    def hang_up(self, link: Link) -> None:
        if link not in self.ends:
            return
        _, far = self.ends[link]
        self.after(self.latency_s, lambda: self.cut(far))

    def carry(self, box: Box, link: Link, frame: Frame) -> int:
        raw = codec.encode(frame)
        if link not in self.ends:
            return len(raw)
        far = self.ends[link][1]
        other = self.ends[far][0]
        kind = type(frame).__name__
        self.frames[kind] += 1
        self.wire_bytes[kind] += len(raw)
        if isinstance(frame, Entries):
            for seq in range(frame.first, frame.first + len(frame.entries)):
                self.sent[box.name, other.name][Place(frame.journal, seq)] += 1
        passes = link not in self._dead and (self.on_frame is None or self.on_frame(box, other, frame))
        if passes:
            life = other.life
            self.after(self.latency_s, lambda: self._arrive(other, life, far, raw))
        return len(raw)

    def _arrive(self, box: Box, life: int, link: Link, raw: bytes) -> None:
        if box.running and box.life == life and link in self.ends:
            box.take(Received(box.now, link, raw))

    # --- what must hold --------------------------------------------------------------------------------------------

    def agree(self, names: Iterable[str] | None = None) -> bool:
        boxes = [self.boxes[name] for name in names] if names else list(self.boxes.values())
        disks = [
            {Place(journal, entry.seq): entry.hash for journal, entries in box.disk.items() for entry in entries}
            for box in boxes
        ]
        return all(disk == disks[0] == box.ledger.entries for disk, box in zip(disks, boxes, strict=True))

    def heal(self, seconds: float = 30.0) -> float:
        return self.run_until(self.agree, seconds)

    def heal_names(self, *names: str) -> float:
        return self.run_until(lambda: self.agree(names), 30.0)

    def repeats(self) -> int:
        """Entries that went more than once over a link, in either direction."""
        pairs: dict[frozenset[str], Counter[Place]] = defaultdict(Counter)
        for (one, other), counted in self.sent.items():
            pairs[frozenset((one, other))] += counted
        return sum(count - 1 for counted in pairs.values() for count in counted.values())


def linked(*names: str, latency_s: float = 0.002) -> VirtualShop:
    """A mesh that has greeted, exchanged all and become quiet."""
    shop = VirtualShop(*names, latency_s=latency_s).start()
    shop.mesh(*names)
    shop.heal()
    shop.run(2.5)
    shop.frames.clear(), shop.wire_bytes.clear(), shop.sent.clear()
    return shop


def in_line(*names: str, latency_s: float = 0.002) -> VirtualShop:
    """The same in a line, whose ends do not see each other."""
    shop = VirtualShop(*names, latency_s=latency_s).start()
    shop.line(*names)
    shop.heal()
    shop.run(2.5)
    shop.frames.clear(), shop.wire_bytes.clear(), shop.sent.clear()
    return shop
