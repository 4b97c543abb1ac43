"""Money, and every way in which a shop rounds it.

An amount is an integer of minor units with a currency and its exponent: 12.99 EUR is `Money(1299, "EUR")`. The exponent
travels with the amount, since a reader in ten years must not look it up. Rounding happens in two named places only:
`divide` (a result between two minor units) and `round_cash` (coins that do not exist). All rules are symmetric about
zero, so a refund is exactly the negative of its sale; `floor` and `ceiling` would break that and are not offered.
No float goes in or comes out. Adding two currencies is a mistake of ours, hence an error, never a conversion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crdt_models import limits
from crdt_models.errors import InvalidValue

_NO_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"}
    | {"RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_FOUR_DECIMALS = frozenset({"CLF", "UYW"})
_FROM_ISO = -1

exponent_max = limits.scale_max


def exponent_of(currency: str) -> int:
    """Decimal places of a currency's minor unit (ISO 4217, amendment 176); 2 where the list names no other."""
    if currency in _NO_DECIMALS:
        return 0
    if currency in _THREE_DECIMALS:
        return 3
    return 4 if currency in _FOUR_DECIMALS else 2


def check_currency(field: str, currency: object) -> str:
    """`currency` if it is three capital letters; no list of currencies is kept. Raises InvalidValue."""
    if type(currency) is not str or len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        raise InvalidValue(field, "must be three letters such as EUR")
    if not currency.isupper():
        raise InvalidValue(field, "must be in capital letters")
    return currency


def check_minor(field: str, minor: object) -> int:
    """`minor` if it is an integer of at most `limits.amount_minor_max` either way. Raises InvalidValue."""
    if type(minor) is not int:
        raise InvalidValue(field, "must be an integer of minor units")
    if not -limits.amount_minor_max <= minor <= limits.amount_minor_max:
        raise InvalidValue(field, f"is beyond {limits.amount_minor_max} minor units")
    return minor


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """minor: integer of minor units, either sign; exponent: decimal places, ISO 4217's when left out."""

    minor: int
    currency: str
    exponent: int = _FROM_ISO

    def __post_init__(self) -> None:
        check_currency("currency", self.currency)
        check_minor("minor", self.minor)
        if self.exponent == _FROM_ISO:
            object.__setattr__(self, "exponent", exponent_of(self.currency))
        if type(self.exponent) is not int or not 0 <= self.exponent <= exponent_max:
            raise InvalidValue("exponent", f"must be an integer from 0 to {exponent_max}")

    @classmethod
    def parse(cls, text: str, currency: str, exponent: int = _FROM_ISO, *, field: str = "amount") -> Money:
        """Money of a decimal text such as `12.99`; more decimals than the currency has are refused, never rounded."""
        places = exponent_of(currency) if exponent == _FROM_ISO else exponent
        value, scale = parse_decimal(field, text)
        if scale > places:
            cut, rest = divmod(value, 10 ** (scale - places))
            if rest:
                raise InvalidValue(field, f"has {scale} decimals, {currency} has {places}")
            value, scale = cut, places
        return cls(value * 10 ** (places - scale), currency, places)

    @property
    def text(self) -> str:
        """The amount as decimal text without the currency: `12.99`, `-0.05`, `1299`."""
        return decimal_text(self.minor, self.exponent)

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"

    def __add__(self, other: Money) -> Money:
        self._check_same(other)
        return Money(self.minor + other.minor, self.currency, self.exponent)

    def __sub__(self, other: Money) -> Money:
        self._check_same(other)
        return Money(self.minor - other.minor, self.currency, self.exponent)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency, self.exponent)

    def __bool__(self) -> bool:
        return self.minor != 0

    def _check_same(self, other: Money) -> None:
        if (self.currency, self.exponent) != (other.currency, other.exponent):
            raise InvalidValue("currency", f"{self.currency} and {other.currency} cannot be added")


