"""`tillmesh sales`: completed sales of the store as this node knows them, and sums by terminal and day."""

from __future__ import annotations

import argparse
from typing import Any

from node.cli import limits
from node.cli.arguments import count, day
from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.local_node import LocalNode, listed
from node.cli.screen import Screen, amount_text
from node.cli.status import show_completeness

NAME = "sales"
SUMMARY = "list completed sales, or their totals, with what the figures rest on"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which sales, and whether sums are enough."""
    parser.add_argument("--day", type=day, metavar="YYYY-MM-DD", help="only this business day")
    parser.add_argument(
        "--limit",
        type=count(1, limits.receipts_shown_max),
        default=limits.receipts_shown_default,
        metavar="N",
        help=f"how many to list (default {limits.receipts_shown_default})",
    )
    parser.add_argument("--after", metavar="SALE", help="go on after this sale id, as `next` of the page before says")
    parser.add_argument("--totals", action="store_true", help="sums by business day, terminal and currency instead")


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Shows GET /v1/sales or /v1/totals."""
    node = LocalNode(call.config())
    if given.totals:
        document = node.get("/totals", business_day=given.day)
        call.screen.answer(document, lambda: _show_totals(call.screen, document))
    else:
        document = node.get("/sales", limit=given.limit, after=given.after, business_day=given.day)
        call.screen.answer(document, lambda: _show_sales(call.screen, document))
    return Exit.OK


def _show_totals(screen: Screen, document: dict[str, Any]) -> None:
    screen.table(
        ("business day", "terminal", ">sales", ">total", ">tax", "currency"),
        [
            (
                row["business_day"],
                row["terminal"],
                row["sales"],
                amount_text(row["total_minor"], row["exponent"]),
                amount_text(row["tax_minor"], row["exponent"]),
                row["currency"],
            )
            for row in listed(document, "totals")
        ],
    )
    show_completeness(screen, document["rests_on"])


def _show_sales(screen: Screen, document: dict[str, Any]) -> None:
    screen.table(
        ("receipt", "kind", "happened", "business day", ">lines", ">total", "currency", "copies at"),
        [
            (
                row["receipt_no"],
                row["kind"] + (" (training)" if row["training"] else ""),
                row["happened_at"],
                row["business_day"],
                len(row["lines"]),
                amount_text(row["total_minor"], row["exponent"]),
                row["currency"],
                row.get("held_by") or "no other node",
            )
            for row in listed(document, "sales")
        ],
    )
    if document.get("next"):
        screen.say(f"there are more: --after {document['next']}")
    show_completeness(screen, document["rests_on"])
