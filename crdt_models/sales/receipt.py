"""A receipt as plain text, as wide as a till's printer.

Made from the frozen sale alone, so every node prints the same words for ever; how many nodes hold it is said below, since
"copies: 0" is what a cashier must see (RULES J7). A reprint is marked as a copy and training as training, at top and
bottom, because paper is cut. Fiscal formats are not made here; they attach to a sale by operations of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from crdt_models.sales.lines import SaleLine, TenderLine
from crdt_models.sales.sale import Sale
from crdt_models.values.money import decimal_text
from crdt_models.values.quantity import ONE

COLUMNS: Final = 42
"""Characters in a line: what an 80 mm printer prints in its standard font."""

_TITLES: Final = {"sale": "RECEIPT", "refund": "REFUND", "void": "VOID"}
_DAY_MIN: Final = 24 * 60


def render(
    sale: Sale,
    *,
    language: str = "en",
    reprint: int = 0,
    held_by: Sequence[str] | None = None,
    heading: Sequence[str] = (),
    columns: int = COLUMNS,
) -> str:
    """The receipt, lines ended by line feeds.

    reprint: 0 for the original, 1 for the first copy; held_by: names of the other nodes that hold the sale, None where
    that is not to be printed; heading: the shop's own lines on top.
    """
    marks = []
    if sale.training:
        marks.append("*** TRAINING - NOT A RECEIPT ***")
    if reprint:
        marks.append(f"*** COPY {reprint} ***")
    out = [line.center(columns).rstrip() for line in (*heading, _TITLES[sale.kind], *marks)]
    out += [sale.receipt.text, f"{sale.business_day} {_clock(sale)}", "-" * columns]
    for line in sale.lines:
        out.extend(_line(line, sale.exponent, language, columns))
    out.append("-" * columns)
    out.append(_pair(f"TOTAL {sale.currency}", decimal_text(sale.total_minor, sale.exponent), columns))
    for tender in sale.tenders:
        out.extend(_tender(tender, sale, columns))
    for tax in sale.tax_totals:
        words = f"{tax.code} {_percent(tax.rate_ppm)}% {'in' if tax.included else 'on'} "
        words += decimal_text(tax.gross_minor if tax.included else tax.net_minor, sale.exponent)
        out.append(_pair(words, decimal_text(tax.tax_minor, sale.exponent), columns))
    for link in sale.links:
        out.append(f"{link.kind} of {link.receipt}" + ("" if link.line_no is None else f" line {link.line_no}"))
    if sale.customer is not None:
        out.append(f"customer {sale.customer}")
    for note in sale.notes:
        out.extend(_wrapped(note, columns))
    if held_by is not None:
        out.extend(_wrapped(f"copies: {len(held_by)}" + (f" ({', '.join(held_by)})" if held_by else ""), columns))
    out += [mark.center(columns).rstrip() for mark in marks]
    return "\n".join(out) + "\n"


def _line(line: SaleLine, exponent: int, language: str, columns: int) -> Iterator[str]:
    yield _pair(line.name(language), decimal_text(line.amount_minor, exponent), columns)
    if line.kind in ("item", "deposit") and (line.quantity != ONE or line.discount_minor):
        yield f"  {line.quantity.text} x {line.unit_price.text}"
    if line.discount_minor:
        yield f"  discount {decimal_text(-line.discount_minor, exponent)}"
    if line.serial is not None:
        yield f"  serial {line.serial}"


def _tender(tender: TenderLine, sale: Sale, columns: int) -> Iterator[str]:
    change = tender.amount_minor < 0 <= sale.total_minor
    name = "change" if change else tender.tender_type.replace("_", " ")
    amount = -tender.amount_minor if change else tender.amount_minor
    yield _pair(name, decimal_text(amount, sale.exponent), columns)
    if tender.foreign is not None:
        foreign = tender.foreign
        rate = decimal_text(foreign.rate_value, foreign.rate_scale)
        yield f"  {decimal_text(foreign.amount_minor, foreign.exponent)} {foreign.currency} at {rate}"


def _clock(sale: Sale) -> str:
    minutes = (sale.happened_at_ms // 60_000 + sale.utc_offset_min) % _DAY_MIN
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _percent(rate_ppm: int) -> str:
    text = decimal_text(rate_ppm, 4).rstrip("0")
    return text.removesuffix(".")


def _pair(left: str, right: str, columns: int) -> str:
    room = max(1, columns - len(right) - 1)
    return f"{' '.join(left.split())[:room].ljust(room)} {right}"


def _wrapped(text: str, columns: int) -> Iterator[str]:
    flat = " ".join(text.split())
    for start in range(0, len(flat), columns):
        yield flat[start : start + columns]