def decimal_text(value: int, scale: int) -> str:
    """`value` with `scale` decimal places, exactly: (1299, 2) is `12.99`, (-5, 2) is `-0.05`."""
    if scale == 0:
        return str(value)
    digits = str(abs(value)).rjust(scale + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"


def parse_decimal(field: str, text: object) -> tuple[int, int]:
    """(value, scale) of plain decimal text: `-1.500` is (-1500, 3). ASCII digits, a point, at most 9 decimals.

    Raises InvalidValue naming `field`: no exponent, no thousands separator, no decimal comma, no float.
    """
    if type(text) is not str:
        raise InvalidValue(field, 'must be a decimal text such as "12.99"')
    body = text[1:] if text[:1] == "-" else text
    whole, point, decimals = body.partition(".")
    if not (whole.isdigit() and body.isascii() and len(whole) <= 18) or (point and not decimals.isdigit()):
        raise InvalidValue(field, 'must be a decimal text such as "12.99"')
    if len(decimals) > limits.scale_max:
        raise InvalidValue(field, f"has {len(decimals)} decimals, at most {limits.scale_max}")
    value = check_minor(field, int(whole + decimals))
    return (-value if text[0] == "-" else value), len(decimals)


def divide(numerator: int, denominator: int, rounding: str) -> int:
    """numerator / denominator as an integer, by the rule named `rounding` (a key of `ROUNDINGS`).

    denominator: above 0. Raises InvalidValue for an unknown rule.
    """
    rule = ROUNDINGS.get(rounding)
    if rule is None:
        raise InvalidValue("rounding", f"{rounding[:40]!r} is no rounding rule; there are {', '.join(ROUNDINGS)}")
    whole, rest = divmod(abs(numerator), denominator)
    if rest:
        whole += rule(whole, rest, denominator)
    return whole if numerator >= 0 else -whole


def _half_up(_whole: int, rest: int, denominator: int) -> int:
    return 1 if 2 * rest >= denominator else 0


def _half_even(whole: int, rest: int, denominator: int) -> int:
    return 1 if 2 * rest > denominator or (2 * rest == denominator and whole % 2) else 0


def _half_down(_whole: int, rest: int, denominator: int) -> int:
    return 1 if 2 * rest > denominator else 0


def _up(_whole: int, _rest: int, _denominator: int) -> int:
    return 1


def _down(_whole: int, _rest: int, _denominator: int) -> int:
    return 0


ROUNDINGS: Mapping[str, Callable[[int, int, int], int]] = {
    "half_up": _half_up,
    "half_even": _half_even,
    "half_down": _half_down,
    "up": _up,
    "down": _down,
}
"""Rule name -> what is added to the magnitude, from (whole part, rest above 0, denominator). half_up: half away from
zero (commercial rounding); half_even: half to the even neighbour; half_down: half toward zero; up: away from zero;
down: toward zero. The names are written in sales: none is ever re-used for another rule."""


def round_cash(minor: int, rule: str) -> int:
    """What is paid in coins for `minor` minor units by the cash rounding rule `rule` (a key of `CASH_ROUNDINGS`)."""
    found = CASH_ROUNDINGS.get(rule)
    if found is None:
        raise InvalidValue("cash_rounding", f"{rule[:40]!r} is no cash rounding; there are {', '.join(CASH_ROUNDINGS)}")
    step, rounding = found
    return divide(minor, step, rounding) * step


CASH_ROUNDINGS: Mapping[str, tuple[int, str]] = {
    "none": (1, "half_up"),
    "swiss_5": (5, "half_up"),
    "nearest_10": (10, "half_up"),
    "nearest_10_half_down": (10, "half_down"),
    "nearest_50": (50, "half_up"),
    "nearest_100": (100, "half_up"),
    "down_5": (5, "down"),
    "down_10": (10, "down"),
}
"""Rule name -> (smallest coin in minor units, rounding). swiss_5: Switzerland, Finland, the Netherlands, Canada;
nearest_10: Norway's older coins, New Zealand (half_down is the shop's choice there); nearest_50: Denmark;
nearest_100: Sweden, Norway; down: in the customer's favour, as chains advertise it."""
