"""Who and which: identities of stores, nodes, journals, documents. Made from keys or injected chance, never from a clock alone.

A **node** is the first 16 bytes of SHA-256 of its journal key; a **store** the same of its authority's key, so an
identity cannot be claimed without the key. A **journal** is (node, incarnation): `JournalId` is the node's 16 bytes
followed by the incarnation's 8 (RULES J1), so it sorts and hashes as one value; a fork's branch will append 8 bytes
more (RULES J3), which is why nothing here assumes 24 bytes where 24..32 would do.
Python 3.11 has no uuid7: `uuid7` makes one (RFC 9562 5.7) from a given time and given chance.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import NewType

StoreId = NewType("StoreId", bytes)
NodeId = NewType("NodeId", bytes)
Incarnation = NewType("Incarnation", bytes)
JournalId = NewType("JournalId", bytes)
ClaimId = NewType("ClaimId", bytes)

Chance = Callable[[int], bytes]
"""Source of random bytes: `chance(n)` gives n bytes. `os.urandom` in production, a seeded generator in simulation."""

NODE_BYTES = 16
INCARNATION_BYTES = 8
JOURNAL_BYTES = NODE_BYTES + INCARNATION_BYTES
BRANCH_BYTES = JOURNAL_BYTES + 8


def store_id(authority_key: bytes) -> StoreId:
    """The store of an authority; authority_key: 32 raw Ed25519 bytes."""
    return StoreId(hashlib.sha256(b"tillmesh-store-1" + authority_key).digest()[:16])


def node_id(journal_key: bytes) -> NodeId:
    """The node that signs with this key; journal_key: 32 raw Ed25519 bytes."""
    return NodeId(hashlib.sha256(journal_key).digest()[:16])


def journal_id(node: NodeId, incarnation: Incarnation) -> JournalId:
    """The journal that `node` writes in one process life."""
    return JournalId(node + incarnation)


def node_of(journal: JournalId) -> NodeId:
    """The node that writes `journal`."""
    return NodeId(journal[:NODE_BYTES])


def incarnation_of(journal: JournalId) -> Incarnation:
    """The process life in which `journal` is written."""
    return Incarnation(journal[NODE_BYTES:JOURNAL_BYTES])


def base32_short(raw: bytes, characters: int) -> str:
    """The first `characters` of RFC 4648 base32, without padding: short, in capitals, easy to read aloud."""
    return base64.b32encode(raw).decode("ascii").rstrip("=")[:characters]


def short_name(identity: bytes) -> str:
    """What a log or a table shows where no display name is known: 8 hex digits."""
    return identity[:4].hex()


def uuid7(wall_ms: int, chance: Chance) -> bytes:
    """A version 7 UUID as 16 bytes (RFC 9562 5.7). wall_ms: UTC milliseconds, clamped to 48 bits."""
    value = bytearray(max(0, min(wall_ms, (1 << 48) - 1)).to_bytes(6, "big") + chance(10))
    value[6] = (value[6] & 0x0F) | 0x70
    value[8] = (value[8] & 0x3F) | 0x80
    return bytes(value)
