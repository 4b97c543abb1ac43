"""After the heal all nodes are equal by content, and each is what a fresh fold of its own disk gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from crdt_models.journal.entry import Entry, decode_entry
from crdt_models.shop import Shop
from crdt_models.values.identity import JournalId
from node.simulation.oracles.oracle import Oracle

if TYPE_CHECKING:
    from node.simulation.history import History

PARTS = (
    "journals held",
    "roster",
    "sales",
    "documents",
    "claims",
    "records",
    "unknown kinds",
    "refused",
    "notes",
    "days",
    "answers",
)


class EqualByContent(Oracle):
    """Compares digests, and names the first part of the content that differs."""

    name = "eventually_equal_by_content"

    def equal(self, history: History) -> None:
        shops = []
        for machine in history.machines:
            if machine.life is None:
                self.fail(history, f"{machine.name} does not run")
                return
            shops.append((machine.name, machine.life.shop))
        first, office = shops[0]
        digest = office.digest()
        for name, shop in shops[1:]:
            if shop.digest() != digest:
                self.fail(history, f"{name} and {first} differ in {differing(office, shop)}")
        chosen = history.machines[history.schedule.seed % len(history.machines)]
        again = refolded(chosen.disk.entries, office)
        if again.digest() != digest:
            self.fail(history, f"{chosen.name} refolded from its disk differs in {differing(office, again)}")


def refolded(entries: Mapping[JournalId, Sequence[Entry]], like: Shop) -> Shop:
    """A new fold of a disk, journal by journal, newest journal first."""
    shop = Shop(like.store, like.authority_key, like._verify)
    for journal in reversed(list(entries)):
        for entry in entries[journal]:
            shop.fold(decode_entry(entry.raw))
    return shop


def differing(one: Shop, other: Shop) -> str:
    """The first part of the content that differs."""
    for part, ours, theirs in zip(PARTS, one.content(), other.content(), strict=True):
        if ours != theirs:
            return part
    return "nothing"
