"""Commits: own steps become entries, and what gathers goes to the disk in groups (DESIGN section 2).

Rules, cited by tests:
1. A step is an entry and folded as soon as it is recorded; it is told to others, and answered, once it is durable.
2. At most one batch is at the disk; the next is all that gathered meanwhile. So commits are grouped without a timer.
3. Signed are: the last own entry of a batch, every 64th, one after each 64 KiB, and those that must be signed singly.
4. Once a write failed, nothing is recorded, told or answered any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from crdt_models import limits as model_limits
from crdt_models.errors import ModelError
from crdt_models.journal.entry import SIGNED_SINGLY, Entry
from crdt_models.journal.operation import Operation
from crdt_models.operations import must_be_signed_singly, step
from crdt_models.values.stamp import Place
from node.replication import limits as bounds
from node.replication.desk import Desk
from node.replication.effects import Alarm, EntriesFolded, Persist, StepDurable, StepFailed, StepRecorded
from node.replication.events import Link, Step
from node.replication.journals import Journal


class Run(NamedTuple):
    """Consecutive entries of one journal on their way to the disk. giver: the link that they came over; None: written here."""

    journal: Journal
    entries: Sequence[Entry]
    giver: Link | None
    pushed: bool


class Commits:
    """The queue to the disk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._own: list[Entry] = []
        self._tokens: list[tuple[int, Place]] = []
        self._runs: list[Run] = []
        self._batch = 0
        self._at_disk: list[Run] | None = None
        self._tokens_at_disk: list[tuple[int, Place]] = []
        self._unsigned = 0
        self._unsigned_bytes = 0
        self.failed: str | None = None

    def record(self, one: Step) -> None:
        """Make a step an entry."""
        desk = self._desk
        if self.failed is not None:
            desk.announce(StepFailed(one.token, "disk_failed", self.failed))
            return
        try:
            operations = (step(one.needs, one.key, one.fingerprint, one.via), *one.operations)
            entry = self.write(operations)
        except ModelError as error:
            desk.announce(StepFailed(one.token, error.code, str(error)))
            return
        place = Place(entry.journal, entry.seq)
        self._tokens.append((one.token, place))
        desk.announce(StepRecorded(one.token, place))
        desk.announce(EntriesFolded(entry.journal, entry.seq, entry.seq, False))

    def write(self, operations: tuple[Operation, ...]) -> Entry:
        """Append an entry to the own journal and fold it. Raises ModelError; nothing is written then."""
        desk, journal = self._desk, self._desk.own_journal
        singly = must_be_signed_singly(operations)
        entry = desk.own.write(operations, desk.time.stamp(desk.now), SIGNED_SINGLY if singly else 0)
        self._unsigned += 1
        self._unsigned_bytes += len(entry.raw)
        if singly or self._unsigned >= model_limits.sign_every_entries or self._unsigned_bytes >= bounds.run_bytes_max:
            entry = desk.own.sign(entry)
            self._unsigned = self._unsigned_bytes = 0
        journal.received, journal.received_hash = entry.seq, entry.hash
        self._own.append(entry)
        desk.shop.fold(entry)
        return entry

    def queue(self, run: Run) -> None:
        """Entries of another journal were let in and folded."""
        self._runs.append(run)

    def flush(self) -> None:
        """Hand what has gathered to the disk, if the disk is free."""
        if self._at_disk is not None or self.failed is not None or not (self._own or self._runs):
            return
        runs = self._runs
        if self._own:
            if self._own[-1].signature is None:
                self._own[-1] = self._desk.own.sign(self._own[-1])
                self._unsigned = self._unsigned_bytes = 0
            runs = [Run(self._desk.own_journal, self._own, None, False), *runs]
            self._own = []
        self._runs = []
        self._at_disk = runs
        self._tokens_at_disk, self._tokens = self._tokens, []
        self._batch += 1
        entries = tuple([entry for run in runs for entry in run.entries])
        self._desk.out.append(Persist(self._batch, entries))

    def persisted(self, batch: int) -> list[Run]:
        """The batch is durable: its runs."""
        assert self._at_disk is not None and batch == self._batch, "one batch is at the disk, and it was this one"
        runs, self._at_disk = self._at_disk, None
        return runs

    def answer(self) -> None:
        """Let the callers of the durable steps be answered; after the entries were sent."""
        for token, place in self._tokens_at_disk:
            self._desk.announce(StepDurable(token, place))
        self._tokens_at_disk = []

    def fail(self, reason: str) -> None:
        """The disk refused: nothing that waits will be durable."""
        if self.failed is not None:
            return
        self.failed = reason
        self._desk.announce(Alarm("disk_failed", reason))
        for token, _ in (*self._tokens_at_disk, *self._tokens):
            self._desk.announce(StepFailed(token, "disk_failed", reason))
        self._tokens, self._tokens_at_disk, self._own, self._runs, self._at_disk = [], [], [], [], None
