"""Why no peer is seen, in plain words (FIELD, wound 17: "multicast is blocked and nobody is told why").

`look` gathers the facts, with one harmless multicast packet per interface; `explain_absence` turns them into sentences, the
most likely cause first. Pure, so every sentence has a test.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from node.network import limits
from node.network.addresses import DialFailure
from node.network.discovery import Discovery
from node.network.links import Links

_GROUP: Final = ("224.0.0.251", 5353)
_QUESTION: Final = bytes.fromhex("000000000001000000000000") + b"\x09_tillmesh\x04_tcp\x05local\x00\x00\x0c\x00\x01"
_EXAMPLE: Final = 'peers = ["192.168.1.10:8471"]'


@dataclass(frozen=True, slots=True)
class Finding:
    """code: stable, for software; text: for the person at the till."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What was seen. mdns_age_s: since the search began; unsent: per speaking address, why multicast was not sent."""

    linked: int = 0
    cut_s: float = 0.0
    mdns_wanted: bool = True
    mdns_age_s: float = float("inf")
    speaking: Sequence[str] = ()
    start_failure: str | None = None
    unsent: Mapping[str, str] = field(default_factory=dict)
    heard_own: bool = False
    heard_peers: int = 0
    heard_strangers: int = 0
    hints_dropped: int = 0
    failures: Mapping[str, DialFailure] = field(default_factory=dict)
    static: int = 0


async def diagnose(links: Links, discovery: Discovery) -> list[Finding]:
    """The reasons, most likely first; empty if peers are linked and nothing is wrong."""
    return explain_absence(await look(links, discovery))


async def look(links: Links, discovery: Discovery) -> Facts:
    """Gather the facts now."""
    speaking = list(discovery.speaking)
    unsent = await asyncio.to_thread(_try_multicast, speaking) if discovery.mdns else {}
    return Facts(
        linked=len(links.views()),
        cut_s=links.cut_s,
        mdns_wanted=discovery.mdns,
        mdns_age_s=discovery.speaking_s,
        speaking=speaking,
        start_failure=discovery.failure,
        unsent=unsent,
        heard_own=discovery.heard_own,
        heard_peers=len(discovery.heard),
        heard_strangers=len(discovery.heard_strangers),
        hints_dropped=discovery.dropped + links.book.forgotten,
        failures={
            str(known.address): known.failure
            for known in links.book
            if known.failure is not None and known.failure.trouble not in ("linked", "self")
        },
        static=len(discovery.static),
    )


def explain_absence(facts: Facts) -> list[Finding]:
    """Sentences for the facts; what concerns single addresses comes last."""
    found: list[Finding] = []
    if facts.cut_s > 0:
        found.append(Finding("drill", f"A drill cuts this node off for {facts.cut_s:.0f} s more; it heals by itself."))
    if facts.linked == 0:
        found += _about_multicast(facts)
    if facts.hints_dropped:
        found.append(
            Finding(
                "flood",
                f"{facts.hints_dropped} announcements were dropped because too many came: somebody floods the network.",
            )
        )
    found += [_about_address(place, failure) for place, failure in sorted(facts.failures.items())]
    return found


def _about_multicast(facts: Facts) -> list[Finding]:
    ways = f"Name a node in the configuration ({_EXAMPLE}): then no multicast is needed."
    if not facts.mdns_wanted:
        if facts.static:
            return []
        return [Finding("nothing_to_try", f"mDNS is switched off and no static address is set. {ways}")]
    if facts.start_failure is not None:
        return [Finding("mdns_failed", f"mDNS could not start: {facts.start_failure}. {ways}")]
    if not facts.speaking:
        return [
            Finding(
                "no_interface",
                "This machine has no network interface with an IPv4 address of those that are allowed by `mdns_interfaces`: "
                "plug the cable in, or join the Wi-Fi. It is looked at again every 5 s.",
            )
        ]
    if facts.unsent:
        where = "; ".join(f"{host}: {reason}" for host, reason in sorted(facts.unsent.items()))
        return [
            Finding("multicast_not_sent", f"Multicast cannot be sent ({where}). A firewall here forbids it. {ways}")
        ]
    if facts.heard_peers:
        return []
    if facts.mdns_age_s < limits.first_answers_s and not facts.heard_strangers:
        return [Finding("just_started", f"The search began {facts.mdns_age_s:.0f} s ago. Ask again in a moment.")]
    if not facts.heard_own:
        return [
            Finding(
                "multicast_not_heard",
                "Our own announcement does not come back: multicast is blocked on this machine (container, firewall, "
                f"VPN). {ways}",
            )
        ]
    if facts.heard_strangers:
        return [
            Finding(
                "other_store_only",
                f"Multicast works: {facts.heard_strangers} nodes answer, but of another store. Was this node enrolled "
                "in the right one?",
            )
        ]
    return [
        Finding(
            "nothing_answered",
            "Multicast leaves this machine and nobody of this store answers: the others are off, on another network, or "
            f"the network does not pass multicast (Wi-Fi isolation, VLAN). {ways}",
        )
    ]


def _about_address(place: str, failure: DialFailure) -> Finding:
    return Finding(f"address_{failure.trouble}", f"{place}: {failure.reason}.")


def _try_multicast(speaking: Sequence[str]) -> dict[str, str]:
    unsent: dict[str, str] = {}
    for host in speaking:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            try:
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(host))
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
                sender.sendto(_QUESTION, _GROUP)
            except OSError as error:
                unsent[host] = error.strerror or str(error)
    return unsent
