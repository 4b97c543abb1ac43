"""The plugin: what a back office adds to its node. A warehouse that fills by itself, and SQL on it.

Making it imports neither duckdb nor pyarrow; starting it does, at nodes whose role asks for it. It never stops a node:
what goes wrong here is announced, and the journals hold every sale meanwhile.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from node.plugins import Command, PluginHost, PluginUnavailable, RunSql, SqlLimits, SqlResult

if TYPE_CHECKING:
    from backoffice_bridge.analyst.desk import Desk
    from backoffice_bridge.warehouse.loader import Loader

NAME: Final = "warehouse"
EXTRA: Final = "tillmesh[backoffice]"


class BackOffice:
    """Implements `node.plugins.Plugin`. loader, desk: there between `start` and `stop`."""

    name = NAME
    roles = frozenset({"back_office", "archive"})

    def __init__(self) -> None:
        self.loader: Loader | None = None
        self.desk: Desk | None = None

    @property
    def commands(self) -> Sequence[Command]:
        """`tillmesh warehouse`: what the file holds, without a running node; `tillmesh demo`: the main job on real input."""
        from backoffice_bridge.command import warehouse

        return (
            Command("warehouse", "show what the warehouse of a stopped node holds, with its checksum", warehouse),
            Command("demo", "show a store of real processes through an outage, on real baskets", _demo),
        )

    @property
    def sql(self) -> RunSql | None:
        """Runs read-only SQL; None while the plugin is not started."""
        return None if self.desk is None else self.run_sql

    async def run_sql(self, query: str, bounds: SqlLimits) -> SqlResult:
        """One query; raises as `Desk.run`."""
        assert self.desk is not None
        return await self.desk.run(query, bounds)

    async def start(self, host: PluginHost) -> None:
        """Opens the warehouse and begins to load; what cannot be opened now is tried again. Raises PluginUnavailable."""
        for package in ("duckdb", "pyarrow"):
            if importlib.util.find_spec(package) is None:
                raise PluginUnavailable(NAME, package, EXTRA)
        from backoffice_bridge.analyst.desk import Desk
        from backoffice_bridge.warehouse.loader import Loader

        desk = Desk()
        loader = Loader(host, desk.clear, lambda file: desk.open(file.cursor))
        try:
            await loader.__aenter__()
        except BaseException:
            await desk.close()
            raise
        self.desk, self.loader = desk, loader

    async def stop(self) -> None:
        """Stops queries, loads what has gathered, closes the file."""
        desk, loader = self.desk, self.loader
        self.desk = self.loader = None
        if desk is not None:
            await desk.close()
        if loader is not None:
            await loader.__aexit__()


def _demo(directory: Path, arguments: Sequence[str]) -> int:
    """`tillmesh demo`; imported only when it is asked for."""
    from backoffice_bridge.demo.command import run

    return run(directory, arguments)


def plugin() -> BackOffice:
    """The entry point `tillmesh.plugins`: a new, unstarted plugin."""
    return BackOffice()
