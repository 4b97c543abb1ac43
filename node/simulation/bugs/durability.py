"""Planted bugs about what is durable and how it is numbered: persist, then send, then answer (RULES J)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from crdt_models.journal.entry import Entry
from crdt_models.sales.log import SalesLog
from crdt_models.shop import Shop
from crdt_models.till import Till
from crdt_models.values.identity import Incarnation, NodeId
from node.replication.commits import Commits, Run
from node.replication.effects import StepDurable
from node.replication.events import Persisted
from node.replication.frames import Ack
from node.replication.replica import Replica
from node.simulation.bugs.bug import Put, bug
from node.simulation.disks import Disk
from node.simulation.machine import Machine


def _answer_before_persist(put: Put) -> None:
    record = Commits.record

    def at_once(self: Commits, one: Any) -> None:
        record(self, one)
        if self._tokens and self._tokens[-1][0] == one.token:
            self._desk.announce(StepDurable(*self._tokens[-1]))

    put(Commits, "record", at_once)


def _ack_before_persist(put: Put) -> None:
    queue = Commits.queue

    def too_early(self: Commits, run: Run) -> None:
        queue(self, run)
        durable, run.journal.durable = run.journal.durable, run.journal.received
        peer = None if run.giver is None else self._desk.around.greeted.get(run.giver)
        if peer is not None:
            self._desk.send(peer, Ack(((run.journal.id, run.journal.received),)))
        run.journal.durable = durable

    put(Commits, "queue", too_early)


def _heads_before_persist(put: Put) -> None:
    queue = Commits.queue

    def too_early(self: Commits, run: Run) -> None:
        queue(self, run)
        self._desk.journals.became_durable(run.journal, run.entries[-1].seq, run.entries[-1].hash)

    put(Commits, "queue", too_early)


def _disk_that_lies(put: Put) -> None:
    def cached(self: Disk, entries: tuple[Entry, ...], done: Callable[[str | None], None]) -> None:
        self._world.after(0.4, self._written, self._session, entries, lambda failed: None)
        self._world.after(0.001, done, None)

    put(Disk, "persist", cached)


def _failed_write_ignored(put: Put) -> None:
    def ignored(self: Replica, reason: str) -> None:
        self._persisted(Persisted(self._desk.now, self._commits._batch))

    put(Replica, "_disk_failed", ignored)


def _number_used_again(put: Put) -> None:
    put(Machine, "_incarnation", lambda self: Incarnation(self.node[:8]))


def _receipt_number_in_memory(put: Put) -> None:
    freeze, last_number = Till._freeze, SalesLog.last_number
    counts: dict[int, dict[str, int]] = {}
    freezing: list[dict[str, int]] = []

    def in_memory(self: SalesLog, node: NodeId, series: str) -> int:
        return freezing[-1].get(series, 0) if freezing else last_number(self, node, series)

    def counted(self: Till, *arguments: Any) -> Any:
        mine = counts.setdefault(id(self), {})
        freezing.append(mine)
        try:
            sale = freeze(self, *arguments)
        finally:
            freezing.pop()
        mine[sale.receipt.series] = sale.receipt.number
        return sale

    put(SalesLog, "last_number", in_memory)
    put(Till, "_freeze", counted)


def _key_forgotten(put: Put) -> None:
    answered = Shop.answered

    def of_this_process(self: Shop, node: NodeId, key: str) -> Any:
        known = answered(self, node, key)
        return known if known is not None and known.place.journal == self.roster.journals_of(node)[-1] else None

    put(Shop, "answered", of_this_process)


BUGS: Final = (
    bug(
        "answer_before_persist",
        "a caller is answered when its step is recorded, not when it is durable",
        _answer_before_persist,
        "anytime_acked_is_on_some_disk",
    ),
    bug(
        "ack_before_persist",
        "entries are acked when they are let in",
        _ack_before_persist,
        "anytime_told_is_durable",
    ),
    bug(
        "heads_before_persist",
        "heads tell what was let in, not what is durable",
        _heads_before_persist,
        "anytime_told_is_durable",
    ),
    bug(
        "disk_that_lies",
        "a write is called durable while it is in a cache",
        _disk_that_lies,
        "anytime_told_is_durable",
        "anytime_acked_is_on_some_disk",
    ),
    bug(
        "failed_write_ignored",
        "a write that the disk refused counts as done",
        _failed_write_ignored,
        "anytime_told_is_durable",
        "anytime_acked_is_on_some_disk",
    ),
    bug(
        "number_used_again",
        "the incarnation is the same at every start, so a start writes number 1 again",
        _number_used_again,
        "anytime_journals_gap_free",
        "anytime_nothing_breaks",
        "anytime_told_is_durable",
    ),
    bug(
        "receipt_number_in_memory",
        "the last receipt number is counted in memory and lost at a restart",
        _receipt_number_in_memory,
        "anytime_receipt_numbers_unique",
    ),
    bug(
        "key_forgotten",
        "an idempotency key is known only to the process that took it",
        _key_forgotten,
        "anytime_done_once",
        "finally_totals_agree",
    ),
)
