"""The shelf: every document of a store while people work on it, and what is left of it when it is finished.

A document comes into being with `begin` (or with an update that arrives before it), gathers updates, and is retired.
Retiring takes effect when it may (a shared document at once, an open sale when its retiring node's claim has ended);
from then on the updates are let go and only those that the retirement did not include are remembered, as late ones
(RULES O2). A late update never reopens anything.

What the shelf knows is a function of the set of operations: a retirement that arrives first finds the updates that it
includes as they come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from crdt_models.documents.document import Document
from crdt_models.documents.facts import text_of
from crdt_models.documents.kept_view import KeptView
from crdt_models.documents.late import RetiredUpdates
from crdt_models.documents.open_sale import OpenSaleView, open_sale_view
from crdt_models.documents.seating import SeatingView, seating_view
from crdt_models.errors import MalformedBytes
from crdt_models.values.identity import Chance, ClaimId, JournalId, NodeId, node_of
from crdt_models.values.stamp import Place, Stamp

OPEN_SALE: Final = "open_sale"
SEATING: Final = "seating"
SHARED_TYPES: Final = frozenset({SEATING})


@dataclass(slots=True)
class Shelved:
    """One document. live: the working view while people work on it; late: what came beside its retirement afterwards."""

    id: bytes
    type: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    began: Stamp | None = None
    begun_by: NodeId | None = None
    live: Document | None = None
    late: RetiredUpdates | None = None
    begins: dict[Place, tuple[Stamp, str, Mapping[str, str]]] = field(default_factory=dict)
    updates: dict[tuple[Place, int], bytes] = field(default_factory=dict)
    retirements: dict[Place, Mapping[JournalId, int]] = field(default_factory=dict)
    in_force: set[Place] = field(default_factory=set)
    late_facts: dict[Place, Mapping[str, str]] = field(default_factory=dict)
    refused: set[Place] = field(default_factory=set)
    sale_view: KeptView[OpenSaleView, tuple[ClaimId, ...]] | None = None
    seating_view: KeptView[SeatingView, None] | None = None

    @property
    def retired(self) -> bool:
        """Whether a retirement is in force."""
        return self.late is not None

    @property
    def last_updates(self) -> dict[JournalId, int]:
        """Per journal the last update held: what a retirement written now includes."""
        last: dict[JournalId, int] = {}
        for place, _ in self.updates:
            last[place.journal] = max(last.get(place.journal, 0), place.seq)
        return last


class Shelf:
    """All documents of a store. of_type: those that live, by type; with_late: finished ones that got late updates."""

    def __init__(self, chance: Chance | None = None) -> None:
        self._chance = chance
        self.documents: dict[bytes, Shelved] = {}
        self.of_type: dict[str, dict[bytes, Shelved]] = {OPEN_SALE: {}, SEATING: {}}
        self.with_late: dict[bytes, Shelved] = {}
        self._closed_seatings: dict[str, int] = {}

    def __getitem__(self, document: bytes) -> Shelved:
        return self.documents[document]

    def get(self, document: bytes) -> Shelved | None:
        """The document, if anything is known of it."""
        return self.documents.get(document)

    def closed_seatings(self, table: str) -> int:
        """How many seatings of a table are finished: the count that names the next one."""
        return self._closed_seatings.get(table, 0)

    def blank(self, document: bytes) -> Shelved:
        """The document with an empty working view, for its first writer; nothing is known of it until a step says so."""
        shelved = self._shelved(document)
        self._live(shelved)
        return shelved

    def begin(self, document: bytes, type_: str, attributes: Mapping[str, str], place: Place, stamp: Stamp) -> Shelved:
        """A document was begun; where two nodes begin the same one, the earlier stamp gives its attributes."""
        shelved = self._shelved(document)
        shelved.begins[place] = (stamp, type_, attributes)
        first = min(shelved.begins, key=lambda at: (shelved.begins[at][0], at))
        shelved.began, shelved.type, shelved.attributes = shelved.begins[first]
        shelved.begun_by = node_of(first.journal)
        if not shelved.retired:
            for others in self.of_type.values():
                others.pop(document, None)
            self.of_type.setdefault(shelved.type, {})[document] = shelved
            self._live(shelved)
        return shelved

    def update(self, document: bytes, body: bytes, place: Place, index: int) -> None:
        """One update. Every decodable one is applied, whoever wrote it; an undecodable one is remembered as refused."""
        shelved = self._shelved(document)
        if shelved.late is not None:
            if shelved.late.add(place, index, body):
                self.with_late[document] = shelved
            return
        try:
            self._live(shelved).apply(body)
        except MalformedBytes:
            shelved.refused.add(place)
            return
        shelved.updates[(place, index)] = body

    def retire(self, document: bytes, last: Mapping[JournalId, int], place: Place) -> Shelved:
        """The document was retired by a node that saw `last`; `put_in_force` decides when that counts."""
        shelved = self._shelved(document)
        shelved.retirements[place] = last
        return shelved

    def put_in_force(self, shelved: Shelved, place: Place) -> None:
        """A retirement takes effect: the working view is let go, and what no retirement in force includes is late."""
        if place in shelved.in_force:
            return
        shelved.in_force.add(place)
        if shelved.late is None:
            shelved.late = RetiredUpdates()
            shelved.live = shelved.sale_view = shelved.seating_view = None
            for others in self.of_type.values():
                others.pop(shelved.id, None)
            if shelved.type == SEATING:
                table = shelved.attributes.get("table", "")
                self._closed_seatings[table] = self._closed_seatings.get(table, 0) + 1
            for facts in shelved.late_facts.values():
                shelved.late.repeated(facts)
        shelved.late.retire(shelved.retirements[place])
        updates, shelved.updates = shelved.updates, {}
        for (at, index), body in updates.items():
            if shelved.late.add(at, index, body):
                self.with_late[shelved.id] = shelved

    def repeat_late(self, document: bytes, facts: Mapping[str, str], place: Place) -> None:
        """The author of late facts repeated them for people to see."""
        shelved = self._shelved(document)
        shelved.late_facts[place] = facts
        if shelved.late is not None:
            shelved.late.repeated(facts)

    def open_sale(self, shelved: Shelved, chain: tuple[ClaimId, ...]) -> OpenSaleView:
        """What every till shows of an open sale, given who held it one after the other."""
        if shelved.live is None:
            return OpenSaleView()
        if shelved.sale_view is None:
            shelved.sale_view = KeptView(shelved.live, open_sale_view)
        return shelved.sale_view.of(chain)

    def seating(self, shelved: Shelved) -> SeatingView:
        """What every waiter sees of a table's guests."""
        if shelved.live is None:
            return SeatingView(cleared=shelved.retired)
        if shelved.seating_view is None:
            shelved.seating_view = KeptView(shelved.live, lambda facts, _: seating_view(facts))
        return shelved.seating_view.of(None)

    def content(self) -> list[object]:
        """For the shop's digest."""
        rows: list[object] = []
        for document in sorted(self.documents):
            shelved = self.documents[document]
            if not (shelved.begins or shelved.updates or shelved.retirements or shelved.refused):
                continue
            facts = [] if shelved.live is None else [[key, text_of(fact)] for key, fact in shelved.live.facts()]
            rows.append(
                [
                    document,
                    shelved.type,
                    dict(shelved.attributes),
                    shelved.retired,
                    facts,
                    [[list(place), sorted(last.items())] for place, last in sorted(shelved.retirements.items())],
                    [] if shelved.late is None else [list(place) for place in shelved.late.late],
                    [[list(place), dict(facts)] for place, facts in sorted(shelved.late_facts.items())],
                ]
            )
        return rows

    def _live(self, shelved: Shelved) -> Document:
        if shelved.live is None:
            shelved.live = Document(self._chance)
        return shelved.live

    def _shelved(self, document: bytes) -> Shelved:
        shelved = self.documents.get(document)
        if shelved is None:
            shelved = self.documents[document] = Shelved(document)
        return shelved
