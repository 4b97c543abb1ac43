"""Planted bugs: each is a mistake that somebody could make in production code, planted inside a simulated shop to prove that
an oracle can fail. A bug that no oracle catches is a hole in the oracles, and a test.

Each replaces one function of a production class for as long as the context lasts; nothing of it reaches a running node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import crdt_models.rights.claim as claim_module
from crdt_models.errors import NotInState
from crdt_models.journal.entry import Entry
from crdt_models.journal.heads import Head
from crdt_models.journal.operation import Operation
from crdt_models.operations import Kind
from crdt_models.reference import record as record_module
from crdt_models.rights.claim import ClaimTable
from crdt_models.sales.log import SalesLog
from crdt_models.shop import Shop
from crdt_models.till import Till
from crdt_models.values.identity import Incarnation, JournalId, NodeId
from node.replication.commits import Commits, Run
from node.replication.effects import StepDurable
from node.replication.events import Persisted
from node.replication.frames import Ack
from node.replication.giving import Giving
from node.replication.hearsay import Hearsay
from node.replication.journals import Journals
from node.replication.relay import Relays
from node.replication.replica import Replica
from node.replication.shop_time import ShopTime
from node.replication.wants import Wants
from node.simulation.disks import Disk
from node.simulation.machine import Machine
from node.simulation.people import People

Replaced = Callable[..., Any]
Plant = Callable[[Callable[[Any, str, Any], None]], None]
"""Plants a bug through `put(owner, name, replacement)`."""


@dataclass(frozen=True, slots=True)
class Bug:
    """name; what: what the mistake is; oracles: those that catch it; plant: how it is planted."""

    name: str
    what: str
    oracles: frozenset[str]
    plant: Plant


@contextmanager
def planted(name: str) -> Iterator[Bug]:
    """The bug is in the code as long as this lasts. Raises KeyError for a name that is none."""
    bug = BUGS[name]
    with ExitStack() as stack:

        def put(owner: Any, attribute: str, replacement: Any) -> None:
            missing = object()
            before = vars(owner).get(attribute, missing)
            setattr(owner, attribute, replacement)
            if before is missing:
                stack.callback(delattr, owner, attribute)
            else:
                stack.callback(setattr, owner, attribute, before)

        bug.plant(put)
        yield bug


# --- persist, then send, then answer -------------------------------------------------------------------------------


def _answer_before_persist(put: Replaced) -> None:
    record = Commits.record

    def at_once(self: Commits, one: Any) -> None:
        record(self, one)
        if self._tokens and self._tokens[-1][0] == one.token:
            self._desk.announce(StepDurable(*self._tokens[-1]))

    put(Commits, "record", at_once)


def _ack_before_persist(put: Replaced) -> None:
    queue = Commits.queue

    def too_early(self: Commits, run: Run) -> None:
        queue(self, run)
        durable, run.journal.durable = run.journal.durable, run.journal.received
        peer = None if run.giver is None else self._desk.around.greeted.get(run.giver)
        if peer is not None:
            self._desk.send(peer, Ack(((run.journal.id, run.journal.received),)))
        run.journal.durable = durable

    put(Commits, "queue", too_early)


def _heads_before_persist(put: Replaced) -> None:
    queue = Commits.queue

    def too_early(self: Commits, run: Run) -> None:
        queue(self, run)
        self._desk.journals.became_durable(run.journal, run.entries[-1].seq, run.entries[-1].hash)

    put(Commits, "queue", too_early)


def _disk_that_lies(put: Replaced) -> None:
    def cached(self: Disk, entries: tuple[Entry, ...], done: Callable[[str | None], None]) -> None:
        self._world.after(0.4, self._written, self._session, entries, lambda failed: None)
        self._world.after(0.001, done, None)

    put(Disk, "persist", cached)


def _failed_write_ignored(put: Replaced) -> None:
    def ignored(self: Replica, reason: str) -> None:
        self._persisted(Persisted(self._desk.now, self._commits._batch))

    put(Replica, "_disk_failed", ignored)


# --- numbers -------------------------------------------------------------------------------------------------------


def _number_used_again(put: Replaced) -> None:
    put(Machine, "_incarnation", lambda self: Incarnation(self.node[:8]))


def _receipt_number_in_memory(put: Replaced) -> None:
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


def _key_forgotten(put: Replaced) -> None:
    answered = Shop.answered

    def of_this_process(self: Shop, node: NodeId, key: str) -> Any:
        known = answered(self, node, key)
        return known if known is not None and known.place.journal == self.roster.journals_of(node)[-1] else None

    put(Shop, "answered", of_this_process)


# --- claims --------------------------------------------------------------------------------------------------------


def _last_writer_wins(put: Replaced) -> None:
    put(claim_module, "min", max)


def _take_over_beats_completed(put: Replaced) -> None:
    put(claim_module, "_TAKEN_OVER", 5)

    def outcome(known: Any, claim: Any) -> str | None:
        if known.take_overs.get(claim):
            return "taken_over"
        ranks: Mapping[str, int] = claim_module._OUTCOME_RANK
        return max(known.releases.get(claim, ()), key=lambda said: ranks[said], default=None)

    put(claim_module, "_outcome", outcome)


def _anyone_may_finish(put: Replaced) -> None:
    """Neither the till nor the fold asks whose claim it is."""
    choose = People._choose

    def release(self: ClaimTable, resource: str, claim: Any, outcome: str, by: NodeId) -> bool:
        known = self._resource(resource)
        known.releases.setdefault(claim, set()).add(outcome)
        known.standing = None
        return True

    def held(self: Till, sale: bytes) -> Any:
        holder = self._standing(sale).holder
        if holder is None:
            raise NotInState("sale", "finished", "open")
        return holder

    def anybodys(self: People, machine: Any, life: Any, request: Any) -> bytes | None:
        kind, request.kind = request.kind, "take_over" if request.kind == "complete" else request.kind
        try:
            return choose(self, machine, life, request)
        finally:
            request.kind = kind

    put(ClaimTable, "add_release", release)
    put(Till, "_held", held)
    put(People, "_choose", anybodys)


# --- the fold ------------------------------------------------------------------------------------------------------


def _order_dependent_fold(put: Replaced) -> None:
    put(record_module, "_stays", lambda new, held: True)


def _price_by_the_clock(put: Replaced) -> None:
    put(record_module, "_stays", lambda new, held: (new.stamp, new.node) > (held.stamp, held.node))
    put(ShopTime, "now_ms", lambda self, now: now.wall_ms)


def _half_step(put: Replaced) -> None:
    """A sale is shown at once, the rest of its entry when the next one comes."""
    fold = Shop.fold
    waiting: dict[int, list[Entry]] = {}

    def by_halves(self: Shop, entry: Entry) -> None:
        rest = waiting.setdefault(id(self), [])
        for late in rest:
            for index, operation in enumerate(late.operations):
                if isinstance(operation, Operation) and operation.kind in (Kind.RELEASE, Kind.RETIRE):
                    self._apply(late, late.place, index, operation)
        rest.clear()
        kinds = {operation.kind for operation in entry.operations if isinstance(operation, Operation)}
        if Kind.SALE not in kinds or Kind.RELEASE not in kinds or entry.seq <= self.folded.get(entry.journal, 0):
            fold(self, entry)
            return
        rest.append(entry)
        first = tuple(o for o in entry.operations if not isinstance(o, Operation) or o.kind in (Kind.STEP, Kind.SALE))
        half = Entry(
            entry.store,
            entry.journal,
            entry.seq,
            entry.stamp,
            entry.previous,
            entry.root,
            entry.flags,
            first,
            entry.signature,
            entry.raw,
            entry.hash,
        )
        fold(self, half)

    put(Shop, "fold", by_halves)


def _folded_twice(put: Replaced) -> None:
    """What was read from the disk at the start is counted again when its journal goes on at a peer."""
    fold = Shop.fold

    def twice(self: Shop, entry: Entry) -> None:
        again = entry.seq % 9 == 0 and entry.seq > self.folded.get(entry.journal, 0)
        fold(self, entry)
        if again:
            for index, operation in enumerate(entry.operations):
                if isinstance(operation, Operation) and operation.kind == Kind.SALE:
                    self._apply(entry, entry.place, index, operation)

    put(Shop, "fold", twice)


# --- replication ---------------------------------------------------------------------------------------------------


def _everyone_relays(put: Replaced) -> None:
    became_durable = Giving.became_durable

    def to_all(self: Giving, journal: Any, entries: Any, giver: Any, pushed: bool) -> None:
        for peer in self._desk.around:
            if journal is not self._desk.own_journal and peer.link != giver:
                peer.cursors[journal.id] = entries[0].seq - 1
        became_durable(self, journal, entries, giver, True)

    put(Relays, "elected", lambda self, origin, neighbour: True)
    put(Giving, "became_durable", to_all)


def _gap_is_waited_for(put: Replaced) -> None:
    put(Wants, "gap", lambda self, journal, seq, at_once: None)


def _heads_told_again(put: Replaced) -> None:
    def all_of_them(self: Journals) -> tuple[dict[JournalId, Head], tuple[JournalId, ...]]:
        self._changed = {}
        return dict(self.heads), ()

    put(Journals, "take_changes", all_of_them)


def _never_in_step_again(put: Replaced) -> None:
    """Found by the simulation: a restarted peer tells its new journal only, and its former one stayed owed for ever."""
    put(Hearsay, "_settle_ancestors", lambda self, peer, journal: None)


# --- what people are told ------------------------------------------------------------------------------------------


def _conflict_forgotten(put: Replaced) -> None:
    completed = claim_module._completed
    put(claim_module, "_completed", lambda known, claim: completed(known, claim) and claim.id not in known.take_overs)


def _answered_with_the_last_sale(put: Replaced) -> None:
    put(SalesLog, "at", lambda self, place: tuple(self.facts[-1:]))


def _bug(name: str, what: str, plant: Plant, *oracles: str) -> tuple[str, Bug]:
    return name, Bug(name, what, frozenset(oracles), plant)


BUGS: Final[Mapping[str, Bug]] = dict(
    [
        _bug(
            "answer_before_persist",
            "a caller is answered when its step is recorded, not when it is durable",
            _answer_before_persist,
            "anytime_acked_is_on_some_disk",
        ),
        _bug(
            "ack_before_persist",
            "entries are acked when they are let in",
            _ack_before_persist,
            "anytime_told_is_durable",
        ),
        _bug(
            "heads_before_persist",
            "heads tell what was let in, not what is durable",
            _heads_before_persist,
            "anytime_told_is_durable",
        ),
        _bug(
            "disk_that_lies",
            "a write is called durable while it is in a cache",
            _disk_that_lies,
            "anytime_told_is_durable",
            "anytime_acked_is_on_some_disk",
        ),
        _bug(
            "failed_write_ignored",
            "a write that the disk refused counts as done",
            _failed_write_ignored,
            "anytime_told_is_durable",
            "anytime_acked_is_on_some_disk",
        ),
        _bug(
            "number_used_again",
            "the incarnation is the same at every start, so a start writes number 1 again",
            _number_used_again,
            "anytime_journals_gap_free",
            "anytime_nothing_breaks",
            "anytime_told_is_durable",
        ),
        _bug(
            "receipt_number_in_memory",
            "the last receipt number is counted in memory and lost at a restart",
            _receipt_number_in_memory,
            "anytime_receipt_numbers_unique",
        ),
        _bug(
            "key_forgotten",
            "an idempotency key is known only to the process that took it",
            _key_forgotten,
            "anytime_done_once",
            "finally_totals_agree",
        ),
        _bug(
            "last_writer_wins",
            "the last of several claims holds, not the first",
            _last_writer_wins,
            "anytime_one_first_claim",
        ),
        _bug(
            "take_over_beats_completed",
            "a take-over counts more than the payment that it did not know of",
            _take_over_beats_completed,
            "anytime_one_first_claim",
            "anytime_no_half_step",
        ),
        _bug(
            "anyone_may_finish",
            "a sale may be finished where another node holds it",
            _anyone_may_finish,
            "anytime_no_half_step",
        ),
        _bug(
            "order_dependent_fold",
            "the record that arrives last stays",
            _order_dependent_fold,
            "eventually_equal_by_content",
            "anytime_newest_record_stays",
        ),
        _bug(
            "price_by_the_clock",
            "the record with the latest clock stays, so a price from next year wins for a year",
            _price_by_the_clock,
            "anytime_newest_record_stays",
        ),
        _bug("half_step", "a sale is shown before its claim and its document end", _half_step, "anytime_no_half_step"),
        _bug("folded_twice", "an entry is counted twice", _folded_twice, "anytime_money_conserved"),
        _bug(
            "everyone_relays",
            "whoever gets a new entry passes it on to everybody",
            _everyone_relays,
            "finally_entries_travel_once",
            "eventually_silent",
        ),
        _bug(
            "gap_is_waited_for",
            "a gap is never asked for: somebody will push it",
            _gap_is_waited_for,
            "eventually_equal_by_content",
        ),
        _bug(
            "heads_told_again",
            "every pulse tells all heads, changed or not",
            _heads_told_again,
            "eventually_silent",
        ),
        _bug(
            "never_in_step_again",
            "what a peer holds of its former journals is not concluded from its newest one",
            _never_in_step_again,
            "eventually_completeness_complete",
        ),
        _bug(
            "conflict_forgotten",
            "a sale that was paid after its till had lost it is no conflict",
            _conflict_forgotten,
            "eventually_conflicts_have_one_id",
        ),
        _bug(
            "answered_with_the_last_sale",
            "the answer is read from the last sale that came in, not from the caller's own entry",
            _answered_with_the_last_sale,
            "finally_totals_agree",
        ),
    ]
)
