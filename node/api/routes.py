"""All routes, by concern, in the order in which they are documented."""

from __future__ import annotations

from typing import Final

from node.api import insight, nodes, receipts, records, sales, seatings, suspended
from node.api.openapi import document_route
from node.api.table import Route, RouteTable

TABLES: Final[tuple[RouteTable, ...]] = (
    sales.routes,
    suspended.routes,
    receipts.routes,
    records.routes,
    seatings.routes,
    insight.routes,
    nodes.routes,
)


def all_routes() -> list[Route]:
    """Every route of the API, that of its own description included."""
    routes = [route for table in TABLES for route in table]
    return [*routes, document_route(lambda: [(table.concern, list(table)) for table in TABLES])]
