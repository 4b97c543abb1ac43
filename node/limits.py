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

copy_wait_s: Final = 0.1
"""Seconds that an answer waits for its first copy at a peer while any is in step: 20 round trips of a busy LAN."""

claim_wait_s: Final = 0.3
"""Seconds that a claim waits until every peer in step holds it; then it stands as provisional (DESIGN section 4)."""

events_kept_max: Final = 4_096
"""Events that a follower may be behind before it is told of a gap: a busy minute of a large store."""

entry_records_max: Final = 200
"""Records in one entry of an import: about 40 KB, so that an import never holds the disk for long."""

findings_shown_max: Final = 8
"""Addresses named in one sentence about an unreachable node: what a line of a screen holds."""

steps_per_turn_max: Final = 16
"""Steps recorded before the loop looks at disk and links again: 16 of ten lines take about 5 ms."""
