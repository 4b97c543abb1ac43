"""What a replica needs of the shop: to take entries in, and to say who is revoked. `crdt_models.shop.Shop` is one."""

from __future__ import annotations

from typing import Protocol

from crdt_models.journal.entry import Entry
from crdt_models.values.identity import NodeId, StoreId


class Fold(Protocol):
    """The fold of all journals held."""

    @property
    def store(self) -> StoreId:
        """Whose journals these are."""

    @property
    def authority_key(self) -> bytes:
        """The key that signs credentials; 32 bytes."""

    def fold(self, entry: Entry) -> None:
        """Take in the next entry of its journal."""

    def revoked(self, node: NodeId) -> bool:
        """Whether a held revocation names the node."""
