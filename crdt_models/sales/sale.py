"""The completed sale: immutable, so it carries at once everything that anybody will ask of it (DESIGN section 12).

A sale that exists is right:
1. Its lines, and the tax that comes on top of them, sum to what was tendered; cash rounding is a line, change a tender.
2. Lines are numbered 1, 2, 3 ..; a refund or void names them by number.
3. Its receipt number is of the series for its kind; training has a series of its own.
4. A void names the receipt that it voids. (A refund may be blind: goods without a receipt, by an override.)
Stated amounts are never computed again by a reader: rounding rules may be added, old paper stays what it is.
Whether free text holds a card number is asked where a sale is made (`refuse_card_numbers`), not where one is read.

Operation fields of `sale`, version 1 (`sale.cddl` says the same as CDDL):
| no | field | type | absent |
|---|---|---|---|
| 0 | sale_id | 16 bytes, uuid7 | - |
| 1, 2, 3, 4 | receipt: store, terminal, series, number | 16 bytes, text, text, from 1 | - |
| 5 | kind | 0 sale, 1 refund, 2 void | 0 |
| 6 | training | bool | false |
| 7 | happened_at_ms | UTC milliseconds | - |
| 8 | utc_offset_min | local time minus UTC, minutes | 0 |
| 9 | business_day | "YYYY-MM-DD", store-local | - |
| 10 | currency | three letters | - |
| 11 | exponent | decimal places of the currency | 2 |
| 12 | lines | list of lines | - |
| 13 | tenders | list of tenders | [] |
| 14 | links | list of links | [] |
| 15 | customer | customer key, never a name | none |
| 16 | override_by | staff id of the supervisor | none |
| 17 | document | 16 bytes, the open sale it was | none |
| 18, 19 | claim, claim_epoch | claim id bytes, from 1 | none |
| 20 | external_reference | text of the caller's | none |
| 21 | notes | list of text | [] |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from crdt_models import limits
from crdt_models.errors import InvalidValue, MalformedBytes
from crdt_models.sales.business_day import check_utc_offset, is_day
from crdt_models.sales.lines import Link, SaleLine, TenderLine
from crdt_models.sales.receipt_no import SALE_KINDS, ReceiptNo, series_fits
from crdt_models.sales.taxes import TaxTotal, tax_totals
from crdt_models.values.money import Money, check_currency
from crdt_models.values.text import check_key, check_text, holds_card_number, refuse_card_number

_NUMBERS = frozenset(range(22))
_TIME_MAX = (1 << 63) - 1
_CLAIM_BYTES_MAX = 64
_NONE: tuple[()] = ()


class Sale(msgspec.Struct, frozen=True):
    """A completed sale, refund or void; fields in the module's table. Raises InvalidValue naming the field."""

    sale_id: bytes
    receipt: ReceiptNo
    kind: str
    training: bool
    happened_at_ms: int
    utc_offset_min: int
    business_day: str
    currency: str
    exponent: int
    lines: tuple[SaleLine, ...]
    tenders: tuple[TenderLine, ...]
    links: tuple[Link, ...] = ()
    customer: str | None = None
    override_by: str | None = None
    document: bytes | None = None
    claim: bytes | None = None
    claim_epoch: int | None = None
    external_reference: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if type(self.sale_id) is not bytes or len(self.sale_id) != 16:
            raise InvalidValue("sale_id", "must be 16 bytes")
        if type(self.receipt) is not ReceiptNo:
            raise InvalidValue("receipt", "must be a ReceiptNo")
        if self.kind not in SALE_KINDS:
            raise InvalidValue("kind", f"must be one of {', '.join(SALE_KINDS)}")
        if type(self.training) is not bool:
            raise InvalidValue("training", "must be true or false")
        if not series_fits(self.receipt.series, self.kind, self.training):
            raise InvalidValue("receipt", f"{self.receipt.series} is no series for this kind of sale")
        if type(self.happened_at_ms) is not int or not -_TIME_MAX <= self.happened_at_ms <= _TIME_MAX:
            raise InvalidValue("happened_at_ms", "must be UTC milliseconds")
        check_utc_offset("utc_offset_min", self.utc_offset_min)
        if type(self.business_day) is not str or not is_day(self.business_day):
            raise InvalidValue("business_day", "must be a date YYYY-MM-DD")
        check_currency("currency", self.currency)
        if type(self.exponent) is not int or not 0 <= self.exponent <= limits.scale_max:
            raise InvalidValue("exponent", f"must be an integer from 0 to {limits.scale_max}")
        self._check_sums()
        self._check_rest()

    def _check_sums(self) -> None:
        lines, tenders = self.lines, self.tenders
        if type(lines) is not tuple or not 1 <= len(lines) <= limits.sale_lines_max:
            raise InvalidValue("lines", f"must be 1 to {limits.sale_lines_max} lines")
        if type(tenders) is not tuple or len(tenders) > limits.tenders_max:
            raise InvalidValue("tenders", f"must be at most {limits.tenders_max} tenders")
        total = 0
        for number, line in enumerate(lines, 1):
            if line.line_no != number:
                raise InvalidValue("lines", f"line {number} bears the number {line.line_no}")
            total += line.amount_minor if line.tax_included else line.amount_minor + line.tax_minor
        tendered = 0
        for tender in tenders:
            tendered += tender.amount_minor
        if total != tendered:
            raise InvalidValue("tenders", f"sum to {tendered}, the lines to {total} minor units")

    def _check_rest(self) -> None:
        if type(self.links) is not tuple or len(self.links) > limits.sale_lines_max:
            raise InvalidValue("links", f"must be at most {limits.sale_lines_max} links")
        if self.kind == "void" and not any(link.kind == "void" for link in self.links):
            raise InvalidValue("links", "a void names the receipt that it voids")
        if self.customer is not None:
            check_key("customer", self.customer)
        if self.override_by is not None:
            check_key("override_by", self.override_by)
        if self.document is not None and (type(self.document) is not bytes or len(self.document) != 16):
            raise InvalidValue("document", "must be 16 bytes")
        if self.claim is not None and (type(self.claim) is not bytes or not 1 <= len(self.claim) <= _CLAIM_BYTES_MAX):
            raise InvalidValue("claim", f"must be 1 to {_CLAIM_BYTES_MAX} bytes")
        if (self.claim is None) != (self.claim_epoch is None):
            raise InvalidValue("claim_epoch", "goes with the claim")
        if self.claim_epoch is not None and (type(self.claim_epoch) is not int or not 1 <= self.claim_epoch < 2**32):
            raise InvalidValue("claim_epoch", "must be an integer from 1")
        if self.external_reference is not None:
            check_key("external_reference", self.external_reference)
        if type(self.notes) is not tuple or len(self.notes) > limits.sale_lines_max:
            raise InvalidValue("notes", f"must be at most {limits.sale_lines_max} texts")
        for note in self.notes:
            check_text("notes", note)

    @property
    def total_minor(self) -> int:
        """What the customer owes: all lines, tax on top and cash rounding included."""
        return sum([line.amount_minor + line.excluded_tax_minor for line in self.lines])

    @property
    def tax_minor(self) -> int:
        """All tax, included or on top."""
        return sum([line.tax_minor for line in self.lines])

    @property
    def tendered_minor(self) -> int:
        """All tenders less the change; equals `total_minor`."""
        return sum([tender.amount_minor for tender in self.tenders])

    @property
    def total(self) -> Money:
        """`total_minor` with its currency."""
        return Money(self.total_minor, self.currency, self.exponent)

    @property
    def tax_totals(self) -> tuple[TaxTotal, ...]:
        """Net and tax per tax code."""
        return tax_totals(self.lines)

    def to_fields(self) -> dict[int, Any]:
        """The operation's fields, as in the module's table, defaults left out."""
        receipt = self.receipt
        fields: dict[int, Any] = {
            0: self.sale_id,
            1: receipt.store,
            2: receipt.terminal,
            3: receipt.series,
            4: receipt.number,
            7: self.happened_at_ms,
            9: self.business_day,
            10: self.currency,
            12: [line.to_fields() for line in self.lines],
        }
        if self.kind != "sale":
            fields[5] = SALE_KINDS.index(self.kind)
        if self.training:
            fields[6] = True
        if self.utc_offset_min:
            fields[8] = self.utc_offset_min
        if self.exponent != 2:
            fields[11] = self.exponent
        if self.tenders:
            fields[13] = [tender.to_fields() for tender in self.tenders]
        if self.links:
            fields[14] = [link.to_fields() for link in self.links]
        if self.customer is not None:
            fields[15] = self.customer
        if self.override_by is not None:
            fields[16] = self.override_by
        if self.document is not None:
            fields[17] = self.document
        if self.claim is not None:
            fields[18] = self.claim
            fields[19] = self.claim_epoch
        if self.external_reference is not None:
            fields[20] = self.external_reference
        if self.notes:
            fields[21] = list(self.notes)
        return fields

    @classmethod
    def from_fields(cls, fields: Mapping[int, Any]) -> Sale:
        """The sale of an operation's decoded fields. Raises MalformedBytes and nothing else, whatever they are."""
        try:
            return cls._read(fields)
        except InvalidValue as error:
            raise MalformedBytes("sale", str(error)) from error

    @classmethod
    def _read(cls, fields: Mapping[int, Any]) -> Sale:
        if not isinstance(fields, Mapping) or not _NUMBERS.issuperset(fields):
            raise MalformedBytes("sale", "not a map, or an unknown field number")
        get = fields.get
        kind = get(5, 0)
        if type(kind) is not int or not 0 <= kind < len(SALE_KINDS):
            raise MalformedBytes("sale", "an unknown kind number")
        return cls(
            get(0),  # type: ignore[arg-type]  # checked by __post_init__, as are all below
            ReceiptNo(get(1), get(2), get(3), get(4)),  # type: ignore[arg-type]
            SALE_KINDS[kind],
            get(6, False),
            get(7),  # type: ignore[arg-type]
            get(8, 0),
            get(9),  # type: ignore[arg-type]
            get(10),  # type: ignore[arg-type]
            get(11, 2),
            tuple([SaleLine.from_fields(line) for line in _list("lines", get(12, _NONE), limits.sale_lines_max)]),
            tuple([TenderLine.from_fields(tender) for tender in _list("tenders", get(13, _NONE), limits.tenders_max)]),
            tuple([Link.from_fields(link) for link in _list("links", get(14, _NONE), limits.sale_lines_max)]),
            get(15),
            get(16),
            get(17),
            get(18),
            get(19),
            get(20),
            tuple(_list("notes", get(21, _NONE), limits.sale_lines_max)),
        )


def refuse_card_numbers(sale: Sale) -> None:
    """Raises InvalidValue naming the field in whose free text (names, notes, tender references) a card number stands.

    Called by whoever makes a sale (`Basket.sale` does), never by a reader. Barcodes, serials, accounts and the caller's
    own reference are not looked at: every tenth of them would pass for a card.
    """
    texts = [*sale.notes, *[tender.reference for tender in sale.tenders if tender.reference is not None]]
    for line in sale.lines:
        texts.extend(line.names.values())
    if not holds_card_number("\n\n\n".join(texts)):
        return
    for note in sale.notes:
        refuse_card_number("notes", note)
    for index, tender in enumerate(sale.tenders):
        refuse_card_number(f"tenders[{index}].reference", tender.reference or "")
    for index, line in enumerate(sale.lines):
        for text in line.names.values():
            refuse_card_number(f"lines[{index}].names", text)


def _list(what: str, value: Any, most: int) -> list[Any] | tuple[Any, ...]:
    if type(value) is not list and type(value) is not tuple:
        raise MalformedBytes("sale", f"{what} is not a list")
    if len(value) > most:
        raise MalformedBytes("sale", f"{what} has {len(value)} members, at most {most}")
    return value
