"""What goes into a node and what comes out of it, as msgspec structs: the words of the API and of `Node` alike.

One set of shapes serves the HTTP edge, the embedded `Node` and the command line, so that none can say more than the
others. Inputs forbid unknown fields and are right once constructed; a bad one raises `BadInput`, naming field and
reason. Amounts are integers in minor units beside a `currency` and `exponent`; quantities, prices and rates are decimal
strings; identities are hex; a time is written twice, as `*_ms` (UTC milliseconds) and as RFC 3339 text made from it.
There is no float near money. Nothing here reads a clock, a disk or the `Shop`.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, structs

from crdt_models import limits
from crdt_models.errors import InvalidValue

# ---------------------------------------------------------------------------------------------------- bounded types

Amount = Annotated[int, Meta(ge=-limits.amount_minor_max, le=limits.amount_minor_max)]
Text = Annotated[str, Meta(max_length=limits.text_characters_max)]
Key = Annotated[str, Meta(min_length=1, max_length=limits.key_characters_max)]
RatePpm = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Covers = Annotated[int, Meta(ge=1, le=1_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]  # to the end of the year 9999
Offset = Annotated[int, Meta(ge=-1_080, le=1_080)]
LineKind = Literal["item", "discount", "rounding", "deposit", "payment"]
SaleKind = Literal["sale", "refund", "void"]
Names = str | dict[str, str]

_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_MOMENT_MAX_MS: Final = 253_402_300_799_999


class BadInput(InvalidValue, ValueError):
    """An input that cannot be right: `field` (a path such as `lines[0].quantity`) and `reason`.

    Also a `ValueError`, so that msgspec adds where in the body it happened.
    """


class _Input(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What callers send: unknown fields are an error, not silence."""


class _View(Struct, frozen=True, kw_only=True):
    """What a node answers; readers ignore fields that they do not know."""


# ----------------------------------------------------------------------------------------------------------- inputs


class NewLine(_Input, frozen=True, kw_only=True):
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


class NewDiscount(_Input, frozen=True, kw_only=True):
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


class ForeignAmount(_Input, frozen=True, kw_only=True):
    """A tender in another currency. rate: what one unit of `currency` is worth in the sale's currency."""

    currency: str
    exponent: Annotated[int, Meta(ge=0, le=limits.scale_max)]
    amount_minor: Amount
    rate: str

    def __post_init__(self) -> None:
        check_currency("currency", self.currency)
        check_decimal("rate", self.rate)


class NewTender(_Input, frozen=True, kw_only=True):
    """What the customer paid with. amount_minor: in the sale's currency; negative is change given."""

    tender_type: Key
    amount_minor: Amount
    foreign: ForeignAmount | None = None
    reference: Text | None = None
    account: Key | None = None


class NewLink(_Input, frozen=True, kw_only=True):
    """This sale refers to a line of an earlier one: receipt "till-3/S-K7Q2MX/118", line_no from 1."""

    receipt: Key
    line_no: Annotated[int, Meta(ge=1, le=limits.sale_lines_max)]
    kind: Literal["refund", "void", "exchange"] = "refund"


class Basket(_Input, frozen=True, kw_only=True):
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


# ---------------------------------------------------------------------------------------------------------- outputs


class PlaceView(_View, frozen=True, kw_only=True):
    """Where the entry stands: journal in hex, its number there."""

    journal: str
    seq: int


class HolderView(_View, frozen=True, kw_only=True):
    """Who holds the sale. here: it is this node."""

    node: str
    name: str
    here: bool
    since_ms: int
    since: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "since", rfc3339(self.since_ms))


class LineView(_View, frozen=True, kw_only=True):
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


class DiscountView(_View, frozen=True, kw_only=True):
    """A discount of its own on an open sale; line: hex id of the line, or the whole sale."""

    discount_id: str
    amount_minor: int
    names: dict[str, str]
    line: str | None = None
    reason: str | None = None


class TenderView(_View, frozen=True, kw_only=True):
    """What was paid. foreign: the amount in another currency and its rate."""

    tender_type: str
    amount_minor: int
    foreign: ForeignAmount | None = None
    reference: str | None = None
    account: str | None = None


class LinkView(_View, frozen=True, kw_only=True):
    """The line of an earlier receipt that this sale refers to."""

    receipt: str
    line_no: int
    kind: str


class SuspensionView(_View, frozen=True, kw_only=True):
    """Why and with which answers a sale was parked."""

    type: str
    answers: dict[str, str]
    note: str | None = None


class AmendmentView(_View, frozen=True, kw_only=True):
    """A change made under a claim that did not hold (a former holder went on): shown, never counted by itself."""

    kind: str
    key: str
    text: str


