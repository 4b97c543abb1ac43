"""Every kind of operation: its number, its fields, who may write it. Numbers are never used twice.

| kind | number | fields (0 is always what it concerns) | who may write it |
|---|---|---|---|
| `STEP` | 0 | 1 needs [[journal, seq] ...], 2 idempotency key or null, 3 request fingerprint or null | any; always operation 0 |
| `OPEN` | 1 | 1 parent journal or null, 2 parent seq, 3 parent hash, 4 credential, 5 proven, 6 feature level, 7 series name | the first entry of a journal only |
| `BEGIN` | 2 | 0 document, 1 document type, 2 attributes | any |
| `UPDATE` | 3 | 0 document, 1 update bytes, 2 claim or null | its holder, or any for shared documents; always applied |
| `RETIRE` | 4 | 0 document, 1 last update included {journal: seq} | its holder, or any for shared documents |
| `LATE` | 5 | 0 document, 1 facts | the author of the late facts |
| `SALE` | 6 | see `crdt_models.sales` | the terminal itself |
| `FISCAL` | 7 | 0 sale, 1 receipt, 2 scheme, 3 result | the terminal itself |
| `CLAIM` | 8 | 0 resource, 1 epoch, 2 parent (claim or "root"), 3 policy version | any |
| `RELEASE` | 9 | 0 resource, 1 claim, 2 outcome | the holder |
| `TAKE_OVER` | 10 | 0 resource, 1 claim, 2 reason, 3 policy version | any (policy version 0) |
| `RECORD` | 17 | 0 table/key, 1 table, 2 key, 3 version, 4 value or null, 5 authority signature or null | by table |
| `REVOKE` | 18 | 0 node, 1 cuts {journal: seq}, 2 reason, 3 authority signature | the authority |
| `DAY` | 24 | 0 business day, 1 "open" or "close" | the back office or a till |
| `NOTE` | 25 | 0 what it concerns, 1 kind of note, 2 text | any |

Reserved, unknown kinds to this version, and so kept, counted, passed on and shown: 11 seal, 12 issue, 13 grant, 14 spend,
15 give back, 16 burn, 19 accept, 20 handover, 21 resolve, 22 erase, 23 checkpoint, 26 personal data.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from typing import Any, Final

from crdt_models import limits
from crdt_models.errors import InvalidValue, LimitExceeded
from crdt_models.journal import canonical
from crdt_models.journal.credential import Credential
from crdt_models.journal.entry import NO_HASH, Entry
from crdt_models.journal.operation import VIA_TILL, Operation
from crdt_models.journal.signatures import Signer, Verify
from crdt_models.values.identity import ClaimId, JournalId, NodeId, StoreId
from crdt_models.values.stamp import Place

FEATURE_LEVEL: Final = 1
"""What this version can write; `open` carries it. New kinds are written only when the store's lowest level allows it."""

ROOT: Final = "root"
"""The parent of a resource's first claim."""


class Kind(IntEnum):
    """The kinds that this version knows."""

    STEP = 0
    OPEN = 1
    BEGIN = 2
    UPDATE = 3
    RETIRE = 4
    LATE = 5
    SALE = 6
    FISCAL = 7
    CLAIM = 8
    RELEASE = 9
    TAKE_OVER = 10
    RECORD = 17
    REVOKE = 18
    DAY = 24
    NOTE = 25


KNOWN_VERSIONS: Final[Mapping[int, int]] = {int(kind): 1 for kind in Kind}
"""The highest version of each kind that this version reads."""

SINGLY_SIGNED_KINDS: Final = frozenset(
    {Kind.OPEN, Kind.CLAIM, Kind.RELEASE, Kind.TAKE_OVER, Kind.REVOKE, *range(11, 17), 22}
)
"""Kinds whose entry carries its own signature: rights, seals, blocks, erasures, and the first of an incarnation."""

_AUTHORITY_SIGNATURE: Final = 5
"""Field of a record that only the authority may write: such a record may travel alone, as a block does."""

