"""The sales log: every completed sale, as it was recorded, found by place, identity and receipt number.

Per-terminal numbers, not one global order, because tills are apart; a gap is then visible. Two sales under one receipt
number (a cloned disk, a malicious node) are both kept and both found: what happened, happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from crdt_models.sales.sale import Sale
from crdt_models.values.identity import NodeId, node_of
from crdt_models.values.stamp import Place, Stamp


class SaleFact(NamedTuple):
    """A sale and where it stands. position: which operation of the entry; by: (staff, session epoch)."""

    place: Place
    position: int
    stamp: Stamp
    sale: Sale
    by: tuple[str, int] | None
    via: int

    @property
    def node(self) -> NodeId:
        """Who recorded it."""
        return node_of(self.place.journal)


class SalesLog:
    """All sales held, in order of arrival; everything that is told is sorted or looked up."""

    def __init__(self) -> None:
        self.facts: list[SaleFact] = []
        self._by_place: dict[Place, list[SaleFact]] = {}
        self._by_id: dict[bytes, list[SaleFact]] = {}
        self._by_receipt: dict[str, list[SaleFact]] = {}
        self._by_document: dict[bytes, list[SaleFact]] = {}
        self._doubled: set[str] = set()
        self._last_number: dict[tuple[NodeId, str], int] = {}
        self._fiscal: dict[bytes, list[tuple[Place, str, str, tuple[tuple[str, str], ...]]]] = {}

    def add(self, fact: SaleFact) -> None:
        """A sale became known; called once per operation."""
        self.facts.append(fact)
        self._by_place.setdefault(fact.place, []).append(fact)
        self._by_id.setdefault(fact.sale.sale_id, []).append(fact)
        if fact.sale.document is not None:
            self._by_document.setdefault(fact.sale.document, []).append(fact)
        receipt = fact.sale.receipt
        under_number = self._by_receipt.setdefault(receipt.text, [])
        under_number.append(fact)
        if len(under_number) > 1:
            self._doubled.add(receipt.text)
        series = (node_of(fact.place.journal), receipt.series)
        if receipt.number > self._last_number.get(series, 0):
            self._last_number[series] = receipt.number

    def add_fiscal(self, sale_id: bytes, place: Place, receipt: str, scheme: str, result: dict[str, str]) -> None:
        """A fiscal scheme answered for a sale."""
        self._fiscal.setdefault(sale_id, []).append((place, receipt, scheme, tuple(sorted(result.items()))))

    def __len__(self) -> int:
        return len(self.facts)

    def __iter__(self) -> Iterator[SaleFact]:
        return iter(self.facts)

    def at(self, place: Place) -> tuple[SaleFact, ...]:
        """The sales of one entry."""
        return tuple(self._by_place.get(place, ()))

    def by_id(self, sale_id: bytes) -> SaleFact | None:
        """The first sale with this identity, by (stamp, place)."""
        return min(self._by_id.get(sale_id, ()), key=_order, default=None)

    def by_document(self, document: bytes) -> SaleFact | None:
        """The first sale that completed this open sale, by (stamp, place); another one is a conflict of its claims."""
        return min(self._by_document.get(document, ()), key=_order, default=None)

    def by_receipt(self, receipt_no: str) -> tuple[SaleFact, ...]:
        """All sales under a receipt number, by (stamp, place); more than one is a double that people must see."""
        return tuple(sorted(self._by_receipt.get(receipt_no, ()), key=_order))

    def doubles(self) -> list[str]:
        """Receipt numbers under which more than one sale stands, sorted."""
        return sorted(self._doubled)

    def last_number(self, node: NodeId, series: str) -> int:
        """The highest number that `node` gave out in `series`; 0 before the first (RULES J6)."""
        return self._last_number.get((node, series), 0)

    def content(self) -> list[object]:
        """For the shop's digest."""
        return [
            [
                [list(f.place), f.position, list(f.stamp), f.sale.to_fields(), f.by and list(f.by), f.via]
                for f in sorted(self.facts, key=lambda f: (f.place, f.position))
            ],
            [[sale_id, sorted(map(_plain, results))] for sale_id, results in sorted(self._fiscal.items())],
        ]


def _order(fact: SaleFact) -> tuple[Stamp, Place]:
    return (fact.stamp, fact.place)


def _plain(result: tuple[Place, str, str, tuple[tuple[str, str], ...]]) -> list[object]:
    place, receipt, scheme, values = result
    return [list(place), receipt, scheme, [list(pair) for pair in values]]
