"""The credential: the authority's word that this key writes for this node, in this role (RULES O3).

Each journal's `open` carries it, so a journal proves itself and no order between journals is needed. The fold ignores
`expires_ms`; only links judge it (DESIGN section 11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crdt_models import limits
from crdt_models.errors import BadSignature, MalformedBytes
from crdt_models.journal import canonical
from crdt_models.journal.signatures import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, Signer, Verify
from crdt_models.values.identity import NodeId, StoreId, node_id, store_id

ROLES: Final = ("back_office", "till", "handheld", "system", "archive")
_DOMAIN: Final = b"tillmesh-credential-1"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Credential:
    """journal_key: 32 raw Ed25519 bytes; tls_key_hash: SHA-256 of the TLS key's SubjectPublicKeyInfo.

    expires_ms: UTC milliseconds; signature: 64 bytes by the authority's key.
    """

    store: StoreId
    node: NodeId
    journal_key: bytes
    tls_key_hash: bytes
    name: str
    role: str
    expires_ms: int
    signature: bytes

    def to_bytes(self) -> bytes:
        """Canonical CBOR, as it stands in `open`."""
        return canonical.encode([*self._body(), self.signature])

    def _body(self) -> list[object]:
        return [
            _VERSION,
            self.store,
            self.node,
            self.journal_key,
            self.tls_key_hash,
            self.name,
            self.role,
            self.expires_ms,
        ]

    @staticmethod
    def from_bytes(raw: bytes) -> Credential:
        """Raises MalformedBytes; the signature is not checked here."""
        value = canonical.decode(raw, "credential", 4_096)
        if type(value) is not list or len(value) != 9 or value[0] != _VERSION:
            raise MalformedBytes("credential", "not an array of 9 of version 1")
        _, store, node, journal_key, tls_key_hash, name, role, expires_ms, signature = value
        for field, size in (
            (store, 16),
            (node, 16),
            (journal_key, PUBLIC_KEY_BYTES),
            (tls_key_hash, 32),
            (signature, SIGNATURE_BYTES),
        ):
            if type(field) is not bytes or len(field) != size:
                raise MalformedBytes("credential", "a key, hash or identity of the wrong size")
        if type(name) is not str or not 1 <= len(name) <= limits.key_characters_max:
            raise MalformedBytes("credential", "a name that is empty or too long")
        if type(role) is not str or role not in ROLES:
            raise MalformedBytes("credential", "a role that this version does not know")
        if type(expires_ms) is not int:
            raise MalformedBytes("credential", "an expiry that is no number")
        return Credential(StoreId(store), NodeId(node), journal_key, tls_key_hash, name, role, expires_ms, signature)

    def check(self, authority_key: bytes, verify: Verify) -> None:
        """That the authority signed it and that it binds node to key. Raises BadSignature."""
        if self.store != store_id(authority_key):
            raise BadSignature("credential", "it belongs to another store")
        if self.node != node_id(self.journal_key):
            raise BadSignature("credential", "the node is not the hash of the journal key")
        if not verify(authority_key, self.signature, _DOMAIN + canonical.encode(self._body())):
            raise BadSignature("credential", "the authority did not sign it")


def issue_credential(
    authority: Signer, journal_key: bytes, tls_key_hash: bytes, name: str, role: str, expires_ms: int
) -> Credential:
    """A credential signed by the store's authority; the node's identity follows from its key."""
    unsigned = Credential(
        store_id(authority.public_key),
        node_id(journal_key),
        journal_key,
        tls_key_hash,
        name,
        role,
        expires_ms,
        bytes(SIGNATURE_BYTES),
    )
    signature = authority.sign(_DOMAIN + canonical.encode(unsigned._body()))
    return Credential.from_bytes(canonical.encode([*unsigned._body(), signature]))
