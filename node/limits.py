"""Bounds of the node's shell that belong to no single room, with unit and reason. Rooms have their own `limits.py`."""

from __future__ import annotations

from typing import Final

config_bytes_max: Final = 256 * 1024
"""Bytes of tillmesh.toml: a written file has 5 KB; a larger one is not a settings file."""

static_peers_max: Final = 256
"""Addresses in `peers`: a large store has 60 nodes with two addresses each; each costs a dial now and then."""

sql_seconds_ceiling: Final = 600
"""Seconds that `sql_seconds_max` may be set to: a query that needs longer belongs on a copy of the data."""

sql_rows_ceiling: Final = 1_000_000
"""Rows that `sql_rows_max` may be set to: an answer is held in memory once, about 200 bytes a row."""
