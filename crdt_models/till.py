"""The till: what a cashier can do, each as one step: a list of operations that becomes one entry, whole or not at all.

Pure. Each method reads the shop as this node sees it, refuses what the shop's rules forbid (`StepRefused`, nothing done),
and answers operations; the caller records them at once, before anything else is folded, because a step that claims names
the place where its entry will stand (`next_place`).

Rules:
1. Only the holder of an open sale writes to it. It is claimed by who opens, retrieves or takes it over.
2. Suspending is a release as `returned`; anybody may then retrieve it, with or without a server (FIELD story 12).
3. Completing is one entry: the sale, the release as `completed` and the retirement of the document. Nobody ever sees a part.
4. A basket may be handed over whole: suspended in one entry, or completed in one entry that needs no claim at all.
5. Receipt numbers are minted here, from what this node has recorded in its series (RULES J6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from crdt_models import limits, operations
from crdt_models.documents.document import Document
from crdt_models.documents.facts import Fact
from crdt_models.documents.line_fact import LineFact, line_fact, line_void_fact
from crdt_models.documents.open_sale import (
    DiscountFact,
    OpenSaleView,
    customer_fact,
    discount_fact,
    note_fact,
    suspension_fact,
    taken_over_fact,
)
from crdt_models.documents.shelf import OPEN_SALE, Shelved
from crdt_models.errors import HeldElsewhere, InvalidValue, NotInState, UnknownThing
from crdt_models.freezing import fill
from crdt_models.journal.operation import Operation
from crdt_models.reference.tables import validate
from crdt_models.rights.claim import Claim, Standing
from crdt_models.sales.basket import Basket
from crdt_models.sales.business_day import CUT_OFF_MIN, business_day
from crdt_models.sales.lines import TenderLine
from crdt_models.sales.receipt_no import ReceiptNo, series_letter
from crdt_models.sales.sale import Sale
from crdt_models.sales.taxes import TaxRule
from crdt_models.shop import Shop, sale_resource
from crdt_models.values.identity import Chance, ClaimId, JournalId, NodeId, uuid7
from crdt_models.values.stamp import Place
from crdt_models.values.text import check_free_text, check_key


@dataclass(frozen=True, slots=True)
class Moment:
    """When a step happens. wall_ms: shop time for ids; happened_at_ms: as the caller says, else the same."""

    wall_ms: int
    utc_offset_min: int = 0
    happened_at_ms: int | None = None
    cut_off_min: int = CUT_OFF_MIN

    @property
    def sale_ms(self) -> int:
        """UTC milliseconds at which the sale happened."""
        return self.wall_ms if self.happened_at_ms is None else self.happened_at_ms


@dataclass(frozen=True, slots=True)
class Closing:
    """What a sale is completed with, beside its lines."""

    tenders: tuple[TenderLine, ...]
    override_by: str | None = None
    external_reference: str | None = None


Steps = list[Operation]

_CLAIM_OF_OPENING = 2
"""Where the claim stands in an entry that opens a sale: after the step itself and the begin."""


class Till:
    """The steps of one node. node, name: its identity and terminal name; next_place: where its next entry will stand."""

    def __init__(
        self, shop: Shop, node: NodeId, name: str, chance: Chance, next_place: Callable[[], Place], series: str
    ) -> None:
        self.shop, self.node, self.name = shop, node, name
        self._chance = chance
        self._next_place = next_place
        self._series = series

    # --- open sales ------------------------------------------------------------------------------------------------

    def open_sale(
        self,
        at: Moment,
        attributes: Mapping[str, str],
        facts: Callable[[int, ClaimId], Sequence[tuple[str, Fact]]] = lambda first, claim: (),
    ) -> tuple[bytes, Steps]:
        """A new open sale, held here. attributes: currency, exponent, kind, training, as text; facts: what is known of
        it at once, from an ordinal and under a claim, in the same entry (rule 4)."""
        document = self._new_id(at)
        steps = [
            operations.begin(document, OPEN_SALE, attributes),
            operations.claim(sale_resource(document), 1, operations.ROOT),
        ]
        claim = operations.claim_id(self._next_place(), _CLAIM_OF_OPENING)
        written = dict(facts(1, claim))
        if written:
            steps += [operations.update(document, update, claim) for update in Document(self._chance).write(written)]
        return document, steps

    def add_line(self, sale: bytes, line: LineFact) -> Steps:
        """A line, rung up."""
        return self._write(sale, lambda at, claim: [line_fact(line, at, claim)])

    def void_line(self, sale: bytes, line: bytes, reason: str, at: Moment) -> Steps:
        """A line or discount is taken back. Raises UnknownThing where the sale has no such line."""
        view = self.shop.open_sale(sale)
        known = {each.line_id for each in view.lines} | {each.discount.discount_id for each in view.discounts}
        settles = {amendment.line.line_id for amendment in view.amendments if amendment.line is not None}
        if line not in known | settles:
            self._held(sale)
            raise UnknownThing("line", line.hex())
        void = self._new_id(at)
        return self._write(sale, lambda ordinal, claim: [line_void_fact(void, line, reason, ordinal, claim)])

    def add_discount(self, sale: bytes, discount: DiscountFact) -> Steps:
        """A discount on a line or on the whole sale, never more than it costs."""
        view = self.shop.open_sale(sale)
        dues = {line.line_id: line.due_minor for line in view.lines}
        if discount.line_id is not None and discount.line_id not in dues:
            self._held(sale)
            raise UnknownThing("line", discount.line_id.hex())
        given = sum(
            each.minor
            for each in view.discounts
            if discount.line_id is None or each.discount.line_id == discount.line_id
        )
        due = (sum(dues.values()) if discount.line_id is None else dues[discount.line_id]) - given
        if discount.of(due) > due:
            raise InvalidValue("amount_minor", f"is more than the {max(due, 0)} minor units that are due")
        return self._write(sale, lambda at, claim: [discount_fact(discount, at, claim)])

    def set_customer(self, sale: bytes, customer: str | None, at: Moment) -> Steps:
        """The sale's customer; None takes the customer off."""
        own = self._new_id(at)
        return self._write(sale, lambda ordinal, claim: [customer_fact(own, customer, ordinal, claim)])

    def add_note(self, sale: bytes, text: str, at: Moment) -> Steps:
        """A note on the sale."""
        own = self._new_id(at)
        return self._write(sale, lambda ordinal, claim: [note_fact(own, text, ordinal, claim)])

    def suspend(self, sale: bytes, type_: str, answers: Mapping[str, str], note: str | None, at: Moment) -> Steps:
        """Park the sale, so that any till can retrieve it."""
        held = self._held(sale)
        self._check_suspension(type_, answers, note)
        own = self._new_id(at)
        steps = self._write(sale, lambda ordinal, claim: [suspension_fact(own, type_, answers, note, ordinal, claim)])
        return [*steps, operations.release(sale_resource(sale), held.id, "returned")]

    def suspend_basket(
        self,
        at: Moment,
        attributes: Mapping[str, str],
        facts: Callable[[int, ClaimId], list[tuple[str, Fact]]],
        suspension: tuple[str, Mapping[str, str], str | None],
    ) -> tuple[bytes, Steps]:
        """A whole basket, parked in one step (rule 4). facts: its lines and the rest, from an ordinal and under a claim."""
        type_, answers, note = suspension
        self._check_suspension(type_, answers, note)

        def parked(first: int, claim: ClaimId) -> list[tuple[str, Fact]]:
            written = facts(first, claim)
            own = self._new_id(at)
            return [*written, suspension_fact(own, type_, answers, note, first + len(written), claim)]

        document, steps = self.open_sale(at, attributes, parked)
        claim = operations.claim_id(self._next_place(), _CLAIM_OF_OPENING)
        return document, [*steps, operations.release(sale_resource(document), claim, "returned")]

    def retrieve(self, sale: bytes) -> Steps:
        """Take a suspended sale here. Raises HeldElsewhere, NotInState, UnknownThing."""
        standing = self._standing(sale)
        if standing.state == "held":
            assert standing.holder is not None
            if standing.holder.node == self.node:
                raise NotInState(f"sale {sale.hex()}", "held by this till already", "suspended")
            raise HeldElsewhere(sale_resource(sale), standing.holder.node, standing.holder.stamp.wall_ms)
        if standing.state != "returned":
            raise NotInState(f"sale {sale.hex()}", standing.state, "suspended")
        parent = standing.chain[-1]
        return [operations.claim(sale_resource(sale), parent.epoch + 1, parent.id)]

    def take_over(self, sale: bytes, reason: str, at: Moment) -> Steps:
        """Take an open sale from a till that does not answer; what it writes later is an amendment (RULES C6)."""
        standing = self._standing(sale)
        holder = standing.holder
        if standing.state == "returned":
            return self.retrieve(sale)
        if holder is None:
            raise NotInState(f"sale {sale.hex()}", standing.state, "held by another till")
        if holder.node == self.node and holder.journal == self._next_place().journal:
            raise NotInState(f"sale {sale.hex()}", "held by this till already", "held by another till")
        check_free_text("reason", reason)
        resource = sale_resource(sale)
        steps = [
            operations.take_over(resource, holder.id, reason),
            operations.claim(resource, holder.epoch + 1, holder.id),
        ]
        claim = operations.claim_id(self._next_place(), len(steps))
        live = self._live(self._shelved(sale))
        key, fact = taken_over_fact(self._new_id(at), live.facts(), holder.id, live.next_ordinal, claim)
        return steps + [operations.update(sale, update, claim) for update in live.write({key: fact})]

    def void_sale(self, sale: bytes, reason: str) -> Steps:
        """Cancel an open sale that is held here, or a suspended one."""
        check_free_text("reason", reason)
        shelved = self._shelved(sale)
        steps: Steps = []
        if self._standing(sale).state == "returned":
            steps = self.retrieve(sale)
            claim = operations.claim_id(self._next_place(), 1)
        else:
            claim = self._held(sale).id
        return [
            *steps,
            operations.release(sale_resource(sale), claim, "voided"),
            operations.retire(sale, shelved.last_updates),
            operations.note(sale, "void_sale", reason),
        ]

    def complete(self, sale: bytes, closing: Closing, at: Moment) -> tuple[Sale, Steps]:
        """Freeze the lines that the holder shows into a sale; one entry (rule 3)."""
        held = self._held(sale)
        shelved = self._shelved(sale)
        view = self.shop.open_sale(sale)
        attributes = shelved.attributes
        basket = self.basket(attributes["currency"], int(attributes["exponent"]), at)
        fill(basket, view)
        training = attributes.get("training") == "yes"
        kind = attributes.get("kind", "sale")
        completed = self._freeze(basket, closing, at, kind, training, view, sale, held)
        return completed, [
            operations.sale(completed.to_fields(), completed),
            operations.release(sale_resource(sale), held.id, "completed"),
            operations.retire(sale, shelved.last_updates),
        ]

    def complete_basket(
        self,
        basket: Basket,
        closing: Closing,
        at: Moment,
        kind: str = "sale",
        training: bool = False,
        customer: str | None = None,
        notes: Sequence[str] = (),
    ) -> tuple[Sale, Steps]:
        """A whole basket, completed in one entry (rule 4)."""
        view = OpenSaleView(customer=customer, notes=tuple(notes))
        completed = self._freeze(basket, closing, at, kind, training, view, None, None)
        return completed, [operations.sale(completed.to_fields(), completed)]

    def reprint(self, receipt_no: str) -> Steps:
        """A copy of a receipt was printed. Raises UnknownThing."""
        if not self.shop.sales.by_receipt(receipt_no):
            raise UnknownThing("receipt", receipt_no)
        return [operations.note(receipt_no, "reprint", self.name)]

    def repeat_late(self) -> list[Steps]:
        """What this node wrote to documents that were already finished, repeated for people to see (RULES O2): steps of a
        size that an entry takes, each by itself."""
        steps: list[Steps] = []
        for shelved in self.shop.documents.with_late.values():
            if shelved.late is None:
                continue
            facts = list(shelved.late.to_repeat(self.node).items())
            for first in range(0, len(facts), limits.late_facts_max):
                part = dict(facts[first : first + limits.late_facts_max])
                steps.append([operations.late(shelved.id, part)])
        return steps

    # --- records ---------------------------------------------------------------------------------------------------

    def put_record(self, table: str, key: str, value: Mapping[str, Any]) -> Operation:
        """A checked record with the version that wins over what is held (RULES T1)."""
        return operations.record(table, key, self.shop.records.next_version(table, key), value)

    # --- parts -----------------------------------------------------------------------------------------------------

    def basket(self, currency: str, exponent: int, at: Moment) -> Basket:
        """An empty basket with the store's tax codes and tender types."""
        tenders = self._sound("tender_types")
        return Basket(
            currency,
            lambda: self._new_id(at),
            exponent=exponent,
            tax_rules={key: TaxRule.of_record(key, value) for key, value in self._sound("tax_codes").items()},
            cash_rounding=tenders.get("cash", {}).get("cash_rounding", "none"),
            gives_change=tuple(key for key, value in tenders.items() if value.get("gives_change")),
        )

    def attributes_of(self, sale: bytes) -> Mapping[str, str]:
        """Currency, exponent, kind and training of an open sale. Raises UnknownThing, NotInState, HeldElsewhere."""
        self._held(sale)
        return self._shelved(sale).attributes

    @property
    def journal(self) -> JournalId:
        """The journal that this process writes."""
        return self._next_place().journal

    def new_id(self, at: Moment) -> bytes:
        """A fresh identity for a line or a discount."""
        return self._new_id(at)

    def _freeze(
        self,
        basket: Basket,
        closing: Closing,
        at: Moment,
        kind: str,
        training: bool,
        view: OpenSaleView,
        document: bytes | None,
        held: Claim | None,
    ) -> Sale:
        series = f"{series_letter(kind, training)}-{self._series}"
        number = self.shop.sales.last_number(self.node, series) + 1
        said = self.shop.business_day_said()
        return basket.sale(
            closing.tenders,
            sale_id=self._new_id(at),
            receipt=ReceiptNo(self.shop.store, self.name, series, number),
            happened_at_ms=at.sale_ms,
            utc_offset_min=at.utc_offset_min,
            kind=kind,
            training=training,
            day=said[0]
            if said is not None and said[1] == "open"
            else business_day(at.sale_ms, at.utc_offset_min, at.cut_off_min),
            customer=view.customer,
            override_by=closing.override_by,
            document=document,
            claim=None if held is None else held.id,
            claim_epoch=None if held is None else held.epoch,
            external_reference=closing.external_reference,
            notes=view.notes,
        )

    def _write(self, sale: bytes, facts: Callable[[int, ClaimId], list[tuple[str, Fact]]]) -> Steps:
        held = self._held(sale)
        live = self._live(self._shelved(sale))
        written = dict(facts(live.next_ordinal, held.id))
        return [operations.update(sale, update, held.id) for update in live.write(written)]

    def _held(self, sale: bytes) -> Claim:
        """This node's claim on the sale. Raises UnknownThing, NotInState, HeldElsewhere, UpgradeNeeded."""
        standing = self._standing(sale)
        if standing.holder is None:
            state = "suspended" if standing.state == "returned" else standing.state
            raise NotInState(f"sale {sale.hex()}", state, "open at this till")
        if standing.holder.node != self.node:
            raise HeldElsewhere(sale_resource(sale), standing.holder.node, standing.holder.stamp.wall_ms)
        return standing.holder

    def _standing(self, sale: bytes) -> Standing:
        resource = sale_resource(sale)
        self.shop.check_not_blocked(resource)
        self.shop.check_not_blocked(sale)
        standing = self.shop.standing(sale, self.node)
        if standing.state == "free":
            raise UnknownThing("sale", sale.hex())
        return standing

    def _shelved(self, sale: bytes) -> Shelved:
        shelved = self.shop.documents.get(sale)
        if shelved is None or shelved.type != OPEN_SALE:
            raise UnknownThing("sale", sale.hex())
        return shelved

    def _live(self, shelved: Shelved) -> Document:
        if shelved.live is None:
            raise NotInState(f"sale {shelved.id.hex()}", "finished", "open at this till")
        return shelved.live

    def _check_suspension(self, type_: str, answers: Mapping[str, str], note: str | None) -> None:
        """That the type's required questions are answered, where the store has types."""
        check_key("type", type_)
        types = self._sound("suspension_types")
        value = types.get(type_)
        if value is None:
            if self.shop.records.rows("suspension_types"):
                raise InvalidValue("type", f"{type_!r} is none of {', '.join(types)}")
            return
        for question in value.get("questions", ()):
            answer = answers.get(question["id"])
            if answer is None and question.get("required"):
                raise InvalidValue(f"answers.{question['id']}", "must be answered")
            choices = question.get("choices")
            if answer is not None and choices and answer not in choices:
                raise InvalidValue(f"answers.{question['id']}", f"must be one of {', '.join(choices)}")
        if value.get("note_required") and not note:
            raise InvalidValue("note", "is required for this type")

    def _sound(self, table: str) -> dict[str, dict[str, Any]]:
        """The records of a table that have its shape, by key. The fold takes what an authorised node wrote; one that no
        reader understands must not stop all selling, only what names it."""
        sound: dict[str, dict[str, Any]] = {}
        for row in self.shop.records.rows(table):
            with suppress(InvalidValue):
                sound[row.key] = validate(table, row.key, row.value)
        return sound

    def _new_id(self, at: Moment) -> bytes:
        return uuid7(at.wall_ms, self._chance)
