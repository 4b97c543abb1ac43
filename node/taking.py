"""Taking: what callers hand in (`node.views`) as the models want it. Texts become integers here and nowhere else.

Construction of the views has checked their form; what is wrong beyond it raises InvalidValue, naming the field.
"""

from __future__ import annotations

from collections.abc import Sequence

from crdt_models.documents.facts import Fact
from crdt_models.documents.line_fact import line_fact
from crdt_models.documents.open_sale import DiscountFact, customer_fact, discount_fact, note_fact
from crdt_models.errors import InvalidValue
from crdt_models.freezing import line_of
from crdt_models.journal.operation import VIA_HANDHELD, VIA_SYSTEM, VIA_TILL
from crdt_models.sales.basket import Basket
from crdt_models.sales.lines import ForeignTender, Link, SaleLine, TenderLine
from crdt_models.sales.pricing import RungUp
from crdt_models.till import Moment, Till
from crdt_models.values.identity import ClaimId
from crdt_models.values.quantity import Quantity, ScaledPrice
from node import views

_VIA = {"till": VIA_TILL, "handheld": VIA_HANDHELD, "system": VIA_SYSTEM}


def via_number(via: str) -> int:
    """The number of "till", "handheld" or "system". Raises InvalidValue."""
    number = _VIA.get(via)
    if number is None:
        raise InvalidValue("via", f"{via[:20]!r} is none of {', '.join(_VIA)}")
    return number


def identity(field: str, text: str) -> bytes:
    """The 16 bytes of an id in hex. Raises InvalidValue."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != 16 or len(text) != 32:
        raise InvalidValue(field, f"{text[:40]!r} is not an id of 32 hex digits")
    return raw


def rung_up(line: views.NewLine) -> RungUp:
    """What was said of a line."""
    return RungUp(
        item_id=line.item,
        names=None if line.names is None else views.named(line.names),
        quantity=Quantity.parse(line.quantity),
        unit_price=None if line.unit_price is None else ScaledPrice.parse(line.unit_price),
        kind=line.kind,
        amount_minor=line.amount_minor,
        discount_minor=line.discount_minor,
        tax_code=line.tax_code,
        tax_rate_ppm=line.tax_rate_ppm,
        tax_included=line.tax_included,
        tax_rounding=line.tax_rounding,
        tax_minor=line.tax_minor,
        barcode=line.barcode,
        serial=line.serial,
        department=line.department,
    )


def ring(till: Till, basket: Basket, line: views.NewLine) -> SaleLine:
    """Price a line by the records that are held and put it into the basket."""
    records = till.shop.records
    item = None if line.item is None else records.value("items", line.item)
    price = None if line.item is None else records.value("prices", line.item)
    return basket.ring(rung_up(line), item, price)


def tender(new: views.NewTender) -> TenderLine:
    """One tender."""
    foreign = None
    if new.foreign is not None:
        rate = ScaledPrice.parse(new.foreign.rate)
        foreign = ForeignTender(
            new.foreign.currency, new.foreign.exponent, new.foreign.amount_minor, rate.value, rate.scale
        )
    return TenderLine(new.tender_type, new.amount_minor, foreign, new.reference, new.account)


def discount(till: Till, new: views.NewDiscount, at: Moment) -> DiscountFact:
    """A discount of its own; its name in the first language that was given."""
    names = views.named(new.names)
    name = new.reason or names.get("en") or next(iter(names.values()))
    line = None if new.line is None else identity("line", new.line)
    return DiscountFact(till.new_id(at), line, new.amount_minor, None, name)


def basket(till: Till, given: views.Basket, currency: str, exponent: int, at: Moment) -> Basket:
    """A whole basket, priced, its discounts spread; links name the receipts it refers to."""
    filled = till.basket(currency, exponent, at)
    for index, line in enumerate(given.lines):
        try:
            ring(till, filled, line)
        except InvalidValue as error:
            raise InvalidValue(f"basket.lines[{index}].{error.field}", error.reason) from error
    for each in given.discounts:
        filled.discount(each.amount_minor, views.named(each.names))
    for link in given.links:
        kind = "refund" if link.kind == "exchange" else link.kind
        filled.links.append(Link(link.receipt, link.line_no, kind))
    return filled


def basket_facts(
    till: Till, given: views.Basket, filled: Basket, at: Moment, first: int, claim: ClaimId
) -> list[tuple[str, Fact]]:
    """The facts of a basket that is suspended whole: lines, discounts, customer and notes, from ordinal `first`."""
    facts: list[tuple[str, Fact]] = []
    for line in filled.lines:
        facts.append(line_fact(line_of(line), first + len(facts), claim))
    for each in given.discounts:
        facts.append(discount_fact(discount(till, each, at), first + len(facts), claim))
    if given.customer is not None:
        facts.append(customer_fact(till.new_id(at), given.customer, first + len(facts), claim))
    for text in given.notes:
        facts.append(note_fact(till.new_id(at), text, first + len(facts), claim))
    return facts


def tenders(given: Sequence[views.NewTender]) -> tuple[TenderLine, ...]:
    """All tenders, in their order."""
    return tuple(tender(each) for each in given)
