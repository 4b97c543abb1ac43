"""Routes of parked sales: suspend at one till, retrieve at another, take over from one that is dead."""

from __future__ import annotations

from node import views
from node.api import bodies
from node.api.answers import SuspendedSales
from node.api.port import NodePort
from node.api.table import Call, RouteTable

routes = RouteTable("Suspended sales")

_STEP = ("unknown_thing", "held_elsewhere", "not_in_state", "upgrade_needed")


@routes.add(
    "POST",
    "/v1/open-sales/{sale}/suspend",
    "Suspend an open sale",
    body=bodies.Suspend,
    answer=views.SaleView,
    writes=True,
    problems=_STEP,
)
async def suspend_sale(node: NodePort, call: Call) -> views.SaleView:
    """Parks the sale: any till of the store may retrieve it."""
    body: bodies.Suspend = call.body
    return await node.suspend(call.hex_id("sale"), body.type, body.answers, body.note, **call.writing)


@routes.add(
    "POST",
    "/v1/suspended-sales",
    "Suspend a whole basket at once",
    body=bodies.SuspendBasket,
    answer=views.SaleView,
    status=201,
    writes=True,
    problems=("unknown_thing",),
)
async def suspend_basket(node: NodePort, call: Call) -> views.SaleView:
    """Parks a basket that no till has reported line by line."""
    body: bodies.SuspendBasket = call.body
    return await node.suspend_basket(body.basket, body.type, body.answers, body.note, **call.writing)


@routes.add("GET", "/v1/sales/suspended", "List the suspended sales of the store", answer=SuspendedSales)
async def list_suspended_sales(node: NodePort, call: Call) -> SuspendedSales:
    """Parked sales, with what the list rests on."""
    return SuspendedSales(sales=node.suspended_sales(), rests_on=node.completeness())


@routes.add(
    "POST",
    "/v1/open-sales/{sale}/retrieve",
    "Retrieve a suspended sale",
    answer=views.Retrieved,
    writes=True,
    problems=_STEP,
)
async def retrieve_sale(node: NodePort, call: Call) -> views.Retrieved:
    """Takes a parked sale here; `standing` says how firmly."""
    return await node.retrieve(call.hex_id("sale"), **call.writing)


@routes.add(
    "POST",
    "/v1/open-sales/{sale}/take-over",
    "Take a sale over from a till that cannot go on",
    body=bodies.WithReason,
    answer=views.Retrieved,
    writes=True,
    problems=_STEP,
)
async def take_over_sale(node: NodePort, call: Call) -> views.Retrieved:
    """Takes a sale whose holder is out of reach; the reason is recorded."""
    body: bodies.WithReason = call.body
    return await node.take_over(call.hex_id("sale"), body.reason, **call.writing)