OUTCOMES: Final = ("returned", "completed", "voided")


def is_known(operation: Operation) -> bool:
    """Whether this version reads the operation's kind and version."""
    return operation.version <= KNOWN_VERSIONS.get(operation.kind, 0)


def must_be_signed_singly(operations: Sequence[Operation]) -> bool:
    """Whether a step with these operations needs a signature of its own (DESIGN section 2)."""
    return any(
        operation.kind in SINGLY_SIGNED_KINDS
        or (operation.kind == Kind.RECORD and operation.fields.get(_AUTHORITY_SIGNATURE) is not None)
        for operation in operations
    )


def claim_id(place: Place, index: int) -> ClaimId:
    """The identity of the claim that is operation `index` of the entry at `place`: journal, 8 bytes of seq, 1 of index."""
    return ClaimId(place.journal + place.seq.to_bytes(8, "big") + min(index, 255).to_bytes(1, "big"))


def claim_place(claim: ClaimId) -> Place:
    """The entry that holds the claim."""
    return Place(JournalId(claim[:-9]), int.from_bytes(claim[-9:-1], "big"))


# --- makers: one per kind, checked where a person's words come in -------------------------------------------------


def step(
    needs: Sequence[Place] = (), key: str | None = None, fingerprint: bytes | None = None, via: int = VIA_TILL
) -> Operation:
    """Operation 0 of every entry: what it rests on, and the caller's idempotency key with its request's fingerprint.

    The key is kept in the entry, so a retry after a crash finds its first answer (FIELD story 5).
    """
    if len(needs) > limits.needs_max:
        raise LimitExceeded("step", f"{len(needs)} needs, at most {limits.needs_max}")
    if key is not None and not 1 <= len(key) <= limits.key_characters_max:
        raise InvalidValue("Idempotency-Key", f"must have 1 to {limits.key_characters_max} characters")
    fields: dict[int, Any] = {1: [[place.journal, place.seq] for place in needs]}
    if key is not None:
        fields[2] = key
        fields[3] = fingerprint
    return Operation(Kind.STEP, 1, fields, via=via)


def open_journal(
    parent: Place | None, parent_hash: bytes, credential: Credential, proven: bool, series: str
) -> Operation:
    """The first entry of a journal (RULES J1). series: 6 base32 characters that receipt series go by (RULES J6)."""
    fields: dict[int, Any] = {
        1: None if parent is None else parent.journal,
        2: 0 if parent is None else parent.seq,
        3: NO_HASH if parent is None else parent_hash,
        4: credential.to_bytes(),
        5: proven,
        6: FEATURE_LEVEL,
        7: series,
    }
    return Operation(Kind.OPEN, 1, fields)


def begin(document: bytes, type_: str, attributes: Mapping[str, str]) -> Operation:
    """A document comes into being. type_: "open_sale" or "seating"."""
    return Operation(Kind.BEGIN, 1, {0: document, 1: type_, 2: dict(attributes)})


def update(document: bytes, body: bytes, claim: ClaimId | None) -> Operation:
    """One update of a document, made under `claim` (null where no claim is needed)."""
    return Operation(Kind.UPDATE, 1, {0: document, 1: body, 2: claim})


def retire(document: bytes, last: Mapping[JournalId, int]) -> Operation:
    """The document is finished; `last` names the last update included, per journal (RULES O2)."""
    return Operation(Kind.RETIRE, 1, {0: document, 1: dict(last)})


def late(document: bytes, facts: Mapping[str, str]) -> Operation:
    """Facts that their author wrote without knowing of the retirement, repeated for people to see (RULES O2)."""
    return Operation(Kind.LATE, 1, {0: document, 1: dict(facts)})


def sale(fields: Mapping[int, Any], meaning: object = None) -> Operation:
    """A completed sale; fields by `Sale.to_fields`, meaning: the `Sale` that they were made from, where there is one."""
    return Operation(Kind.SALE, 1, fields, meaning=meaning)


