"""What a node says of itself over mDNS, and what of the others' words is taken for a hint. Pure.

Service `_tillmesh._tcp.local.`, instance `tm-<store>-<node>-<process>`, TXT `v=1 s=<store> n=<node> p=<process>`. The
process is in the name, so a restarted node is a new service and its peers dial it at once, though the old records live
on for 75 minutes after `kill -9`. Another store's services are told apart by name and cost no resolving.
Anyone on the network can say anything here: it is a hint, and TLS finds the truth.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crdt_models.values.identity import NodeId, StoreId
from node.network.addresses import Address

SERVICE: Final = "_tillmesh._tcp.local."
_STORE_BYTES = 8
_ADDRESSES_MAX = 8


@dataclass(frozen=True, slots=True)
class Announcement:
    """A node's word about itself."""

    node: NodeId
    process: bytes
    addresses: tuple[Address, ...]


def service_name(store: StoreId, node: NodeId, process: bytes) -> str:
    """The instance name; within the 63 bytes of a DNS label."""
    return f"{_prefix(store)}{node[:6].hex()}-{process.hex()}.{SERVICE}"


def service_properties(store: StoreId, node: NodeId, process: bytes) -> dict[str, str]:
    """The TXT record."""
    return {"v": "1", "s": store[:_STORE_BYTES].hex(), "n": node.hex(), "p": process.hex()}


def is_of_store(name: str, store: StoreId) -> bool:
    """Whether a service's name claims this store."""
    return name.lower().startswith(_prefix(store))


def read_announcement(
    properties: Mapping[bytes, bytes | None], hosts: Sequence[str], port: int | None, store: StoreId, loopback: bool
) -> Announcement | None:
    """None if it is no usable word about a node of `store`. loopback: whether addresses of this machine count."""
    node, process = _hex(properties.get(b"n"), 16), _hex(properties.get(b"p"), 8)
    if properties.get(b"v") != b"1" or _hex(properties.get(b"s"), _STORE_BYTES) != store[:_STORE_BYTES]:
        return None
    if node is None or process is None or port is None or not 1 <= port <= 65535:
        return None
    usable = [Address(host, port) for host in dict.fromkeys(hosts) if _is_usable(host, loopback)]
    if not usable:
        return None
    return Announcement(NodeId(node), process, tuple(usable[:_ADDRESSES_MAX]))


def _prefix(store: StoreId) -> str:
    return f"tm-{store[:4].hex()}-"


def _hex(raw: bytes | None, size: int) -> bytes | None:
    try:
        value = bytes.fromhex((raw or b"").decode("ascii"))
    except ValueError:
        return None
    return value if len(value) == size else None


def _is_usable(host: str, loopback: bool) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return False
    return loopback or not address.is_loopback
