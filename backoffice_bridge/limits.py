"""Every bound of the back office's bridge, with its unit and its reason."""

from __future__ import annotations

from typing import Final

# --- loading ------------------------------------------------------------------------------------------------------

batch_interval_s: Final = 0.040
"""Seconds from the start of one load to the start of the next: a sale is a row within 100 ms (PERFORMANCE goal 6), and a
transaction costs 4 ms whether it carries 1 sale or 20."""

heads_interval_s: Final = 1.0
"""Seconds after which heads that no sale moved are written: a line added at a till is worth no transaction of its own."""

waiting_entries_max: Final = 4_000
"""Entries with sales that wait in memory, about 10 KB each with 25 lines; beyond it the loader reads the disk instead."""

retry_s: Final = (0.5, 2.0, 10.0, 30.0)
"""Seconds between attempts while the file cannot be written (full disk, no memory); the last one repeats."""

stop_s: Final = 10.0
"""Seconds that stopping waits for the load under way; what it leaves is loaded at the next start."""

# --- the DuckDB instance ------------------------------------------------------------------------------------------

memory_mib: Final = 1_024
"""MiB for loading and all queries together: 10,000,000 rows aggregate in 200. Not a jail: see DELIVERY.md."""

spill_mib: Final = 1_024
"""MiB that queries may spill beside the file: the journals share that disk and must never find it full."""

threads: Final = 2
"""Threads of DuckDB's scheduler: a query must leave the node's loop a core on a two-core back office."""

# --- one query ----------------------------------------------------------------------------------------------------

query_characters_max: Final = 16_384
"""Characters of one query: planning 10,000 UNIONs (190 KB) takes 21 s and cannot be stopped, 16 KB takes 0.2 s."""

answer_bytes_max: Final = 16 * 1024 * 1024
"""Bytes of one answer, roughly: it is held in memory and sent as one body."""

queries_waiting_max: Final = 4
"""Queries that run or wait; they run one by one, so that two of them do not starve the loader."""

stop_interval_s: Final = 0.05
"""Seconds between interrupts of a query past its time: one that comes between two statements is lost."""

stop_grace_s: Final = 5.0
"""Seconds after its limit at which a query that does not react is given up on; its thread stays taken until it ends."""

padding_max: Final = 200
"""Characters to which `lpad` and `rpad` may fill: as wide as a receipt, not as large as the memory."""
