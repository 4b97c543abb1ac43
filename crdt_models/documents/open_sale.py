"""An open sale: the facts that a till writes from the first line on, and the view that every till has of them.

Rules, cited by tests:
1. The view is a function of the set of facts and of the chain of claims (who held the sale, one after the other).
2. Only facts under a claim on the chain count. The others are *amendments*: somebody rang up goods while another till held
   the sale. They are shown to the holder, who adds them himself or dismisses them; a void by the holder settles one.
3. A till that took the sale over from a silent one writes how far it saw the other's facts (`taken_over`). What the former
   holder wrote beyond that is an amendment too, though its claim is on the chain: the taker did not see it when it
   decided. It costs one fact, and needs no clock.
4. A void takes back the line or discount that it names, whenever either arrives; voiding twice is voiding once. A discount
   on a line that is voided or not known counts nothing.
5. Of customers, the last (ordinal, id) counts. Notes all stay. The last suspension is the one that the slip shows.
6. What cannot be read is shown as unreadable and counts nothing; facts of kinds that this version does not know are named.

The view never decides about money: completing freezes its lines into a sale, and the document is not read again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from crdt_models.documents import limits as document_limits
from crdt_models.documents.facts import (
    Fact,
    claim_hex_of,
    identity_in,
    identity_of,
    key_of,
    kind_of,
    made,
    number_in,
    ordinal_of,
    text_in,
    text_or_none_in,
    texts_in,
)
from crdt_models.documents.line_fact import (
    LINE,
    LINE_VOID,
    LineFact,
    Unreadable,
    VoidedLine,
    VoidFact,
    check_identity,
    check_rate,
)
from crdt_models.errors import InvalidValue
from crdt_models.values.identity import ClaimId
from crdt_models.values.money import check_minor, divide
from crdt_models.values.text import check_free_text, check_key, check_text

DISCOUNT: Final = "discount"
CUSTOMER: Final = "customer"
NOTE: Final = "note"
SUSPENSION: Final = "suspension"
TAKEN_OVER: Final = "taken_over"

OFF_CHAIN: Final = "off_chain"
AFTER_TAKE_OVER: Final = "after_take_over"


@dataclass(frozen=True, slots=True)
class DiscountFact:
    """A discount on one line or, without line_id, on the whole sale: an amount, or a rate of what is then due.

    amount_minor: above 0, taken off; rate_ppm: parts per million. Exactly one of the two.
    """

    discount_id: bytes
    line_id: bytes | None
    amount_minor: int | None
    rate_ppm: int | None
    name: str

    def __post_init__(self) -> None:
        check_identity("discount_id", self.discount_id)
        if self.line_id is not None:
            check_identity("line", self.line_id)
        if (self.amount_minor is None) == (self.rate_ppm is None):
            raise InvalidValue("amount_minor, rate_ppm", "exactly one of the two must be given")
        if self.amount_minor is not None and check_minor("amount_minor", self.amount_minor) <= 0:
            raise InvalidValue("amount_minor", "must be above 0")
        if self.rate_ppm is not None:
            check_rate("rate_ppm", self.rate_ppm)
        check_text("name", self.name)

    def of(self, due_minor: int) -> int:
        """What the discount takes off `due_minor`; a rate is rounded half up, away from zero."""
        if self.amount_minor is not None:
            return self.amount_minor
        assert self.rate_ppm is not None
        return divide(due_minor * self.rate_ppm, 1_000_000, "half_up")

    @classmethod
    def read(cls, key: str, fact: Fact) -> DiscountFact:
        """The discount of a fact. Raises InvalidValue."""
        return cls(
            identity_of(key),
            None if fact.get("line") is None else identity_in(fact, "line"),
            None if fact.get("amount_minor") is None else number_in(fact, "amount_minor"),
            None if fact.get("rate_ppm") is None else number_in(fact, "rate_ppm"),
            text_in(fact, "name"),
        )


@dataclass(frozen=True, slots=True)
class SuspensionFact:
    """The sale was parked: its type, the answers to the type's questions, and a note."""

    type: str
    answers: Mapping[str, str]
    note: str | None

    @classmethod
    def read(cls, _key: str, fact: Fact) -> SuspensionFact:
        """The suspension of a fact. Raises InvalidValue."""
        return cls(text_in(fact, "type"), texts_in(fact, "answers"), text_or_none_in(fact, "note"))


@dataclass(frozen=True, slots=True)
class GivenDiscount:
    """A discount that counts, and what it takes off."""

    discount: DiscountFact
    minor: int