def fiscal(sale_id: bytes, receipt: str, scheme: str, result: Mapping[str, str]) -> Operation:
    """The result of a fiscal scheme for a sale."""
    return Operation(Kind.FISCAL, 1, {0: sale_id, 1: receipt, 2: scheme, 3: dict(result)})


def claim(resource: str, epoch: int, parent: ClaimId | str, policy: int = 0) -> Operation:
    """An exclusive right is asked for (RULES C1)."""
    return Operation(Kind.CLAIM, 1, {0: resource, 1: epoch, 2: parent, 3: policy})


def release(resource: str, held: ClaimId, outcome: str) -> Operation:
    """The holder lets go. outcome: "returned" opens the next epoch, "completed" and "voided" end the chain."""
    assert outcome in OUTCOMES
    return Operation(Kind.RELEASE, 1, {0: resource, 1: held, 2: outcome})


def take_over(resource: str, held: ClaimId, reason: str, policy: int = 0) -> Operation:
    """Another node's claim is ended, since its holder does not answer (RULES C6)."""
    return Operation(Kind.TAKE_OVER, 1, {0: resource, 1: held, 2: reason, 3: policy})


def record(
    table: str, key: str, version: int, value: Mapping[str, Any] | None, signature: bytes | None = None
) -> Operation:
    """A reference record, whole; null removes it (RULES T1)."""
    return Operation(
        Kind.RECORD, 1, {0: f"{table}/{key}", 1: table, 2: key, 3: version, 4: value and dict(value), 5: signature}
    )


def record_message(store: StoreId, table: str, key: str, version: int, value: Mapping[str, Any] | None) -> bytes:
    """What the authority signs for a record of a table that is its own."""
    return b"tillmesh-record-1" + canonical.encode([store, table, key, version, value and dict(value)])


def revoke(store: StoreId, node: NodeId, cuts: Mapping[JournalId, int], reason: str, authority: Signer) -> Operation:
    """The node is shut out; cuts name how far its journals count (RULES O5; the fold uses them in a later version)."""
    signature = authority.sign(_revoke_message(store, node, cuts, reason))
    return Operation(Kind.REVOKE, 1, {0: node, 1: dict(cuts), 2: reason, 3: signature})


def revoke_verifies(operation: Operation, store: StoreId, authority_key: bytes, verify: Verify) -> bool:
    """Whether a REVOKE operation is well-formed and the authority's."""
    node, cuts = operation.fields.get(0), operation.fields.get(1)
    reason, signature = operation.fields.get(2), operation.fields.get(3)
    if type(node) is not bytes or type(cuts) is not dict or type(reason) is not str or type(signature) is not bytes:
        return False
    return verify(authority_key, signature, _revoke_message(store, NodeId(node), cuts, reason))


def day(business_day: str, state: str) -> Operation:
    """A business day is opened or closed by a person, whatever the clock's cut-off says."""
    return Operation(Kind.DAY, 1, {0: business_day, 1: state})


def note(concerns: bytes | str, kind: str, text: str) -> Operation:
    """Something that a person or the node did and that belongs in the journal: a reprint, an acknowledged alarm."""
    return Operation(Kind.NOTE, 1, {0: concerns, 1: kind, 2: text})


def said_by(operations: Sequence[Operation], staff: str | None, epoch: int, via: int) -> tuple[Operation, ...]:
    """The same operations with who did them and through what."""
    by = None if staff is None else (staff, epoch)
    return tuple(replace(operation, by=by, via=via) for operation in operations)


def step_of(entry: Entry) -> Operation:
    """Operation 0 of an entry, which decoding has checked."""
    first = entry.operations[0]
    assert isinstance(first, Operation)
    return first


def _revoke_message(store: StoreId, node: NodeId, cuts: Mapping[JournalId, int], reason: str) -> bytes:
    return b"tillmesh-revoke-1" + canonical.encode([store, node, dict(cuts), reason])
