"""The counter of a small node for tests of the API: sales, parked sales and receipts in memory, with real refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import structs

from crdt_models.errors import HeldElsewhere, InvalidValue, NotInState, UnknownThing
from node import views
from node.errors import IdempotencyKeyReused

NODE = "11" * 16
OTHER_NODE = bytes.fromhex("22" * 16)
JOURNAL = NODE + "aa" * 8
NOON_MS = 1_795_518_240_000


class FakeCounter:
    """What a till does. steps: how many were recorded; `failure`: raised by the next step; `held`: sales of others."""

    def __init__(self) -> None:
        self.steps = 0
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.failure: Exception | None = None
        self.not_ready: str | None = None
        self.open: dict[str, views.SaleView] = {}
        self.done: list[views.ReceiptView] = []
        self.held: set[str] = set()
        self.rows: dict[tuple[str, str], views.RecordView] = {}
        self.tables: dict[str, views.SeatingView] = {}
        self.happened: list[views.Event] = []
        self.changed = asyncio.Event()
        self.event_readers = 0
        self._answers: dict[str, tuple[bytes | None, Any]] = {}

    # -- the idempotency of a real node: kept with the step

    def _step(self, name: str, writing: Mapping[str, Any], work: Callable[[], Any]) -> Any:
        key, fingerprint = writing["key"], writing["fingerprint"]
        assert (key is None) == (fingerprint is None)
        if key is not None and key in self._answers:
            before, answer = self._answers[key]
            if before != fingerprint:
                raise IdempotencyKeyReused(key)
            return answer
        if self.failure is not None:
            raise self.failure
        answer = work()
        self.steps += 1
        self.calls.append((name, dict(writing)))
        self.announce(name)
        if key is not None:
            self._answers[key] = (fingerprint, answer)
        return answer

    def announce(self, kind: str, **data: Any) -> None:
        number = len(self.happened) + 1
        self.happened.append(views.Event(id=f"aa-{number}", kind=kind, at_ms=NOON_MS + number, data=data))
        self.changed.set()
        self.changed = asyncio.Event()

    def readiness(self) -> str | None:
        return self.not_ready

    def name_of(self, node: bytes) -> str:
        return "till-2" if node == OTHER_NODE else node.hex()[:8]

    # -- sales

    def _new_id(self) -> str:
        return f"{self.steps + 1:032x}"

    def _mine(self, sale: str) -> views.SaleView:
        view = self.sale(sale)
        if sale in self.held:
            raise HeldElsewhere(f"sale/{sale}", OTHER_NODE, NOON_MS)
        return view

    def _in_state(self, sale: str, *states: str) -> views.SaleView:
        view = self._mine(sale)
        if view.state not in states:
            raise NotInState(f"sale {sale}", view.state, " or ".join(states))
        return view

    def _change(self, view: views.SaleView, **changes: Any) -> views.SaleView:
        changed = structs.replace(view, **changes)
        changed = structs.replace(changed, total_minor=sum(line.amount_minor for line in changed.lines))
        self.open[changed.sale_id] = changed
        return changed

    def _line(self, line: views.NewLine, number: int) -> views.LineView:
        if line.item == "nowhere":
            raise UnknownThing("item", "nowhere")
        price = line.unit_price or "1.00"
        amount = line.amount_minor
        if amount is None:
            amount = int(Decimal(price) * Decimal(line.quantity) * 100) - line.discount_minor
        return views.LineView(
            line_no=number,
            line_id=f"{number:032x}",
            kind=line.kind,
            item=line.item,
            names=views.named(line.names),
            quantity=line.quantity,
            unit_price=price,
            amount_minor=amount,
        )

    def _opened(self, training: bool, customer: str | None, notes: list[str]) -> views.SaleView:
        return self._change(
            views.SaleView(
                sale_id=self._new_id(),
                state="open",
                currency="EUR",
                exponent=2,
                total_minor=0,
                tax_minor=0,
                lines=[],
                training=training,
                customer=customer,
                notes=notes,
            )
        )

    async def open_sale(
        self, training: bool = False, customer: str | None = None, note: str | None = None, **writing: Any
    ) -> views.SaleView:
        return self._step("open_sale", writing, lambda: self._opened(training, customer, [note] if note else []))

    def open_sales(self) -> list[views.SaleView]:
        return [sale for sale in self.open.values() if sale.state not in ("completed", "voided")]

    def sale(self, sale: str) -> views.SaleView:
        if sale not in self.open:
            raise UnknownThing("sale", sale)
        return self.open[sale]

    async def add_line(self, sale: str, line: views.NewLine, **writing: Any) -> views.SaleView:
        def work() -> views.SaleView:
            view = self._in_state(sale, "open", "retrieved")
            return self._change(view, lines=[*view.lines, self._line(line, len(view.lines) + 1)])

        return self._step("add_line", writing, work)

    async def void_line(self, sale: str, line: str, reason: str | None, **writing: Any) -> views.SaleView:
        def work() -> views.SaleView:
            view = self._in_state(sale, "open", "retrieved")
            kept = [each for each in view.lines if each.line_id != line]
            gone = [
                structs.replace(each, voided=True, void_reason=reason) for each in view.lines if each.line_id == line
            ]
            if not gone:
                raise UnknownThing("line", line)
            return self._change(view, lines=kept, voided_lines=[*view.voided_lines, *gone])

        return self._step("void_line", writing, work)

    async def set_customer(self, sale: str, customer: str | None, **writing: Any) -> views.SaleView:
        return self._step(
            "set_customer", writing, lambda: self._change(self._in_state(sale, "open", "retrieved"), customer=customer)
        )

    async def add_note(self, sale: str, text: str, **writing: Any) -> views.SaleView:
        def work() -> views.SaleView:
            if "4111111111111111" in text:
                raise InvalidValue("text", "holds a card number")
            view = self._in_state(sale, "open", "retrieved")
            return self._change(view, notes=[*view.notes, text])

        return self._step("add_note", writing, work)

    async def add_discount(self, sale: str, discount: views.NewDiscount, **writing: Any) -> views.SaleView:
        def work() -> views.SaleView:
            view = self._in_state(sale, "open", "retrieved")
            new = views.DiscountView(
                discount_id=self._new_id(),
                amount_minor=discount.amount_minor,
                names=views.named(discount.names),
                line=discount.line,
            )
            return self._change(view, discounts=[*view.discounts, new])

        return self._step("add_discount", writing, work)

    async def void_sale(self, sale: str, reason: str, **writing: Any) -> views.SaleView:
        return self._step(
            "void_sale",
            writing,
            lambda: self._change(self._in_state(sale, "open", "retrieved", "suspended"), state="voided"),
        )

    def _complete(
        self, view: views.SaleView, tenders: Sequence[views.NewTender], said: Mapping[str, Any]
    ) -> views.Completed:
        total = sum(line.amount_minor for line in view.lines)
        if sum(tender.amount_minor for tender in tenders) != total:
            raise InvalidValue("tenders", f"sum to {sum(t.amount_minor for t in tenders)}, the lines to {total}")
        number = len(self.done) + 1
        receipt = views.ReceiptView(
            receipt_no=f"till-1/S-K7Q2MX/{number}",
            sale_id=view.sale_id,
            kind="sale",
            training=view.training,
            terminal="till-1",
            series="S-K7Q2MX",
            number=number,
            happened_at_ms=said["happened_at_ms"] or NOON_MS,
            utc_offset_min=60 if said["utc_offset_min"] is None else said["utc_offset_min"],
            business_day="2026-11-24",
            currency="EUR",
            exponent=2,
            lines=view.lines,
            tenders=[views.TenderView(tender_type=t.tender_type, amount_minor=t.amount_minor) for t in tenders],
            total_minor=total,
            tax_minor=0,
            tendered_minor=total,
            place=views.PlaceView(journal=JOURNAL, seq=self.steps + 1),
            notes=view.notes,
            external_reference=said["external_reference"],
        )
        self.done.append(receipt)
        self._change(view, state="completed", receipt_no=receipt.receipt_no)
        return views.Completed(
            receipt_no=receipt.receipt_no,
            sale_id=view.sale_id,
            standing="provisional",
            held_by=[],
            place=receipt.place,
        )

    async def complete(
        self,
        sale: str,
        tenders: Sequence[views.NewTender],
        *,
        happened_at_ms: int | None = None,
        utc_offset_min: int | None = None,
        override_by: str | None = None,
        external_reference: str | None = None,
        **writing: Any,
    ) -> views.Completed:
        said = {
            "happened_at_ms": happened_at_ms,
            "utc_offset_min": utc_offset_min,
            "external_reference": external_reference,
        }
        return self._step(
            "complete", writing, lambda: self._complete(self._in_state(sale, "open", "retrieved"), tenders, said)
        )

    def _of_basket(self, basket: views.Basket) -> views.SaleView:
        lines = [self._line(line, number) for number, line in enumerate(basket.lines, 1)]
        return self._change(self._opened(basket.training, basket.customer, basket.notes), lines=lines)

    async def complete_basket(
        self,
        basket: views.Basket,
        tenders: Sequence[views.NewTender],
        *,
        happened_at_ms: int | None = None,
        utc_offset_min: int | None = None,
        override_by: str | None = None,
        external_reference: str | None = None,
        **writing: Any,
    ) -> views.Completed:
        said = {
            "happened_at_ms": happened_at_ms,
            "utc_offset_min": utc_offset_min,
            "external_reference": external_reference,
        }
        return self._step("complete_basket", writing, lambda: self._complete(self._of_basket(basket), tenders, said))

    # -- suspended sales

    def _suspended(
        self, view: views.SaleView, type: str, answers: Mapping[str, str], note: str | None
    ) -> views.SaleView:
        suspension = views.SuspensionView(type=type, answers=dict(answers), note=note)
        return self._change(view, state="suspended", suspension=suspension)

    async def suspend(
        self, sale: str, type: str, answers: Mapping[str, str], note: str | None, **writing: Any
    ) -> views.SaleView:
        return self._step(
            "suspend", writing, lambda: self._suspended(self._in_state(sale, "open", "retrieved"), type, answers, note)
        )

    async def suspend_basket(
        self, basket: views.Basket, type: str, answers: Mapping[str, str], note: str | None, **writing: Any
    ) -> views.SaleView:
        return self._step(
            "suspend_basket", writing, lambda: self._suspended(self._of_basket(basket), type, answers, note)
        )

    def suspended_sales(self) -> list[views.SuspendedView]:
        return [
            views.SuspendedView(
                sale_id=sale.sale_id,
                type=sale.suspension.type,
                answers=sale.suspension.answers,
                note=sale.suspension.note,
                currency=sale.currency,
                exponent=sale.exponent,
                total_minor=sale.total_minor,
                line_count=len(sale.lines),
                customer=sale.customer,
                suspended_by="till-1",
                suspended_at_ms=NOON_MS,
            )
            for sale in self.open.values()
            if sale.state == "suspended" and sale.suspension is not None
        ]

    async def retrieve(self, sale: str, **writing: Any) -> views.Retrieved:
        def work() -> views.Retrieved:
            view = self._change(self._in_state(sale, "suspended"), state="retrieved")
            return views.Retrieved(sale=view, standing="provisional", held_by=["till-2"])

        return self._step("retrieve", writing, work)

    async def take_over(self, sale: str, reason: str, **writing: Any) -> views.Retrieved:
        def work() -> views.Retrieved:
            self.held.discard(sale)
            view = self._change(self.sale(sale), state="retrieved")
            return views.Retrieved(sale=view, standing="provisional", held_by=[])

        return self._step("take_over", writing, work)

    # -- receipts

    def sales(self, limit: int, after: str | None = None, day: str | None = None) -> list[views.ReceiptView]:
        found = [receipt for receipt in self.done if day is None or receipt.business_day == day]
        ids = [receipt.sale_id for receipt in found]
        if after is not None and after not in ids:
            raise UnknownThing("sale", after)
        start = 0 if after is None else ids.index(after) + 1
        return found[start : start + limit]

    def totals(self, day: str | None = None) -> list[views.TotalView]:
        counted = [receipt for receipt in self.done if not receipt.training]
        if not counted:
            return []
        return [
            views.TotalView(
                business_day="2026-11-24",
                terminal="till-1",
                currency="EUR",
                exponent=2,
                sales=len(counted),
                total_minor=sum(receipt.total_minor for receipt in counted),
                tax_minor=0,
            )
        ]

    def receipt(self, receipt_no: str) -> views.ReceiptView:
        for receipt in self.done:
            if receipt.receipt_no == receipt_no:
                return receipt
        raise UnknownThing("receipt", receipt_no)

    async def reprint(self, receipt_no: str, **writing: Any) -> views.ReceiptView:
        def work() -> views.ReceiptView:
            before = self.receipt(receipt_no)
            printed = structs.replace(before, reprints=before.reprints + 1)
            self.done[self.done.index(before)] = printed
            return printed

        return self._step("reprint", writing, work)
