"""What callers hand in. Unknown fields are an error; an input that exists is right in its form."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from crdt_models import limits
from node.views.words import (
    Amount,
    BadInput,
    Input,
    Key,
    LineKind,
    Names,
    RatePpm,
    SaleKind,
    Text,
    check_currency,
    check_decimal,
    check_names,
    named,
)


class NewLine(Input, frozen=True, kw_only=True):
    """A line rung up. What it does not say is taken from the record `items/<item>`; what it says wins over the record.

    quantity, unit_price: decimal strings ("1.500", "12.99"); amount_minor: after discount, if the till has computed it
    itself, else quantity x unit price - discount_minor; names: {language: text}, or a text taken as English.
    """

    item: Key | None = None
    names: Names | None = None
    quantity: str = "1"
    unit_price: str | None = None
    kind: LineKind = "item"
    amount_minor: Amount | None = None
    discount_minor: Amount = 0
    tax_code: Key | None = None
    tax_rate_ppm: RatePpm | None = None
    tax_included: bool | None = None
    tax_rounding: Key | None = None
    tax_minor: Amount | None = None
    barcode: Key | None = None
    serial: Key | None = None
    department: Key | None = None

    def __post_init__(self) -> None:
        check_names("names", self.names)
        check_decimal("quantity", self.quantity)
        if self.unit_price is not None:
            check_decimal("unit_price", self.unit_price)
        if self.item is None and not named(self.names):
            raise BadInput("item", "a line needs an item or names of its own")
        if self.item is None and self.unit_price is None and self.amount_minor is None:
            raise BadInput("unit_price", "a line without an item needs a unit_price or an amount_minor")


class NewDiscount(Input, frozen=True, kw_only=True):
    """A discount of its own: on one line (`line`, its hex id) or, without it, on the whole sale.

    amount_minor: what the customer pays less, above 0.
    """

    amount_minor: Annotated[int, Meta(ge=1, le=limits.amount_minor_max)]
    names: Names = "Discount"
    line: Key | None = None
    reason: Text | None = None
    tax_code: Key | None = None
    tax_rate_ppm: RatePpm | None = None
    tax_included: bool | None = None

    def __post_init__(self) -> None:
        check_names("names", self.names)


class ForeignAmount(Input, frozen=True, kw_only=True):
    """A tender in another currency. rate: what one unit of `currency` is worth in the sale's currency."""

    currency: str
    exponent: Annotated[int, Meta(ge=0, le=limits.scale_max)]
    amount_minor: Amount
    rate: str

    def __post_init__(self) -> None:
        check_currency("currency", self.currency)
        check_decimal("rate", self.rate)


class NewTender(Input, frozen=True, kw_only=True):
    """What the customer paid with. amount_minor: in the sale's currency; negative is change given."""

    tender_type: Key
    amount_minor: Amount
    foreign: ForeignAmount | None = None
    reference: Text | None = None
    account: Key | None = None


class NewLink(Input, frozen=True, kw_only=True):
    """This sale refers to a line of an earlier one: receipt "till-3/S-K7Q2MX/118", line_no from 1."""

    receipt: Key
    line_no: Annotated[int, Meta(ge=1, le=limits.sale_lines_max)]
    kind: Literal["refund", "void", "exchange"] = "refund"


class Basket(Input, frozen=True, kw_only=True):
    """A whole sale at once, for tills that cannot report line by line. currency: the store's, if not said."""

    lines: Annotated[list[NewLine], Meta(max_length=limits.sale_lines_max)]
    discounts: Annotated[list[NewDiscount], Meta(max_length=limits.sale_lines_max)] = []
    kind: SaleKind = "sale"
    training: bool = False
    currency: str | None = None
    customer: Key | None = None
    notes: Annotated[list[Text], Meta(max_length=100)] = []
    links: Annotated[list[NewLink], Meta(max_length=limits.sale_lines_max)] = []

    def __post_init__(self) -> None:
        if self.currency is not None:
            check_currency("currency", self.currency)
        if not self.lines:
            raise BadInput("lines", "a basket needs at least one line")
        for index, discount in enumerate(self.discounts):
            if discount.line is not None:
                raise BadInput(f"discounts[{index}].line", "lines of a basket have no id yet: use discount_minor there")
