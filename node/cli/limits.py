"""Bounds of the command line, with unit and reason."""

from __future__ import annotations

from typing import Final

connect_seconds_max: Final = 3.0
"""Seconds until the local node must take the connection: it is on this machine, so a longer wait is a dead one."""

answer_seconds_max: Final = 60.0
"""Seconds until the local node must answer an ordinary request: a disk at its worst needs 10."""

import_seconds_max: Final = 600.0
"""Seconds for an import: 50,000 rows are checked, written and made durable."""

answer_bytes_max: Final = 256 * 1024 * 1024
"""Bytes of one answer that are read: the largest query that a node may be set to answer has about 200 MB."""

csv_bytes_max: Final = 8 * 1024 * 1024
"""Bytes of a file to import; the API takes no more at once."""

receipts_shown_default: Final = 20
"""Receipts that `sales` shows if not told: a screen."""

receipts_shown_max: Final = 1_000
"""Receipts that `sales` shows at most, one page of the API; more is a query for `sql`."""

drill_seconds_max: Final = 86_400
"""Seconds of one drill, as the API has it."""
