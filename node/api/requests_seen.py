"""How many requests were answered, by route and status: the API's own metric.

By route, not by path: a path holds ids, and a label for each would grow for ever.
"""

from __future__ import annotations

from collections import Counter

from node.views import Metric


class RequestsSeen:
    """Counts answers; bounded by routes times statuses."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()

    def count(self, route: str, status: int) -> None:
        """One more answer; route: name in the table, or "none" for a path that is not there."""
        self._counts[route, status] += 1

    def metrics(self) -> list[Metric]:
        """One sample per route and status."""
        return [
            Metric(
                name="api_requests_total",
                help="Requests answered by the local API.",
                value=count,
                type="counter",
                labels={"route": route, "status": str(status)},
            )
            for (route, status), count in sorted(self._counts.items())
        ]
