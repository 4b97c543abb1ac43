"""The operation: one fact of a business step, as it stands in an entry.

Field 0 of every kind names the resource, document or thing that it concerns, so a node can tell what an operation of an
unknown kind touches. Unknown kinds and versions decode like any other: kept, counted, passed on (DESIGN section 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from crdt_models import limits
from crdt_models.errors import LimitExceeded, MalformedBytes
from crdt_models.journal import canonical

VIA_TILL: Final = 0
VIA_HANDHELD: Final = 1
VIA_SYSTEM: Final = 2


@dataclass(frozen=True, slots=True)
class Operation:
    """kind, version: small integers, see `crdt_models.operations`; fields: by field number.

    critical: a node that does not know the kind must refuse further steps on the same resource.
    by: (staff id, session epoch), absent while the store has no staff record; via: VIA_TILL, VIA_HANDHELD, VIA_SYSTEM.
    meaning: what the fields were made from, where they were made here; reading the fields gives an equal one. It never
    travels, and spares a till to read again what it has just written.
    """

    kind: int
    version: int
    fields: Mapping[int, Any]
    critical: bool = False
    by: tuple[str, int] | None = None
    via: int = VIA_TILL
    meaning: object = field(default=None, compare=False, repr=False)

    def to_bytes(self) -> bytes:
        """The canonical encoding, as it is hashed."""
        by = None if self.by is None else [self.by[0], self.by[1]]
        return canonical.encode([self.kind, self.version, self.fields, self.critical, by, self.via])


@dataclass(frozen=True, slots=True)
class Dropped:
    """An operation whose content was erased or retired; its salted hash still holds the entry together (RULES O1)."""

    hash: bytes


def decode_operation(raw: bytes) -> Operation:
    """The operation of these bytes. Raises MalformedBytes; an unknown kind or version is no error."""
    value = canonical.decode(raw, "operation")
    if type(value) is not list or len(value) != 6:
        raise MalformedBytes("operation", "not an array of 6")
    kind, version, fields, critical, by, via = value
    if type(kind) is not int or type(version) is not int or kind < 0 or version < 1:
        raise MalformedBytes("operation", "kind or version is not a number in range")
    if type(fields) is not dict or type(critical) is not bool or type(via) is not int:
        raise MalformedBytes("operation", "fields, critical or via has the wrong type")
    for key in fields:
        if type(key) is not int or key < 0:
            raise MalformedBytes("operation", "a field number that is no small integer")
    if by is not None:
        if type(by) is not list or len(by) != 2 or type(by[0]) is not str or type(by[1]) is not int:
            raise MalformedBytes("operation", "by is not [staff, epoch]")
        if len(by[0]) > limits.key_characters_max:
            raise LimitExceeded("operation", f"staff id of {len(by[0])} characters")
        by = (by[0], by[1])
    return Operation(kind, version, fields, critical, by, via)
