"""The counter: selling, as callers see it. Open sales, suspended sales, completed ones, their receipts.

Each writing method takes who writes (`Author`, unpacked by `Node`), plans one step on the shop as it stands, and answers
with what the shop then shows. An answer to a repeated key is made again from the entry that answered it first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from crdt_models.documents.facts import Fact
from crdt_models.documents.open_sale import customer_fact, note_fact
from crdt_models.errors import HeldElsewhere, InvalidValue, UnknownThing
from crdt_models.freezing import line_of
from crdt_models.journal.operation import Operation
from crdt_models.sales.log import SaleFact
from crdt_models.sales.sale import Sale
from crdt_models.shop import sale_resource
from crdt_models.till import Closing, Moment
from crdt_models.values.identity import ClaimId
from node import showing, taking, views
from node.running import Author, Done, Running


class Counter:
    """Selling at one running node."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._shop, self._till = running.shop, running.till

    # --- open sales ------------------------------------------------------------------------------------------------

    async def open_sale(self, author: Author, training: bool, customer: str | None, note: str | None) -> views.SaleView:
        """A new sale, held here."""
        at = self._running.moment()
        attributes = self._attributes("sale", training, None)
        opened: list[bytes] = []

        def known(first: int, claim: ClaimId) -> list[tuple[str, Fact]]:
            facts: list[tuple[str, Fact]] = []
            if customer is not None:
                facts.append(customer_fact(self._till.new_id(at), customer, first, claim))
            if note is not None:
                facts.append(note_fact(self._till.new_id(at), note, first + len(facts), claim))
            return facts

        def plan() -> Sequence[Operation]:
            sale, steps = self._till.open_sale(at, attributes, known)
            opened.append(sale)
            return steps

        done = await self._running.do(author, plan)
        return self._show(opened[0] if opened else _document(done))

    def open_sales(self) -> list[views.SaleView]:
        """Sales that are being rung up anywhere in the store, as far as is known here."""
        documents = self._shop.documents.of_type["open_sale"]
        here = self._running.node
        held = [d for d in sorted(documents) if self._shop.standing(d, here).state == "held"]
        return [self._show(document) for document in held]

    def sale(self, sale: str) -> views.SaleView:
        """One open sale, or what became of it. Raises UnknownThing."""
        return self._show(taking.identity("sale", sale))

    async def add_line(self, author: Author, sale: str, line: views.NewLine) -> views.SaleView:
        """A line, priced by the records that are held."""

        def plan(document: bytes, at: Moment) -> Sequence[Operation]:
            attributes = self._till.attributes_of(document)
            basket = self._till.basket(attributes["currency"], int(attributes["exponent"]), at)
            return self._till.add_line(document, line_of(taking.ring(self._till, basket, line)))

        return await self._change(author, sale, plan)

    async def void_line(self, author: Author, sale: str, line: str, reason: str | None) -> views.SaleView:
        """A line or discount is taken back."""
        line_id = taking.identity("line", line)
        return await self._change(author, sale, lambda d, at: self._till.void_line(d, line_id, reason or "voided", at))

    async def set_customer(self, author: Author, sale: str, customer: str | None) -> views.SaleView:
        """The sale's customer."""
        return await self._change(author, sale, lambda d, at: self._till.set_customer(d, customer, at))

    async def add_note(self, author: Author, sale: str, text: str) -> views.SaleView:
        """A note on the sale."""
        return await self._change(author, sale, lambda d, at: self._till.add_note(d, text, at))

    async def add_discount(self, author: Author, sale: str, discount: views.NewDiscount) -> views.SaleView:
        """A discount of its own."""
        return await self._change(
            author, sale, lambda d, at: self._till.add_discount(d, taking.discount(self._till, discount, at))
        )

    async def void_sale(self, author: Author, sale: str, reason: str) -> views.SaleView:
        """Cancel an open or suspended sale."""
        return await self._change(author, sale, lambda d, at: self._till.void_sale(d, reason))

    # --- suspended sales -------------------------------------------------------------------------------------------

    async def suspend(
        self, author: Author, sale: str, type_: str, answers: Mapping[str, str], note: str | None
    ) -> views.SaleView:
        """Park a sale."""
        return await self._change(
            author, sale, lambda d, at: self._till.suspend(d, type_, answers, note, at), copy=True
        )

    async def suspend_basket(
        self, author: Author, given: views.Basket, type_: str, answers: Mapping[str, str], note: str | None
    ) -> views.SaleView:
        """Park a whole basket in one step."""
        at = self._running.moment()
        attributes = self._attributes(given.kind, given.training, given.currency)
        parked: list[bytes] = []

        def plan() -> Sequence[Operation]:
            bare = taking.basket(
                self._till, _without_discounts(given), attributes["currency"], int(attributes["exponent"]), at
            )

            def facts(first: int, claim: ClaimId) -> list[tuple[str, Fact]]:
                return taking.basket_facts(self._till, given, bare, at, first, claim)

            document, steps = self._till.suspend_basket(at, attributes, facts, (type_, answers, note))
            parked.append(document)
            return steps

        done = await self._running.do(author, plan)
        await self._running.wait_for_a_copy(done.place)
        return self._show(parked[0] if parked else _document(done))

    def suspended_sales(self) -> list[views.SuspendedView]:
        """The parked sales of the store, oldest first."""
        rows = [
            showing.suspended(self._shop, self._running.node, document, self._running.held_by)
            for document in self._shop.documents.of_type["open_sale"]
        ]
        return sorted((row for row in rows if row is not None), key=lambda row: (row.suspended_at_ms, row.sale_id))

    async def retrieve(self, author: Author, sale: str) -> views.Retrieved:
        """Take a parked sale here. Raises HeldElsewhere, also when another till turns out to have been first."""
        return await self._take(author, sale, lambda d, at: self._till.retrieve(d))

    async def take_over(self, author: Author, sale: str, reason: str) -> views.Retrieved:
        """Take an open sale from a till that does not answer."""
        return await self._take(author, sale, lambda d, at: self._till.take_over(d, reason, at))

    # --- completed sales -------------------------------------------------------------------------------------------

    async def complete(
        self,
        author: Author,
        sale: str,
        tenders: Sequence[views.NewTender],
        happened_at_ms: int | None,
        utc_offset_min: int | None,
        closing: tuple[str | None, str | None],
    ) -> views.Completed:
        """Freeze an open sale. closing: (override_by, external_reference)."""
        document = taking.identity("sale", sale)
        at = self._running.moment(happened_at_ms, utc_offset_min)
        paid = Closing(taking.tenders(tenders), *closing)
        return await self._finish(author, lambda: self._till.complete(document, paid, at))

    async def complete_basket(
        self,
        author: Author,
        given: views.Basket,
        tenders: Sequence[views.NewTender],
        happened_at_ms: int | None,
        utc_offset_min: int | None,
        closing: tuple[str | None, str | None],
    ) -> views.Completed:
        """A whole basket, completed in one entry."""
        at = self._running.moment(happened_at_ms, utc_offset_min)
        attributes = self._attributes(given.kind, given.training, given.currency)
        paid = Closing(taking.tenders(tenders), *closing)

        def plan() -> tuple[Sale, list[Operation]]:
            basket = taking.basket(self._till, given, attributes["currency"], int(attributes["exponent"]), at)
            return self._till.complete_basket(
                basket, paid, at, given.kind, given.training, given.customer, tuple(given.notes)
            )

        return await self._finish(author, plan)

    def sales(self, limit: int, after: str | None, day: str | None) -> list[views.ReceiptView]:
        """Completed sales, oldest first; after: a sale_id, exclusive."""
        facts = showing.in_order([f for f in self._shop.sales if day is None or f.sale.business_day == day])
        if after is not None:
            wanted = taking.identity("after", after)
            at = next((index for index, fact in enumerate(facts) if fact.sale.sale_id == wanted), None)
            if at is None:
                raise UnknownThing("sale", after)
            facts = facts[at + 1 :]
        return [self._receipt(fact) for fact in facts[:limit]]

    def totals(self, day: str | None) -> list[views.TotalView]:
        """Sums by business day, terminal and currency."""
        return showing.totals(self._shop.sales, day)

    def receipt(self, receipt_no: str) -> views.ReceiptView:
        """A receipt, wherever it was made. Raises UnknownThing."""
        facts = self._shop.sales.by_receipt(receipt_no)
        if not facts:
            raise UnknownThing("receipt", receipt_no)
        return self._receipt(facts[0])

    async def reprint(self, author: Author, receipt_no: str) -> views.ReceiptView:
        """A copy of a receipt is printed; the journal knows."""
        await self._running.do(author, lambda: self._till.reprint(receipt_no))
        return self.receipt(receipt_no)

    # --- parts -----------------------------------------------------------------------------------------------------

    def _attributes(self, kind: str, training: bool, currency: str | None) -> dict[str, str]:
        config = self._running.config
        own = currency is None or currency == config.currency
        return {
            "currency": config.currency if currency is None else currency,
            "exponent": str(config.currency_exponent if own else 2),
            "kind": kind,
            "training": "yes" if training else "no",
        }

    async def _change(
        self, author: Author, sale: str, plan: Callable[[bytes, Moment], Sequence[Operation]], copy: bool = False
    ) -> views.SaleView:
        document = taking.identity("sale", sale)
        at = self._running.moment()
        done = await self._running.do(author, lambda: plan(document, at))
        if copy:
            await self._running.wait_for_a_copy(done.place)
        return self._show(document)

    async def _take(
        self, author: Author, sale: str, plan: Callable[[bytes, Moment], Sequence[Operation]]
    ) -> views.Retrieved:
        document = taking.identity("sale", sale)
        at = self._running.moment()
        done = await self._running.do(author, lambda: plan(document, at))
        await self._running.wait_until_settled(done.place)
        chain = self._shop.claims.standing(sale_resource(document)).chain
        if all((claim.journal, claim.seq) != done.place for claim in chain):
            first = chain[-1]
            raise HeldElsewhere(sale_resource(document), first.node, first.stamp.wall_ms)
        return views.Retrieved(
            sale=self._show(document), standing="provisional", held_by=self._running.held_by(done.place)
        )

    async def _finish(self, author: Author, plan: Callable[[], tuple[Sale, list[Operation]]]) -> views.Completed:
        done = await self._running.do(author, lambda: plan()[1])
        held_by = await self._running.wait_for_a_copy(done.place)
        facts = self._shop.sales.at(done.place)
        if not facts:
            raise InvalidValue("Idempotency-Key", "was used for a step that completed no sale")
        sold = facts[0].sale
        return views.Completed(
            receipt_no=sold.receipt.text,
            sale_id=sold.sale_id.hex(),
            standing="provisional",
            held_by=held_by,
            place=showing.place(done.place),
            currency=sold.currency,
            exponent=sold.exponent,
            total_minor=sold.total_minor,
            business_day=sold.business_day,
        )

    def _show(self, document: bytes) -> views.SaleView:
        return showing.sale(self._shop, self._running.node, document, self._running.held_by)

    def _receipt(self, fact: SaleFact) -> views.ReceiptView:
        return showing.receipt(self._shop, fact, self._running.held_by)


def _document(done: Done) -> bytes:
    if not isinstance(done.subject, bytes):
        raise InvalidValue("Idempotency-Key", "was used for a step that opened no sale")
    return done.subject


def _without_discounts(given: views.Basket) -> views.Basket:
    return views.Basket(
        lines=given.lines,
        kind=given.kind,
        training=given.training,
        currency=given.currency,
        links=given.links,
    )