class SaleView(_View, frozen=True, kw_only=True):
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


class SuspendedView(_View, frozen=True, kw_only=True):
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


class Retrieved(_View, frozen=True, kw_only=True):
    """A sale taken here. standing: "sealed" or "provisional"; held_by: other nodes known to hold the claim durably."""

    sale: SaleView
    standing: str
    held_by: list[str]


class Completed(_View, frozen=True, kw_only=True):
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


class ReceiptView(_View, frozen=True, kw_only=True):
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


class RecordView(_View, frozen=True, kw_only=True):
    """One record: the value that counts, its version (RULES T1), who wrote it and when (the stamp's wall time)."""

    table: str
    key: str
    version: int
    value: dict[str, Any]
    node: str
    changed_at_ms: int
    changed_at: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "changed_at", rfc3339(self.changed_at_ms))


class SeatingView(_View, frozen=True, kw_only=True):
    """Guests at a table. status as on the floor plan; lines of all waiters, read in one order everywhere."""

    table: str
    seating_id: str
    status: Literal["free", "seated", "occupied", "to_be_cleaned", "not_available"]
    covers: int
    lines: list[LineView]
    voided_lines: list[LineView]
    currency: str
    exponent: int
    total_minor: int


class HeadView(_View, frozen=True, kw_only=True):
    """How far one journal is held durably here. hash: hex of the first 8 bytes of that header's hash (RULES J2)."""

    journal: str
    node: str
    name: str
    seq: int
    hash: str


class HeardView(_View, frozen=True, kw_only=True):
    """Whom we hear. heard_at: last word from it (none = never in this process's life); silent: no link now."""

    node: str
    name: str
    role: str
    silent: bool
    heard_at_ms: int | None
    heard_at: str | None = None

    def __post_init__(self) -> None:
        text = None if self.heard_at_ms is None else rfc3339(self.heard_at_ms)
        structs.force_setattr(self, "heard_at", text)


class MissingView(_View, frozen=True, kw_only=True):
    """What is known or feared to be missing. held: highest number here; exists: highest that anyone told of.

    text: one sentence for people, such as "till-3: held to 118, silent since 12:04". journal, node, name: empty where
    only that somebody exists is known.
    """

    journal: str
    node: str
    name: str
    held: int
    exists: int
    text: str


class CompletenessView(_View, frozen=True, kw_only=True):
    """What a figure rests on. complete: every roster node is heard and nothing that exists is missing."""

    complete: bool
    as_of_ms: int
    heads: list[HeadView]
    heard: list[HeardView]
    missing: list[MissingView]
    as_of: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "as_of", rfc3339(self.as_of_ms))


class TotalView(_View, frozen=True, kw_only=True):
    """Sales of one terminal on one business day in one currency; training is never in it, refunds count negative."""

    business_day: str
    terminal: str
    currency: str
    exponent: int
    sales: int
    total_minor: int
    tax_minor: int


class AlarmView(_View, frozen=True, kw_only=True):
    """Something that a person should know. code is stable."""

    code: str
    text: str
    since_ms: int
    since: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "since", rfc3339(self.since_ms))


class StatusView(_View, frozen=True, kw_only=True):
    """This node at a glance. connectivity: "connected", "lan_only" or "isolated"; disk: "ok", "full" or "failed"."""

    node: str
    name: str
    role: str
    store: str
    version: str
    journal: str
    seq: int
    ready: bool
    doubtful: bool
    connectivity: str
    disk: str
    started_at_ms: int
    open_sales: int
    suspended_sales: int
    completed_sales: int
    digest: str
    started_at: str = ""
    drill_until_ms: int | None = None
    drill_until: str | None = None
    clock_off_ms: int | None = None
    unknown_operations: int = 0
    alarms: list[AlarmView] = []
    rests_on: CompletenessView | None = None

    def __post_init__(self) -> None:
        structs.force_setattr(self, "started_at", rfc3339(self.started_at_ms))
        until = None if self.drill_until_ms is None else rfc3339(self.drill_until_ms)
        structs.force_setattr(self, "drill_until", until)


class PeerView(_View, frozen=True, kw_only=True):
    """One peering.

    phase: "unreachable", "stranger", "greeted" or "in_step"; found_by: "mdns", "static", "remembered" or "gossip";
    behind: entries that it told of and we lack; lacks: entries that we hold and it has not confirmed.
    """

    node: str
    name: str
    role: str
    phase: str
    address: str | None = None
    found_by: str | None = None
    dialed: bool = False
    behind: int = 0
    lacks: int = 0
    round_trip_us: int | None = None
    heard_at_ms: int | None = None
    heard_at: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        text = None if self.heard_at_ms is None else rfc3339(self.heard_at_ms)
        structs.force_setattr(self, "heard_at", text)


