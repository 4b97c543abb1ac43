"""A sale's lines, tenders and links, and how each is written into an operation.

Everything that a reader needs is in the line itself (names, price, tax), because the item's record will have changed by
the time anyone asks. Absent means the default, so that a plain line is about 100 bytes. Unknown field numbers are
refused: a new field comes with a new version of the operation, or two versions would show two sales.
msgspec structs, not dataclasses: a shop reads thousands of sales a second, and these are built in C, checked once by
`__post_init__`, and invisible to the garbage collector (nothing in them can form a cycle).

Line (`sale.cddl` says the same as CDDL):
| no | field | type | absent |
|---|---|---|---|
| 0 | line_no | from 1, the place in the sale | - |
| 1 | line_id | 16 bytes, uuid7 | - |
| 2 | kind | 0 item, 1 discount, 2 rounding, 3 deposit, 4 payment | 0 |
| 3 | item_id | text | none |
| 4 | names | {language: text} | {} |
| 5, 6 | quantity | value, scale | -, 0 |
| 7, 8 | unit_price | value, scale (major units) | -, 2 |
| 9 | amount_minor | after discount; contains the tax if 13 | - |
| 10 | discount_minor | already taken off in 9 | 0 |
| 11 | tax_code | text | none |
| 12 | tax_rate_ppm | 0..10,000,000 | 0 |
| 13 | tax_included | bool | true |
| 14 | tax_rounding | name of a rule | "half_up" |
| 15 | tax_minor | in or on 9 | 0 |
| 16, 17, 18 | barcode, serial, department | text | none |

Tender: 0 tender_type, 1 amount_minor, 2 foreign [currency, exponent, amount_minor, rate value, rate scale], 3 reference,
4 account. Link: 0 receipt text, 1 line_no there, 2 kind (0 refund, 1 void, 2 exchange), 3 the line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from crdt_models import limits
from crdt_models.errors import InvalidValue, MalformedBytes
from crdt_models.sales.taxes import rate_ppm_max
from crdt_models.values.money import ROUNDINGS, check_currency
from crdt_models.values.quantity import Quantity, ScaledPrice
from crdt_models.values.text import check_key, check_names, check_text

LINE_KINDS = ("item", "discount", "rounding", "deposit", "payment")
"""Kinds of line; the index is the number on the wire. Added to, never re-ordered. deposit: on bottles and crates;
payment: the customer pays an account or buys stored value, which is no turnover."""

LINK_KINDS = ("refund", "void", "exchange")
"""What a link says of the line or receipt that it names; the index is the number on the wire."""

_LINE_NUMBERS = frozenset(range(19))
_TENDER_NUMBERS = frozenset(range(5))
_LINK_NUMBERS = frozenset(range(4))
_AMOUNT_MAX = limits.amount_minor_max
_LINES_MAX = limits.sale_lines_max
_SCALE_MAX = limits.scale_max
_UNTAXED = (0, 0, True, "half_up")
"""tax_minor, tax_rate_ppm, tax_included and tax_rounding of a line without a tax code: one form, so that it reads back."""
_NO_NAMES: Mapping[str, str] = {}


class SaleLine(msgspec.Struct, frozen=True, gc=False):
    """One line of a sale; units and defaults in the module's table. Raises InvalidValue naming the field."""

    line_no: int
    line_id: bytes
    kind: str
    item_id: str | None
    names: Mapping[str, str]
    quantity: Quantity
    unit_price: ScaledPrice
    amount_minor: int
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
        if type(self.line_no) is not int or not 1 <= self.line_no <= _LINES_MAX:
            raise InvalidValue("line_no", f"must be an integer from 1 to {_LINES_MAX}")
        if type(self.line_id) is not bytes or len(self.line_id) != 16:
            raise InvalidValue("line_id", "must be 16 bytes")
        if self.kind not in LINE_KINDS:
            raise InvalidValue("kind", f"must be one of {', '.join(LINE_KINDS)}")
        if type(self.quantity) is not Quantity or type(self.unit_price) is not ScaledPrice:
            raise InvalidValue("quantity", "and unit_price must be a Quantity and a ScaledPrice")
        amount = self.amount_minor
        if type(amount) is not int or not -_AMOUNT_MAX <= amount <= _AMOUNT_MAX:
            raise InvalidValue("amount_minor", f"must be an integer of at most {_AMOUNT_MAX}")
        if self.names:
            check_names("names", self.names)
        elif type(self.names) is not dict:
            raise InvalidValue("names", "must map languages to text")
        if self.item_id is not None:
            check_key("item_id", self.item_id)
        if self.tax_code is not None:
            self._check_tax(self.tax_code)
        elif (self.tax_minor, self.tax_rate_ppm, self.tax_included, self.tax_rounding) != _UNTAXED:
            raise InvalidValue("tax_code", "is missing on a line that has tax")
        if self.discount_minor != 0:
            _check_amount("discount_minor", self.discount_minor)
        if self.barcode is not None:
            check_key("barcode", self.barcode)
        if self.serial is not None:
            check_key("serial", self.serial)
        if self.department is not None:
            check_key("department", self.department)

    def _check_tax(self, code: str) -> None:
        check_key("tax_code", code)
        if type(self.tax_rate_ppm) is not int or not 0 <= self.tax_rate_ppm <= rate_ppm_max:
            raise InvalidValue("tax_rate_ppm", f"must be an integer from 0 to {rate_ppm_max}")
        if type(self.tax_included) is not bool:
            raise InvalidValue("tax_included", "must be true or false")
        if type(self.tax_rounding) is not str or self.tax_rounding not in ROUNDINGS:
            raise InvalidValue("tax_rounding", f"must be one of {', '.join(ROUNDINGS)}")
        _check_amount("tax_minor", self.tax_minor)

    @property
    def excluded_tax_minor(self) -> int:
        """What the customer pays on top of `amount_minor`."""
        return 0 if self.tax_included else self.tax_minor

    def name(self, language: str) -> str:
        """The name in `language`, else in English, else in any, else the item's id, else the kind."""
        names = self.names
        return names.get(language) or names.get("en") or next(iter(names.values()), "") or self.item_id or self.kind

    def to_fields(self) -> dict[int, Any]:
        """The map of the module's table, defaults left out."""
        quantity, price = self.quantity, self.unit_price
        fields: dict[int, Any] = {0: self.line_no, 1: self.line_id}
        if self.kind != "item":
            fields[2] = LINE_KINDS.index(self.kind)
        if self.item_id is not None:
            fields[3] = self.item_id
        if self.names:
            fields[4] = self.names
        fields[5] = quantity.value
        if quantity.scale:
            fields[6] = quantity.scale
        fields[7] = price.value
        if price.scale != 2:
            fields[8] = price.scale
        fields[9] = self.amount_minor
        if self.discount_minor:
            fields[10] = self.discount_minor
        if self.tax_code is not None:
            fields[11] = self.tax_code
            fields[12] = self.tax_rate_ppm
            if not self.tax_included:
                fields[13] = False
            if self.tax_rounding != "half_up":
                fields[14] = self.tax_rounding
            if self.tax_minor:
                fields[15] = self.tax_minor
        if self.barcode is not None:
            fields[16] = self.barcode
        if self.serial is not None:
            fields[17] = self.serial
        if self.department is not None:
            fields[18] = self.department
        return fields

    @classmethod
    def from_fields(cls, fields: Any) -> SaleLine:
        """The line of a decoded map. Raises MalformedBytes, or InvalidValue for a value that a line must not have."""
        _check_map("sale line", fields, _LINE_NUMBERS)
        get = fields.get
        return cls(
            get(0),
            get(1),
            _kind(LINE_KINDS, get(2, 0)),
            get(3),
            get(4, _NO_NAMES),
            Quantity(get(5), get(6, 0)),
            ScaledPrice(get(7), get(8, 2)),
            get(9),
            get(10, 0),
            get(11),
            get(12, 0),
            get(13, True),
            get(14, "half_up"),
            get(15, 0),
            get(16),
            get(17),
            get(18),
        )


