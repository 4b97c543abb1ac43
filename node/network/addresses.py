"""Where nodes may be: addresses, how each was found, and what came of dialing it. An address is a hint, never a proof.

Who answers there is proved by TLS alone, so a spoofed record costs one failed dial and nothing else. The book is bounded:
an address that was configured, remembered or once led to a link is kept before one that was merely announced.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import NodeId
from node.network import limits

Found = Literal["static", "remembered", "mdns", "dialed-in", "told"]
"""Configured; from the last run; announced on the network; learnt when it dialed us; told by another peer."""

Change = Literal["new", "changed", "same", "refused"]


Trouble = Literal[
    "linked", "busy", "stranger", "unresolved", "refused", "silent", "unreachable", "not_accepted", "failed", "self"
]


class DialFailure(NamedTuple):
    """What came of a dial in vain. reason: a sentence for people."""

    trouble: Trouble
    reason: str


class Address(NamedTuple):
    """host: IP address or DNS name; port: 1..65535."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, field_name: str = "address") -> Address:
    """`host:port` or `[v6]:port`. Raises InvalidValue naming `field_name`."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not host:
        raise InvalidValue(field_name, f"{text!r} is not host:port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        try:
            ipaddress.IPv6Address(host)
        except ValueError as error:
            raise InvalidValue(field_name, f"{text!r}: no IPv6 address between the brackets") from error
    elif ":" in host:
        raise InvalidValue(field_name, f"{text!r}: write an IPv6 address in brackets")
    elif not host.isascii() or not host.replace("-", "a").replace(".", "a").replace("_", "a").isalnum():
        raise InvalidValue(field_name, f"{text!r}: {host!r} is no host name")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise InvalidValue(field_name, f"{text!r}: the port is not a number from 1 to 65535")
    return Address(host, int(port))


@dataclass(slots=True)
class Known:
    """One address. node, process: who is believed to be there; process: 8 bytes drawn at its start."""

    address: Address
    how: set[Found] = field(default_factory=set)
    node: NodeId | None = None
    process: bytes | None = None
    proven: bool = False
    failure: DialFailure | None = None

    @property
    def is_hint(self) -> bool:
        """Whether nothing but an announcement speaks for it."""
        return not self.proven and self.how <= {"mdns", "told"}

    @property
    def is_past(self) -> bool:
        """Whether it only says where a node once was; not worth a dial while that node is linked."""
        return self.how <= {"remembered", "dialed-in"}


class AddressBook:
    """All known addresses. At most `addresses_max`; of mere hints at most `hints_max`, the oldest goes first."""

    def __init__(self, addresses_max: int = limits.addresses_max, hints_max: int = limits.hints_max) -> None:
        self._known: dict[Address, Known] = {}
        self._addresses_max, self._hints_max = addresses_max, hints_max
        self.forgotten = 0

    def __iter__(self) -> Iterator[Known]:
        return iter(list(self._known.values()))

    def __len__(self) -> int:
        return len(self._known)

    def get(self, address: Address) -> Known | None:
        """What is known of `address`."""
        return self._known.get(address)

    def note(
        self, address: Address, how: Found, node: NodeId | None = None, process: bytes | None = None
    ) -> tuple[Change, Known | None]:
        """Somebody says that `node` may be at `address`. Returns what that changed; "refused" if the book is full."""
        known = self._known.get(address)
        if known is None:
            if not self._make_room():
                return "refused", None
            known = self._known[address] = Known(address, {how}, node, process)
            return "new", known
        known.how.add(how)
        changed = process is not None and process != known.process
        if node is not None:
            known.node = node
        if changed:
            known.process = process
        return ("changed" if changed else "same"), known

    def withdraw(self, address: Address, how: Found) -> bool:
        """That source no longer speaks for `address`; returns whether the address was dropped altogether."""
        known = self._known.get(address)
        if known is None:
            return False
        known.how.discard(how)
        if known.how:
            return False
        if known.proven:
            known.how.add("remembered")
            return False
        del self._known[address]
        return True

    def prove(self, address: Address, node: NodeId, process: bytes) -> None:
        """A link was made there: this is certain."""
        known = self._known.get(address)
        if known is not None:
            known.node, known.process, known.proven, known.failure = node, process, True, None

    def _make_room(self) -> bool:
        hints = [known.address for known in self._known.values() if known.is_hint]
        full = len(self._known) >= self._addresses_max
        past = [known.address for known in self._known.values() if known.is_past] if full else []
        if len(hints) >= self._hints_max or (full and hints):
            self._forget(hints[0])
        elif past:
            self._forget(past[0])
        return len(self._known) < self._addresses_max

    def _forget(self, address: Address) -> None:
        del self._known[address]
        self.forgotten += 1
