"""The waiter: what can be done at a table, each as one step. Nobody holds a seating: two waiters write to it at once.

Pure, like the till. The document's identity follows from the table and the count of its closed seatings, so two waiters
who seat one empty table while apart are in the same document (FIELD story 1 and its twin).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from crdt_models import operations
from crdt_models.documents.facts import Fact
from crdt_models.documents.line_fact import LineFact, line_fact, line_void_fact
from crdt_models.documents.seating import SeatFact, SeatingView, clear_facts, seat_fact, seating_document_id
from crdt_models.documents.shelf import SEATING, Shelved
from crdt_models.errors import NotInState, UnknownThing
from crdt_models.journal.operation import Operation
from crdt_models.shop import Shop
from crdt_models.till import Moment
from crdt_models.values.identity import Chance, uuid7
from crdt_models.values.stamp import Place
from crdt_models.values.text import check_key


class Waiter:
    """The steps of one node at the tables of its store."""

    def __init__(self, shop: Shop, chance: Chance, next_place: Callable[[], Place]) -> None:
        self.shop = shop
        self._chance = chance
        self._next_place = next_place

    def document(self, table: str) -> bytes:
        """The document of the guests who sit at a table now, or who sit down next."""
        check_key("table", table)
        return seating_document_id(self.shop.store, table, self.shop.documents.closed_seatings(table))

    def view(self, table: str) -> SeatingView:
        """The table as every waiter sees it."""
        shelved = self.shop.documents.get(self.document(table))
        return SeatingView() if shelved is None else self.shop.documents.seating(shelved)

    def seat(self, table: str, covers: int, at: Moment, attributes: Mapping[str, str]) -> list[Operation]:
        """Guests sit down, or their number changes. attributes: currency and exponent, as text."""
        document = self.document(table)
        seat = SeatFact(self.new_id(at), table, covers)
        shelved = self.shop.documents.get(document)
        if shelved is None or shelved.live is None:
            shelved = self.shop.documents.blank(document)
        begun = shelved.type is not None
        begin = [] if begun else [operations.begin(document, SEATING, {**attributes, "table": table})]
        return begin + self._write(shelved, dict([seat_fact(seat, self._ordinal(shelved))]))

    def add_line(self, table: str, line: LineFact) -> list[Operation]:
        """Something was ordered."""
        shelved = self._seated(table)
        return self._write(shelved, dict([line_fact(line, self._ordinal(shelved))]))

    def void_line(self, table: str, line: bytes, reason: str, at: Moment) -> list[Operation]:
        """An order is taken back. Raises UnknownThing where the table has no such line."""
        shelved = self._seated(table)
        if line not in {each.line_id for each in self.view(table).lines}:
            raise UnknownThing("line", line.hex())
        return self._write(shelved, dict([line_void_fact(self.new_id(at), line, reason, self._ordinal(shelved))]))

    def clear(self, table: str, at: Moment) -> list[Operation]:
        """The guests are gone; what others add without knowing is shown as late."""
        shelved = self._seated(table)
        assert shelved.live is not None
        facts = clear_facts(shelved.live.facts(), self._ordinal(shelved), lambda: self.new_id(at))
        here = self._next_place()
        last = {**shelved.last_updates, here.journal: here.seq}
        return [*self._write(shelved, facts), operations.retire(shelved.id, last)]

    def new_id(self, at: Moment) -> bytes:
        """A fresh identity."""
        return uuid7(at.wall_ms, self._chance)

    def _seated(self, table: str) -> Shelved:
        document = self.document(table)
        self.shop.check_not_blocked(document)
        shelved = self.shop.documents.get(document)
        if shelved is None or shelved.live is None or not self.shop.documents.seating(shelved).seated:
            raise NotInState(f"table {table}", "free", "seated")
        return shelved

    def _ordinal(self, shelved: Shelved) -> int:
        return 1 if shelved.live is None else shelved.live.next_ordinal

    def _write(self, shelved: Shelved, facts: Mapping[str, Fact]) -> list[Operation]:
        assert shelved.live is not None
        return [operations.update(shelved.id, update, None) for update in shelved.live.write(facts)]
