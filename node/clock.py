"""The node's two clocks: one that only runs forward, and the wall's, which may be wrong by years.

Everything pure takes a `Now`; only here are clocks read. `perf_counter`, since Windows' `monotonic` ticks at 15.6 ms
(RULES T2).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from node.replication.events import Now

ReadClock = Callable[[], Now]


def system_now() -> Now:
    """Seconds of the process's monotonic clock, and UTC milliseconds of the wall."""
    return Now(time.perf_counter(), time.time_ns() // 1_000_000)