class ForeignTender(msgspec.Struct, frozen=True, gc=False):
    """What was really handed over: amount_minor of a foreign currency, at rate_value / 10**rate_scale units of the
    sale's currency for one unit of it."""

    currency: str
    exponent: int
    amount_minor: int
    rate_value: int
    rate_scale: int

    def __post_init__(self) -> None:
        check_currency("foreign.currency", self.currency)
        for field, scale in (("foreign.exponent", self.exponent), ("foreign.rate_scale", self.rate_scale)):
            if type(scale) is not int or not 0 <= scale <= _SCALE_MAX:
                raise InvalidValue(field, f"must be an integer from 0 to {_SCALE_MAX}")
        _check_amount("foreign.amount_minor", self.amount_minor)
        if type(self.rate_value) is not int or not 0 < self.rate_value <= _AMOUNT_MAX:
            raise InvalidValue("foreign.rate_value", f"must be an integer from 1 to {_AMOUNT_MAX}")


class TenderLine(msgspec.Struct, frozen=True, gc=False):
    """tender_type: a key of the table `tender_types` (`cash`, `card`, ..); amount_minor: in the sale's currency, negative
    for change and for money given back; reference: free text of the terminal; account: whose account or gift card."""

    tender_type: str
    amount_minor: int
    foreign: ForeignTender | None = None
    reference: str | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        check_key("tender_type", self.tender_type)
        _check_amount("amount_minor", self.amount_minor)
        if self.foreign is not None and type(self.foreign) is not ForeignTender:
            raise InvalidValue("foreign", "must be a ForeignTender")
        if self.reference is not None:
            check_text("reference", self.reference)
        if self.account is not None:
            check_key("account", self.account)

    def to_fields(self) -> dict[int, Any]:
        """The map of the module's table."""
        fields: dict[int, Any] = {0: self.tender_type, 1: self.amount_minor}
        if self.foreign is not None:
            fields[2] = list(msgspec.structs.astuple(self.foreign))
        if self.reference is not None:
            fields[3] = self.reference
        if self.account is not None:
            fields[4] = self.account
        return fields

    @classmethod
    def from_fields(cls, fields: Any) -> TenderLine:
        """The tender of a decoded map. Raises as `SaleLine.from_fields`."""
        _check_map("tender", fields, _TENDER_NUMBERS)
        get = fields.get
        foreign = get(2)
        if foreign is not None:
            if type(foreign) not in (list, tuple) or len(foreign) != 5:
                raise MalformedBytes("tender", "foreign is not a list of 5")
            foreign = ForeignTender(*foreign)
        return cls(get(0), get(1), foreign, get(3), get(4))


