"""Who signs and who verifies: Ed25519 (RFC 8032) in a shop, a keyed hash in simulation.

The models sign through `Signer` and verify through `Verify`, so that a simulated shop can spend its time on schedules
instead of curves. The stand-in proves nothing to anyone: it is for virtual shops alone, and 1 % of those use Ed25519.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE_BYTES = 64
PUBLIC_KEY_BYTES = 32

Verify = Callable[[bytes, bytes, bytes], bool]
"""`verify(public_key, signature, message)`; True if the signature is the key's over the message. Never raises."""


class Signer(Protocol):
    """Holds one private key."""

    @property
    def public_key(self) -> bytes:
        """32 raw bytes."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""


class Ed25519Signer:
    """Signs with a 32-byte Ed25519 seed."""

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


class StandInSigner:
    """A keyed hash in place of a signature, for simulation only: anyone who knows the public key can make it."""

    def __init__(self, seed: bytes) -> None:
        self.public_key = hashlib.sha256(b"stand-in" + seed).digest()

    def sign(self, message: bytes) -> bytes:
        return hashlib.sha512(self.public_key + message).digest()


_public_keys: dict[bytes, Ed25519PublicKey] = {}
_PUBLIC_KEYS_KEPT = 4_096


def verify_ed25519(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """RFC 8032 verification; parsed keys are kept, since a shop has few of them and each signs often."""
    key = _public_keys.get(public_key)
    try:
        if key is None:
            key = Ed25519PublicKey.from_public_bytes(public_key)
            if len(_public_keys) >= _PUBLIC_KEYS_KEPT:
                _public_keys.clear()
            _public_keys[public_key] = key
        key.verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_stand_in(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """The counterpart of `StandInSigner`."""
    return signature == hashlib.sha512(public_key + message).digest()
