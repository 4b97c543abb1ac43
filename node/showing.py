"""Showing: what the shop knows, as the views that callers get. Reads only; the same at every node that holds the same entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from crdt_models.documents.line_fact import LineFact
from crdt_models.documents.open_sale import OpenSaleView
from crdt_models.documents.seating import SeatingView
from crdt_models.errors import UnknownThing
from crdt_models.reference.record import Record
from crdt_models.rights.claim import Standing
from crdt_models.sales.lines import SaleLine
from crdt_models.sales.log import SaleFact
from crdt_models.shop import Shop, sale_resource
from crdt_models.values.identity import NodeId
from crdt_models.values.stamp import Place
from node import views

SaleState = Literal["open", "suspended", "retrieved", "completed", "voided"]

HeldBy = Callable[[Place], list[str]]
"""Names of the other nodes that are known to hold an entry durably."""


def place(at: Place) -> views.PlaceView:
    """Where an entry stands."""
    return views.PlaceView(journal=at.journal.hex(), seq=at.seq)


def holder(shop: Shop, here: NodeId, standing: Standing) -> views.HolderView | None:
    """Who holds an open sale."""
    held = standing.holder
    if held is None:
        return None
    return views.HolderView(
        node=held.node.hex(), name=shop.roster.name_of(held.node), here=held.node == here, since_ms=held.stamp.wall_ms
    )


def sale(shop: Shop, here: NodeId, document: bytes, held_by: HeldBy) -> views.SaleView:
    """An open sale, or what became of it. Raises UnknownThing."""
    shelved = shop.documents.get(document)
    standing = shop.standing(document, here)
    completed = shop.sales.by_document(document)
    if standing.state == "free" or (shelved is None and completed is None):
        raise UnknownThing("sale", document.hex())
    attributes = {} if shelved is None else shelved.attributes
    if completed is not None:  # frozen in the sale; the document's beginning may not have arrived yet
        sold = completed.sale
        training = "yes" if sold.training else "no"
        attributes = {
            "currency": sold.currency,
            "exponent": str(sold.exponent),
            "kind": sold.kind,
            "training": training,
        }
    view = shop.open_sale(document)
    lines = [line(each, number) for number, each in enumerate(view.lines, 1)]
    total, tax = view.total_minor, sum(each.tax_minor for each in view.lines)
    if completed is not None:
        lines = [line(each, each.line_no) for each in completed.sale.lines]
        total, tax = completed.sale.total_minor, completed.sale.tax_minor
    last = completed.place if completed is not None else Place(standing.chain[-1].journal, standing.chain[-1].seq)
    suspension = view.suspension
    return views.SaleView(
        sale_id=document.hex(),
        state=_state(standing),
        currency=attributes.get("currency", ""),
        exponent=int(attributes.get("exponent", "2")),
        total_minor=total,
        tax_minor=tax,
        lines=lines,
        voided_lines=[line(each.line, 0, each.voids[0].reason) for each in view.voided],
        discounts=[
            views.DiscountView(
                discount_id=each.discount.discount_id.hex(),
                amount_minor=each.minor,
                names={"en": each.discount.name},
                line=None if each.discount.line_id is None else each.discount.line_id.hex(),
            )
            for each in view.discounts
        ],
        kind=attributes.get("kind", "sale"),
        training=attributes.get("training") == "yes",
        customer=view.customer if completed is None else completed.sale.customer,
        notes=list(view.notes if completed is None else completed.sale.notes),
        suspension=None
        if suspension is None
        else views.SuspensionView(type=suspension.type, answers=dict(suspension.answers), note=suspension.note),
        amendments=[_amendment(view, index) for index in range(len(view.amendments))],
        holder=holder(shop, here, standing),
        held_by=held_by(last),
        receipt_no=None if completed is None else completed.sale.receipt.text,
    )


def suspended(shop: Shop, here: NodeId, document: bytes, held_by: HeldBy) -> views.SuspendedView | None:
    """A parked sale as the list shows it; None if it is not parked."""
    standing = shop.standing(document, here)
    shelved = shop.documents.get(document)
    if standing.state != "returned" or shelved is None:
        return None
    view = shop.open_sale(document)
    last = standing.chain[-1]
    suspension = view.suspension
    return views.SuspendedView(
        sale_id=document.hex(),
        type="" if suspension is None else suspension.type,
        answers={} if suspension is None else dict(suspension.answers),
        note=None if suspension is None else suspension.note,
        currency=shelved.attributes.get("currency", ""),
        exponent=int(shelved.attributes.get("exponent", "2")),
        total_minor=view.total_minor,
        line_count=len(view.lines),
        customer=view.customer,
        suspended_by=shop.roster.name_of(last.node),
        suspended_at_ms=last.stamp.wall_ms,
        training=shelved.attributes.get("training") == "yes",
        held_by=held_by(Place(last.journal, last.seq)),
    )


def receipt(shop: Shop, fact: SaleFact, held_by: HeldBy) -> views.ReceiptView:
    """A completed sale with all that it froze."""
    sold = fact.sale
    return views.ReceiptView(
        receipt_no=sold.receipt.text,
        sale_id=sold.sale_id.hex(),
        kind=sold.kind,
        training=sold.training,
        terminal=sold.receipt.terminal,
        series=sold.receipt.series,
        number=sold.receipt.number,
        happened_at_ms=sold.happened_at_ms,
        utc_offset_min=sold.utc_offset_min,
        business_day=sold.business_day,
        currency=sold.currency,
        exponent=sold.exponent,
        lines=[line(each, each.line_no) for each in sold.lines],
        tenders=[
            views.TenderView(
                tender_type=each.tender_type,
                amount_minor=each.amount_minor,
                foreign=None
                if each.foreign is None
                else views.ForeignAmount(
                    currency=each.foreign.currency,
                    exponent=each.foreign.exponent,
                    amount_minor=each.foreign.amount_minor,
                    rate=_decimal(each.foreign.rate_value, each.foreign.rate_scale),
                ),
                reference=each.reference,
                account=each.account,
            )
            for each in sold.tenders
        ],
        total_minor=sold.total_minor,
        tax_minor=sold.tax_minor,
        tendered_minor=sold.tendered_minor,
        place=place(fact.place),
        links=[views.LinkView(receipt=each.receipt, line_no=each.line_no or 0, kind=each.kind) for each in sold.links],
        customer=sold.customer,
        by=None if fact.by is None else fact.by[0],
        override_by=sold.override_by,
        document=None if sold.document is None else sold.document.hex(),
        claim=None if sold.claim is None else sold.claim.hex(),
        claim_epoch=sold.claim_epoch,
        external_reference=sold.external_reference,
        notes=list(sold.notes),
        held_by=held_by(fact.place),
        reprints=shop.reprints(sold.receipt.text),
        flags=_flags(shop, fact),
    )


def totals(facts: Iterable[SaleFact], day: str | None) -> list[views.TotalView]:
    """Sums by business day, terminal and currency, without training."""
    sums: dict[tuple[str, str, str, int], list[int]] = {}
    for fact in facts:
        sold = fact.sale
        if sold.training or (day is not None and sold.business_day != day):
            continue
        key = (sold.business_day, sold.receipt.terminal, sold.currency, sold.exponent)
        row = sums.setdefault(key, [0, 0, 0])
        row[0] += 1
        row[1] += sold.total_minor
        row[2] += sold.tax_minor
    return [
        views.TotalView(
            business_day=key[0],
            terminal=key[1],
            currency=key[2],
            exponent=key[3],
            sales=row[0],
            total_minor=row[1],
            tax_minor=row[2],
        )
        for key, row in sorted(sums.items())
    ]


def record(row: Record) -> views.RecordView:
    """One record that is not removed."""
    return views.RecordView(
        table=row.table,
        key=row.key,
        version=row.version,
        value=dict(row.value or {}),
        node=row.node.hex(),
        changed_at_ms=max(0, row.stamp.wall_ms),
    )


def seating(table: str, document: bytes, view: SeatingView, currency: str, exponent: int) -> views.SeatingView:
    """Guests at a table."""
    status = "free" if not view.seated else "occupied" if view.lines else "seated"
    return views.SeatingView(
        table=table,
        seating_id=document.hex(),
        status=status,  # type: ignore[arg-type]
        covers=view.covers if view.seated else 0,
        lines=[line(each, number) for number, each in enumerate(view.lines, 1)],
        voided_lines=[line(each.line, 0, each.voids[0].reason) for each in view.voided],
        currency=currency,
        exponent=exponent,
        total_minor=view.total_minor,
    )


def line(each: LineFact | SaleLine, number: int, void_reason: str | None = None) -> views.LineView:
    """A line of a document or of a completed sale; number 0 while voided."""
    return views.LineView(
        line_no=number,
        line_id=each.line_id.hex(),
        kind=each.kind,
        item=each.item_id,
        names=dict(each.names),
        quantity=each.quantity.text,
        unit_price=each.unit_price.text,
        amount_minor=each.amount_minor,
        discount_minor=each.discount_minor,
        tax_code=each.tax_code,
        tax_rate_ppm=each.tax_rate_ppm,
        tax_included=each.tax_included,
        tax_rounding=each.tax_rounding,
        tax_minor=each.tax_minor,
        barcode=each.barcode,
        serial=each.serial,
        department=each.department,
        voided=number == 0,
        void_reason=void_reason,
    )


def in_order(facts: Sequence[SaleFact]) -> list[SaleFact]:
    """Oldest first by (happened_at_ms, sale_id): the same list at every node."""
    return sorted(facts, key=lambda fact: (fact.sale.happened_at_ms, fact.sale.sale_id))


def _state(standing: Standing) -> SaleState:
    match standing.state:
        case "held":
            return "open" if len(standing.chain) == 1 else "retrieved"
        case "completed":
            return "completed"
        case "voided":
            return "voided"
        case _:
            return "suspended"


def _amendment(view: OpenSaleView, index: int) -> views.AmendmentView:
    amendment = view.amendments[index]
    added = amendment.line
    kind, _, key = amendment.key.partition("/")
    text = amendment.reason if added is None else f"{added.quantity.text} x {next(iter(added.names.values()), '')}"
    return views.AmendmentView(kind=kind, key=key, text=text)


def _flags(shop: Shop, fact: SaleFact) -> list[str]:
    flags = []
    if len(shop.sales.by_receipt(fact.sale.receipt.text)) > 1:
        flags.append("double_number")
    if fact.sale.document is not None and shop.claims.conflicts_of(sale_resource(fact.sale.document)):
        flags.append("conflict")
    return flags


def _decimal(value: int, scale: int) -> str:
    digits = str(abs(value)).rjust(scale + 1, "0")
    text = digits if scale == 0 else f"{digits[:-scale]}.{digits[-scale:]}"
    return f"-{text}" if value < 0 else text
