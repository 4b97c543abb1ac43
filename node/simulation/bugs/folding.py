"""Planted bugs in the fold: what an entry means must not depend on when it comes (RULES O, T1)."""

from __future__ import annotations

from typing import Final

from crdt_models.journal.entry import Entry
from crdt_models.journal.operation import Operation
from crdt_models.operations import Kind
from crdt_models.reference import record as record_module
from crdt_models.shop import Shop
from node.replication.shop_time import ShopTime
from node.simulation.bugs.bug import Put, bug


def _order_dependent_fold(put: Put) -> None:
    put(record_module, "_stays", lambda new, held: True)


def _price_by_the_clock(put: Put) -> None:
    put(record_module, "_stays", lambda new, held: (new.stamp, new.node) > (held.stamp, held.node))
    put(ShopTime, "now_ms", lambda self, now: now.wall_ms)


def _half_step(put: Put) -> None:
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


def _folded_twice(put: Put) -> None:
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


BUGS: Final = (
    bug(
        "order_dependent_fold",
        "the record that arrives last stays",
        _order_dependent_fold,
        "eventually_equal_by_content",
        "anytime_newest_record_stays",
    ),
    bug(
        "price_by_the_clock",
        "the record with the latest clock stays, so a price from next year wins for a year",
        _price_by_the_clock,
        "anytime_newest_record_stays",
    ),
    bug("half_step", "a sale is shown before its claim and its document end", _half_step, "anytime_no_half_step"),
    bug("folded_twice", "an entry is counted twice", _folded_twice, "anytime_money_conserved"),
)
