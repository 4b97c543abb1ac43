"""The settings of a node: what each is called, what it means, and where its value came from.

One flat name everywhere: `api_port = 8470` in `tillmesh.toml`, `TILLMESH_API_PORT=8470` in the environment,
`-s api_port=8470` on the command line; the later of these three wins, and a default is under all of them. Tables were
refused: a name that is spelled in three ways is found in none. Nothing is half read: `load` answers a whole `Config`, or
`ConfigError` with every problem at once, each with its setting, its origin (file and line, variable, -s) and the reason.
A name that nobody knows is a problem too, with the nearest one that exists: a misspelt setting must not pass for a set one.

`python -m node.config` prints the table of CONFIG.md, which a test compares with this struct.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from node import limits
from node.errors import NodeError
from node.setting import ENVIRONMENT_PREFIX, Setting, read_value, toml
from node.store_time import store_time

FILE_NAME: Final = "tillmesh.toml"
NOT_SETTINGS: Final = frozenset({"TILLMESH_DATA", "TILLMESH_TORTURE"})
"""Variables of ours that name no setting: the data directory itself, and the length of test campaigns."""

Port = Annotated[int, Meta(ge=0, le=65_535)]


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of one node, checked. Made by `load`; a test may construct it with `data_directory` alone.

    data_directory: where the node keeps everything; not a setting, because the file of settings lies in it.
    origins: setting -> where its value came from; settings at their default are absent.
    """

    data_directory: Path
    origins: dict[str, str] = {}

    api_host: Annotated[str, Meta(description="Address of the local API; loopback only.")] = "127.0.0.1"
    api_port: Annotated[
        Port, Meta(description="TCP port of the local API; 0 takes a free one, written to run.json.")
    ] = 8470
    api_token_file: Annotated[
        str, Meta(description="File with the API's bearer token, relative to the data directory.")
    ] = "api.token"
    api_origins: Annotated[
        tuple[str, ...], Meta(description="Origins of other pages on this machine that may call the API, exact.")
    ] = ()
    metrics_open: Annotated[bool, Meta(description="Serve /metrics without the token.")] = False
    link_host: Annotated[str, Meta(description="Address on which peers are heard; 0.0.0.0 is every interface.")] = (
        "0.0.0.0"
    )
    link_port: Annotated[Port, Meta(description="TCP port on which peers are heard; 0 takes a free one.")] = 8471
    join_port: Annotated[
        Port, Meta(description="TCP port on which the authority answers `tillmesh join`; 0 takes a free one.")
    ] = 8472
    advertise: Annotated[
        tuple[str, ...],
        Meta(description="Host names or addresses that tokens name for this node; none means those of its interfaces."),
    ] = ()
    mdns: Annotated[bool, Meta(description="Announce this node and look for others by multicast DNS.")] = True
    mdns_interfaces: Annotated[
        tuple[str, ...],
        Meta(description="Names or IPv4 addresses of the interfaces for multicast DNS; none means all but loopback."),
    ] = ()
    peers: Annotated[
        tuple[str, ...], Meta(description="Addresses host:port that are dialled in any case, found by mDNS or not.")
    ] = ()
    language: Annotated[str, Meta(description="Language in which names are shown and printed, where they have it.")] = (
        "en"
    )
    currency: Annotated[str, Meta(description="ISO 4217 code of new sales.")] = "EUR"
    currency_exponent: Annotated[
        int, Meta(ge=0, le=4, description="Decimal places of the currency's minor unit: 2 for EUR, 0 for JPY.")
    ] = 2
    time_zone: Annotated[
        str,
        Meta(
            description="IANA name (Europe/Vienna) or fixed offset (+02:00) of the store; empty is the machine's own."
        ),
    ] = ""
    business_day_cutoff: Annotated[
        str, Meta(description="Local time HH:MM before which a sale belongs to the business day before.")
    ] = "04:00"
    state_directory: Annotated[
        str,
        Meta(
            description="Where the start token lies, outside the data directory; empty is the user's state directory."
        ),
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="What is logged: this level and above.")
    ] = "info"
    uvloop: Annotated[bool, Meta(description="Run on uvloop where it is installed.")] = True
    drill_allowed: Annotated[bool, Meta(description="Allow `tillmesh drill` to cut this node off for a time.")] = True
    autonomous: Annotated[
        bool,
        Meta(description="Never wait for another node: answers say what they rest on, and claims stay provisional."),
    ] = False
    warehouse: Annotated[
        Literal["auto", "on", "off"],
        Meta(description="Load sales into DuckDB: auto is on at a back office that has DuckDB installed."),
    ] = "auto"
    sql_seconds_max: Annotated[
        int, Meta(ge=1, le=limits.sql_seconds_ceiling, description="Seconds after which a query is stopped.")
    ] = 10
    sql_rows_max: Annotated[
        int, Meta(ge=1, le=limits.sql_rows_ceiling, description="Rows that a query may answer.")
    ] = 10_000

    def path(self, relative: str) -> Path:
        """A file named by a setting, taken from the data directory unless it is absolute."""
        return self.data_directory / relative

    @property
    def api_token_path(self) -> Path:
        """The file that holds the API's bearer token."""
        return self.path(self.api_token_file)

    @property
    def state_path(self) -> Path:
        """The directory of the start token; it is not made here."""
        return self.path(self.state_directory) if self.state_directory else user_state_directory(os.environ)

    def utc_offset_min(self, wall_ms: int) -> int:
        """The store's distance from UTC at `wall_ms` (UTC milliseconds), in minutes, east positive."""
        offset = store_time(self.time_zone, wall_ms).utcoffset() or timedelta()
        return round(offset.total_seconds() / 60)

    @property
    def cutoff_min(self) -> int:
        """Minutes after local midnight at which a business day begins."""
        hours, minutes = self.business_day_cutoff.split(":")
        return int(hours) * 60 + int(minutes)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the settings. origin: e.g. "tillmesh.toml line 4", "TILLMESH_API_PORT", "-s"."""

    setting: str
    origin: str
    reason: str

    def __str__(self) -> str:
        return f"{self.setting} ({self.origin}): {self.reason}"


class ConfigError(NodeError):
    """The settings cannot be used; `problems` are all of them, in the order in which they were read."""

    code = "invalid_config"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def load(
    directory: Path, settings: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> Config:
    """The settings of the node in `directory`: its tillmesh.toml (if there is one), the environment, `settings` (-s).

    environment: `os.environ` unless given. Raises ConfigError, with every problem found.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    problems: list[Problem] = []
    for origin, name, raw, reason in (
        *_from_file(directory / FILE_NAME),
        *_from_environment(os.environ if environment is None else environment),
        *(("-s", name, text, None) for name, text in (settings or {}).items()),
    ):
        if reason is not None:
            problems.append(Problem(name, origin, reason))
        elif name not in SETTINGS:
            problems.append(Problem(name, origin, _unknown(name, raw)))
        else:
            try:
                values[name], origins[name] = read_value(SETTINGS[name], raw), origin
            except ValueError as error:
                problems.append(Problem(name, origin, str(error)))
    if problems:
        raise ConfigError(problems)
    return Config(data_directory=directory, origins=origins, **values)


