"""`tillmesh warehouse`: what the warehouse of a stopped node holds. A running node answers `tillmesh sql` instead."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from node.plugins import PluginUnavailable


def warehouse(directory: Path, arguments: Sequence[str]) -> int:
    """Prints rows per table, heads and checksum. Returns 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser("tillmesh warehouse", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args(list(arguments))
    try:
        from backoffice_bridge.errors import WarehouseError
        from backoffice_bridge.warehouse.file import read_warehouse
        from backoffice_bridge.warehouse.loader import FILE_NAME
    except ModuleNotFoundError as error:
        print(PluginUnavailable("warehouse", str(error.name), "tillmesh[backoffice]"), file=sys.stderr)
        return 1
    try:
        counts, heads, checksum = read_warehouse(directory / FILE_NAME)
    except WarehouseError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"rows": counts, "heads": {j.hex(): seq for j, seq in heads.items()}, "checksum": checksum}))
        return 0
    for table, rows in counts.items():
        print(f"{table:<12} {rows:>12,}")
    print(f"{'journals':<12} {len(heads):>12,}")
    print(f"checksum     {checksum}")
    return 0
