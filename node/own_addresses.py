"""Where others find this node: the hosts that a join token names.

What the owner advertises, else the addresses of the interfaces on which the node is announced, else loopback, which
serves nodes of the same machine and nobody else.
"""

from __future__ import annotations

from node.config import Config
from node.network import limits
from node.network.addresses import Address
from node.network.interfaces import speaking_addresses


def own_addresses(config: Config, port: int) -> list[Address]:
    """This node's addresses with `port`, in the order in which a joiner should try them; at least one."""
    hosts = list(config.advertise) or speaking_addresses(config.mdns_interfaces) or ["127.0.0.1"]
    return [Address(host, port) for host in hosts[: limits.token_addresses_max]]
