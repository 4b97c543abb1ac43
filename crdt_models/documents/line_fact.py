"""A line and what voids it, as facts: shared by open sales and seatings.

`LineFact` mirrors the line of a completed sale, but for its number, which a line gets when the sale is completed. Money
stays integers of minor units here and decimal texts in the document. A line is never changed: it is voided, and another
one is added, so two people who touch one line at once both keep what they did.

Making a fact looks for card numbers in what a person typed; reading one never does, since what counts must not depend on
the table of issuers that this version knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from crdt_models.documents.facts import (
    Fact,
    flag_in,
    identity_in,
    identity_of,
    key_of,
    made,
    number_in,
    text_in,
    text_or_none_in,
    texts_in,
)
from crdt_models.errors import InvalidValue
from crdt_models.values.identity import ClaimId
from crdt_models.values.money import check_minor
from crdt_models.values.quantity import Quantity, ScaledPrice
from crdt_models.values.text import check_free_text, check_key, check_names, check_text, refuse_card_number

LINE: Final = "line"
LINE_VOID: Final = "line_void"

LINE_KINDS: Final = ("item", "discount", "rounding", "deposit", "payment")
RATE_PPM_MAX: Final = 10_000_000
"""Largest tax or discount rate in parts per million: 1,000 %, so that a slip of the finger is still refused."""


@dataclass(frozen=True, slots=True)
class LineFact:
    """One line of an open sale or a seating. amount_minor: after discount; tax_minor: inside it where tax_included."""

    line_id: bytes
    quantity: Quantity
    unit_price: ScaledPrice
    amount_minor: int
    kind: str = "item"
    item_id: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    discount_minor: int = 0
    tax_code: str | None = None
    tax_rate_ppm: int = 0
    tax_included: bool = True
    tax_rounding: str = "half_up"
    tax_minor: int = 0
    barcode: str | None = None
    serial: str | None = None
    department: str | None = None

    def __post_init__(self) -> None:
        check_names("names", self.names)
        check_identity("line_id", self.line_id)
        if self.kind not in LINE_KINDS:
            raise InvalidValue("kind", f"must be one of {', '.join(LINE_KINDS)}")
        if type(self.quantity) is not Quantity or type(self.unit_price) is not ScaledPrice:
            raise InvalidValue("quantity", "and unit_price must be a Quantity and a ScaledPrice")
        check_minor("amount_minor", self.amount_minor)
        check_minor("discount_minor", self.discount_minor)
        check_minor("tax_minor", self.tax_minor)
        check_rate("tax_rate_ppm", self.tax_rate_ppm)
        if type(self.tax_included) is not bool:
            raise InvalidValue("tax_included", "must be true or false")
        check_key("tax_rounding", self.tax_rounding)
        if self.tax_code is None and (self.tax_rate_ppm or self.tax_minor):
            raise InvalidValue("tax_code", "is missing on a line that has tax")
        for name in ("item_id", "tax_code", "barcode", "serial", "department"):
            if getattr(self, name) is not None:
                check_key(name, getattr(self, name))

    @property
    def tax_excluded_minor(self) -> int:
        """Tax that comes on top of `amount_minor`."""
        return 0 if self.tax_included else self.tax_minor

    @property
    def due_minor(self) -> int:
        """What the guest pays for the line."""
        return self.amount_minor + self.tax_excluded_minor

    @classmethod
    def read(cls, key: str, fact: Fact) -> LineFact:
        """The line of a fact. Raises InvalidValue: the view shows it as unreadable."""
        return cls(
            line_id=identity_of(key),
            kind=text_in(fact, "kind"),
            item_id=text_or_none_in(fact, "item_id"),
            names=texts_in(fact, "names"),
            quantity=Quantity.parse(text_in(fact, "quantity")),
            unit_price=ScaledPrice.parse(text_in(fact, "unit_price")),
            amount_minor=number_in(fact, "amount_minor"),
            discount_minor=number_in(fact, "discount_minor"),
            tax_code=text_or_none_in(fact, "tax_code"),
            tax_rate_ppm=number_in(fact, "tax_rate_ppm"),
            tax_included=flag_in(fact, "tax_included"),
            tax_rounding=text_in(fact, "tax_rounding"),
            tax_minor=number_in(fact, "tax_minor"),
            barcode=text_or_none_in(fact, "barcode"),
            serial=text_or_none_in(fact, "serial"),
            department=text_or_none_in(fact, "department"),
        )


@dataclass(frozen=True, slots=True)
class VoidFact:
    """A line or discount is taken back. void_id: its own id, so two people may void one line at once."""

    void_id: bytes
    line_id: bytes
    reason: str

    @classmethod
    def read(cls, key: str, fact: Fact) -> VoidFact:
        """The void of a fact. Raises InvalidValue."""
        return cls(identity_of(key), identity_in(fact, "line"), check_text("reason", text_in(fact, "reason")))


@dataclass(frozen=True, slots=True)
class VoidedLine:
    """A line that counts no more, with every void of it in fact order."""

    line: LineFact
    voids: tuple[VoidFact, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A fact of a kind that this version knows whose fields it cannot read; counted nowhere, shown to people."""

    key: str
    reason: str


def line_fact(line: LineFact, at: int, claim: ClaimId | None = None) -> tuple[str, Fact]:
    """Key and fact of a line. Raises InvalidValue where a name holds a card number."""
    for name in line.names.values():
        refuse_card_number("names", name)
    return key_of(LINE, line.line_id), made(
        at,
        claim,
        {
            "kind": line.kind,
            "item_id": line.item_id,
            "names": dict(line.names),
            "quantity": line.quantity.text,
            "unit_price": line.unit_price.text,
            "amount_minor": str(line.amount_minor),
            "discount_minor": str(line.discount_minor),
            "tax_code": line.tax_code,
            "tax_rate_ppm": str(line.tax_rate_ppm),
            "tax_included": line.tax_included,
            "tax_rounding": line.tax_rounding,
            "tax_minor": str(line.tax_minor),
            "barcode": line.barcode,
            "serial": line.serial,
            "department": line.department,
        },
    )


def line_void_fact(
    void_id: bytes, line_id: bytes, reason: str, at: int, claim: ClaimId | None = None
) -> tuple[str, Fact]:
    """Key and fact of a void. line_id: the line's or the discount's id; void_id: a fresh uuid7."""
    check_identity("line", line_id)
    fields: Fact = {"line": line_id.hex(), "reason": check_free_text("reason", reason)}
    return key_of(LINE_VOID, check_identity("void", void_id)), made(at, claim, fields)


def check_identity(field: str, identity: object) -> bytes:
    """`identity` if it is 16 bytes. Raises InvalidValue."""
    if type(identity) is not bytes or len(identity) != 16:
        raise InvalidValue(field, "must be an id of 16 bytes (32 hex digits)")
    return identity


def check_rate(field: str, rate_ppm: object) -> int:
    """`rate_ppm` if it is an integer from 0 to `RATE_PPM_MAX`. Raises InvalidValue."""
    if type(rate_ppm) is not int or not 0 <= rate_ppm <= RATE_PPM_MAX:
        raise InvalidValue(field, f"must be an integer from 0 to {RATE_PPM_MAX} parts per million")
    return rate_ppm
