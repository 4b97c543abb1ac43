"""Where a package beside the node plugs in: what a plugin is, what it gets from the node, and how it is found.

Plugins are found through the entry-point group `tillmesh.plugins`, so `node` never names the package that implements
one, and a till without the extra imports nothing heavy. An entry point is a callable without arguments that makes a
new `Plugin`; making it must be cheap and must not import what only an extra installs: that happens in `start`, at
nodes with the right role, and a package that is missing there is `PluginUnavailable`, which names the extra.
Refused: hooks by decorator or by import side effect; a plugin is one object with a beginning and an end.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from crdt_models.errors import InvalidValue
from crdt_models.journal.entry import Entry
from crdt_models.values.identity import JournalId, NodeId, StoreId
from crdt_models.values.stamp import Place
from node.errors import NodeError, NotReady

GROUP: Final = "tillmesh.plugins"


class ShopView(Protocol):
    """What a plugin may ask the fold (`crdt_models.shop.Shop`); it never changes it."""

    @property
    def store(self) -> StoreId:
        """The store whose journals are folded."""

    @property
    def refused(self) -> Container[tuple[Place, int]]:
        """The operations that count on no node, as (place of the entry, index): what the fold left out, so does a plugin."""


class PluginHost(Protocol):
    """The node as a plugin sees it. All of it is called on the node's loop."""

    @property
    def directory(self) -> Path:
        """The node's data directory; a plugin keeps its files there under names of its own."""

    @property
    def shop(self) -> ShopView:
        """The fold of all journals held."""

    def subscribe(self, callback: Callable[[Sequence[Entry]], None]) -> None:
        """Calls back with entries that became durable here, in order within a journal. The callback only collects."""

    def entries_after(self, heads: Mapping[JournalId, int]) -> AsyncIterator[Sequence[tuple[Entry, int]]]:
        """Entries on disk above `heads` (absent journal: all of it), in order within a journal, in bounded groups.

        Each with the wall time, UTC milliseconds, at which it became durable here, or at which it is read where the
        disk does not remember that. Whatever became durable before the iteration began is given; what comes later
        reaches the subscriber.
        """

    def wall_ms(self) -> int:
        """This node's wall clock, UTC milliseconds."""

    def announce(self, code: str, text: str) -> None:
        """Tells people something: `code` is stable, `text` a sentence."""

    def name_of(self, node: NodeId) -> str:
        """The display name of a node, or a short form of its identity."""


@dataclass(frozen=True, slots=True)
class SqlLimits:
    """How much one query may take. seconds: until it is stopped; rows: of the answer, the rest is cut off."""

    seconds: float
    rows: int


@dataclass(frozen=True, slots=True)
class SqlResult:
    """The answer of a query: values as JSON has them, decimals as text, times as RFC 3339, bytes as hex.

    truncated: there were more rows than the limits allow; the rows given are the first ones.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


RunSql = Callable[[str, SqlLimits], Awaitable[SqlResult]]


@dataclass(frozen=True, slots=True)
class Command:
    """A command that the plugin adds to `tillmesh`, working on the data directory of a node that does not run.

    run: takes the directory and the arguments after the command's name, prints, returns the exit code.
    """

    name: str
    summary: str
    run: Callable[[Path, Sequence[str]], int]


class Plugin(Protocol):
    """One extension of a node, from `start` to `stop`."""

    @property
    def name(self) -> str:
        """As in settings and messages."""

    @property
    def roles(self) -> frozenset[str]:
        """The node roles at which it is active."""

    @property
    def commands(self) -> Sequence[Command]:
        """What it adds to the command line."""

    @property
    def sql(self) -> RunSql | None:
        """Runs read-only SQL, if this plugin offers it. Raises QueryRefused, QueryTooSlow, QueriesWaiting."""

    async def start(self, host: PluginHost) -> None:
        """Begins; returns when it is in service, which may be before it has caught up. Raises PluginUnavailable only."""

    async def stop(self) -> None:
        """Ends what `start` began and leaves the files whole. Does nothing when it was not started."""


class PluginUnavailable(NodeError):
    """The plugin cannot run in this install: `missing` is not installed, `extra` says what to install."""

    code = "plugin_unavailable"

    def __init__(self, plugin: str, missing: str, extra: str) -> None:
        super().__init__(plugin, missing, extra)
        self.plugin, self.missing, self.extra = plugin, missing, extra

    def __str__(self) -> str:
        return f'{self.plugin} needs {self.missing}, which is not installed: pip install "{self.extra}"'


class PluginBroken(NodeError):
    """An installed package declares a plugin that cannot be loaded; `reason` is what went wrong."""

    code = "plugin_broken"

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__(plugin, reason)
        self.plugin, self.reason = plugin, reason

    def __str__(self) -> str:
        return f"the plugin {self.plugin} cannot be loaded ({self.reason}): reinstall or remove its package"


class QueryRefused(InvalidValue):
    """The query may not run, or does not compile; the field is always "sql"."""

    def __init__(self, reason: str) -> None:
        super().__init__("sql", reason)
        self.args = (reason,)


class QueryTooSlow(InvalidValue):
    """The query was stopped at its time limit; the field is always "sql"."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            "sql", f"stopped after {seconds:g} s: narrow the query (a day, a terminal) or raise sql_seconds_max"
        )
        self.args = (seconds,)
        self.seconds = seconds


class QueryTooLarge(InvalidValue):
    """The query needed more of `what` than this node gives to one; the field is always "sql"."""

    def __init__(self, what: str, most: str) -> None:
        super().__init__("sql", f"needs more {what} than {most}: narrow the query, or aggregate before you join")
        self.args = (what, most)
        self.what, self.most = what, most


class QueriesWaiting(NotReady):
    """`waiting` queries are running or waiting already; this one was not started."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} queries are running or waiting: try again when one has ended")
        self.args = (waiting,)
        self.waiting = waiting


def load_plugins() -> list[Plugin]:
    """A new instance of every plugin that is installed, by name. Raises PluginBroken.

    The caller starts those whose `roles` hold the node's own.
    """
    plugins: list[Plugin] = []
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: point.name):
        try:
            make: Callable[[], Plugin] = point.load()
        except (ImportError, AttributeError) as error:
            raise PluginBroken(point.name, str(error)) from error
        plugins.append(make())
    return plugins
