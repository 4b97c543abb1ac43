"""The store's authority: makes the store, and says which keys belong to it, under which name and role.

Two keys, because two readers: Ed25519 signs what journals carry (credentials, node records, revocations); P-256 signs the
TLS certificates, which browsers must read. Both live at the back office. A name is given once and never again, since it
is printed in receipt numbers; `issued/<name>` is created exclusively, so two answers at once cannot give it twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crdt_models.journal.credential import Credential, issue_credential
from crdt_models.journal.signatures import Ed25519Signer
from crdt_models.values.identity import StoreId, node_id, store_id
from node.network.certificates import (
    authority_certificate,
    key_hash,
    new_tls_key,
    node_certificate,
    read_node_certificate,
    read_request,
    signing_request,
)
from node.network.credentials import (
    TRUST,
    Credentials,
    check_name,
    check_role,
    load_signer,
    load_tls_key,
    node_of_keys,
    own_keys,
    refuse_member,
    write_membership,
    write_private_key,
)
from node.network.durable_file import create_durably, private_directory, write_durably
from node.network.errors import BrokenTrust, NameTaken, NotTheAuthority


@dataclass(frozen=True, slots=True)
class Issued:
    """What a new node gets. certificate: DER."""

    credential: Credential
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Authority:
    """The issuing keys of one store. `sign` is for node records and revocations; it satisfies `Signer`."""

    trust: Path
    signer: Ed25519Signer
    ca_key: ec.EllipticCurvePrivateKey
    ca: x509.Certificate

    @property
    def public_key(self) -> bytes:
        """32 raw Ed25519 bytes."""
        return self.signer.public_key

    @property
    def store(self) -> StoreId:
        return store_id(self.signer.public_key)

    @property
    def ca_der(self) -> bytes:
        return self.ca.public_bytes(serialization.Encoding.DER)

    @staticmethod
    def load(directory: Path) -> Authority:
        """Raises NotTheAuthority, BrokenTrust."""
        trust = directory / TRUST
        if not (trust / "authority.key").exists():
            raise NotTheAuthority(str(directory))
        try:
            ca = x509.load_pem_x509_certificate((trust / "ca.pem").read_bytes())
        except (OSError, ValueError) as error:
            raise BrokenTrust(str(trust / "ca.pem"), "no readable certificate") from error
        ca_key = load_tls_key(trust / "ca.key")
        if ca_key.public_key() != ca.public_key():
            raise BrokenTrust(str(trust / "ca.key"), "not the key of ca.pem")
        return Authority(trust, load_signer(trust / "authority.key"), ca_key, ca)

    def sign(self, message: bytes) -> bytes:
        """64 bytes over a message that the caller has separated by domain."""
        return self.signer.sign(message)

    def is_taken(self, name: str) -> bool:
        """Whether a node of this name was enrolled."""
        return self._issued(name).exists()

    def issue(self, journal_key: bytes, request: bytes, name: str, role: str, wall_ms: int) -> Issued:
        """Certificate and credential for the keys of a new node; durable before it returns.

        journal_key: 32 raw Ed25519 bytes; request: PKCS 10 DER of its TLS key; wall_ms: UTC. The same keys under the
        same name may ask again. Raises NameTaken, InvalidValue, UnreadableCertificate.
        """
        check_name(name)
        check_role(role)
        key = read_request(request)
        node = node_id(journal_key)
        certificate = node_certificate(self.ca, self.ca_key, key, node, name, wall_ms)
        raw = certificate.public_bytes(serialization.Encoding.DER)
        expires_ms = read_node_certificate(raw).expires_ms
        credential = issue_credential(self.signer, journal_key, key_hash(key), name, role, expires_ms)
        record = {"name": name, "role": role, "node": node.hex(), "tls_key_hash": key_hash(key).hex()}
        try:
            create_durably(self._issued(name), json.dumps(record).encode("utf-8"))
        except FileExistsError as error:
            if json.loads(self._issued(name).read_bytes()) != record:
                raise NameTaken(name) from error
        return Issued(credential, raw)

    def _issued(self, name: str) -> Path:
        return self.trust / "issued" / f"{check_name(name)}.json"


def init_store(directory: Path, name: str, role: str, wall_ms: int) -> Credentials:
    """Make a store: its authority, and in the same directory its first node (`tillmesh init`).

    wall_ms: UTC milliseconds. Raises AlreadyAMember, InvalidValue, OSError. Interrupted, it can simply be repeated.
    """
    check_name(name)
    check_role(role)
    refuse_member(directory)
    trust = private_directory(directory / TRUST)
    private_directory(trust / "issued")
    private_directory(trust / "invitations")
    for unfinished in (trust / "issued").glob("*.json"):
        unfinished.unlink()
    write_private_key(trust / "authority.key", Ed25519PrivateKey.generate())
    write_private_key(trust / "ca.key", new_tls_key())
    signer, ca_key = load_signer(trust / "authority.key"), load_tls_key(trust / "ca.key")
    ca = authority_certificate(ca_key, store_id(signer.public_key), wall_ms)
    write_durably(trust / "ca.pem", ca.public_bytes(serialization.Encoding.PEM))
    authority = Authority.load(directory)
    keys = own_keys(trust)
    request = signing_request(keys.tls, node_of_keys(keys))
    issued = authority.issue(keys.signer.public_key, request, name, role, wall_ms)
    write_membership(trust, authority.public_key, _pem(ca), _pem_of_der(issued.certificate), issued.credential)
    return Credentials.load(directory)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of_der(raw: bytes) -> bytes:
    return _pem(x509.load_der_x509_certificate(raw))
