"""Freezing: the lines of a document as the lines of a sale, and a priced line as a fact of a document.

The document's line has no number: it gets one when the sale is completed. Amounts are carried over, never computed again.
"""

from __future__ import annotations

from crdt_models.documents.line_fact import LineFact
from crdt_models.documents.open_sale import OpenSaleView
from crdt_models.sales.basket import Basket
from crdt_models.sales.lines import SaleLine


def sale_line(line: LineFact, line_no: int) -> SaleLine:
    """A line of the document as a line of the sale."""
    return SaleLine(
        line_no,
        line.line_id,
        line.kind,
        line.item_id,
        dict(line.names),
        line.quantity,
        line.unit_price,
        line.amount_minor,
        line.discount_minor,
        line.tax_code,
        line.tax_rate_ppm,
        line.tax_included,
        line.tax_rounding,
        line.tax_minor,
        line.barcode,
        line.serial,
        line.department,
    )


def line_of(line: SaleLine) -> LineFact:
    """A priced line as a fact of a document."""
    return LineFact(
        line.line_id,
        line.quantity,
        line.unit_price,
        line.amount_minor,
        line.kind,
        line.item_id,
        dict(line.names),
        line.discount_minor,
        line.tax_code,
        line.tax_rate_ppm,
        line.tax_included,
        line.tax_rounding,
        line.tax_minor,
        line.barcode,
        line.serial,
        line.department,
    )


def fill(basket: Basket, view: OpenSaleView) -> None:
    """Put what the holder shows into a basket: lines in their order, then discounts on lines, then those on the whole."""
    numbers: dict[bytes, int] = {}
    for line in view.lines:
        numbers[line.line_id] = basket.take(sale_line(line, 1)).line_no
    on_lines = [each for each in view.discounts if each.discount.line_id is not None]
    on_sale = [each for each in view.discounts if each.discount.line_id is None]
    for given in [*on_lines, *on_sale]:
        if given.minor > 0:
            line_id = given.discount.line_id
            basket.discount(given.minor, {"en": given.discount.name}, None if line_id is None else numbers[line_id])
