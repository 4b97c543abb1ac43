"""The errors of the bridge that are not an analyst's (those are `node.plugins.Query...`, which the API knows).

NodeError
└── WarehouseError
    ├── WarehouseInUse          another process has the file open; only one may
    └── WarehouseUnavailable    the file cannot be opened or written now (disk full, rights, memory); tried again
"""

from __future__ import annotations

from pathlib import Path

from node.errors import NodeError, NotReady


class WarehouseError(NodeError):
    """Root of the bridge's own errors."""

    code = "warehouse_error"


class WarehouseInUse(WarehouseError):
    """Another process has `path` open."""

    code = "warehouse_in_use"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is open in another process: ask the running node (tillmesh sql), or stop that process"


class WarehouseUnavailable(WarehouseError, NotReady):
    """The file cannot be used now; nothing is lost, since the journals hold every sale."""

    code = NotReady.code

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the warehouse cannot be used now ({self.reason}); sales go on, and it catches up from the journals"