@dataclass(frozen=True, slots=True)
class Amendment:
    """A fact that does not count until the holder does something about it. reason: OFF_CHAIN or AFTER_TAKE_OVER."""

    key: str
    fact: Fact
    reason: str

    @property
    def line(self) -> LineFact | None:
        """The line, where the fact is a readable one."""
        if kind_of(self.key) != LINE:
            return None
        try:
            return LineFact.read(self.key, self.fact)
        except InvalidValue:
            return None


@dataclass(frozen=True, slots=True)
class OpenSaleView:
    """What every till shows of an open sale. Tuples are in fact order, (ordinal, id)."""

    lines: tuple[LineFact, ...] = ()
    voided: tuple[VoidedLine, ...] = ()
    discounts: tuple[GivenDiscount, ...] = ()
    customer: str | None = None
    notes: tuple[str, ...] = ()
    suspensions: tuple[SuspensionFact, ...] = ()
    amendments: tuple[Amendment, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def suspension(self) -> SuspensionFact | None:
        """The last time that it was parked, or None."""
        return self.suspensions[-1] if self.suspensions else None

    @property
    def lines_minor(self) -> int:
        """Sum of the lines, excluded tax apart."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def tax_excluded_minor(self) -> int:
        """Tax that comes on top of the lines."""
        return sum(line.tax_excluded_minor for line in self.lines)

    @property
    def discounts_minor(self) -> int:
        """What the discounts take off."""
        return sum(given.minor for given in self.discounts)

    @property
    def total_minor(self) -> int:
        """What is to be paid as far as the document says; the sale's own lines decide when it is completed."""
        return self.lines_minor + self.tax_excluded_minor - self.discounts_minor


def open_sale_view(facts: Iterable[tuple[str, Fact]], chain: Collection[ClaimId]) -> OpenSaleView:
    """The view of a document's facts (in their order) for a chain of claims (in any order). Rules 1 to 6."""
    on_chain = {claim.hex() for claim in chain}
    rows = list(facts)
    unreadable: list[Unreadable] = []
    seen = _seen_of_former_holders(rows, on_chain, unreadable)
    counting: list[tuple[str, Fact]] = []
    amendments: list[Amendment] = []
    for key, fact in rows:
        claim = claim_hex_of(fact)
        if claim not in on_chain:
            amendments.append(Amendment(key, fact, OFF_CHAIN))
        elif ordinal_of(fact) > seen.get(claim, document_limits.ordinal_max):
            amendments.append(Amendment(key, fact, AFTER_TAKE_OVER))
        else:
            counting.append((key, fact))
    found: dict[str, list[object]] = {}
    customer: str | None = None
    unknown: list[str] = []
    for key, fact in counting:
        kind = kind_of(key)
        if kind == TAKEN_OVER:
            continue
        read = _READERS.get(kind)
        if read is None:
            unknown.append(key)
            continue
        try:
            value = read(key, fact)
        except InvalidValue as error:
            unreadable.append(Unreadable(key, str(error)))
            continue
        if kind == CUSTOMER:
            assert value is None or isinstance(value, str)
            customer = value
        else:
            found.setdefault(kind, []).append(value)
    voids = voids_by_line(v for v in found.get(LINE_VOID, ()) if isinstance(v, VoidFact))
    lines = [v for v in found.get(LINE, ()) if isinstance(v, LineFact)]
    live = tuple(line for line in lines if line.line_id not in voids)
    discounts = [v for v in found.get(DISCOUNT, ()) if isinstance(v, DiscountFact) and v.discount_id not in voids]
    return OpenSaleView(
        lines=live,
        voided=tuple(VoidedLine(line, voids[line.line_id]) for line in lines if line.line_id in voids),
        discounts=_given(discounts, live),
        customer=customer,
        notes=tuple(v for v in found.get(NOTE, ()) if isinstance(v, str)),
        suspensions=tuple(v for v in found.get(SUSPENSION, ()) if isinstance(v, SuspensionFact)),
        amendments=tuple(a for a in amendments if not _is_settled(a, voids)),
        unreadable=tuple(unreadable),
        unknown=tuple(unknown),
    )


def voids_by_line(voids: Iterable[VoidFact]) -> dict[bytes, tuple[VoidFact, ...]]:
    """Per line or discount the voids of it, in the order given."""
    found: dict[bytes, tuple[VoidFact, ...]] = {}
    for void in voids:
        found[void.line_id] = (*found.get(void.line_id, ()), void)
    return found


# --- makers: key and fact of what a person does -------------------------------------------------------------------


def discount_fact(discount: DiscountFact, at: int, claim: ClaimId) -> tuple[str, Fact]:
    """Key and fact of a discount."""
    check_free_text("name", discount.name)
    fields: Fact = {
        "line": None if discount.line_id is None else discount.line_id.hex(),
        "amount_minor": None if discount.amount_minor is None else str(discount.amount_minor),
        "rate_ppm": None if discount.rate_ppm is None else str(discount.rate_ppm),
        "name": discount.name,
    }
    return key_of(DISCOUNT, discount.discount_id), made(at, claim, fields)


def customer_fact(own_id: bytes, customer: str | None, at: int, claim: ClaimId) -> tuple[str, Fact]:
    """Key and fact of the sale's customer; None takes the customer off."""
    fields: Fact = {"customer": None if customer is None else check_key("customer", customer)}
    return key_of(CUSTOMER, check_identity("customer fact", own_id)), made(at, claim, fields)


def note_fact(own_id: bytes, text: str, at: int, claim: ClaimId) -> tuple[str, Fact]:
    """Key and fact of a note."""
    return key_of(NOTE, check_identity("note", own_id)), made(at, claim, {"text": check_free_text("note", text)})


def suspension_fact(
    own_id: bytes, type_: str, answers: Mapping[str, str], note: str | None, at: int, claim: ClaimId
) -> tuple[str, Fact]:
    """Key and fact of a suspension; written in the entry that also releases the claim as `returned`."""
    if len(answers) > document_limits.answers_max:
        raise InvalidValue("answers", f"has {len(answers)} answers, at most {document_limits.answers_max}")
    fields: Fact = {
        "type": check_key("type", type_),
        "answers": {
            check_key("answers", question): check_free_text(f"answers.{question}", text)
            for question, text in answers.items()
        },
        "note": None if note is None else check_free_text("note", note),
    }
    return key_of(SUSPENSION, check_identity("suspension", own_id)), made(at, claim, fields)


def taken_over_fact(
    own_id: bytes, facts: Iterable[tuple[str, Fact]], former: ClaimId, at: int, claim: ClaimId
) -> tuple[str, Fact]:
    """Key and fact of a take-over: how far the taker saw what was written under the `former` claim (rule 3).

    facts: the document as the taker holds it. Written under the taker's own claim, in the entry that takes over.
    """
    former_hex = former.hex()
    seen = max((ordinal_of(fact) for _, fact in facts if claim_hex_of(fact) == former_hex), default=0)
    fields: Fact = {"former": former_hex, "seen": str(seen)}
    return key_of(TAKEN_OVER, check_identity("take-over", own_id)), made(at, claim, fields)


# --- parts of the view --------------------------------------------------------------------------------------------


def _read_customer(_key: str, fact: Fact) -> str | None:
    return text_or_none_in(fact, "customer")


def _read_note(_key: str, fact: Fact) -> str:
    return text_in(fact, "text")


_READERS: Final[Mapping[str, Callable[[str, Fact], object]]] = {
    LINE: LineFact.read,
    LINE_VOID: VoidFact.read,
    DISCOUNT: DiscountFact.read,
    CUSTOMER: _read_customer,
    NOTE: _read_note,
    SUSPENSION: SuspensionFact.read,
}


def _seen_of_former_holders(
    rows: list[tuple[str, Fact]], on_chain: set[str], unreadable: list[Unreadable]
) -> dict[str, int]:
    """Per former claim the highest ordinal that its taker saw; the lowest where several say so."""
    seen: dict[str, int] = {}
    for key, fact in rows:
        if kind_of(key) != TAKEN_OVER or claim_hex_of(fact) not in on_chain:
            continue
        try:
            former, up_to = text_in(fact, "former"), number_in(fact, "seen")
        except InvalidValue as error:
            unreadable.append(Unreadable(key, str(error)))
            continue
        if former != claim_hex_of(fact):
            seen[former] = min(up_to, seen.get(former, up_to))
    return seen


def _given(discounts: list[DiscountFact], lines: tuple[LineFact, ...]) -> tuple[GivenDiscount, ...]:
    """What each discount takes off: those on lines first, those on the sale of what is left; none of another's rest."""
    due = {line.line_id: line.due_minor for line in lines}
    on_lines = {d.discount_id: d.of(due[d.line_id]) for d in discounts if d.line_id in due}
    left = sum(due.values()) - sum(on_lines.values())
    given = []
    for discount in discounts:
        if discount.line_id is None:
            given.append(GivenDiscount(discount, discount.of(left)))
        elif discount.discount_id in on_lines:
            given.append(GivenDiscount(discount, on_lines[discount.discount_id]))
    return tuple(given)


def _is_settled(amendment: Amendment, voids: Mapping[bytes, tuple[VoidFact, ...]]) -> bool:
    """Whether the holder voided it, or it voids what is voided anyway."""
    if identity_of(amendment.key) in voids:
        return True
    if kind_of(amendment.key) != LINE_VOID:
        return False
    try:
        return VoidFact.read(amendment.key, amendment.fact).line_id in voids
    except InvalidValue:
        return False
