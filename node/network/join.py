"""The joiner's side of enrolment: `tillmesh join TOKEN` makes an empty directory a node of the store.

J1. The answering machine is checked by the token's fingerprint before the secret is sent.
J2. The keys are made here and never leave; they are written before the question is asked, so that a join whose
    answer was lost can be repeated within the token's time.
J3. What comes back is checked against itself and the own keys before anything becomes durable; the credential is last.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from crdt_models.errors import MalformedBytes
from crdt_models.journal.credential import Credential
from crdt_models.journal.signatures import verify_ed25519
from node.network import limits
from node.network.addresses import Address
from node.network.certificates import (
    is_signed_by,
    key_hash,
    read_certificate,
    read_node_certificate,
    signing_request,
)
from node.network.credentials import (
    TRUST,
    Credentials,
    OwnKeys,
    node_of_keys,
    own_keys,
    refuse_member,
    write_membership,
)
from node.network.enrolment import JOIN_DOMAIN, read_message, write_message
from node.network.errors import (
    AuthorityNotReached,
    JoinFailed,
    JoinRefused,
    NameTaken,
    NetworkError,
    TokenLate,
    TokenUnknown,
    TokenUsed,
    UnreadableCertificate,
    WrongAuthority,
)
from node.network.invite import FINGERPRINT_BYTES, Token
from node.network.tls import enrolment_client_context, peer_der

_REFUSALS: dict[str, type[JoinFailed]] = {kind.code: kind for kind in (TokenUnknown, TokenUsed, TokenLate)}


async def join_store(directory: Path, token_text: str) -> Credentials:
    """Enrol the node in `directory`; its identity is durable when this returns.

    Raises AlreadyAMember, NameTaken, and the subclasses of JoinFailed. The addresses are tried in order.
    """
    token = Token.from_text(token_text)
    refuse_member(directory)
    keys = own_keys(directory / TRUST)
    failures: list[str] = []
    wrong: WrongAuthority | None = None
    for address in token.addresses:
        try:
            answer, leaf = await _ask(address, token, keys)
        except WrongAuthority as error:
            wrong = error
            continue
        except (OSError, EOFError, TimeoutError) as error:
            failures.append(f"{address} ({_said(error)})")
            continue
        _admit(directory / TRUST, keys, answer, leaf)
        return Credentials.load(directory)
    if wrong is not None:
        raise wrong
    raise AuthorityNotReached("no answer from " + ", ".join(failures))


async def _ask(address: Address, token: Token, keys: OwnKeys) -> tuple[list[object], bytes]:
    async with asyncio.timeout(limits.join_s):
        reader, writer = await asyncio.open_connection(
            address.host, address.port, ssl=enrolment_client_context(), limit=limits.join_bytes_max
        )
        try:
            leaf = _pinned(writer, token, address)
            request = signing_request(keys.tls, node_of_keys(keys))
            signature = keys.signer.sign(JOIN_DOMAIN + token.secret + request)
            write_message(writer, [1, token.secret, keys.signer.public_key, request, signature])
            await writer.drain()
            return await read_message(reader, "join answer"), leaf
        except MalformedBytes as error:
            raise JoinRefused(f"{address} gave an answer that makes no sense ({error})") from error
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def _pinned(writer: asyncio.StreamWriter, token: Token, address: Address) -> bytes:
    try:
        leaf = peer_der(writer.get_extra_info("ssl_object"))
        shown = read_node_certificate(leaf).key_hash[:FINGERPRINT_BYTES]
    except UnreadableCertificate as error:
        raise WrongAuthority(f"{address} shows no certificate of a node") from error
    if shown != token.fingerprint:
        raise WrongAuthority(f"{address} shows another key than the token names")
    return leaf


def _admit(trust: Path, keys: OwnKeys, answer: list[object], leaf: bytes) -> None:
    match answer:
        case [1, "ok", bytes(authority_key), bytes(ca), bytes(certificate), bytes(raw)]:
            pass
        case [1, "name_taken", str(name)]:
            raise NameTaken(name)
        case [1, str(code), str(reason)]:
            raise _REFUSALS.get(code, JoinRefused)(reason)
        case _:
            raise JoinRefused("the authority gave an answer of an unknown form")
    try:
        credential = Credential.from_bytes(raw)
        credential.check(authority_key, verify_ed25519)
        own, authority, said = read_certificate(certificate), read_certificate(ca), read_node_certificate(certificate)
        fits = (
            credential.journal_key == keys.signer.public_key
            and said.node == credential.node == node_of_keys(keys)
            and said.key_hash == credential.tls_key_hash == key_hash(keys.tls.public_key())
            and is_signed_by(own, authority)
            and is_signed_by(read_certificate(leaf), authority)
        )
    except (MalformedBytes, NetworkError) as error:
        raise JoinRefused(f"the authority's answer does not decode ({error})") from error
    if not fits:
        raise JoinRefused("the authority's answer is not for these keys")
    write_membership(trust, authority_key, _pem(authority), _pem(own), credential)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
