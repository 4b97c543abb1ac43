"""The tables of a shop's reference data: their fields, and which role may write them.

What people own apart is apart here, because a record is replaced whole: prices beside items, a person beside the account
(`customer_person`, `staff_person`: the only tables whose values may be erased, RULES O1). `nodes` needs the authority's
signature, whoever sends it. Master data comes from the back office or from a `system` (an ERP); a till writes only the
persons it meets. An unknown table may be written by nobody that this version knows: it is kept out of the fold until
the upgrade, on every node of this version alike.
Adding an optional field is no new version; a field's meaning never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from crdt_models import limits as bounds
from crdt_models.errors import InvalidValue
from crdt_models.journal.credential import ROLES
from crdt_models.reference import limits
from crdt_models.reference.shapes import (
    CURRENCY,
    DAY,
    DECIMAL,
    FLAG,
    KEY,
    NAMES,
    TEXT,
    WORDS,
    Field,
    Shape,
    clean_fields,
    hexadecimal,
    integer,
    list_of,
    long_text,
    map_of,
    one_of,
)
from crdt_models.sales.taxes import rate_ppm_max
from crdt_models.values.money import CASH_ROUNDINGS, ROUNDINGS
from crdt_models.values.text import check_key

_OFFICE: Final = frozenset({"back_office", "system"})
_OFFICE_AND_FLOOR: Final = frozenset({"back_office", "system", "till", "handheld"})
_AMOUNT: Final = integer(-bounds.amount_minor_max, bounds.amount_minor_max)
_QUESTION: Final = map_of(
    {
        "id": Field(KEY, required=True),
        "prompt": Field(NAMES, required=True),
        "required": Field(FLAG, default=False),
        "choices": Field(list_of(KEY)),
    }
)


class Table(NamedTuple):
    """fields: by name; writers: roles whose records count; keys: the shape of a key."""

    fields: Mapping[str, Field]
    writers: frozenset[str] = _OFFICE
    keys: Shape = KEY


TABLES: Final[Mapping[str, Table]] = {
    "items": Table(
        {
            "names": Field(NAMES, required=True),
            "unit_price": Field(DECIMAL),
            "currency": Field(CURRENCY),
            "tax_code": Field(KEY),
            "barcodes": Field(list_of(KEY)),
            "department": Field(KEY),
            "unit": Field(KEY),
            "quantity_decimals": Field(integer(0, bounds.scale_max), default=0),
            "deposit_item": Field(KEY),
            "active": Field(FLAG, default=True),
            "note": Field(TEXT),
        }
    ),
    "prices": Table(
        {
            "item": Field(KEY, required=True),
            "unit_price": Field(DECIMAL, required=True),
            "currency": Field(CURRENCY, required=True),
            "price_list": Field(KEY),
            "first_day": Field(DAY),
            "last_day": Field(DAY),
        }
    ),
    "customers": Table(
        {
            "group": Field(KEY),
            "price_list": Field(KEY),
            "currency": Field(CURRENCY),
            "credit_limit_minor": Field(_AMOUNT),
            "blocked": Field(FLAG, default=False),
            "language": Field(KEY),
        }
    ),
    "customer_person": Table(
        {
            "name": Field(KEY, required=True),
            "email": Field(KEY),
            "phone": Field(KEY),
            "address": Field(list_of(KEY)),
            "note": Field(TEXT),
        },
        _OFFICE_AND_FLOOR,
    ),
    "staff": Table(
        {
            "permission_group": Field(KEY, default="cashier"),
            "blocked": Field(FLAG, default=False),
            "language": Field(KEY),
        }
    ),
    "staff_person": Table({"name": Field(KEY, required=True), "receipt_name": Field(KEY)}),
    "tender_types": Table(
        {
            "names": Field(NAMES, required=True),
            "gives_change": Field(FLAG, default=False),
            "opens_drawer": Field(FLAG, default=False),
            "cash_rounding": Field(one_of(*CASH_ROUNDINGS), default="none"),
            "active": Field(FLAG, default=True),
        }
    ),
    "tax_codes": Table(
        {
            "names": Field(NAMES),
            "rate_ppm": Field(integer(0, rate_ppm_max), required=True),
            "included": Field(FLAG, default=True),
            "rounding": Field(one_of(*ROUNDINGS), default="half_up"),
        }
    ),
    "suspension_types": Table(
        {
            "names": Field(NAMES, required=True),
            "questions": Field(list_of(_QUESTION)),
            "note_required": Field(FLAG, default=False),
            "keep_days": Field(integer(1, 3_660)),
        }
    ),
    "nodes": Table(
        {
            "name": Field(KEY, required=True),
            "role": Field(one_of(*ROLES), required=True),
            "credential": Field(hexadecimal(1, 2_048)),
            "addresses": Field(list_of(KEY)),
        },
        frozenset({"back_office"}),
        hexadecimal(16, 16),
    ),
    "policies": Table({"rules": Field(WORDS, required=True), "note": Field(TEXT)}, frozenset({"back_office"})),
    "saved_queries": Table(
        {
            "names": Field(NAMES),
            "sql": Field(long_text(limits.sql_characters_max), required=True),
            "parameters": Field(list_of(KEY)),
            "roles": Field(list_of(one_of(*ROLES))),
        },
        frozenset({"back_office"}),
    ),
}

AUTHORITY_TABLES: Final = frozenset({"nodes"})
"""Tables whose records count only with the authority's signature."""

ERASABLE_TABLES: Final = frozenset({"customer_person", "staff_person"})
"""Tables whose values may be dropped from the journals later, because they are about a person (RULES O1)."""


def may_write(table: str, role: str) -> bool:
    """Whether records of `table` by a node of this role count."""
    shape = TABLES.get(table)
    return shape is not None and role in shape.writers


def validate(table: str, key: str, value: Any) -> dict[str, Any]:
    """`value` as it is stored: fields checked, defaults filled in, nulls left out; `names` may be given as plain text.

    Raises InvalidValue naming the field: `table`, `key`, or the value's own.
    """
    shape = TABLES.get(table)
    if shape is None:
        raise InvalidValue("table", f"{str(table)[:60]!r} is no table; there are {', '.join(TABLES)}")
    check_key("key", key)
    shape.keys.clean("key", key)
    return clean_fields("", shape.fields, value)
