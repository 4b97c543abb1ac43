"""A seating: the guests at one table and what they ordered, written by several waiters at once without anyone's leave.

Rules, cited by tests:
1. The document's id follows from the store, the table and the count of the table's closed seatings. Two waiters who seat
   one empty table while apart are therefore in the *same* document; nothing is overwritten (FIELD story 1 and its twin).
2. The view is a function of the set of facts. Lines of all waiters stay; a line counts until it is voided.
3. Covers are those of the last seat fact by (ordinal, id): after a change while apart both see the same number.
4. A line that two waiters void is voided once; a void that arrives before its line waits for it.
5. Clearing names what the waiter saw. A line or seating that no clear saw was added by one who did not know: it is shown as
   `late`, counts as ordered, and never reopens the table. Refused: telling "after" by ordinal or clock, since the one who
   did not know may count lower.

Nothing here is under a claim: the *bill* is claimed once, the table is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from crdt_models.documents import limits as document_limits
from crdt_models.documents.facts import Fact, identities_in, identity_of, key_of, kind_of, made, number_in, text_in
from crdt_models.documents.line_fact import (
    LINE,
    LINE_VOID,
    LineFact,
    Unreadable,
    VoidedLine,
    VoidFact,
    check_identity,
)
from crdt_models.documents.open_sale import voids_by_line
from crdt_models.errors import InvalidValue
from crdt_models.values.identity import StoreId
from crdt_models.values.text import check_key

SEAT: Final = "seat"
CLEAR: Final = "clear"


@dataclass(frozen=True, slots=True)
class SeatFact:
    """Guests sat down at a table, or their number changed."""

    seat_id: bytes
    table: str
    covers: int

    def __post_init__(self) -> None:
        check_identity("seat_id", self.seat_id)
        check_key("table", self.table)
        if type(self.covers) is not int or not 1 <= self.covers <= document_limits.covers_max:
            raise InvalidValue("covers", f"must be an integer from 1 to {document_limits.covers_max}")

    @classmethod
    def read(cls, key: str, fact: Fact) -> SeatFact:
        """The seating of a fact. Raises InvalidValue."""
        return cls(identity_of(key), text_in(fact, "table"), number_in(fact, "covers"))


@dataclass(frozen=True, slots=True)
class ClearFact:
    """The table was cleared by one who saw the facts with these ids."""

    clear_id: bytes
    saw: frozenset[bytes]

    @classmethod
    def read(cls, key: str, fact: Fact) -> ClearFact:
        """The clearing of a fact. Raises InvalidValue."""
        return cls(identity_of(key), identities_in(fact, "saw"))


@dataclass(frozen=True, slots=True)
class SeatingView:
    """What every waiter sees of a table's guests. Tuples are in fact order, (ordinal, id).

    lines: all that was ordered and not voided, late ones among them; late: those that nobody knew of who cleared the table.
    """

    table: str | None = None
    covers: int = 0
    lines: tuple[LineFact, ...] = ()
    voided: tuple[VoidedLine, ...] = ()
    cleared: bool = False
    late: tuple[LineFact, ...] = ()
    late_seats: tuple[SeatFact, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def seated(self) -> bool:
        """Whether guests sit there: seated and not cleared."""
        return self.table is not None and not self.cleared

    @property
    def total_minor(self) -> int:
        """What the guests ordered, excluded tax included."""
        return sum(line.due_minor for line in self.lines)


def seating_document_id(store: StoreId, table: str, closed_seatings: int) -> bytes:
    """The 16 bytes of the document of a table's next guests (rule 1). closed_seatings: how many the table has had."""
    message = b"tillmesh-seating" + store + check_key("table", table).encode() + closed_seatings.to_bytes(8, "big")
    return hashlib.sha256(message).digest()[:16]


def seating_view(facts: Iterable[tuple[str, Fact]]) -> SeatingView:
    """The view of a document's facts, in their order. Rules 2 to 5."""
    lines: list[LineFact] = []
    voids_read: list[VoidFact] = []
    seats: list[SeatFact] = []
    clears: list[ClearFact] = []
    unreadable: list[Unreadable] = []
    unknown: list[str] = []
    for key, fact in facts:
        read = _READERS.get(kind_of(key))
        if read is None:
            unknown.append(key)
            continue
        try:
            value = read(key, fact)
        except InvalidValue as error:
            unreadable.append(Unreadable(key, str(error)))
            continue
        match value:
            case LineFact():
                lines.append(value)
            case VoidFact():
                voids_read.append(value)
            case SeatFact():
                seats.append(value)
            case ClearFact():
                clears.append(value)
    voids = voids_by_line(voids_read)
    live = tuple(line for line in lines if line.line_id not in voids)
    saw = frozenset[bytes]().union(*(clear.saw for clear in clears))
    return SeatingView(
        table=seats[-1].table if seats else None,
        covers=seats[-1].covers if seats else 0,
        lines=live,
        voided=tuple(VoidedLine(line, voids[line.line_id]) for line in lines if line.line_id in voids),
        cleared=bool(clears),
        late=tuple(line for line in live if line.line_id not in saw) if clears else (),
        late_seats=tuple(seat for seat in seats if seat.seat_id not in saw) if clears else (),
        unreadable=tuple(unreadable),
        unknown=tuple(unknown),
    )


def seat_fact(seat: SeatFact, at: int) -> tuple[str, Fact]:
    """Key and fact of guests who sit down, or of a changed number of covers."""
    return key_of(SEAT, seat.seat_id), made(at, None, {"table": seat.table, "covers": str(seat.covers)})


def clear_facts(facts: Iterable[tuple[str, Fact]], at: int, new_id: Callable[[], bytes]) -> dict[str, Fact]:
    """The facts that clear the table: one, or one per `clear_saw_max` lines and seats seen, all for one step.

    facts: the document as the waiter's node holds it; new_id: draws a uuid7.
    """
    seen = [identity_of(key).hex() for key, _ in facts if kind_of(key) in (LINE, SEAT)]
    most = document_limits.clear_saw_max
    return dict(
        (key_of(CLEAR, check_identity("clear", new_id())), made(at, None, {"saw": list(seen[start : start + most])}))
        for start in range(0, max(len(seen), 1), most)
    )


_READERS: Final[Mapping[str, Callable[[str, Fact], LineFact | VoidFact | SeatFact | ClearFact]]] = {
    LINE: LineFact.read,
    LINE_VOID: VoidFact.read,
    SEAT: SeatFact.read,
    CLEAR: ClearFact.read,
}
