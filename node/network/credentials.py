"""What makes a directory a node of a store: its keys, its certificate, the authority's word. All under `trust/`.

    journal.key     Ed25519, PKCS 8 PEM: signs this node's journals
    tls.key         P-256, PKCS 8 PEM
    tls.pem         this node's TLS certificate
    ca.pem          the store's TLS authority
    authority.pub   the store's Ed25519 authority key, 64 hex digits
    credential      canonical CBOR, carried in every `open` (RULES O3); written last: a directory with it is a member
    authority.key, ca.key, issued/, invitations/    at the authority only (see authority.py, invite.py)

Keys are files for their owner alone. A stolen disk is answered by revoking, not by a passphrase that a till
would have to be told at every start.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crdt_models.errors import InvalidValue, MalformedBytes
from crdt_models.journal.credential import ROLES, Credential
from crdt_models.journal.signatures import Ed25519Signer, verify_ed25519
from crdt_models.values.identity import NodeId, StoreId, node_id
from node.network import limits
from node.network.certificates import key_hash, new_tls_key, read_node_certificate
from node.network.durable_file import private_directory, write_durably
from node.network.errors import AlreadyAMember, BrokenTrust, NotAMember, UnreadableCertificate

TRUST: Final = "trust"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A member's identity, checked: key, certificate and credential fit one another and the authority.

    authority_key: 32 raw Ed25519 bytes; expires_ms: of the TLS certificate, UTC milliseconds.
    """

    trust: Path
    credential: Credential
    authority_key: bytes
    signer: Ed25519Signer
    expires_ms: int

    @property
    def store(self) -> StoreId:
        return self.credential.store

    @property
    def node(self) -> NodeId:
        return self.credential.node

    @property
    def name(self) -> str:
        return self.credential.name

    @property
    def role(self) -> str:
        return self.credential.role

    @property
    def is_authority(self) -> bool:
        """Whether this directory can invite others."""
        return (self.trust / "authority.key").exists()

    @staticmethod
    def load(directory: Path) -> Credentials:
        """The identity of the node in `directory`. Raises NotAMember, BrokenTrust."""
        trust = directory / TRUST
        if not (trust / "credential").exists():
            raise NotAMember(str(directory))
        try:
            credential = Credential.from_bytes(_read(trust / "credential"))
            authority_key = bytes.fromhex(_read(trust / "authority.pub").decode("ascii"))
            credential.check(authority_key, verify_ed25519)
        except (MalformedBytes, ValueError) as error:
            raise BrokenTrust(str(trust / "credential"), str(error)) from error
        own = load_own_keys(trust)
        try:
            certificate = read_node_certificate(_pem_to_der(_read(trust / "tls.pem")))
        except (UnreadableCertificate, ValueError) as error:
            raise BrokenTrust(str(trust / "tls.pem"), "not the certificate of a node") from error
        if own.signer.public_key != credential.journal_key:
            raise BrokenTrust(str(trust / "journal.key"), "not the key that the credential names")
        if not own.tls_key_hash == credential.tls_key_hash == certificate.key_hash:
            raise BrokenTrust(str(trust / "tls.key"), "not the key of the certificate and the credential")
        if certificate.node != credential.node:
            raise BrokenTrust(str(trust / "tls.pem"), "the certificate of another node")
        _read(trust / "ca.pem")
        return Credentials(trust, credential, authority_key, own.signer, certificate.expires_ms)


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """A node's two private keys."""

    signer: Ed25519Signer
    tls: ec.EllipticCurvePrivateKey

    @property
    def tls_key_hash(self) -> bytes:
        return key_hash(self.tls.public_key())


def check_name(name: str) -> str:
    """A display name that is safe on receipts, in file names and in shells. Raises InvalidValue("name")."""
    if len(name) > limits.name_characters_max:
        raise InvalidValue("name", f"longer than {limits.name_characters_max} characters")
    if _NAME.fullmatch(name) is None:
        raise InvalidValue("name", "use small letters a-z, digits and dashes inside, as in till-3")
    return name


def check_role(role: str) -> str:
    """One of the roles. Raises InvalidValue("role")."""
    if role not in ROLES:
        raise InvalidValue("role", f"{role!r} is none of {', '.join(ROLES)}")
    return role


def refuse_member(directory: Path) -> None:
    """Raises AlreadyAMember if `directory` belongs to a store."""
    if (directory / TRUST / "credential").exists():
        raise AlreadyAMember(str(directory), Credentials.load(directory).name)


def own_keys(trust: Path) -> OwnKeys:
    """The node's keys; made on first use, so that a join repeated after a lost answer asks with the same ones."""
    private_directory(trust)
    if not (trust / "journal.key").exists():
        write_private_key(trust / "journal.key", Ed25519PrivateKey.generate())
    if not (trust / "tls.key").exists():
        write_private_key(trust / "tls.key", new_tls_key())
    return load_own_keys(trust)


def load_own_keys(trust: Path) -> OwnKeys:
    """Raises BrokenTrust."""
    return OwnKeys(load_signer(trust / "journal.key"), load_tls_key(trust / "tls.key"))


def load_signer(path: Path) -> Ed25519Signer:
    """The Ed25519 key in a PEM file. Raises BrokenTrust."""
    key = _load_key(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise BrokenTrust(str(path), "not an Ed25519 key")
    return Ed25519Signer(key.private_bytes_raw())


def load_tls_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The P-256 key in a PEM file. Raises BrokenTrust."""
    key = _load_key(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BrokenTrust(str(path), "not a P-256 key")
    return key


def write_private_key(path: Path, key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
    """As PKCS 8 PEM, durably, for the owner alone."""
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_durably(path, encoded)


def write_membership(trust: Path, authority_key: bytes, ca_pem: bytes, tls_pem: bytes, credential: Credential) -> None:
    """Make the directory a member. The credential comes last: a power cut before it leaves a directory that can join."""
    write_durably(trust / "authority.pub", authority_key.hex().encode("ascii"))
    write_durably(trust / "ca.pem", ca_pem)
    write_durably(trust / "tls.pem", tls_pem)
    write_durably(trust / "credential", credential.to_bytes())


def node_of_keys(keys: OwnKeys) -> NodeId:
    """The node that these keys make."""
    return node_id(keys.signer.public_key)


def _load_key(path: Path) -> object:
    try:
        return serialization.load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError) as error:
        raise BrokenTrust(str(path), "not an unencrypted PEM key") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BrokenTrust(str(path), error.strerror or type(error).__name__) from error


def _pem_to_der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))
