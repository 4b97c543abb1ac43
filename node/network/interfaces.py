"""The machine's network interfaces: which IPv4 addresses mDNS speaks on.

`interfaces = []` means all but loopback; else names (`eth0`) or addresses (`127.0.0.1`, which finds all nodes of one
machine: demo and tests). IPv4 only for mDNS: every shop network has it; static addresses may be IPv6.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import ifaddr


def speaking_addresses(wanted: Sequence[str]) -> list[str]:
    """IPv4 addresses to announce on now, sorted; empty while no such interface is up."""
    found: set[str] = set()
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if not ip.is_IPv4:
                continue
            host = str(ip.ip)
            if wanted:
                if host in wanted or adapter.name in wanted or ip.nice_name in wanted:
                    found.add(host)
            elif not ipaddress.ip_address(host).is_loopback:
                found.add(host)
    return sorted(found)
