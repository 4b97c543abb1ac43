"""`tillmesh sql`: read-only SQL in the warehouse, through the node that owns the file, never by opening it."""

from __future__ import annotations

import argparse
import csv
import sys
from typing import Any

from node.cli.arguments import count
from node.cli.errors import BadInput
from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.local_node import LocalNode
from node.cli.status import show_completeness
from node.limits import sql_rows_ceiling

NAME = "sql"
SUMMARY = "ask the warehouse of this node in read-only SQL"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The query, and how the rows are wanted."""
    parser.add_argument("query", metavar="QUERY", help='the SQL, in quotes; "-" reads it from standard input')
    parser.add_argument(
        "--rows", type=count(1, sql_rows_ceiling), metavar="N", help="answer at most N rows (default: sql_rows_max)"
    )
    parser.add_argument("--csv", action="store_true", help="CSV on standard output instead of a table")


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Asks POST /v1/sql."""
    query = sys.stdin.read() if given.query == "-" else given.query
    if not query.strip():
        raise BadInput("QUERY", "is empty")
    config = call.config()
    rows_max = given.rows or config.sql_rows_max
    with call.screen.progress("the warehouse answers"):
        document: dict[str, Any] = LocalNode(config).post("/sql", {"sql": query, "rows_max": rows_max})

    def show() -> None:
        if given.csv:
            writer = csv.writer(sys.stdout)
            writer.writerow(document["columns"])
            writer.writerows(document["rows"])
        else:
            call.screen.table(document["columns"], document["rows"])
            if document.get("rests_on"):
                show_completeness(call.screen, document["rests_on"])
        if document["truncated"]:
            call.screen.note(f"cut off after {len(document['rows'])} rows: --rows N answers more")

    call.screen.answer(document, show)
    return Exit.OK
