"""The entry: one business step, one atomic unit, one link of a journal's chain (DESIGN section 2, normative).

    header    = [version, store, node, incarnation, seq, [wall ms, counter], previous hash, operations root, flags]
    operation = [kind, kind version, fields, critical, by, via], each hashed with a 16-byte salt of its own
    wire      = [header bytes, [[salt, operation bytes] | dropped hash ...], signature | null]

Hashes are SHA-256 and domain-separated; the signature is over "tillmesh-entry-1" and the header's hash, so a signed
entry vouches for all before it in its journal. An entry is decoded once and its wire bytes are passed on untouched.
The salts let one operation be replaced by its hash later while the entry verifies (RULES O1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from crdt_models import limits
from crdt_models.errors import BadSignature, BrokenChain, LimitExceeded, MalformedBytes
from crdt_models.journal import canonical
from crdt_models.journal.operation import Dropped, Operation, decode_operation
from crdt_models.journal.signatures import SIGNATURE_BYTES, Signer, Verify
from crdt_models.values.identity import (
    INCARNATION_BYTES,
    NODE_BYTES,
    Chance,
    JournalId,
    NodeId,
    StoreId,
    incarnation_of,
    node_of,
)
from crdt_models.values.stamp import Place, Stamp

ENTRY_VERSION: Final = 1
SIGNED_SINGLY: Final = 1
"""Flag bit 0: this entry carries its own signature, since it may travel alone (rights, blocks, the first of a journal)."""

HASH_BYTES: Final = 32
SALT_BYTES: Final = 16
NO_HASH: Final = bytes(HASH_BYTES)
"""What the first entry of a journal names as its predecessor."""

_SIGNING_DOMAIN: Final = b"tillmesh-entry-1"
_OPERATION_DOMAIN: Final = b"tillmesh-operation-1"
_ROOT_DOMAIN: Final = b"tillmesh-root-1"


class Entry:
    """One entry, as it was written; never changed after it is made.

    hash: SHA-256 of the header bytes; raw: the wire bytes; operations[0] is always the STEP operation.
    """

    __slots__ = (
        "flags",
        "hash",
        "journal",
        "operations",
        "previous",
        "raw",
        "root",
        "seq",
        "signature",
        "stamp",
        "store",
    )

    def __init__(
        self,
        store: StoreId,
        journal: JournalId,
        seq: int,
        stamp: Stamp,
        previous: bytes,
        root: bytes,
        flags: int,
        operations: tuple[Operation | Dropped, ...],
        signature: bytes | None,
        raw: bytes,
        header_hash: bytes,
    ) -> None:
        self.store = store
        self.journal = journal
        self.seq = seq
        self.stamp = stamp
        self.previous = previous
        self.root = root
        self.flags = flags
        self.operations = operations
        self.signature = signature
        self.raw = raw
        self.hash = header_hash

    @property
    def place(self) -> Place:
        """(journal, seq)."""
        return Place(self.journal, self.seq)

    @property
    def node(self) -> NodeId:
        """Who wrote it."""
        return node_of(self.journal)

    @property
    def signed_singly(self) -> bool:
        """Whether this entry must carry its own signature."""
        return bool(self.flags & SIGNED_SINGLY)

    @property
    def has_dropped(self) -> bool:
        """Whether an operation was replaced by its hash."""
        return any(type(operation) is Dropped for operation in self.operations)

    def __repr__(self) -> str:
        return f"Entry({self.journal.hex()[:8]}..{self.journal.hex()[-4:]} #{self.seq})"


class Writer:
    """Writes one journal: numbers from 1 without gaps, each entry chained to the one before.

    The only place where an entry comes into being. A writer that goes on with a journal is given its tip; a process
    never does that (RULES J1), a test may.
    """

    def __init__(self, store: StoreId, journal: JournalId, signer: Signer, chance: Chance) -> None:
        self.store, self.journal, self.signer = store, journal, signer
        self.seq = 0
        self.tip_hash = NO_HASH
        self._chance = chance

    def write(self, operations: Sequence[Operation], stamp: Stamp, flags: int = 0) -> Entry:
        """The next entry, not signed yet. operations[0] is the STEP operation.

        Raises LimitExceeded when the step is larger than an entry may be; nothing is written then.
        """
        if len(operations) > limits.operations_max:
            raise LimitExceeded("entry", f"{len(operations)} operations, at most {limits.operations_max}")
        salts = self._chance(SALT_BYTES * len(operations))
        pairs: list[list[bytes]] = []
        hashes: list[bytes] = []
        for index, operation in enumerate(operations):
            salt = salts[index * SALT_BYTES : (index + 1) * SALT_BYTES]
            body = operation.to_bytes()
            pairs.append([salt, body])
            hashes.append(operation_hash(salt, body))
        root = operations_root(hashes)
        seq = self.seq + 1
        header = encode_header(self.store, self.journal, seq, stamp, self.tip_hash, root, flags)
        raw = b"\x83" + canonical.encode(header) + canonical.encode(pairs) + b"\xf6"
        if len(raw) + SIGNATURE_BYTES + 2 > limits.entry_bytes_max:
            raise LimitExceeded("entry", f"{len(raw)} bytes, at most {limits.entry_bytes_max}")
        header_hash = hashlib.sha256(header).digest()
        entry = Entry(
            self.store, self.journal, seq, stamp, self.tip_hash, root, flags, tuple(operations), None, raw, header_hash
        )
        self.seq, self.tip_hash = seq, header_hash
        return entry

    def sign(self, entry: Entry) -> Entry:
        """The same entry with a signature; returns it unchanged when it has one."""
        if entry.signature is not None:
            return entry
        signature = self.signer.sign(signing_message(entry.hash))
        raw = entry.raw[:-1] + b"\x58\x40" + signature
        return Entry(
            entry.store,
            entry.journal,
            entry.seq,
            entry.stamp,
            entry.previous,
            entry.root,
            entry.flags,
            entry.operations,
            signature,
            raw,
            entry.hash,
        )


def decode_entry(raw: bytes) -> Entry:
    """The entry of these wire bytes, its operations checked against the root; neither chain nor signature is checked.

    Raises MalformedBytes or LimitExceeded: the sender's fault.
    """
    wire = canonical.decode(raw, "entry", limits.entry_bytes_max)
    if type(wire) is not list or len(wire) != 3 or type(wire[0]) is not bytes or type(wire[1]) is not list:
        raise MalformedBytes("entry", "not [header, operations, signature]")
    header, parts, signature = wire
    if signature is not None and (type(signature) is not bytes or len(signature) != SIGNATURE_BYTES):
        raise MalformedBytes("entry", "a signature that is not 64 bytes")
    if not 1 <= len(parts) <= limits.operations_max:
        raise LimitExceeded("entry", f"{len(parts)} operations, 1 to {limits.operations_max}")
    store, journal, seq, stamp, previous, root, flags = _decode_header(header)
    operations: list[Operation | Dropped] = []
    hashes: list[bytes] = []
    for part in parts:
        if type(part) is bytes and len(part) == HASH_BYTES:
            operations.append(Dropped(part))
            hashes.append(part)
        elif (
            type(part) is list
            and len(part) == 2
            and type(part[0]) is bytes
            and len(part[0]) == SALT_BYTES
            and type(part[1]) is bytes
        ):
            operations.append(decode_operation(part[1]))
            hashes.append(operation_hash(part[0], part[1]))
        else:
            raise MalformedBytes("entry", "an operation that is neither [salt, bytes] nor a hash")
    if operations_root(hashes) != root:
        raise MalformedBytes("entry", "the operations do not match the root")
    first = operations[0]
    if type(first) is not Operation or first.kind != 0:
        raise MalformedBytes("entry", "operation 0 is not a step")
    if flags & SIGNED_SINGLY and signature is None:
        raise MalformedBytes("entry", "flagged as signed singly, without a signature")
    return Entry(
        store,
        journal,
        seq,
        stamp,
        previous,
        root,
        flags,
        tuple(operations),
        signature,
        raw,
        hashlib.sha256(header).digest(),
    )


def encode_header(
    store: StoreId, journal: JournalId, seq: int, stamp: Stamp, previous: bytes, root: bytes, flags: int
) -> bytes:
    """The header bytes: what is hashed, chained and signed."""
    return canonical.encode(
        [
            ENTRY_VERSION,
            store,
            node_of(journal),
            incarnation_of(journal),
            seq,
            [stamp.wall_ms, stamp.counter],
            previous,
            root,
            flags,
        ]
    )


def operation_hash(salt: bytes, operation: bytes) -> bytes:
    """The salted hash under which an operation stands in the root."""
    return hashlib.sha256(_OPERATION_DOMAIN + salt + operation).digest()


def operations_root(hashes: Sequence[bytes]) -> bytes:
    """The hash over the list of operation hashes."""
    return hashlib.sha256(_ROOT_DOMAIN + b"".join(hashes)).digest()


def signing_message(header_hash: bytes) -> bytes:
    """What the journal key signs."""
    return _SIGNING_DOMAIN + header_hash


def check_chain(seq: int, tip_hash: bytes, entry: Entry) -> None:
    """That `entry` follows number `seq` with hash `tip_hash` (0 and NO_HASH before the first). Raises BrokenChain."""
    if entry.seq != seq + 1:
        raise BrokenChain("entry", f"number {entry.seq} after {seq}")
    if entry.previous != tip_hash:
        raise BrokenChain("entry", f"number {entry.seq} names another predecessor than the one held")


def check_signature(entry: Entry, public_key: bytes, verify: Verify) -> None:
    """That the entry's own signature is the journal key's. Raises BadSignature, also when there is none."""
    if entry.signature is None:
        raise BadSignature("entry", f"number {entry.seq} is not signed")
    if not verify(public_key, entry.signature, signing_message(entry.hash)):
        raise BadSignature("entry", f"the signature of number {entry.seq} does not verify")


def without_operation(entry: Entry, index: int) -> Entry:
    """The entry with operation `index` replaced by its hash: what erasure and retirement leave (RULES O1)."""
    wire = canonical.decode(entry.raw, "entry")
    salt, body = wire[1][index]
    dropped = operation_hash(salt, body)
    wire[1][index] = dropped
    operations = list(entry.operations)
    operations[index] = Dropped(dropped)
    return Entry(
        entry.store,
        entry.journal,
        entry.seq,
        entry.stamp,
        entry.previous,
        entry.root,
        entry.flags,
        tuple(operations),
        entry.signature,
        canonical.encode(wire),
        entry.hash,
    )


def _decode_header(header: bytes) -> tuple[StoreId, JournalId, int, Stamp, bytes, bytes, int]:
    value = canonical.decode(header, "entry header")
    if type(value) is not list or len(value) != 9:
        raise MalformedBytes("entry header", "not an array of 9")
    version, store, node, incarnation, seq, stamp, previous, root, flags = value
    if version != ENTRY_VERSION:
        raise MalformedBytes("entry header", f"version {version!r}, this node reads {ENTRY_VERSION}")
    for name, field, size in (
        ("store", store, 16),
        ("node", node, NODE_BYTES),
        ("incarnation", incarnation, INCARNATION_BYTES),
        ("previous hash", previous, HASH_BYTES),
        ("root", root, HASH_BYTES),
    ):
        if type(field) is not bytes or len(field) != size:
            raise MalformedBytes("entry header", f"{name} is not {size} bytes")
    if type(seq) is not int or not 1 <= seq < 1 << 63:
        raise MalformedBytes("entry header", "seq is not a number from 1")
    if (
        type(stamp) is not list
        or len(stamp) != 2
        or type(stamp[0]) is not int
        or type(stamp[1]) is not int
        or not -(1 << 63) <= stamp[0] < 1 << 63
        or not 0 <= stamp[1] < 1 << 32
    ):
        raise MalformedBytes("entry header", "stamp is not [wall ms, counter]")
    if type(flags) is not int or flags & ~SIGNED_SINGLY:
        raise MalformedBytes("entry header", "a flag that this version does not know")
    return (
        StoreId(store),
        JournalId(node + incarnation),
        seq,
        Stamp(stamp[0], stamp[1]),
        previous,
        root,
        flags,
    )
