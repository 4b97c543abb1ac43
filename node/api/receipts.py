"""Routes of completed sales: read on any node, whichever till made them, and reprinted with a trace."""

from __future__ import annotations

import datetime
import re

from aiohttp import web

from node import views
from node.api import limits
from node.api.answers import Sales, Totals
from node.api.port import NodePort
from node.api.problems import invalid
from node.api.receipt_text import receipt_text
from node.api.table import Call, Query, RouteTable

routes = RouteTable("Receipts and figures")

_DAY = Query("business_day", "string", "only this business day, YYYY-MM-DD")
_LANGUAGE = Query("language", "string", "language of names where they have it, default en")


@routes.add(
    "GET",
    "/v1/sales",
    "List completed sales, oldest first",
    answer=Sales,
    problems=("unknown_thing",),
    query=(
        Query(
            "limit", "integer", f"sales in the page, 1 to {limits.page_size_max}, default {limits.page_size_default}"
        ),
        Query("after", "string", "the sale_id that the last page gave as next"),
        _DAY,
    ),
)
async def list_sales(node: NodePort, call: Call) -> Sales:
    """A page of sales, with what it rests on."""
    limit = call.query_number("limit", limits.page_size_default, 1, limits.page_size_max)
    found = node.sales(limit + 1, call.query_text("after"), _business_day(call))
    page = found[:limit]
    more = page[-1].sale_id if len(found) > limit else None
    return Sales(sales=page, next=more, rests_on=node.completeness())


@routes.add("GET", "/v1/totals", "Sum sales by business day, terminal and currency", answer=Totals, query=(_DAY,))
async def read_totals(node: NodePort, call: Call) -> Totals:
    """Sums without training, with what they rest on."""
    return Totals(totals=node.totals(_business_day(call)), rests_on=node.completeness())


@routes.add(
    "GET",
    "/v1/receipts/{terminal}/{series}/{number}",
    "Read a receipt",
    answer=views.ReceiptView,
    problems=("unknown_thing",),
)
async def read_receipt(node: NodePort, call: Call) -> views.ReceiptView:
    """One completed sale."""
    return node.receipt(_receipt_no(call))


@routes.add(
    "GET",
    "/v1/receipts/{terminal}/{series}/{number}/text",
    "Read a receipt as 42 columns of text",
    answer_media="text/plain",
    problems=("unknown_thing",),
    query=(_LANGUAGE,),
)
async def read_receipt_text(node: NodePort, call: Call) -> web.Response:
    """One completed sale, as a printer takes it."""
    receipt = node.receipt(_receipt_no(call))
    text = receipt_text(receipt, call.query_text("language") or "en", copy=receipt.reprints > 0)
    return web.Response(text=text, content_type="text/plain", charset="utf-8")


@routes.add(
    "POST",
    "/v1/receipts/{terminal}/{series}/{number}/reprint",
    "Record that a copy is printed",
    answer=views.ReceiptView,
    writes=True,
    problems=("unknown_thing",),
)
async def reprint_receipt(node: NodePort, call: Call) -> views.ReceiptView:
    """Notes the reprint; the text of the receipt is marked as a copy from then on."""
    return await node.reprint(_receipt_no(call), **call.writing)


def _receipt_no(call: Call) -> str:
    terminal, series = call.text("terminal"), call.text("series")
    for name, part in (("terminal", terminal), ("series", series)):
        if "/" in part:
            raise invalid(name, "must not contain /")
    return f"{terminal}/{series}/{call.number('number')}"


def _business_day(call: Call) -> str | None:
    text = call.query_text("business_day")
    if text is None:
        return None
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            raise ValueError(text)
        datetime.date.fromisoformat(text)
    except ValueError:
        raise invalid("business_day", f"{text[:20]!r} is not a day such as 2026-11-24") from None
    return text