class Link(msgspec.Struct, frozen=True, gc=False):
    """This sale refunds or voids (part of) another. receipt: its text form; line_no: the line there, None for all of it;
    by_line: the line here that does so."""

    receipt: str
    line_no: int | None = None
    kind: str = "refund"
    by_line: int | None = None

    def __post_init__(self) -> None:
        check_key("link.receipt", self.receipt)
        if self.kind not in LINK_KINDS:
            raise InvalidValue("link.kind", f"must be one of {', '.join(LINK_KINDS)}")
        for field, number in (("link.line_no", self.line_no), ("link.by_line", self.by_line)):
            if number is not None and (type(number) is not int or not 1 <= number <= _LINES_MAX):
                raise InvalidValue(field, f"must be an integer from 1 to {_LINES_MAX}")

    def to_fields(self) -> dict[int, Any]:
        """The map of the module's table."""
        fields: dict[int, Any] = {0: self.receipt}
        if self.line_no is not None:
            fields[1] = self.line_no
        if self.kind != "refund":
            fields[2] = LINK_KINDS.index(self.kind)
        if self.by_line is not None:
            fields[3] = self.by_line
        return fields

    @classmethod
    def from_fields(cls, fields: Any) -> Link:
        """The link of a decoded map. Raises as `SaleLine.from_fields`."""
        _check_map("link", fields, _LINK_NUMBERS)
        get = fields.get
        return cls(get(0), get(1), _kind(LINK_KINDS, get(2, 0)), get(3))


def _check_amount(field: str, amount: object) -> None:
    if type(amount) is not int or not -_AMOUNT_MAX <= amount <= _AMOUNT_MAX:
        raise InvalidValue(field, f"must be an integer of at most {_AMOUNT_MAX}")


def _check_map(what: str, fields: object, numbers: frozenset[int]) -> None:
    if type(fields) is not dict:
        raise MalformedBytes(what, "not a map")
    if not numbers.issuperset(fields):
        raise MalformedBytes(what, "an unknown field number")


def _kind(kinds: tuple[str, ...], number: object) -> str:
    if type(number) is not int or not 0 <= number < len(kinds):
        raise MalformedBytes("sale", "an unknown kind number")
    return kinds[number]
