"""One dial: connect, TLS, upgrade; and in plain words why it came to nothing.

The certificate proves the node; the two headers say which of its processes this is and where it listens. They pass only
between members of the store, after both ends have proved themselves.
"""

from __future__ import annotations

import asyncio
import errno
from typing import Final

import aiohttp

from node.network.addresses import Address, DialFailure
from node.network.link import REFUSED_BYTES, LinkTiming

PATH: Final = "/link"
PROCESS_HEADER: Final = "Tillmesh-Process"
PORT_HEADER: Final = "Tillmesh-Port"
PROCESS_BYTES: Final = 8


class DialedSocket(aiohttp.ClientWebSocketResponse):
    """A client websocket whose transport can be aborted: closing politely waits for a peer that may never answer."""

    @property
    def transport(self) -> asyncio.Transport:
        """The TLS transport."""
        return self._writer.transport

    @property
    def process(self) -> bytes | None:
        """The process that answered."""
        return read_process(self._response.headers.get(PROCESS_HEADER))


async def dial(
    session: aiohttp.ClientSession, address: Address, headers: dict[str, str], limit_s: float, timing: LinkTiming
) -> DialedSocket:
    """An upgraded websocket. Raises aiohttp.ClientError, OSError, TimeoutError; see `explain`."""
    async with asyncio.timeout(limit_s):
        socket = await session.ws_connect(
            f"https://{address}{PATH}",
            headers=headers,
            compress=0,
            autoping=True,
            heartbeat=timing.heartbeat_s,
            max_msg_size=REFUSED_BYTES,
            timeout=aiohttp.ClientWSTimeout(ws_close=timing.close_s),
        )
    assert isinstance(socket, DialedSocket)
    return socket


def explain(error: Exception) -> DialFailure:
    """Why a dial failed, for the person who reads `peers` or `doctor`."""
    match error:
        case aiohttp.WSServerHandshakeError(status=409):
            return DialFailure("linked", "a link with this peer exists already")
        case aiohttp.WSServerHandshakeError(status=503):
            return DialFailure("busy", "it takes no links at the moment")
        case aiohttp.WSServerHandshakeError(status=status):
            return DialFailure("stranger", f"it does not speak our protocol (HTTP {status})")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return DialFailure("stranger", "it belongs to another store, or is no tillmesh node")
        case aiohttp.ClientConnectorDNSError():
            return DialFailure("unresolved", "the name does not resolve to an address")
        case aiohttp.ClientConnectorError(os_error=cause) if cause.errno == errno.ECONNREFUSED:
            return DialFailure("refused", "the machine is there, but nothing listens at this port")
        case TimeoutError():
            return DialFailure("silent", "no answer: the machine is off, or a firewall drops the connection")
        case aiohttp.ClientConnectorError(os_error=cause):
            return DialFailure("unreachable", cause.strerror or str(cause))
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | ConnectionError():
            return DialFailure("not_accepted", "it ended the connection: it may be of another store")
        case _:
            return DialFailure("failed", str(error) or type(error).__name__)


def answered_process(error: Exception) -> bytes | None:
    """The process that refused a dial because a link exists."""
    if isinstance(error, aiohttp.WSServerHandshakeError) and error.status == 409 and error.headers is not None:
        return read_process(error.headers.get(PROCESS_HEADER))
    return None


def read_process(text: str | None) -> bytes | None:
    """8 bytes from 16 hexadecimal digits; None if they are none."""
    try:
        process = bytes.fromhex(text or "")
    except ValueError:
        return None
    return process if len(process) == PROCESS_BYTES else None


def read_port(text: str | None) -> int | None:
    """A port from a header; None if it is none."""
    if text is None or len(text) > 5 or not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 65535:
        return None
    return int(text)
