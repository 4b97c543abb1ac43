"""Who may talk to the API: programs on this machine that can read the token file, and no web page of anybody else.

A browser on the till is the attacker's arm: a page of any site can send requests to 127.0.0.1. So, before anything else:
1. `Host` must name a loopback address or `localhost` with our port (a rebound DNS name has another Host);
2. `Origin`, if there is one, must be our own or listed, and so must the site that `Sec-Fetch-Site` speaks of; this also
   covers websocket upgrades, which browsers send without a preflight;
3. the bearer token must be that of `api.token`, compared in constant time.
No CORS header is ever sent, so no page of another site can read an answer. Missing and wrong tokens are answered with
403 alike: there is nothing to log in to. Cookies were refused, because a browser sends them for other people's pages too.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
import secrets
from collections.abc import Collection
from pathlib import Path

from aiohttp import web

from crdt_models.errors import InvalidValue
from node.api import limits
from node.api.problems import Problem

_TOKEN_LINE = re.compile(r"[!-~]+", re.ASCII)


def read_or_make_token(path: Path) -> str:
    """The token in `path`; made at first start, readable by its owner alone (0600), whole or not at all.

    Raises InvalidValue for a file that holds no usable token, OSError as the system gives it.
    """
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return _make_token(path)
    except UnicodeDecodeError:
        text = ""
    if len(text) < limits.token_characters_min or not _TOKEN_LINE.fullmatch(text):
        raise InvalidValue(
            "api_token_file",
            f"{path.name} holds no token of at least {limits.token_characters_min} visible characters: delete it to get one",
        )
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return text


def _make_token(path: Path) -> str:
    token = secrets.token_urlsafe(32)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, token.encode("ascii") + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    return token


class Guard:
    """Judges each request before its path is looked at. port: where we listen; known only once the socket is open."""

    def __init__(self, token: str, allowed_origins: Collection[str] = ()) -> None:
        self._token = token.encode("ascii")
        self._allowed_origins = frozenset(allowed_origins)
        self.port = 0

    def check_site(self, request: web.Request) -> None:
        """Raises Problem (403) for a request that another site may have made; (400) for a target that is no path."""
        if not request.raw_path.startswith("/"):
            raise Problem("bad_target", "the request target must be a path")
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            shown = hosts[0][:100] if hosts else ""
            raise Problem(
                "foreign_host", f"Host is {shown!r}, it must be 127.0.0.1, [::1] or localhost, port {self.port}"
            )
        origins = request.headers.getall("Origin", [])
        if any(not self._is_allowed(origin) for origin in origins):
            raise Problem("foreign_origin", f"Origin {origins[0][:100]!r} is not allowed here")
        site = request.headers.get("Sec-Fetch-Site", "none")
        if site not in ("none", "same-origin") and not origins:
            raise Problem(
                "foreign_origin", f"Sec-Fetch-Site is {site[:20]!r}: the request comes from a page of another site"
            )

    def check_token(self, request: web.Request) -> None:
        """Raises Problem (403) unless the request carries the bearer token."""
        values = request.headers.getall("Authorization", [])
        if not values:
            raise Problem("token_missing", "send Authorization: Bearer <the token in api.token>")
        scheme, _, token = values[0].partition(" ")
        offered = token.strip().encode("utf-8", "surrogateescape")
        if len(values) != 1 or scheme.lower() != "bearer" or not hmac.compare_digest(offered, self._token):
            raise Problem("token_wrong", "the token is not the one in this node's api.token")

    def _is_allowed(self, origin: str) -> bool:
        scheme, separator, host = origin.partition("://")
        return origin in self._allowed_origins or (bool(separator) and scheme == "http" and self._is_ours(host))

    def _is_ours(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        if not colon or port != str(self.port):
            if self.port != 80:
                return False
            name = host
        return is_loopback_name(name)


def is_loopback_name(name: str) -> bool:
    """Whether a host, as written in a URL, can only be this machine: localhost, 127.x.x.x or [::1]."""
    if name.lower() == "localhost":
        return True
    bracketed = name.startswith("[") and name.endswith("]")
    try:
        address = ipaddress.ip_address(name[1:-1] if bracketed else name)
    except ValueError:
        return False
    return address.is_loopback and bracketed == (address.version == 6)
