"""Sales to test with: one plain, and any."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from crdt_models.sales.lines import LINE_KINDS, LINK_KINDS, ForeignTender, Link, SaleLine, TenderLine
from crdt_models.sales.receipt_no import ReceiptNo, series_name
from crdt_models.sales.sale import Sale
from crdt_models.values.money import ROUNDINGS
from crdt_models.values.quantity import ONE, Quantity, ScaledPrice

STORE = bytes(range(16))
INCARNATION = b"incarnat"
NOON_MS = 1_760_011_200_000  # 2025-10-09 12:00 UTC


def new_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def receipt(kind: str = "sale", training: bool = False, number: int = 118) -> ReceiptNo:
    return ReceiptNo(STORE, "till-3", series_name(kind, training, INCARNATION), number)


def line(line_no: int = 1, amount: int = 1299, **changes: Any) -> SaleLine:
    fields: dict[str, Any] = {
        "line_no": line_no,
        "line_id": new_id(line_no),
        "kind": "item",
        "item_id": f"item-{line_no}",
        "names": {"en": "Milk", "de": "Milch"},
        "quantity": ONE,
        "unit_price": ScaledPrice(amount, 2),
        "amount_minor": amount,
    }
    return SaleLine(**{**fields, **changes})


def sale(**changes: Any) -> Sale:
    fields: dict[str, Any] = {
        "sale_id": new_id(77),
        "receipt": receipt(),
        "kind": "sale",
        "training": False,
        "happened_at_ms": NOON_MS,
        "utc_offset_min": 60,
        "business_day": "2025-10-09",
        "currency": "EUR",
        "exponent": 2,
        "lines": (line(),),
        "tenders": (TenderLine("cash", 2000), TenderLine("cash", -701)),
    }
    return Sale(**{**fields, **changes})


_keys = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
_amounts = st.integers(-(10**7), 10**7)
_scaled = st.tuples(_amounts, st.integers(0, 9))
_names = st.dictionaries(st.sampled_from(["en", "de", "pt-BR"]), _keys, max_size=3)
_ids = st.binary(min_size=16, max_size=16)


@st.composite
def lines(draw: st.DrawFn, line_no: int) -> SaleLine:
    taxed = draw(st.booleans())
    return SaleLine(
        line_no,
        draw(_ids),
        draw(st.sampled_from(LINE_KINDS)),
        draw(st.none() | _keys),
        draw(_names),
        Quantity(*draw(_scaled)),
        ScaledPrice(*draw(_scaled)),
        draw(_amounts),
        draw(_amounts),
        draw(_keys) if taxed else None,
        draw(st.integers(0, 10**7)) if taxed else 0,
        draw(st.booleans()) if taxed else True,
        draw(st.sampled_from(sorted(ROUNDINGS))) if taxed else "half_up",
        draw(_amounts) if taxed else 0,
        draw(st.none() | _keys),
        draw(st.none() | _keys),
        draw(st.none() | _keys),
    )


_foreign = st.builds(
    ForeignTender,
    st.sampled_from(["CHF", "JPY"]),
    st.integers(0, 4),
    _amounts,
    st.integers(1, 10**9),
    st.integers(0, 9),
)
_tenders = st.builds(TenderLine, _keys, _amounts, st.none() | _foreign, st.none() | _keys, st.none() | _keys)
_numbers = st.none() | st.integers(1, 2000)
_links = st.builds(Link, st.just("till-3/S-K7Q2MX/118"), _numbers, st.sampled_from(LINK_KINDS), _numbers)


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    """Any sale that may exist."""
    kind = draw(st.sampled_from(["sale", "refund", "void"]))
    training = draw(st.booleans())
    sold = tuple([draw(lines(number)) for number in range(1, draw(st.integers(1, 5)) + 1)])
    tenders = draw(st.lists(_tenders, max_size=3))
    total = sum(each.amount_minor + each.excluded_tax_minor for each in sold)
    tenders.append(TenderLine("cash", total - sum(tender.amount_minor for tender in tenders)))
    links = draw(st.lists(_links, max_size=3)) + ([Link("till-3/S-K7Q2MX/1", None, "void")] if kind == "void" else [])
    claimed = draw(st.booleans())
    return Sale(
        draw(_ids),
        receipt(kind, training, draw(st.integers(1, 2**53 - 1))),
        kind,
        training,
        draw(st.integers(-(2**62), 2**62)),
        draw(st.integers(-720, 840)),
        draw(st.dates()).isoformat(),
        draw(st.sampled_from(["EUR", "CHF", "JPY"])),
        draw(st.integers(0, 4)),
        sold,
        tuple(tenders),
        tuple(links),
        draw(st.none() | _keys),
        draw(st.none() | _keys),
        draw(st.none() | _ids),
        draw(st.binary(min_size=33, max_size=33)) if claimed else None,
        draw(st.integers(1, 9)) if claimed else None,
        draw(st.none() | _keys),
        tuple(draw(st.lists(_keys, max_size=2))),
    )
