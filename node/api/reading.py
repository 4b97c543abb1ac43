"""From an HTTP request to a `Call`: type, size, time, headers and body are checked before any handler runs."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Any, Final, Literal

import msgspec
from aiohttp import web

from crdt_models import limits as model_limits
from node.api import limits
from node.api.port import Writing
from node.api.problems import Problem, invalid, undecodable
from node.api.table import Call, Route, check_query

VIA: Final = ("till", "handheld", "system")
Via = Literal["till", "handheld", "system"]

_VISIBLE: Final = re.compile(r"[!-~]+", re.ASCII)


async def read_call(route: Route, request: web.Request) -> Call:
    """The request, checked and decoded as the route says. Raises Problem."""
    check_query(route, request)
    writing = _writing(route, request)
    if route.method == "GET":
        return Call(request, None, b"", writing)
    raw = await _read_body(route, request)
    writing["fingerprint"] = fingerprint(request, raw) if writing["key"] is not None else None
    return Call(request, _decoded(route, raw), raw, writing)


def fingerprint(request: web.Request, raw: bytes) -> bytes:
    """SHA-256 of method, path with query, and body: what makes two requests under one key the same request."""
    head = f"{request.method} {request.raw_path}\n".encode("utf-8", "surrogateescape")
    return hashlib.sha256(head + raw).digest()


def _writing(route: Route, request: web.Request) -> Writing:
    if not route.writes:
        return Writing(key=None, fingerprint=None, by=None, via="till")
    via = _header(request, "Tillmesh-Via") or "till"
    if via not in VIA:
        raise invalid("Tillmesh-Via", f"{via[:20]!r} is none of {', '.join(VIA)}")
    staff = _header(request, "Tillmesh-Staff")
    if staff is not None and (len(staff) > model_limits.key_characters_max or not staff.isprintable()):
        raise invalid("Tillmesh-Staff", f"must be at most {model_limits.key_characters_max} printable characters")
    key = _header(request, "Idempotency-Key")
    if key is not None and (len(key) > limits.idempotency_key_characters_max or not _VISIBLE.fullmatch(key)):
        raise invalid(
            "Idempotency-Key", f"must be 1 to {limits.idempotency_key_characters_max} visible ASCII characters"
        )
    return Writing(key=key, fingerprint=None, by=staff, via=via)


def _header(request: web.Request, name: str) -> str | None:
    values = request.headers.getall(name, [])
    if len(values) > 1:
        raise invalid(name, "is there more than once")
    if values and not values[0]:
        raise invalid(name, "is empty")
    return values[0] if values else None


async def _read_body(route: Route, request: web.Request) -> bytes:
    most = limits.import_bytes_max if route.body_media == "text/csv" else limits.body_bytes_max
    if request.content_length is not None and request.content_length > most:
        raise Problem("body_too_large", f"the body has {request.content_length} bytes; at most {most} are taken")
    # Clients such as aiohttp name a type even where they send nothing; nothing has no type.
    if route.body_media != "application/json" or ("Content-Type" in request.headers and request.body_exists):
        _check_type(route, request)
    parts = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds_max):
            async for chunk in request.content.iter_any():
                parts += chunk
                if len(parts) > most:
                    raise Problem("body_too_large", f"the body has more than {most} bytes")
    except TimeoutError:
        raise Problem("body_too_slow", f"the body did not arrive within {limits.body_seconds_max:g} s") from None
    if parts and "Content-Type" not in request.headers:
        _check_type(route, request)
    return bytes(parts)


def _check_type(route: Route, request: web.Request) -> None:
    charset = (request.charset or "utf-8").lower()
    offered = request.headers.get("Content-Type", "")
    if request.content_type != route.body_media or charset not in ("utf-8", "utf8"):
        raise Problem(
            "wrong_content_type",
            f"Content-Type is {offered[:100]!r}, this path takes {route.body_media} in UTF-8",
            field="Content-Type",
            reason=f"must be {route.body_media}",
        )


def _decoded(route: Route, raw: bytes) -> Any:
    if route.body_media != "application/json":
        return None
    try:
        if route.body is None:
            return msgspec.json.decode(raw or b"{}", type=_Nothing)
        return msgspec.json.decode(raw or b"{}", type=route.body)
    except msgspec.DecodeError as error:
        raise undecodable(error) from None
    except RecursionError:
        raise Problem("malformed_json", "the body is nested too deep", reason="nested too deep") from None
    except UnicodeDecodeError as error:
        raise Problem("malformed_json", f"the body is not UTF-8: {error.reason}", reason=error.reason) from None


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a path that takes none: nothing, or an empty object."""
