"""Routes of sales that are being rung up, and of whole baskets completed at once."""

from __future__ import annotations

from node import views
from node.api import bodies
from node.api.answers import OpenSales
from node.api.port import NodePort
from node.api.table import Call, RouteTable

routes = RouteTable("Open sales")

_STEP = ("unknown_thing", "held_elsewhere", "not_in_state", "upgrade_needed")


@routes.add(
    "POST",
    "/v1/open-sales",
    "Open a sale",
    body=bodies.OpenSale,
    answer=views.SaleView,
    status=201,
    writes=True,
    problems=("unknown_thing",),
)
async def open_sale(node: NodePort, call: Call) -> views.SaleView:
    """Begins a sale at this till."""
    body: bodies.OpenSale = call.body
    return await node.open_sale(body.training, body.customer, body.note, **call.writing)


@routes.add("GET", "/v1/open-sales", "List the sales that are open in the store", answer=OpenSales)
async def list_open_sales(node: NodePort, call: Call) -> OpenSales:
    """Sales that are neither completed nor voided, with what the list rests on."""
    return OpenSales(sales=node.open_sales(), rests_on=node.completeness())


@routes.add(
    "GET",
    "/v1/open-sales/{sale}",
    "Read one sale, whatever became of it",
    answer=views.SaleView,
    problems=("unknown_thing",),
)
async def read_open_sale(node: NodePort, call: Call) -> views.SaleView:
    """One sale."""
    return node.sale(call.hex_id("sale"))


@routes.add(
    "POST",
    "/v1/open-sales/{sale}/lines",
    "Add a line",
    body=views.NewLine,
    answer=views.SaleView,
    writes=True,
    problems=_STEP,
)
async def add_line(node: NodePort, call: Call) -> views.SaleView:
    """Rings up one line."""
    return await node.add_line(call.hex_id("sale"), call.body, **call.writing)


@routes.add(
    "POST",
    "/v1/open-sales/{sale}/lines/{line}/void",
    "Void a line",
    body=bodies.MaybeReason,
    answer=views.SaleView,
    writes=True,
    problems=_STEP,
)
async def void_line(node: NodePort, call: Call) -> views.SaleView:
    """Takes one line off again; it stays visible as voided."""
    body: bodies.MaybeReason = call.body
    return await node.void_line(call.hex_id("sale"), call.hex_id("line"), body.reason, **call.writing)


@routes.add(
    "PUT",
    "/v1/open-sales/{sale}/customer",
    "Set or clear the customer",
    body=bodies.SetCustomer,
    answer=views.SaleView,
    writes=True,
    problems=_STEP,
)
async def set_customer(node: NodePort, call: Call) -> views.SaleView:
    """Says whose sale it is."""
    body: bodies.SetCustomer = call.body
    return await node.set_customer(call.hex_id("sale"), body.customer, **call.writing)


@routes.add(
    "POST",
    "/v1/open-sales/{sale}/notes",
    "Add a note",
    body=bodies.AddNote,
    answer=views.SaleView,
    writes=True,
    problems=_STEP,
)
async def add_note(node: NodePort, call: Call) -> views.SaleView:
    """Writes a note on the sale."""
    body: bodies.AddNote = call.body
    return await node.add_note(call.hex_id("sale"), body.text, **call.writing)


@routes.add(
    "POST",
    "/v1/open-sales/{sale}/discounts",
    "Add a discount on the sale or on one line",
    body=views.NewDiscount,
    answer=views.SaleView,
    writes=True,
    problems=_STEP,
)
async def add_discount(node: NodePort, call: Call) -> views.SaleView:
    """Gives a discount."""
    return await node.add_discount(call.hex_id("sale"), call.body, **call.writing)


@routes.add(
    "POST",
    "/v1/open-sales/{sale}/void",
    "Void the whole sale, open or suspended",
    body=bodies.WithReason,
    answer=views.SaleView,
    writes=True,
    problems=_STEP,
)
async def void_sale(node: NodePort, call: Call) -> views.SaleView:
    """Ends the sale without a receipt."""
    body: bodies.WithReason = call.body
    return await node.void_sale(call.hex_id("sale"), body.reason, **call.writing)


@routes.add(
    "POST",
    "/v1/open-sales/{sale}/complete",
    "Complete the sale with its tenders",
    body=bodies.Complete,
    answer=views.Completed,
    writes=True,
    problems=_STEP,
)
async def complete_sale(node: NodePort, call: Call) -> views.Completed:
    """Ends the sale with a receipt; durable here when answered."""
    body: bodies.Complete = call.body
    happened_at_ms, utc_offset_min = body.when()
    return await node.complete(
        call.hex_id("sale"),
        body.tenders,
        happened_at_ms=happened_at_ms,
        utc_offset_min=utc_offset_min,
        override_by=body.override_by,
        external_reference=body.external_reference,
        **call.writing,
    )


@routes.add(
    "POST",
    "/v1/sales",
    "Complete a whole basket at once",
    body=bodies.CompleteBasket,
    answer=views.Completed,
    status=201,
    writes=True,
    problems=("unknown_thing",),
)
async def complete_basket(node: NodePort, call: Call) -> views.Completed:
    """A sale from first line to receipt in one step."""
    body: bodies.CompleteBasket = call.body
    happened_at_ms, utc_offset_min = body.when()
    return await node.complete_basket(
        body.basket,
        body.tenders,
        happened_at_ms=happened_at_ms,
        utc_offset_min=utc_offset_min,
        override_by=body.override_by,
        external_reference=body.external_reference,
        **call.writing,
    )
