"""Peers that mean harm: clients and a server that speak TLS with whatever keys they have, and write down what they are told.

`Stranger.knock` shows a certificate (or none) and reports every byte that came back after the handshake; `Intruder` is a
member's identity used by hand: it opens the websocket, sends what it likes and reports the frames that it got.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from crdt_models.errors import ModelError
from crdt_models.values.identity import Incarnation
from node.network.authority import Authority
from node.network.certificates import signing_request
from node.network.credentials import TRUST, Credentials, node_of_keys, own_keys, write_membership
from node.network.dialing import PATH, PROCESS_HEADER
from node.network.tls import link_client_context, link_server_context
from node.replication import codec
from node.replication.frames import Frame, Goodbye, Hello

ANSWER_SECONDS_MAX: Final = 8.0
REQUEST: Final = (
    b"GET /link HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Tillmesh-Process: 0102030405060708\r\n\r\n"
)


def issued_by_hand(office: Path, directory: Path, name: str, wall_ms: int, role: str = "till") -> Credentials:
    """A member's identity, signed with the authority's own keys as of `wall_ms`, without asking any node."""
    authority = Authority.load(office)
    keys = own_keys(directory / TRUST)
    request = signing_request(keys.tls, node_of_keys(keys))
    issued = authority.issue(keys.signer.public_key, request, name, role, wall_ms)
    pem = ssl.DER_cert_to_PEM_cert(issued.certificate).encode()
    write_membership(
        directory / TRUST,
        authority.public_key,
        ssl.DER_cert_to_PEM_cert(authority.ca_der).encode(),
        pem,
        issued.credential,
    )
    return Credentials.load(directory)


def context_of(credentials: Credentials | None) -> ssl.SSLContext:
    """Shows this certificate and takes whatever the other end shows."""
    if credentials is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    else:
        context = link_client_context(credentials)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def knock(port: int, credentials: Credentials | None) -> bytes:
    """Ask for a link with this certificate; every application byte that came back until the connection ended."""
    got = bytearray()
    async with asyncio.timeout(ANSWER_SECONDS_MAX):
        with suppress(ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context_of(credentials))
            try:
                writer.write(REQUEST)
                await writer.drain()
                while more := await reader.read(65_536):
                    got += more
            finally:
                writer.transport.abort()
    return bytes(got)


@dataclass(slots=True)
class Told:
    """What a node said on one link. frames: decoded, in order; closed: the reason in the websocket's close frame."""

    frames: list[Frame] = field(default_factory=list)
    closed: str | None = None
    ended: bool = False

    @property
    def goodbyes(self) -> list[str]:
        """The reasons of goodbye frames."""
        return [frame.reason for frame in self.frames if isinstance(frame, Goodbye)]


class Intruder:
    """A member's identity used by hand: `async with Intruder(port, credentials) as link`."""

    def __init__(self, port: int, credentials: Credentials) -> None:
        self._port, self._credentials = port, credentials
        self.process = os.urandom(8)
        self.told = Told()
        self._session: aiohttp.ClientSession
        self._socket: aiohttp.ClientWebSocketResponse

    async def __aenter__(self) -> Intruder:
        connector = aiohttp.TCPConnector(ssl=context_of(self._credentials), force_close=True)
        self._session = aiohttp.ClientSession(connector=connector)
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                self._socket = await self._session.ws_connect(
                    f"https://127.0.0.1:{self._port}{PATH}",
                    headers={PROCESS_HEADER: self.process.hex()},
                    max_msg_size=0,
                    autoclose=True,
                )
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(1):
                await self._socket.close()
        await self._session.close()

    def hello(self, heads: dict[bytes, object] | None = None, **other: object) -> Hello:
        """What a well-behaved node would say; other: fields that are told otherwise."""
        own = self._credentials
        said: dict[str, object] = {
            "versions": (1, 1),
            "features": (),
            "store": own.store,
            "node": own.node,
            "incarnation": Incarnation(self.process),
            "heads": heads or {},
            "answers": (),
            "neighbours": (),
            "blocks": (),
            "wall_ms": 1_800_000_000_000,
            "name": own.name,
        }
        return Hello(**{**said, **other})  # type: ignore[arg-type]

    async def say(self, *frames: bytes | str) -> None:
        """Send messages as they are; a link that is gone already takes none."""
        with suppress(ConnectionError, aiohttp.ClientError, OSError):
            for frame in frames:
                if isinstance(frame, str):
                    await self._socket.send_str(frame)
                else:
                    await self._socket.send_bytes(frame)

    async def say_raw(self, *chunks: bytes) -> None:
        """Bytes under the websocket: broken framing."""
        transport = self._socket._writer.transport
        for chunk in chunks:
            transport.write(chunk)
        await asyncio.sleep(0)

    async def listen(self, seconds: float = ANSWER_SECONDS_MAX, until: type[Frame] | None = None) -> Told:
        """Take what is said until the link ends, or a frame of this type came; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self._socket.receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    frame = codec.decode(message.data)
                    self.told.frames.append(frame)
                    if until is not None and isinstance(frame, until):
                        return self.told
                elif message.type is aiohttp.WSMsgType.CLOSE:
                    self.told.closed, self.told.ended = str(message.extra or ""), True
                    return self.told
                else:
                    self.told.ended = True
                    return self.told


class FalseServer:
    """Listens with any certificate, takes any, and keeps what a node that dials it says: `async with FalseServer(..)`."""

    def __init__(self, credentials: Credentials) -> None:
        self._context = link_server_context(credentials)
        self._context.verify_mode = ssl.CERT_NONE
        self.heard = bytearray()
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> FalseServer:
        # Plain sockets first, so that a connection that dies in the handshake is counted too.
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await writer.start_tls(self._context)
                while more := await reader.read(65_536):
                    self.heard += more
        except (ssl.SSLError, OSError, TimeoutError):
            pass
        finally:
            writer.transport.abort()


def is_malformed(raw: bytes) -> bool:
    """Whether a node must refuse these bytes as a frame."""
    try:
        codec.decode(raw)
    except ModelError:
        return True
    return False


def codes(told: Sequence[Frame]) -> list[str]:
    """Names of the frames' types, for failures that people read."""
    return [type(frame).__name__ for frame in told]