def assignments(texts: Iterable[str]) -> dict[str, str]:
    """`-s` arguments as a mapping; a later one wins. Raises ConfigError for one without `=`."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise ConfigError([Problem(text, "-s", "must be name=value, for example -s api_port=8470")])
        pairs[name.strip()] = value
    return pairs


def user_state_directory(environment: Mapping[str, str]) -> Path:
    """Where this user's programs keep state: XDG_STATE_HOME, or what the platform has in its place."""
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "tillmesh"
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "tillmesh"


def example_file(chosen: Mapping[str, Any]) -> str:
    """A tillmesh.toml that sets `chosen` and shows every other setting, commented out, with its default."""
    parts = [
        "# Settings of this node. Each may also be given as TILLMESH_<NAME> or -s name=value.\n"
        "# `tillmesh config check` says which value counts and where it came from.\n"
    ]
    for setting in SETTINGS.values():
        value = chosen.get(setting.name, setting.default)
        parts.append(f"\n# {setting.text}\n{'' if setting.name in chosen else '# '}{setting.name} = {toml(value)}\n")
    return "".join(parts)


def markdown_table() -> str:
    """The table of CONFIG.md."""
    rows = [
        f"| `{s.name}` | {s.kind_text} | `{toml(s.default)}` | `{s.variable}` | {s.text} |" for s in SETTINGS.values()
    ]
    return "\n".join(("| setting | type | default | variable | meaning |", "|---|---|---|---|---|", *rows))


def _settings() -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    defaults = {field.name: field.default for field in msgspec.structs.fields(Config)}
    for name, hint in get_type_hints(Config, include_extras=True).items():
        if name in {"data_directory", "origins"}:
            continue
        kind, *metas = get_args(hint)
        least = next((meta.ge for meta in metas if meta.ge is not None), None)
        most = next((meta.le for meta in metas if meta.le is not None), None)
        text = next(meta.description for meta in metas if meta.description)
        found[name] = Setting(name, kind, least, most, defaults[name], text)
    return found


def _from_file(path: Path) -> list[tuple[str, str, Any, str | None]]:
    """(origin, name, value, reason against it) of each key in the file; nothing where there is no file."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        return [("file", path.name, None, f"cannot be read: {error.strerror}")]
    if len(raw) > limits.config_bytes_max:
        return [("file", path.name, None, f"has {len(raw)} bytes; at most {limits.config_bytes_max} are read")]
    try:
        text = raw.decode("utf-8")
        values = tomllib.loads(text)
    except UnicodeDecodeError as error:
        return [("file", path.name, None, f"is not UTF-8 at byte {error.start}")]
    except tomllib.TOMLDecodeError as error:
        return [("file", path.name, None, f"is not TOML: {error}")]
    return [(f"{path.name} line {_line_of(text, name)}", name, value, None) for name, value in values.items()]


def _line_of(text: str, name: str) -> int:
    pattern = re.compile(rf"""\s*(\[+\s*)?["']?{re.escape(name)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)


def _from_environment(environment: Mapping[str, str]) -> list[tuple[str, str, Any, str | None]]:
    return [
        (variable, variable.removeprefix(ENVIRONMENT_PREFIX).lower(), text, None)
        for variable, text in sorted(environment.items())
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in NOT_SETTINGS
    ]


def _unknown(name: str, value: object) -> str:
    if isinstance(value, dict):
        inner = next(iter(value), "name")
        return f"is a table, and there are none here: write {name}_{inner} = ..., on a line of its own"
    near = difflib.get_close_matches(name, SETTINGS, n=1)
    return "there is no such setting" + (f"; did you mean {near[0]}?" if near else "; CONFIG.md lists all")


SETTINGS: Final = _settings()
"""Every setting, by name, in the order of CONFIG.md."""

if __name__ == "__main__":
    print(markdown_table())