class NodeView(_View, frozen=True, kw_only=True):
    """A node of the store's roster. revoked: its links are refused."""

    node: str
    name: str
    role: str
    revoked: bool
    expires_at_ms: int
    expires_at: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "expires_at", rfc3339(self.expires_at_ms))


class InviteView(_View, frozen=True, kw_only=True):
    """A join token, single-use. Shown once; whoever has it can enrol one node until it expires."""

    token: str
    name: str
    role: str
    expires_at_ms: int
    expires_at: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "expires_at", rfc3339(self.expires_at_ms))


class SqlView(_View, frozen=True, kw_only=True):
    """Rows of a read-only query. truncated: the row limit cut it. Decimals come as strings, times as RFC 3339."""

    columns: list[str]
    rows: list[list[Any]]
    truncated: bool
    rests_on: CompletenessView | None = None


class Event(_View, frozen=True, kw_only=True):
    """Something that happened. id: opaque, resumes the stream; kind: such as "sale_completed"; data: a small JSON map.

    A reader whose id is too old (or of an earlier process) first gets kind "gap": read the lists again.
    """

    id: str
    kind: str
    at_ms: int
    data: dict[str, Any]
    at: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "at", rfc3339(self.at_ms))


class Metric(_View, frozen=True, kw_only=True):
    """One sample for `/metrics`. name without the prefix `tillmesh_`; counters end in `_total`."""

    name: str
    help: str
    value: int | float
    type: Literal["counter", "gauge"] = "gauge"
    labels: dict[str, str] = {}


# ---------------------------------------------------------------------------------------------------------- reading


def named(names: Names | None) -> dict[str, str]:
    """Names as {language: text}; a plain text is English."""
    if names is None:
        return {}
    return {"en": names} if isinstance(names, str) else names


def check_names(field: str, names: Names | None) -> None:
    """Raises BadInput for a language tag or a text that cannot be right."""
    texts = named(names)
    if len(texts) > limits.languages_max:
        raise BadInput(field, f"at most {limits.languages_max} languages")
    for language, text in texts.items():
        if not _LANGUAGE.fullmatch(language):
            raise BadInput(field, f"{language[:20]!r} is not a language tag such as en or de-AT")
        if not text.strip():
            raise BadInput(field, f"the text for {language} is empty")
        if len(text) > limits.text_characters_max:
            raise BadInput(field, f"the text for {language} is longer than {limits.text_characters_max} characters")


def check_decimal(field: str, text: str) -> None:
    """Raises BadInput unless text is a plain decimal number of at most 15 digits and 9 decimals."""
    if not _DECIMAL.fullmatch(text):
        raise BadInput(field, f'{text[:40]!r} is not a decimal number such as "1.500"')


def check_currency(field: str, text: str) -> None:
    """Raises BadInput unless text is the form of an ISO 4217 code."""
    if not _CURRENCY.fullmatch(text):
        raise BadInput(field, f"{text[:10]!r} is not a currency code such as EUR")


def moment(field: str, text: str) -> tuple[int, int]:
    """(UTC milliseconds, offset in minutes) of an RFC 3339 time with an offset; raises BadInput."""
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(field, f"{text[:40]!r} is not a time such as 2026-11-24T12:04:00+01:00") from None
    offset = when.utcoffset()
    if offset is None:
        raise BadInput(field, f"{text[:40]!r} needs an offset: end it with Z or +01:00")
    since_epoch = when - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    wall_ms = since_epoch // datetime.timedelta(milliseconds=1)
    if wall_ms < 0:
        raise BadInput(field, f"{text[:40]!r} is before 1970")
    return wall_ms, int(offset.total_seconds() // 60)


def rfc3339(wall_ms: int, offset_min: int = 0) -> str:
    """RFC 3339 text with milliseconds; a wall_ms that is years off is clamped to 1970..9999, never an error."""
    local_ms = max(0, min(wall_ms, _MOMENT_MAX_MS) + offset_min * 60_000)
    day_time = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=min(local_ms, _MOMENT_MAX_MS))
    text = day_time.isoformat(timespec="milliseconds")
    if offset_min == 0:
        return text + "Z"
    sign, minutes = ("-", -offset_min) if offset_min < 0 else ("+", offset_min)
    return f"{text}{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def copies_text(held_by: Iterable[str]) -> str:
    """What a screen says of copies: "copies: 2 (till-1, back office)", "copies: 0"."""
    names = list(held_by)
    return f"copies: {len(names)} ({', '.join(names)})" if names else "copies: 0"
