"""The store's TLS certificates: one authority, one P-256 certificate per node, with the node's identity in it.

P-256 and not Ed25519, because Chromium takes no Ed25519 certificates and a waiter's tablet speaks to its node by https.
The identity stands in the subject alternative name as `urn:tillmesh:node:<32 hex digits>`; the common name is the
display name, for people only. The names of machines are not in it: nodes are known by key, addresses change with DHCP.
Expiry is written here and judged by the shell after `hello`, by shop time (DESIGN section 11), never by OpenSSL.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from crdt_models.values.identity import NODE_BYTES, NodeId, StoreId
from node.network import limits
from node.network.errors import UnreadableCertificate

URN: Final = "urn:tillmesh:node:"
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NodeCertificate:
    """What a node's certificate says. expires_ms: UTC milliseconds; key_hash: SHA-256 of SubjectPublicKeyInfo."""

    node: NodeId
    name: str
    expires_ms: int
    key_hash: bytes


def new_tls_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_hash(key: ec.EllipticCurvePublicKey) -> bytes:
    """SHA-256 of the key's SubjectPublicKeyInfo: what credentials and tokens name (RFC 7469 2.4 does the same)."""
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).digest()


def authority_certificate(key: ec.EllipticCurvePrivateKey, store: StoreId, wall_ms: int) -> x509.Certificate:
    """The store's own TLS authority, self-signed."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tillmesh store {store.hex()[:8]}")])
    return (
        _dated(x509.CertificateBuilder(), wall_ms, limits.authority_days)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def node_certificate(
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePublicKey,
    node: NodeId,
    name: str,
    wall_ms: int,
) -> x509.Certificate:
    """The certificate of `node`, for both ends of a link."""
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        _dated(x509.CertificateBuilder(), wall_ms, limits.certificate_days)
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(URN + node.hex())]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )


def signing_request(key: ec.EllipticCurvePrivateKey, node: NodeId) -> bytes:
    """A PKCS 10 request as DER: proof that the asker holds the TLS key."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node.hex())])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def read_request(raw: bytes) -> ec.EllipticCurvePublicKey:
    """The key of a request whose signature fits. Raises UnreadableCertificate."""
    try:
        request = x509.load_der_x509_csr(raw)
        fits, key = request.is_signature_valid, request.public_key()
    except ValueError as error:
        raise UnreadableCertificate("the signing request does not decode") from error
    if not fits:
        raise UnreadableCertificate("the signing request is not signed by its own key")
    return _p256(key)


def read_certificate(raw: bytes) -> x509.Certificate:
    """A DER certificate. Raises UnreadableCertificate."""
    try:
        return x509.load_der_x509_certificate(raw)
    except ValueError as error:
        raise UnreadableCertificate("the certificate does not decode") from error


def read_node_certificate(raw: bytes) -> NodeCertificate:
    """What a DER certificate says of its node; who signed it is TLS's matter. Raises UnreadableCertificate."""
    certificate = read_certificate(raw)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        identities = [
            name for name in names.get_values_for_type(x509.UniformResourceIdentifier) if name.startswith(URN)
        ]
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        key = _p256(certificate.public_key())
        expires = certificate.not_valid_after_utc
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError) as error:
        raise UnreadableCertificate("the certificate names no node") from error
    if len(identities) != 1 or len(common) != 1:
        raise UnreadableCertificate("the certificate does not name exactly one node")
    digits = identities[0][len(URN) :]
    if len(digits) != 2 * NODE_BYTES or not set(digits) <= set("0123456789abcdef"):
        raise UnreadableCertificate("the node in the certificate is not 32 hexadecimal digits")
    return NodeCertificate(
        NodeId(bytes.fromhex(digits)), str(common[0].value), int(expires.timestamp()) * 1000, key_hash(key)
    )


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether `authority`'s key signed `certificate`."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _p256(key: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UnreadableCertificate("the TLS key is not on P-256")
    return key


def _dated(builder: x509.CertificateBuilder, wall_ms: int, days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.fromtimestamp(wall_ms // 1000, tz=datetime.UTC)
    return builder.not_valid_before(now - _DAY).not_valid_after(now + days * _DAY)


def _key_usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
