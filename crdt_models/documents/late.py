"""Late updates: what was written to a document by one who did not yet know that it is finished (RULES O2).

A retirement names, per journal, the last update that it includes. Every other update of the document is late: kept,
listed, never applied, never a reason to reopen. Its *author*, and nobody else, repeats its facts in a `late` operation,
in which people see them; so each late line is shown once, however many nodes noticed.

Where two nodes retire one document, what either included is included: a function of the set of retirements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from crdt_models.documents.facts import Fact, check_fact_key, fact_of, sorted_facts
from crdt_models.documents.update_reader import read_update
from crdt_models.errors import InvalidValue, MalformedBytes
from crdt_models.values.identity import JournalId, NodeId, node_of
from crdt_models.values.stamp import Place


@dataclass(frozen=True, slots=True)
class Retirement:
    """What the retirements of one document include. last: per journal the number of the last entry included."""

    last: Mapping[JournalId, int] = field(default_factory=dict)

    def joined(self, other: Mapping[JournalId, int]) -> Retirement:
        """With another retirement of the same document."""
        return Retirement(
            {j: max(self.last.get(j, 0), other.get(j, 0)) for j in sorted(self.last.keys() | other.keys())}
        )

    def is_late(self, place: Place) -> bool:
        """Whether an update in the entry at `place` is late."""
        return place.seq > self.last.get(place.journal, 0)


class RetiredUpdates:
    """The updates of one retired document, as far as they are held: which are late, and what their author has to repeat.

    Updates, retirements and repetitions may come in any order and more than once.
    """

    __slots__ = ("_repeated", "_retirement", "_updates")

    def __init__(self) -> None:
        self._retirement = Retirement()
        self._updates: dict[tuple[Place, int], bytes] = {}
        self._repeated: set[str] = set()

    def retire(self, last: Mapping[JournalId, int]) -> None:
        """A retirement; what it includes is let go."""
        self._retirement = self._retirement.joined(last)
        for place, index in [at for at in self._updates if not self._retirement.is_late(at[0])]:
            del self._updates[place, index]

    def add(self, place: Place, index: int, update: bytes) -> bool:
        """An update, by the place of its entry and its operation's index there. Returns whether it is late."""
        if not self._retirement.is_late(place):
            return False
        self._updates[place, index] = update
        return True

    def repeated(self, facts: Mapping[str, str]) -> None:
        """A `late` operation of their author: these need not be repeated again."""
        self._repeated.update(facts)

    @property
    def late(self) -> list[Place]:
        """Where late updates stand, in order."""
        return sorted({place for place, _ in self._updates})

    def to_repeat(self, author: NodeId) -> dict[str, str]:
        """The late facts of `author` that no `late` operation repeats yet: key -> JSON text, in fact order.

        A node is the author of all its journals, so it also repeats what it wrote before a restart.
        """
        raws = (raw for (place, _), raw in sorted(self._updates.items()) if node_of(place.journal) == author)
        return late_facts(raws, self._repeated)


def late_facts(updates: Iterable[bytes], repeated: Set[str] = frozenset()) -> dict[str, str]:
    """The facts of late updates that are not `repeated`: key -> JSON text, in fact order. Undecodable ones have none."""
    texts: dict[str, str] = {}
    facts: dict[str, Fact] = {}
    for raw in updates:
        try:
            written = read_update(raw)
            read = {check_fact_key(fact.key): fact_of(fact.text) for fact in written}
        except (MalformedBytes, InvalidValue):
            continue
        facts.update(read)
        texts.update((fact.key, fact.text) for fact in written)
    return {key: texts[key] for key, _ in sorted_facts(facts.items()) if key not in repeated}
