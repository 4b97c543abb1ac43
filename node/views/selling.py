"""What a node answers about sales: open, suspended, completed, and their receipts."""

from __future__ import annotations

from typing import Literal

from msgspec import structs

from node.views.inputs import ForeignAmount
from node.views.words import View, rfc3339


class PlaceView(View, frozen=True, kw_only=True):
    """Where the entry stands: journal in hex, its number there."""

    journal: str
    seq: int


class HolderView(View, frozen=True, kw_only=True):
    """Who holds the sale. here: it is this node."""

    node: str
    name: str
    here: bool
    since_ms: int
    since: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "since", rfc3339(self.since_ms))


class LineView(View, frozen=True, kw_only=True):
    """A line as the till shows and the receipt prints it.

    line_no: from 1 (0 while voided); quantity, unit_price: decimal strings; amount_minor: after discount_minor.
    """

    line_no: int
    line_id: str
    kind: str
    item: str | None
    names: dict[str, str]
    quantity: str
    unit_price: str
    amount_minor: int
    discount_minor: int = 0
    tax_code: str | None = None
    tax_rate_ppm: int = 0
    tax_included: bool = True
    tax_rounding: str | None = None
    tax_minor: int = 0
    barcode: str | None = None
    serial: str | None = None
    department: str | None = None
    voided: bool = False
    void_reason: str | None = None
    by: str | None = None


class DiscountView(View, frozen=True, kw_only=True):
    """A discount of its own on an open sale; line: hex id of the line, or the whole sale."""

    discount_id: str
    amount_minor: int
    names: dict[str, str]
    line: str | None = None
    reason: str | None = None


class TenderView(View, frozen=True, kw_only=True):
    """What was paid. foreign: the amount in another currency and its rate."""

    tender_type: str
    amount_minor: int
    foreign: ForeignAmount | None = None
    reference: str | None = None
    account: str | None = None


class LinkView(View, frozen=True, kw_only=True):
    """The line of an earlier receipt that this sale refers to."""

    receipt: str
    line_no: int
    kind: str


class SuspensionView(View, frozen=True, kw_only=True):
    """Why and with which answers a sale was parked."""

    type: str
    answers: dict[str, str]
    note: str | None = None


class AmendmentView(View, frozen=True, kw_only=True):
    """A change made under a claim that did not hold (a former holder went on): shown, never counted by itself."""

    kind: str
    key: str
    text: str


class SaleView(View, frozen=True, kw_only=True):
    """An open sale, or what became of it.

    receipt_no: once completed; held_by: names of other nodes known to hold its last step durably.
    """

    sale_id: str
    state: Literal["open", "suspended", "retrieved", "completed", "voided"]
    currency: str
    exponent: int
    total_minor: int
    tax_minor: int
    lines: list[LineView]
    voided_lines: list[LineView] = []
    discounts: list[DiscountView] = []
    kind: str = "sale"
    training: bool = False
    customer: str | None = None
    notes: list[str] = []
    suspension: SuspensionView | None = None
    amendments: list[AmendmentView] = []
    holder: HolderView | None = None
    standing: str = "provisional"
    held_by: list[str] = []
    receipt_no: str | None = None


class SuspendedView(View, frozen=True, kw_only=True):
    """A parked sale as the list shows it. suspended_by: display name of the node that parked it."""

    sale_id: str
    type: str
    answers: dict[str, str]
    note: str | None
    currency: str
    exponent: int
    total_minor: int
    line_count: int
    customer: str | None
    suspended_by: str
    suspended_at_ms: int
    suspended_at: str = ""
    training: bool = False
    held_by: list[str] = []

    def __post_init__(self) -> None:
        structs.force_setattr(self, "suspended_at", rfc3339(self.suspended_at_ms))


class Retrieved(View, frozen=True, kw_only=True):
    """A sale taken here. standing: "sealed" or "provisional"; held_by: other nodes known to hold the claim durably."""

    sale: SaleView
    standing: str
    held_by: list[str]


class Completed(View, frozen=True, kw_only=True):
    """A finished sale. held_by: names of the *other* nodes known to hold it durably; empty is "copies: 0" (J7)."""

    receipt_no: str
    sale_id: str
    standing: str
    held_by: list[str]
    place: PlaceView
    currency: str = ""
    exponent: int = 2
    total_minor: int = 0
    business_day: str = ""


class ReceiptView(View, frozen=True, kw_only=True):
    """A completed sale with all that it froze. flags: such as "clock_off", "amended", "conflict"."""

    receipt_no: str
    sale_id: str
    kind: str
    training: bool
    terminal: str
    series: str
    number: int
    happened_at_ms: int
    utc_offset_min: int
    business_day: str
    currency: str
    exponent: int
    lines: list[LineView]
    tenders: list[TenderView]
    total_minor: int
    tax_minor: int
    tendered_minor: int
    place: PlaceView
    happened_at: str = ""
    links: list[LinkView] = []
    customer: str | None = None
    by: str | None = None
    override_by: str | None = None
    document: str | None = None
    claim: str | None = None
    claim_epoch: int | None = None
    external_reference: str | None = None
    notes: list[str] = []
    held_by: list[str] = []
    reprints: int = 0
    flags: list[str] = []

    def __post_init__(self) -> None:
        structs.force_setattr(self, "happened_at", rfc3339(self.happened_at_ms, self.utc_offset_min))
