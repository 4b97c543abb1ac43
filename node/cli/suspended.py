"""`tillmesh suspended`: the parked sales of the store, whichever till parked them."""

from __future__ import annotations

import argparse

from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.local_node import LocalNode, listed
from node.cli.screen import amount_text
from node.cli.status import show_completeness

NAME = "suspended"
SUMMARY = "list the suspended sales of the store"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Shows GET /v1/sales/suspended."""
    document = LocalNode(call.config()).get("/sales/suspended")

    def show() -> None:
        call.screen.table(
            ("sale", "type", "answers", "note", ">lines", ">total", "currency", "by", "since", "copies at"),
            [
                (
                    row["sale_id"],
                    row["type"] + (" (training)" if row.get("training") else ""),
                    [f"{question}: {answer}" for question, answer in row["answers"].items()],
                    row["note"],
                    row["line_count"],
                    amount_text(row["total_minor"], row["exponent"]),
                    row["currency"],
                    row["suspended_by"],
                    row["suspended_at"],
                    row.get("held_by") or "no other node",
                )
                for row in listed(document, "sales")
            ],
        )
        show_completeness(call.screen, document["rests_on"])

    call.screen.answer(document, show)
    return Exit.OK
