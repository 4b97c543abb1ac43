"""Real stores for tests: an authority and enrolled nodes in temporary directories, and an owner that writes down its links.

Two `make_store` calls give two stores that are foreign to each other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from node.network.addresses import Address
from node.network.authority import Authority, init_store
from node.network.certificates import signing_request
from node.network.credentials import TRUST, Credentials, node_of_keys, own_keys, write_membership
from node.network.link import LinkTiming
from node.network.links import Links

NOW_MS = 1_790_000_000_000
LOOPBACK = Address("127.0.0.1", 0)
QUICK = LinkTiming(idle_s=0.6, send_s=0.4, close_s=0.3, frame_silence_s=2.0)


@dataclass(frozen=True)
class TestStore:
    """directory: of the back office, which is the authority."""

    __test__ = False
    root: Path
    directory: Path
    office: Credentials
    authority: Authority

    def enrol(self, name: str, role: str = "till", wall_ms: int = NOW_MS) -> Credentials:
        """A node of this store, enrolled without a conversation. wall_ms: the time on its certificate."""
        trust = self.root / name / TRUST
        keys = own_keys(trust)
        request = signing_request(keys.tls, node_of_keys(keys))
        issued = self.authority.issue(keys.signer.public_key, request, name, role, wall_ms)
        ca_pem = (self.directory / TRUST / "ca.pem").read_bytes()
        certificate = x509.load_der_x509_certificate(issued.certificate)
        tls_pem = certificate.public_bytes(serialization.Encoding.PEM)
        write_membership(trust, self.authority.public_key, ca_pem, tls_pem, issued.credential)
        return Credentials.load(self.root / name)


def make_store(root: Path, office: str = "office") -> TestStore:
    """A new store under `root`."""
    directory = root / office
    credentials = init_store(directory, office, "back_office", NOW_MS)
    return TestStore(root, directory, credentials, Authority.load(directory))


@dataclass
class Recorder:
    """A LinkOwner that remembers. live: links that are connected now."""

    greeting: bytes | None = None
    told: list[tuple[str, int, object]] = field(default_factory=list)
    live: dict[int, bytes] = field(default_factory=dict)
    frames: list[bytes] = field(default_factory=list)
    expires: list[int] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    links: Links | None = None
    echo: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def connected(self, link: int, node: bytes, expires_ms: int, dialed: bool, remote_address: str) -> None:
        self.told.append(("connected", link, dialed))
        self.live[link] = node
        self.expires.append(expires_ms)
        if self.greeting is not None and self.links is not None:
            self.links.send(link, self.greeting)
        self.changed.set()

    def received(self, link: int, frame: bytes) -> None:
        self.told.append(("received", link, len(frame)))
        self.frames.append(frame)
        if self.echo and self.links is not None:
            self.links.send(link, frame)
        self.changed.set()

    def disconnected(self, link: int, why: str) -> None:
        self.told.append(("disconnected", link, why))
        del self.live[link]
        self.ended.append(why)
        self.changed.set()

    async def until(self, holds: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait for a change after which `holds()`; fails after `seconds`."""
        await until(holds, seconds, self.changed)


async def until(holds: Callable[[], bool], seconds: float = 10.0, changed: asyncio.Event | None = None) -> None:
    """Wait until `holds()`, looking again at each change and every 20 ms; raises TimeoutError."""
    ends_s = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends_s:
            raise TimeoutError("it did not become true")
        if changed is None:
            await asyncio.sleep(0.02)
            continue
        changed.clear()
        try:
            async with asyncio.timeout(0.02):
                await changed.wait()
        except TimeoutError:
            continue


def links_of(
    credentials: Credentials, owner: Recorder, timing: LinkTiming = QUICK, process: bytes | None = None
) -> Links:
    """Links on a free loopback port, known to their owner."""
    owner.links = Links(credentials, owner, [LOOPBACK], process=process, timing=timing)
    return owner.links
