"""One setting: its name, its type in words, and how a value is read from TOML or from text, or refused with a reason.

The same check serves the file, the environment and `-s`, so that a value is right in all three or in none. Messages say
what must be, not what a parser felt.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from crdt_models.errors import InvalidValue
from node import limits
from node.network.addresses import parse_address
from node.store_time import zone

ENVIRONMENT_PREFIX: Final = "TILLMESH_"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a setting is: read from the struct, so that code and documentation have one source."""

    name: str
    kind: Any
    least: int | None
    most: int | None
    default: Any
    text: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def kind_text(self) -> str:
        """Its type in words, for people and tables."""
        if get_origin(self.kind) is Literal:
            return "one of " + ", ".join(get_args(self.kind))
        if self.kind is int:
            return f"whole number {self.least} to {self.most}"
        return {bool: "true or false", str: "text"}.get(self.kind, "list of texts")


def read_value(setting: Setting, raw: Any) -> Any:
    """The value of a setting from TOML or from text. Raises ValueError with the reason."""
    kind = setting.kind
    if kind is bool:
        value: Any = _BOOLEANS.get(raw.strip().lower()) if isinstance(raw, str) else raw
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, not {raw!r}")
    elif kind is int:
        if isinstance(raw, bool) or not isinstance(raw, int | str) or not re.fullmatch(r"-?\d{1,18}", str(raw).strip()):
            raise ValueError(f"must be a whole number, not {raw!r}")
        value = int(raw)
        if (setting.least is not None and value < setting.least) or (setting.most is not None and value > setting.most):
            raise ValueError(f"must be {setting.least} to {setting.most}, not {value}")
    elif get_origin(kind) is Literal:
        value = raw
        if raw not in get_args(kind):
            raise ValueError(f"must be one of {', '.join(get_args(kind))}, not {raw!r}")
    elif kind is str:
        value = raw
        if not isinstance(raw, str):
            raise ValueError(f"must be text in quotes, not {raw!r}")
    else:
        parts = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise ValueError(f"must be a list of texts, not {raw!r}")
        value = tuple(part.strip() for part in parts if part.strip())
    reason = _CHECKS[setting.name](value) if setting.name in _CHECKS else None
    if reason:
        raise ValueError(reason)
    return value


def toml(value: object) -> str:
    """A setting's value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return msgspec.json.encode(value).decode() if isinstance(value, str) else str(value)


def _check_loopback(host: str) -> str | None:
    if host == "localhost":
        return None
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    return (
        None
        if inside
        else f"must be a loopback address, not {host!r}: the API trusts whoever reaches it with the token"
    )


def _check_host(host: str) -> str | None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"must be an IP address to listen on, not {host!r}"
    return None


def _check_interfaces(names: tuple[str, ...]) -> str | None:
    wrong = next((name for name in names if not re.fullmatch(r"[0-9A-Za-z_.:@ ()-]{1,64}", name)), None)
    return None if wrong is None else f"must be names or addresses of interfaces, not {wrong!r}"


def _check_hosts(hosts: tuple[str, ...]) -> str | None:
    wrong = next((host for host in hosts if not re.fullmatch(r"[0-9A-Za-z_.:-]{1,253}", host)), None)
    return None if wrong is None else f"must be host names or addresses without a port, not {wrong!r}"


def _check_origins(origins: tuple[str, ...]) -> str | None:
    wrong = next((origin for origin in origins if not re.fullmatch(r"https?://[0-9A-Za-z_.:\[\]-]+", origin)), None)
    return None if wrong is None else f"must be origins like http://localhost:3000, not {wrong!r}"


def _check_peers(addresses: tuple[str, ...]) -> str | None:
    if len(addresses) > limits.static_peers_max:
        return f"has {len(addresses)} addresses; at most {limits.static_peers_max} are dialled"
    for address in addresses:
        try:
            parse_address(address)
        except InvalidValue as error:
            return f"must be host:port: {error.reason}"
    return None


def _check_zone(time_zone: str) -> str | None:
    try:
        zone(time_zone)
    except ValueError as error:
        return str(error)
    return None


def _matching(pattern: str, what: str) -> Callable[[str], str | None]:
    return lambda value: None if re.fullmatch(pattern, value) else f"must be {what}, not {value!r}"


_BOOLEANS: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_CHECKS: Final[dict[str, Callable[[Any], str | None]]] = {
    "api_host": _check_loopback,
    "api_token_file": _matching(r"[^\0]+", "the name of a file"),
    "link_host": _check_host,
    "mdns_interfaces": _check_interfaces,
    "advertise": _check_hosts,
    "api_origins": _check_origins,
    "peers": _check_peers,
    "language": _matching(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", "a language tag like en or de-AT"),
    "currency": _matching(r"[A-Z]{3}", "three capital letters of ISO 4217"),
    "time_zone": _check_zone,
    "business_day_cutoff": _matching(r"([01]\d|2[0-3]):[0-5]\d", "a time HH:MM"),
}
