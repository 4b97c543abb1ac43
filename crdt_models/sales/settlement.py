"""Paying: what is still due, what the coins make of it, and the change.

1. Only what is paid in cash is rounded to coins; the difference is a line of its own, so the books show it.
2. Change is given in cash, as a negative tender. Cash may exceed what is due, and so may types that the shop lets
   (`gives_change`); a card may not.
3. The exact amount in cash counts as the rounded one: software that does not know of coins need not learn it.
4. Too little, and money paid out that nobody asked for, are refused, naming the difference.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec

from crdt_models.errors import InvalidValue
from crdt_models.sales.lines import TenderLine
from crdt_models.values.money import Money, round_cash

CASH = "cash"
"""The tender type that is counted in coins."""


class Settlement(NamedTuple):
    """tenders: with the change; rounding_minor: what coins add to the total; change_minor: given back, from 0."""

    tenders: tuple[TenderLine, ...]
    rounding_minor: int
    change_minor: int


def settle(
    total: Money, tenders: Sequence[TenderLine], cash_rounding: str = "none", gives_change: Collection[str] = ()
) -> Settlement:
    """How `tenders` pay `total` (negative: money goes out, and the tenders are negative). Raises InvalidValue."""
    cash = [tender for tender in tenders if tender.tender_type == CASH]
    other = sum(tender.amount_minor for tender in tenders if tender.tender_type != CASH)
    due = total.minor - other
    given = sum(tender.amount_minor for tender in cash)
    overpaid = total.minor >= 0 > due
    if overpaid:
        _check_may_overpay(total, -due, tenders, gives_change)
    rounded = round_cash(due, cash_rounding) if cash or overpaid else due
    paid = list(tenders)
    if cash and given == due != rounded:
        last = max(number for number, tender in enumerate(paid) if tender.tender_type == CASH)
        paid[last] = msgspec.structs.replace(paid[last], amount_minor=paid[last].amount_minor + rounded - due)
        given = rounded
    change = given - rounded
    if change < 0:
        raise InvalidValue("tenders", f"{_money(-change, total)} is still to be paid")
    if change and total.minor < 0:
        raise InvalidValue("tenders", f"{_money(change, total)} is still to be paid out")
    if change:
        paid.append(TenderLine(CASH, -change))
    return Settlement(tuple(paid), rounded - due, change)


def _check_may_overpay(
    total: Money, excess_minor: int, tenders: Sequence[TenderLine], gives_change: Collection[str]
) -> None:
    allowed = sum(tender.amount_minor for tender in tenders if tender.tender_type in gives_change)
    if excess_minor > allowed:
        raise InvalidValue(
            "tenders", f"{_money(excess_minor, total)} more than is due, by a tender that gives no change"
        )


def _money(minor: int, like: Money) -> Money:
    return Money(minor, like.currency, like.exponent)
