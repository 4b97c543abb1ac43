"""From what was rung up to a priced line: the item's record, the shop's tax codes, and whatever the cashier said.

What the caller says wins over the price record, which wins over the item record. An amount that the till's own software
has computed is taken as it is (price labels of a scale do not multiply out). A tax code that nobody here knows is refused:
a sale with a guessed tax is worse than a question at the till.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from crdt_models.errors import InvalidValue
from crdt_models.sales.lines import SaleLine
from crdt_models.sales.taxes import TaxRule, tax_minor
from crdt_models.values.money import ROUNDINGS
from crdt_models.values.quantity import ONE, Quantity, ScaledPrice, extended_minor

_NOTHING: Mapping[str, Any] = {}
_NO_TAX_RULES: Mapping[str, TaxRule] = {}


class RungUp(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What was said of a line; None is "as the record says". amount_minor: after discount_minor; see `SaleLine`."""

    item_id: str | None = None
    names: Mapping[str, str] | None = None
    quantity: Quantity = ONE
    unit_price: ScaledPrice | None = None
    kind: str = "item"
    amount_minor: int | None = None
    discount_minor: int = 0
    tax_code: str | None = None
    tax_rate_ppm: int | None = None
    tax_included: bool | None = None
    tax_rounding: str | None = None
    tax_minor: int | None = None
    barcode: str | None = None
    serial: str | None = None
    department: str | None = None


def priced_line(
    rung: RungUp,
    *,
    line_no: int,
    line_id: bytes,
    exponent: int,
    item: Mapping[str, Any] | None = None,
    price: Mapping[str, Any] | None = None,
    tax_rules: Mapping[str, TaxRule] = _NO_TAX_RULES,
    rounding: str = "half_up",
) -> SaleLine:
    """The line of `rung`. item, price: values of the records `items` and `prices`; exponent: of the sale's currency.

    rounding: the rule for quantity x unit price. Raises InvalidValue naming the field.
    """
    known = item or _NOTHING
    unit_price = _unit_price(rung, known, price or _NOTHING, exponent)
    amount = rung.amount_minor
    if amount is None:
        amount = extended_minor(rung.quantity, unit_price, exponent, rounding) - rung.discount_minor
    names = rung.names if rung.names is not None else known.get("names", _NOTHING)
    tax = _tax_rule(rung, known, tax_rules)
    own_tax = 0
    if tax is not None:
        computed = tax_minor(amount, tax.rate_ppm, tax.included, tax.rounding)
        own_tax = computed if rung.tax_minor is None else rung.tax_minor
    elif rung.tax_minor or rung.tax_rate_ppm:
        raise InvalidValue("tax_code", "is missing on a line that has tax")
    return SaleLine(
        line_no,
        line_id,
        rung.kind,
        rung.item_id,
        dict(names),
        rung.quantity,
        unit_price,
        amount,
        rung.discount_minor,
        None if tax is None else tax.code,
        0 if tax is None else tax.rate_ppm,
        True if tax is None else tax.included,
        "half_up" if tax is None else tax.rounding,
        own_tax,
        rung.barcode,
        rung.serial,
        rung.department if rung.department is not None else known.get("department"),
    )


def _unit_price(rung: RungUp, item: Mapping[str, Any], price: Mapping[str, Any], exponent: int) -> ScaledPrice:
    if rung.unit_price is not None:
        return rung.unit_price
    text = price.get("unit_price", item.get("unit_price"))
    if text is not None:
        return ScaledPrice.parse(text)
    if rung.amount_minor is None:
        raise InvalidValue("unit_price", "is missing: neither the line nor a record of the item has one")
    if rung.quantity == ONE:
        return ScaledPrice(rung.amount_minor + rung.discount_minor, exponent)
    return ScaledPrice(0, exponent)


def _tax_rule(rung: RungUp, item: Mapping[str, Any], rules: Mapping[str, TaxRule]) -> TaxRule | None:
    code = rung.tax_code if rung.tax_code is not None else item.get("tax_code")
    if code is None:
        for field in ("tax_rate_ppm", "tax_rounding"):
            if getattr(rung, field) is not None:
                raise InvalidValue("tax_code", f"is missing: the line says {field}, and no code that it is for")
        return None
    known = rules.get(code) if type(code) is str else None
    said = (rung.tax_rate_ppm, rung.tax_included, rung.tax_rounding)
    if known is not None and said == (None, None, None):
        return known
    if known is None:
        if rung.tax_rate_ppm is None:
            raise InvalidValue("tax_code", f"{str(code)[:60]!r} is not known here, and the line names no rate")
        known = TaxRule(code, rung.tax_rate_ppm)
    if rung.tax_rounding is not None and rung.tax_rounding not in ROUNDINGS:
        raise InvalidValue("tax_rounding", f"must be one of {', '.join(ROUNDINGS)}")
    return TaxRule(
        known.code,
        known.rate_ppm if rung.tax_rate_ppm is None else rung.tax_rate_ppm,
        known.included if rung.tax_included is None else rung.tax_included,
        known.rounding if rung.tax_rounding is None else rung.tax_rounding,
    )
