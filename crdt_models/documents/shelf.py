"""The shelf: every document of a store while people work on it, and what is left of it when it is finished.

A document comes into being with `begin` (or with an update that arrives before it), gathers updates, and is retired.
Retiring takes effect when it may (a shared document at once, an open sale when its retiring node's claim has ended);
from then on the updates are let go and only those that the retirement did not include are remembered, as late ones
(RULES O2). A late update never reopens anything.

What the shelf knows is a function of the set of operations: a retirement that arrives first finds the updates that it
includes as they come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from crdt_models.documents.document import Document
from crdt_models.documents.facts import Fact

from crdt_models.errors import MalformedBytes
from crdt_models.values.identity import Chance, ClaimId, JournalId, NodeId, node_of
from crdt_models.values.stamp import Place, Stamp

OPEN_SALE: Final = "open_sale"
SEATING: Final = "seating"
SHARED_TYPES: Final = frozenset({SEATING})


@dataclass(slots=True)
class Shelved:
    """One document. live: the working view, None once retired or before anything came."""

    id: bytes
    type: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    began: Stamp | None = None
    begun_by: NodeId | None = None
    live: Document | None = None
    updates: dict[tuple[Place, int], ClaimId | None] = field(default_factory=dict)
    bodies: dict[tuple[Place, int], bytes] = field(default_factory=dict)
    begins: dict[Place, tuple[Stamp, str, Mapping[str, str]]] = field(default_factory=dict)
    retirements: dict[Place, Mapping[JournalId, int]] = field(default_factory=dict)
    late_facts: dict[Place, Mapping[str, str]] = field(default_factory=dict)
    refused: set[Place] = field(default_factory=set)
    retired: bool = False
    late_seen: dict[str, Fact] = field(default_factory=dict)
    """Facts of late updates as this node saw them when the retirement reached it: what their author must repeat."""

    @property
    def last_updates(self) -> dict[JournalId, int]:
        """Per journal the last update held: what a retirement written now would include."""
        last: dict[JournalId, int] = {}
        for place, _ in self.updates:
            last[place.journal] = max(last.get(place.journal, 0), place.seq)
        return last

    def included(self, place: Place) -> bool:
        """Whether any retirement in force includes the update at `place`."""
        return any(last.get(place.journal, 0) >= place.seq for last in self.retirements.values())

    def late_updates(self) -> list[Place]:
        """Updates that no retirement included, in order; empty while the document lives."""
        if not self.retired:
            return []
        return sorted({place for place, _ in self.updates if not self.included(place)})


class Shelf:
    """All documents of a store."""

    def __init__(self, chance: Chance | None = None) -> None:
        self._chance = chance
        self.documents: dict[bytes, Shelved] = {}
        self.of_type: dict[str, dict[bytes, Shelved]] = {OPEN_SALE: {}, SEATING: {}}

    def __getitem__(self, document: bytes) -> Shelved:
        return self.documents[document]

    def get(self, document: bytes) -> Shelved | None:
        """The document, if anything is known of it."""
        return self.documents.get(document)

    def __iter__(self) -> Iterator[Shelved]:
        return iter(self.documents.values())

    def begin(self, document: bytes, type_: str, attributes: Mapping[str, str], place: Place, stamp: Stamp) -> Shelved:
        """A document was begun; where two nodes begin the same one, the earlier stamp gives its attributes."""
        shelved = self._shelved(document)
        shelved.begins[place] = (stamp, type_, attributes)
        first = min(shelved.begins, key=lambda at: (shelved.begins[at][0], at))
        shelved.began, shelved.type, shelved.attributes = shelved.begins[first]
        shelved.begun_by = node_of(first.journal)
        for others in self.of_type.values():
            others.pop(document, None)
        self.of_type.setdefault(shelved.type, {})[document] = shelved
        if shelved.live is None and not shelved.retired:
            shelved.live = Document(self._chance)
        return shelved

    def update(self, document: bytes, body: bytes, claim: ClaimId | None, place: Place, index: int) -> None:
        """One update. Every decodable one is applied, whoever wrote it; an undecodable one is remembered as refused."""
        shelved = self._shelved(document)
        if (place, index) in shelved.updates or place in shelved.refused:
            return
        if not shelved.retired:
            if shelved.live is None:
                shelved.live = Document(self._chance)
            try:
                shelved.live.apply(body)
            except MalformedBytes:
                shelved.refused.add(place)
                return
            shelved.bodies[(place, index)] = body
        shelved.updates[(place, index)] = claim

    def retire(self, document: bytes, last: Mapping[JournalId, int], place: Place) -> Shelved:
        """The document was retired by a node that saw `last`."""
        shelved = self._shelved(document)
        shelved.retirements[place] = dict(last)
        return shelved

    def close(self, shelved: Shelved) -> None:
        """The retirement takes effect: the working view is let go; late facts are kept as seen now."""
        if shelved.retired:
            return
        shelved.retired = True
        if shelved.live is not None and shelved.late_updates():
            seen_by_retirer = Document(None)
            for at, body in shelved.bodies.items():
                if shelved.included(at[0]):
                    seen_by_retirer.apply(body)
            known = {key for key, _ in seen_by_retirer.facts()}
            shelved.late_seen = {key: fact for key, fact in shelved.live.facts() if key not in known}
        shelved.live = None
        shelved.bodies.clear()

    def repeat_late(self, document: bytes, facts: Mapping[str, str], place: Place) -> None:
        """The author of late facts repeated them for people to see."""
        self._shelved(document).late_facts[place] = dict(facts)

    def content(self) -> list[object]:
        """For the shop's digest."""
        rows: list[object] = []
        for document in sorted(self.documents):
            shelved = self.documents[document]
            facts = [] if shelved.live is None else [[key, fact] for key, fact in shelved.live.facts()]
            rows.append(
                [
                    document,
                    shelved.type,
                    dict(shelved.attributes),
                    shelved.retired,
                    facts,
                    [[list(place), sorted(last.items())] for place, last in sorted(shelved.retirements.items())],
                    [list(place) for place in shelved.late_updates()],
                    [[list(place), dict(facts)] for place, facts in sorted(shelved.late_facts.items())],
                ]
            )
        return rows

    def _shelved(self, document: bytes) -> Shelved:
        shelved = self.documents.get(document)
        if shelved is None:
            shelved = self.documents[document] = Shelved(document)
        return shelved
