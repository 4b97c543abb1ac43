"""The authority's side of joining: a TLS port that answers one question, "here is my token and these are my keys".

Its own port, because a joiner has no certificate yet and the link port admits none without. The conversation is one
length-prefixed CBOR array each way, not HTTP: strangers can reach this port, so the fewer parsers the better.

    request  [1, secret, journal key, PKCS 10 DER, Ed25519 signature over "tillmesh-join-1" + secret + DER]
    answer   [1, "ok", authority key, CA DER, certificate DER, credential]  or  [1, code, reason]
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from crdt_models.errors import MalformedBytes
from crdt_models.journal import canonical
from crdt_models.journal.signatures import verify_ed25519
from node.network import limits
from node.network.addresses import Address
from node.network.authority import Authority
from node.network.credentials import Credentials
from node.network.errors import CannotListen, JoinRefused, NameTaken, NetworkError
from node.network.invite import SECRET_BYTES, Invitations
from node.network.tls import enrolment_server_context

JOIN_DOMAIN: Final = b"tillmesh-join-1"
_LENGTH_BYTES = 4
_log = logging.getLogger("tillmesh.network.enrolment")


async def read_message(reader: asyncio.StreamReader, what: str) -> list[object]:
    """One length-prefixed array. Raises MalformedBytes, asyncio.IncompleteReadError."""
    size = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
    if size > limits.join_bytes_max:
        raise MalformedBytes(what, f"{size} bytes, at most {limits.join_bytes_max}")
    value = canonical.decode(await reader.readexactly(size), what, limits.join_bytes_max)
    if type(value) is not list or value[:1] != [1]:
        raise MalformedBytes(what, "not an array of version 1")
    return list(value)


def write_message(writer: asyncio.StreamWriter, value: Sequence[object]) -> None:
    """Counterpart of `read_message`."""
    raw = canonical.encode(list(value))
    writer.write(len(raw).to_bytes(_LENGTH_BYTES, "big") + raw)


class Enrolment:
    """Answers joiners while entered: `async with Enrolment(...) as enrolment`."""

    def __init__(
        self,
        authority: Authority,
        credentials: Credentials,
        listen: Sequence[Address],
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        joined: Callable[[bytes], None] = lambda credential: None,
    ) -> None:
        """listen: where; port 0 lets the system choose. joined: told the credential of each node that was let in."""
        self.invitations = Invitations(authority, credentials.credential.tls_key_hash)
        self._authority, self._credentials, self._listen = authority, credentials, listen
        self._wall_ms, self._joined = wall_ms, joined
        self._turn = asyncio.Lock()
        self._conversations = 0
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def addresses(self) -> list[Address]:
        """Where it listens, with the ports that the system chose."""
        names = [socket.getsockname() for server in self._servers for socket in server.sockets]
        return [Address(str(name[0]), int(name[1])) for name in names]

    async def __aenter__(self) -> Enrolment:
        context = enrolment_server_context(self._credentials)
        for address in self._listen:
            try:
                server = await asyncio.start_server(
                    self._converse,
                    address.host,
                    address.port,
                    ssl=context,
                    ssl_handshake_timeout=limits.handshake_s,
                    limit=limits.join_bytes_max,
                )
            except OSError as error:
                await self._stop()
                raise CannotListen(str(address), error.strerror or str(error)) from error
            self._servers.append(server)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._conversations += 1
        try:
            if self._conversations > limits.joins_at_once_max:
                return
            async with asyncio.timeout(limits.join_s):
                write_message(writer, await self._answer(reader))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, EOFError, TimeoutError) as error:
            _log.debug("a joiner went away", extra={"reason": type(error).__name__})
        finally:
            self._conversations -= 1
            self._tasks.discard(task)
            with suppress(OSError):
                writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> list[object]:
        try:
            secret, journal_key, request = _question(await read_message(reader, "join request"))
            async with self._turn:
                certificate, credential = await asyncio.to_thread(
                    self.invitations.redeem, secret, journal_key, request, self._wall_ms()
                )
        except (NetworkError, MalformedBytes) as error:
            reason = error.name if isinstance(error, NameTaken) else getattr(error, "reason", str(error))
            _log.warning("refused a joiner", extra={"code": error.code, "reason": reason})
            return [1, error.code, reason]
        self._joined(credential)
        return [1, "ok", self._authority.public_key, self._authority.ca_der, certificate, credential]


def _question(value: list[object]) -> tuple[bytes, bytes, bytes]:
    match value:
        case [1, bytes(secret), bytes(journal_key), bytes(request), bytes(signature)] if (
            len(secret) == SECRET_BYTES and len(journal_key) == 32
        ):
            if not verify_ed25519(journal_key, signature, JOIN_DOMAIN + secret + request):
                raise JoinRefused("the request is not signed by the journal key that it names")
            return secret, journal_key, request
        case _:
            raise MalformedBytes("join request", "not [1, secret, journal key, request, signature]")
