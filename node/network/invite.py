"""Invitations: a single-use, 15-minute token that lets one named node into the store.

The token carries the authority's addresses, a fingerprint of its TLS key, and a secret. The joiner checks the fingerprint
*before* it sends the secret, so nobody in between can use it. The authority keeps only a hash of the secret:
`invitations/<hash>.open` while it may be used, `.used` with the whole answer afterwards, written durably before the
answer leaves. A joiner whose answer was lost may repeat the question with the same keys and gets the same answer; anyone
else is refused. One file each and exclusive creation, not one list: the command that invites and the node that answers
are two processes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crdt_models.errors import InvalidValue, MalformedBytes
from crdt_models.journal import canonical
from crdt_models.values.identity import Chance
from node.network import limits
from node.network.addresses import Address, parse_address
from node.network.authority import Authority
from node.network.credentials import check_name, check_role
from node.network.durable_file import create_durably, private_directory, remove_durably
from node.network.errors import NameTaken, TokenLate, TokenMalformed, TokenUnknown, TokenUsed

PREFIX: Final = "tm1"
SECRET_BYTES: Final = 16
FINGERPRINT_BYTES: Final = 16
_CHECK_BYTES = 3
_GROUP = 8
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Token:
    """fingerprint: first 16 bytes of SHA-256 of the authority's TLS key (SubjectPublicKeyInfo); secret: 16 bytes."""

    fingerprint: bytes
    secret: bytes
    addresses: tuple[Address, ...]

    def to_text(self) -> str:
        """Base32 in groups of eight, with check digits: `tm1-xxxxxxxx-...`; capitals and spaces do not matter."""
        body = canonical.encode([1, self.fingerprint, self.secret, [str(address) for address in self.addresses]])
        coded = base64.b32encode(body + _check_digits(body)).decode("ascii").rstrip("=").lower()
        return "-".join([PREFIX, *(coded[at : at + _GROUP] for at in range(0, len(coded), _GROUP))])

    @staticmethod
    def from_text(text: str) -> Token:
        """Raises TokenMalformed."""
        plain = "".join(text.split()).lower().replace("-", "")
        if not plain.startswith(PREFIX) or len(plain) > 2_000:
            raise TokenMalformed(f"a token begins with {PREFIX}-")
        coded = plain[len(PREFIX) :].upper()
        try:
            raw = base64.b32decode(coded + "=" * (-len(coded) % 8))
        except ValueError as error:
            raise TokenMalformed("the token holds a character that no token has") from error
        body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
        if check != _check_digits(body):
            raise TokenMalformed("the token has a typing error")
        try:
            value = canonical.decode(body, "token", 1_024)
        except MalformedBytes as error:
            raise TokenMalformed("the token does not decode") from error
        return _token_of(value)


def _token_of(value: object) -> Token:
    match value:
        case [1, bytes(fingerprint), bytes(secret), list(places)] if (
            len(fingerprint) == FINGERPRINT_BYTES
            and len(secret) == SECRET_BYTES
            and 1 <= len(places) <= limits.token_addresses_max
            and all(type(place) is str for place in places)
        ):
            try:
                return Token(fingerprint, secret, tuple(parse_address(place) for place in places))
            except InvalidValue as error:
                raise TokenMalformed("the token names an address that is none") from error
        case _:
            raise TokenMalformed("the token is of a newer version")


@dataclass(frozen=True, slots=True)
class Invitation:
    """A token as it is shown to the person who asked for it. expires_ms: UTC milliseconds."""

    token: str
    name: str
    role: str
    expires_ms: int


class Invitations:
    """The authority's open and used invitations. Every method blocks on the disk.

    I1. A token is answered once; the fact is durable before the answer leaves.
    I2. The keys that used it may ask again in its time and get the same answer.
    I3. A new invitation for a name replaces the open one.
    """

    def __init__(self, authority: Authority, fingerprint: bytes) -> None:
        self._authority = authority
        self._fingerprint = fingerprint[:FINGERPRINT_BYTES]
        self._folder = private_directory(authority.trust / "invitations")

    def invite(self, name: str, role: str, addresses: Sequence[Address], wall_ms: int, chance: Chance) -> Invitation:
        """addresses: where the joiner finds the authority's enrolment port. Raises InvalidValue, NameTaken."""
        check_name(name)
        check_role(role)
        if not 1 <= len(addresses) <= limits.token_addresses_max:
            raise InvalidValue("addresses", f"a token carries 1 to {limits.token_addresses_max} addresses")
        if self._authority.is_taken(name):
            raise NameTaken(name)
        self._sweep(name, wall_ms)
        secret = chance(SECRET_BYTES)
        expires_ms = wall_ms + limits.token_minutes * 60_000
        record = {"name": name, "role": role, "made_ms": wall_ms, "expires_ms": expires_ms}
        create_durably(self._path(secret, "open"), json.dumps(record).encode("utf-8"))
        return Invitation(Token(self._fingerprint, secret, tuple(addresses)).to_text(), name, role, expires_ms)

    def redeem(self, secret: bytes, journal_key: bytes, request: bytes, wall_ms: int) -> list[bytes]:
        """The answer for the keys that hold a good token: [certificate DER, credential].

        Raises TokenUnknown, TokenUsed, TokenLate, NameTaken, UnreadableCertificate.
        """
        used_path = self._path(secret, "used")
        if used_path.exists():
            used = json.loads(used_path.read_bytes())
            if used["journal_key"] != journal_key.hex() or used["expires_ms"] < wall_ms:
                raise TokenUsed(f"{used['name']} has joined with this token")
            return [bytes.fromhex(used["certificate"]), bytes.fromhex(used["credential"])]
        try:
            record = json.loads(self._path(secret, "open").read_bytes())
        except FileNotFoundError as error:
            raise TokenUnknown("the authority does not know this token") from error
        if not record["made_ms"] - limits.clock_slack_ms <= wall_ms <= record["expires_ms"]:
            raise TokenLate(f"the token is older than {limits.token_minutes} minutes")
        issued = self._authority.issue(journal_key, request, record["name"], record["role"], wall_ms)
        credential = issued.credential.to_bytes()
        used = record | {
            "journal_key": journal_key.hex(),
            "certificate": issued.certificate.hex(),
            "credential": credential.hex(),
        }
        try:
            create_durably(used_path, json.dumps(used).encode("utf-8"))
        except FileExistsError as error:
            raise TokenUsed(f"{record['name']} has joined with this token") from error
        remove_durably(self._path(secret, "open"))
        return [issued.certificate, credential]

    def _sweep(self, name: str, wall_ms: int) -> None:
        for path in self._folder.glob("*.open"):
            record = json.loads(path.read_bytes())
            if record["name"] == name or record["expires_ms"] + _DAY_MS < wall_ms:
                remove_durably(path)

    def _path(self, secret: bytes, state: str) -> Path:
        return self._folder / f"{hashlib.sha256(b'tillmesh-invitation-1' + secret).hexdigest()[:32]}.{state}"


def _check_digits(body: bytes) -> bytes:
    return hashlib.sha256(b"tillmesh-token-1" + body).digest()[:_CHECK_BYTES]
