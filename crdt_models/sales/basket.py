"""The basket: lines gathered until they become one `Sale`.

The only mutable thing in this room, and it lives for one step. It prices what is rung up, takes lines that are priced
already, spreads a discount over the tax codes that it lowers, brings goods back, undoes a whole sale, and at the end
settles the tenders and freezes everything. Identities come from the `new_id` that it is given; it draws none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from crdt_models.errors import InvalidValue
from crdt_models.sales.business_day import business_day
from crdt_models.sales.lines import Link, SaleLine, TenderLine
from crdt_models.sales.pricing import RungUp, priced_line
from crdt_models.sales.receipt_no import ReceiptNo
from crdt_models.sales.sale import Sale, refuse_card_numbers
from crdt_models.sales.settlement import settle
from crdt_models.sales.taxes import TaxRule, tax_minor
from crdt_models.values.money import Money, divide
from crdt_models.values.quantity import ONE, Quantity, ScaledPrice

_ROUNDING_NAMES: Mapping[str, str] = {"en": "Rounding"}
_DISCOUNT_NAMES: Mapping[str, str] = {"en": "Discount"}
_TaxKey = tuple[str | None, int, bool, str]


class Basket:
    """currency, exponent: of the sale; new_id: gives 16-byte line ids; tax_rules: by code; gives_change: tender types
    beside cash that may exceed what is due."""

    def __init__(
        self,
        currency: str,
        new_id: Callable[[], bytes],
        *,
        exponent: int | None = None,
        tax_rules: Mapping[str, TaxRule] | None = None,
        cash_rounding: str = "none",
        gives_change: Collection[str] = (),
    ) -> None:
        zero = Money(0, currency) if exponent is None else Money(0, currency, exponent)
        self.currency, self.exponent = zero.currency, zero.exponent
        self.lines: list[SaleLine] = []
        self.links: list[Link] = []
        self._new_id = new_id
        self._tax_rules = tax_rules or {}
        self._cash_rounding = cash_rounding
        self._gives_change = gives_change

    @property
    def total_minor(self) -> int:
        """What the customer owes for the lines so far, before cash rounding."""
        return sum(line.amount_minor + line.excluded_tax_minor for line in self.lines)

    def ring(
        self,
        rung: RungUp,
        item: Mapping[str, Any] | None = None,
        price: Mapping[str, Any] | None = None,
        line_id: bytes | None = None,
    ) -> SaleLine:
        """Price a line by its records (`priced_line`) and put it in."""
        line = priced_line(
            rung,
            line_no=len(self.lines) + 1,
            line_id=self._new_id() if line_id is None else line_id,
            exponent=self.exponent,
            item=item,
            price=price,
            tax_rules=self._tax_rules,
        )
        self.lines.append(line)
        return line

    def take(self, line: SaleLine) -> SaleLine:
        """Put in a line that is priced already, under the next number."""
        taken = line if line.line_no == len(self.lines) + 1 else _replaced(line, line_no=len(self.lines) + 1)
        self.lines.append(taken)
        return taken

    def discount(
        self, amount_minor: int, names: Mapping[str, str] = _DISCOUNT_NAMES, line_no: int | None = None
    ) -> list[SaleLine]:
        """Let the customer pay `amount_minor` (above 0) less, tax included; on one line, or spread over the tax codes.

        One discount line per tax code, in proportion to what its lines cost, so the tax sinks by the right part. Raises
        InvalidValue where the lines do not cost that much.
        """
        if type(amount_minor) is not int or amount_minor <= 0:
            raise InvalidValue("amount_minor", "must be above 0: a discount is what the customer pays less")
        if line_no is not None and not 1 <= line_no <= len(self.lines):
            raise InvalidValue("line", f"there is no line {line_no}")
        costs: dict[_TaxKey, int] = {}
        for line in self.lines if line_no is None else [self.lines[line_no - 1]]:
            if line.kind not in ("rounding", "payment"):
                key = (line.tax_code, line.tax_rate_ppm, line.tax_included, line.tax_rounding)
                costs[key] = costs.get(key, 0) + line.amount_minor + line.excluded_tax_minor
        positive = {key: cost for key, cost in costs.items() if cost > 0}
        if amount_minor > sum(positive.values()):
            raise InvalidValue("amount_minor", "is more than the lines cost")
        shares = _shares(amount_minor, list(positive.values()))
        return [
            self.take(self._discount_line(share, key, names))
            for key, share in zip(positive, shares, strict=True)
            if share
        ]

    def bring_back(
        self, original: Sale, line_no: int, quantity: Quantity | None = None, before: Quantity | None = None
    ) -> SaleLine:
        """Goods of line `line_no` of `original` come back: a line with negative quantity and amount, and its link.

        quantity: how much, above 0, all that is left when not said; before: what came back earlier. Parts are so priced
        that all of them together give back exactly what was paid. Raises InvalidValue for more than was sold. A discount
        that is a line of its own in the original is brought back by its own number.
        """
        if not 1 <= line_no <= len(original.lines):
            raise InvalidValue("line_no", f"{original.receipt.text} has no line {line_no}")
        sold = original.lines[line_no - 1]
        if sold.quantity.value <= 0 or sold.kind in ("rounding", "payment"):
            raise InvalidValue("line_no", f"line {line_no} of {original.receipt.text} is nothing that could come back")
        scale = max(each.scale for each in (sold.quantity, quantity, before) if each is not None)
        whole, earlier = _at(sold.quantity, scale), 0 if before is None else _at(before, scale)
        now = whole - earlier if quantity is None else _at(quantity, scale)
        if now <= 0 or earlier < 0:
            raise InvalidValue("quantity", "must be above 0 and something must be left to come back")
        if earlier + now > whole:
            left = Quantity(whole - earlier, scale).text
            raise InvalidValue("quantity", f"is more than the {left} that are left of line {line_no}")

        def part(minor: int) -> int:
            return divide(minor * earlier, whole, "half_up") - divide(minor * (earlier + now), whole, "half_up")

        self._check_currency(original)
        line = self.take(
            _replaced(
                sold,
                line_id=self._new_id(),
                quantity=Quantity(-now, scale),
                amount_minor=part(sold.amount_minor),
                discount_minor=part(sold.discount_minor),
                tax_minor=part(sold.tax_minor),
            )
        )
        self.links.append(Link(original.receipt.text, line_no, "refund", line.line_no))
        return line

    def void(self, original: Sale) -> tuple[TenderLine, ...]:
        """Undo all of `original`: every line negated, one link to the receipt. Answers the tenders to pay out."""
        if self.lines:
            raise InvalidValue("lines", "a void undoes one receipt and holds nothing else")
        self._check_currency(original)
        for line in original.lines:
            self.take(
                _replaced(
                    line,
                    line_id=self._new_id(),
                    quantity=-line.quantity,
                    amount_minor=-line.amount_minor,
                    discount_minor=-line.discount_minor,
                    tax_minor=-line.tax_minor,
                )
            )
        self.links.append(Link(original.receipt.text, None, "void"))
        return tuple(_negated(tender) for tender in original.tenders)

    def sale(
        self,
        tenders: Sequence[TenderLine],
        *,
        sale_id: bytes,
        receipt: ReceiptNo,
        happened_at_ms: int,
        utc_offset_min: int,
        kind: str = "sale",
        training: bool = False,
        day: str | None = None,
        customer: str | None = None,
        override_by: str | None = None,
        document: bytes | None = None,
        claim: bytes | None = None,
        claim_epoch: int | None = None,
        external_reference: str | None = None,
        notes: Sequence[str] = (),
    ) -> Sale:
        """Settle the tenders (`settle`: cash rounding, change) and freeze everything. day: the business day, by the
        cut-off when not said. Raises InvalidValue naming the field; the basket is then as it was."""
        lines = list(self.lines)
        rounds = kind != "void" and all(line.kind != "rounding" for line in lines)
        total = Money(self.total_minor, self.currency, self.exponent)
        settled = settle(total, tenders, self._cash_rounding if rounds else "none", self._gives_change)
        if settled.rounding_minor:
            lines.append(self._rounding_line(settled.rounding_minor))
        sale = Sale(
            sale_id,
            receipt,
            kind,
            training,
            happened_at_ms,
            utc_offset_min,
            business_day(happened_at_ms, utc_offset_min) if day is None else day,
            self.currency,
            self.exponent,
            tuple(lines),
            settled.tenders,
            tuple(self.links),
            customer,
            override_by,
            document,
            claim,
            claim_epoch,
            external_reference,
            tuple(notes),
        )
        refuse_card_numbers(sale)
        return sale

    def _discount_line(self, share_minor: int, key: _TaxKey, names: Mapping[str, str]) -> SaleLine:
        code, rate_ppm, included, rounding = key
        tax = 0 if code is None else tax_minor(share_minor, rate_ppm, True, rounding)
        amount = share_minor if included else share_minor - tax
        return SaleLine(
            len(self.lines) + 1,
            self._new_id(),
            "discount",
            None,
            dict(names),
            ONE,
            ScaledPrice(-amount, self.exponent),
            -amount,
            0,
            code,
            rate_ppm,
            included,
            rounding,
            -tax,
        )

    def _rounding_line(self, minor: int) -> SaleLine:
        price = ScaledPrice(minor, self.exponent)
        number = len(self.lines) + 1
        return SaleLine(number, self._new_id(), "rounding", None, dict(_ROUNDING_NAMES), ONE, price, minor)

    def _check_currency(self, original: Sale) -> None:
        if (original.currency, original.exponent) != (self.currency, self.exponent):
            raise InvalidValue("currency", f"{original.receipt.text} was in {original.currency}")


def _negated(tender: TenderLine) -> TenderLine:
    foreign = tender.foreign
    if foreign is not None:
        foreign = msgspec.structs.replace(foreign, amount_minor=-foreign.amount_minor)
    return msgspec.structs.replace(tender, amount_minor=-tender.amount_minor, foreign=foreign)


def _replaced(line: SaleLine, **changes: Any) -> SaleLine:
    return msgspec.structs.replace(line, **changes)


def _at(quantity: Quantity, scale: int) -> int:
    shift: int = 10 ** (scale - quantity.scale)
    return quantity.value * shift


def _shares(amount: int, weights: Sequence[int]) -> list[int]:
    """`amount` split in proportion to `weights`, exactly: what rounding down leaves goes to the largest rests."""
    whole = sum(weights)
    shares = [amount * weight // whole for weight in weights]
    by_rest = sorted(range(len(weights)), key=lambda number: (-(amount * weights[number] % whole), number))
    for number in by_rest[: amount - sum(shares)]:
        shares[number] += 1
    return shares
