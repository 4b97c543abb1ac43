"""Tax: computed once per line by a named rule, then only ever added up.

Shops differ in whether prices include tax and in how halves are rounded, and a sale is read for ten years; so each line
carries its code, rate, mode, rule and the result. Rounding per line and summing per code was chosen, since lines can be
refunded one by one and the sums must then still agree; rounding the sum instead was refused for that reason.
Nothing here looks a rate up: the line says at which rate it was sold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from crdt_models.errors import InvalidValue
from crdt_models.values.money import ROUNDINGS, divide
from crdt_models.values.text import check_key

if TYPE_CHECKING:
    from crdt_models.sales.lines import SaleLine

PPM: Final = 1_000_000
"""Parts of a whole in which rates are written: 19 % is 190,000."""
rate_ppm_max: Final = 10 * PPM
"""Highest rate: 1,000 %, above any excise."""


class TaxRule(msgspec.Struct, frozen=True, gc=False):
    """code: as the shop calls it (`A`, `VAT19`); rate_ppm: 0 to 10,000,000; rounding: a key of `ROUNDINGS`."""

    code: str
    rate_ppm: int
    included: bool = True
    rounding: str = "half_up"

    def __post_init__(self) -> None:
        check_key("tax_code", self.code)
        if type(self.rate_ppm) is not int or not 0 <= self.rate_ppm <= rate_ppm_max:
            raise InvalidValue("rate_ppm", f"must be an integer from 0 to {rate_ppm_max}")
        if type(self.included) is not bool:
            raise InvalidValue("included", "must be true or false")
        if type(self.rounding) is not str or self.rounding not in ROUNDINGS:
            raise InvalidValue("rounding", f"must be one of {', '.join(ROUNDINGS)}")

    @classmethod
    def of_record(cls, code: str, value: Mapping[str, object]) -> TaxRule:
        """The rule of a record of the table `tax_codes`."""
        rate, included, rounding = value.get("rate_ppm"), value.get("included", True), value.get("rounding", "half_up")
        if not (type(rate) is int and type(included) is bool and type(rounding) is str):
            raise InvalidValue("tax_code", f"the record of {code} is no tax code")
        return cls(code, rate, included, rounding)


class TaxTotal(msgspec.Struct, frozen=True, gc=False):
    """All lines of one code, rate and mode. gross_minor = net_minor + tax_minor."""

    code: str
    rate_ppm: int
    included: bool
    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.tax_minor


def tax_minor(amount_minor: int, rate_ppm: int, included: bool, rounding: str) -> int:
    """The tax in (included) or on (excluded) an amount, in minor units; has the amount's sign."""
    return divide(amount_minor * rate_ppm, PPM + rate_ppm if included else PPM, rounding)


def tax_totals(lines: Iterable[SaleLine]) -> tuple[TaxTotal, ...]:
    """The sums per (code, rate, included), sorted by those; lines without a code do not appear."""
    sums: dict[tuple[str, int, bool], tuple[int, int]] = {}
    for line in lines:
        if line.tax_code is not None:
            key = (line.tax_code, line.tax_rate_ppm, line.tax_included)
            net, tax = sums.get(key, (0, 0))
            own = line.amount_minor - line.tax_minor if line.tax_included else line.amount_minor
            sums[key] = (net + own, tax + line.tax_minor)
    return tuple(TaxTotal(*key, *sums[key]) for key in sorted(sums))
