"""A receipt as plain text, 42 columns, as a till's printer takes it.

Made from the frozen sale alone, so that every node prints the same lines for ever. A copy says that it is one. Fiscal
print formats are not made here; they attach to the sale as operations of their own.
"""

from __future__ import annotations

from typing import Final

from node.views import LineView, ReceiptView, TenderView

COLUMNS: Final = 42
"""Characters of a line: what an 80 mm printer prints in font A is 42 or 48."""

_TITLES: Final = {"sale": "RECEIPT", "refund": "REFUND", "void": "VOID"}


def receipt_text(receipt: ReceiptView, language: str = "en", copy: bool = False) -> str:
    """The receipt in one language where its names have it, else in any; copy: marked as a reprint."""
    out = [_TITLES.get(receipt.kind, receipt.kind.upper()).center(COLUMNS).rstrip()]
    if receipt.training:
        out.append("*** TRAINING - NOT A RECEIPT ***".center(COLUMNS).rstrip())
    if copy:
        out.append("*** COPY ***".center(COLUMNS).rstrip())
    out += _wrapped(receipt.receipt_no)
    out.append(f"{receipt.happened_at[:10]} {receipt.happened_at[11:16]}, business day {receipt.business_day}")
    if receipt.by is not None:
        out += _wrapped(f"served by {receipt.by}")
    out.append("-" * COLUMNS)
    for line in receipt.lines:
        out += _line(line, receipt.exponent, language)
    out.append("-" * COLUMNS)
    out.append(_pair(f"TOTAL {receipt.currency}", amount_text(receipt.total_minor, receipt.exponent)))
    if receipt.tax_minor:
        out.append(_pair("of which tax", amount_text(receipt.tax_minor, receipt.exponent)))
    for tender in receipt.tenders:
        out += _tender(tender, receipt.exponent)
    for link in receipt.links:
        out += _wrapped(f"{link.kind} of {link.receipt} line {link.line_no}")
    if receipt.customer is not None:
        out += _wrapped(f"customer {receipt.customer}")
    out += [part for note in receipt.notes for part in _wrapped(note)]
    return "\n".join(out) + "\n"


def amount_text(minor: int, exponent: int) -> str:
    """Minor units as a decimal number: 1299 with exponent 2 is "12.99"."""
    digits = str(abs(minor)).rjust(exponent + 1, "0")
    sign = "-" if minor < 0 else ""
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else f"{sign}{digits}"


def _line(line: LineView, exponent: int, language: str) -> list[str]:
    name = line.names.get(language) or next(iter(line.names.values()), None) or line.item or line.kind
    out = [_pair(name, amount_text(line.amount_minor, exponent))]
    if line.kind == "item" and (line.quantity != "1" or line.discount_minor):
        out.append(f"  {line.quantity} x {line.unit_price}")
    if line.discount_minor:
        out.append(f"  less {amount_text(line.discount_minor, exponent)}")
    if line.serial is not None:
        out += _wrapped(f"serial {line.serial}")
    return out


def _tender(tender: TenderView, exponent: int) -> list[str]:
    name = "change" if tender.amount_minor < 0 else tender.tender_type.replace("_", " ")
    out = [_pair(name, amount_text(tender.amount_minor, exponent))]
    if tender.foreign is not None:
        foreign = tender.foreign
        text = amount_text(foreign.amount_minor, foreign.exponent)
        out.append(f"  {text} {foreign.currency} at {foreign.rate}")
    return out


def _pair(left: str, right: str) -> str:
    room = COLUMNS - len(right) - 1
    return f"{left[:room].ljust(room)} {right}"


def _wrapped(text: str) -> list[str]:
    flat = " ".join(text.split())
    return [flat[start : start + COLUMNS] for start in range(0, len(flat), COLUMNS)]
