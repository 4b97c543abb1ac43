"""TLS contexts: 1.3 only, both ends prove themselves, and the store's own authority is the only one trusted.

OpenSSL's time check is off (`X509_V_FLAG_NO_CHECK_TIME`): a till whose clock is years off must still find its peers, who
then tell it the time; expiry is judged after `hello`, by shop time (DESIGN section 11). Host names are not checked: a
node is its key, not its address. No session tickets: each link proves both ends anew.
"""

from __future__ import annotations

import ssl
from typing import Final

from node.network.certificates import NodeCertificate, read_node_certificate
from node.network.credentials import Credentials
from node.network.errors import UnreadableCertificate

NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME (OpenSSL 1.1.0 and later, x509_vfy.h); the ssl module has no name for it."""


def link_server_context(credentials: Credentials) -> ssl.SSLContext:
    """For accepting links: a peer without a certificate of this store fails in the handshake."""
    context = _server(credentials)
    _trust_store_only(context, credentials)
    return context


def link_client_context(credentials: Credentials) -> ssl.SSLContext:
    """For dialing links."""
    context = _client()
    context.load_cert_chain(credentials.trust / "tls.pem", credentials.trust / "tls.key")
    _trust_store_only(context, credentials)
    return context


def enrolment_server_context(credentials: Credentials) -> ssl.SSLContext:
    """For answering joiners, who have no certificate yet; they know us by the fingerprint in their token."""
    return _server(credentials)


def enrolment_client_context() -> ssl.SSLContext:
    """For joining: whoever answers is let through the handshake, then checked by fingerprint before a byte is sent."""
    context = _client()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def peer_der(ssl_object: object) -> bytes:
    """The peer's certificate as DER. ssl_object: a transport's extra info. Raises UnreadableCertificate."""
    if not isinstance(ssl_object, ssl.SSLObject | ssl.SSLSocket):
        raise UnreadableCertificate("the connection is not encrypted")
    raw = ssl_object.getpeercert(binary_form=True)
    if raw is None:
        raise UnreadableCertificate("the peer showed no certificate")
    return raw


def peer_certificate(ssl_object: object) -> NodeCertificate:
    """Who is at the other end of a link. Raises UnreadableCertificate."""
    return read_node_certificate(peer_der(ssl_object))


def _server(credentials: Credentials) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.load_cert_chain(credentials.trust / "tls.pem", credentials.trust / "tls.key")
    return context


def _client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _trust_store_only(context: ssl.SSLContext, credentials: Credentials) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    context.load_verify_locations(credentials.trust / "ca.pem")
