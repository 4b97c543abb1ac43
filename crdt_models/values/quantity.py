"""How much and at what price: scaled integers, and the one place where they become money.

1.500 kg is `Quantity(1500, 3)`; 12.99 a piece is `ScaledPrice(1299, 2)`, and petrol at 1.4990 is `ScaledPrice(14990, 4)`:
a unit price may be finer than the currency, an amount may not. `extended_minor` is the only function that multiplies the
two. Both are msgspec structs outside the garbage collector's sight, because a shop holds millions of them: building one
costs 0.2 us where a frozen dataclass costs 0.5. Two notations of one quantity (1.5, 1.500) are different values on
purpose: the scale is what the receipt shows.
"""

from __future__ import annotations

import msgspec

from crdt_models import limits
from crdt_models.errors import InvalidValue
from crdt_models.values.money import decimal_text, divide, parse_decimal

_SCALE_MAX = limits.scale_max
_VALUE_MAX = limits.amount_minor_max


class Quantity(msgspec.Struct, frozen=True, gc=False):
    """value / 10**scale of the item's unit; negative for goods that come back."""

    value: int
    scale: int = 0

    def __post_init__(self) -> None:
        if type(self.value) is not int or not -_VALUE_MAX <= self.value <= _VALUE_MAX:
            raise InvalidValue("quantity", f"must be an integer of at most {_VALUE_MAX}, before scaling")
        if type(self.scale) is not int or not 0 <= self.scale <= _SCALE_MAX:
            raise InvalidValue("quantity", f"must have 0 to {_SCALE_MAX} decimals")

    @classmethod
    def parse(cls, text: object, field: str = "quantity") -> Quantity:
        """The quantity of a decimal text such as `1.500`. Raises InvalidValue naming `field`."""
        return cls(*parse_decimal(field, text))

    @property
    def text(self) -> str:
        """Decimal text with exactly `scale` decimals."""
        return decimal_text(self.value, self.scale)

    def __neg__(self) -> Quantity:
        return Quantity(-self.value, self.scale)


class ScaledPrice(msgspec.Struct, frozen=True, gc=False):
    """value / 10**scale major units of the sale's currency for one unit; scale may exceed the currency's exponent."""

    value: int
    scale: int = 2

    def __post_init__(self) -> None:
        if type(self.value) is not int or not -_VALUE_MAX <= self.value <= _VALUE_MAX:
            raise InvalidValue("unit_price", f"must be an integer of at most {_VALUE_MAX}, before scaling")
        if type(self.scale) is not int or not 0 <= self.scale <= _SCALE_MAX:
            raise InvalidValue("unit_price", f"must have 0 to {_SCALE_MAX} decimals")

    @classmethod
    def parse(cls, text: object, field: str = "unit_price") -> ScaledPrice:
        """The price of a decimal text such as `12.99`. Raises InvalidValue naming `field`."""
        return cls(*parse_decimal(field, text))

    @property
    def text(self) -> str:
        """Decimal text with exactly `scale` decimals."""
        return decimal_text(self.value, self.scale)


ONE = Quantity(1)


def extended_minor(quantity: Quantity, unit_price: ScaledPrice, exponent: int, rounding: str = "half_up") -> int:
    """quantity x unit price in minor units of a currency with `exponent` decimals, by the named rule (`ROUNDINGS`).

    Raises InvalidValue (`amount`) where the product is beyond `limits.amount_minor_max`.
    """
    product = quantity.value * unit_price.value
    shift = quantity.scale + unit_price.scale - exponent
    minor = divide(product, 10**shift, rounding) if shift > 0 else product * 10**-shift
    if not -_VALUE_MAX <= minor <= _VALUE_MAX:
        raise InvalidValue("amount", f"is beyond {_VALUE_MAX} minor units")
    return minor
