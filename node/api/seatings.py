"""Routes of seatings: guests at a table, whose lines two waiters may enter at once, apart or together."""

from __future__ import annotations

from node import views
from node.api import bodies
from node.api.answers import Seatings
from node.api.port import NodePort
from node.api.table import Call, RouteTable

routes = RouteTable("Seatings")

_STEP = ("unknown_thing", "not_in_state", "upgrade_needed")


@routes.add("GET", "/v1/tables", "List the tables with guests", answer=Seatings)
async def list_tables(node: NodePort, call: Call) -> Seatings:
    """Seatings that are not cleared, with what the list rests on."""
    return Seatings(seatings=node.seatings(), rests_on=node.completeness())


@routes.add(
    "POST",
    "/v1/tables/{table}/seat",
    "Seat guests",
    body=bodies.Seat,
    answer=views.SeatingView,
    writes=True,
    problems=_STEP,
)
async def seat_guests(node: NodePort, call: Call) -> views.SeatingView:
    """Guests sit down."""
    body: bodies.Seat = call.body
    return await node.seat(call.text("table"), body.covers, **call.writing)


@routes.add(
    "POST",
    "/v1/tables/{table}/lines",
    "Add a line to the table",
    body=views.NewLine,
    answer=views.SeatingView,
    writes=True,
    problems=_STEP,
)
async def add_table_line(node: NodePort, call: Call) -> views.SeatingView:
    """Enters an order."""
    return await node.seating_add_line(call.text("table"), call.body, **call.writing)


@routes.add(
    "POST",
    "/v1/tables/{table}/lines/{line}/void",
    "Void a line of the table",
    body=bodies.MaybeReason,
    answer=views.SeatingView,
    writes=True,
    problems=_STEP,
)
async def void_table_line(node: NodePort, call: Call) -> views.SeatingView:
    """Takes an order back; it stays visible as voided."""
    body: bodies.MaybeReason = call.body
    return await node.seating_void_line(call.text("table"), call.hex_id("line"), body.reason, **call.writing)


@routes.add(
    "POST",
    "/v1/tables/{table}/clear",
    "Clear the table",
    answer=views.SeatingView,
    writes=True,
    problems=_STEP,
)
async def clear_table(node: NodePort, call: Call) -> views.SeatingView:
    """Guests have left; the table's next guests get a new seating."""
    return await node.clear_table(call.text("table"), **call.writing)
