"""`tillmesh receipt`: one receipt of any terminal of the store, as it was printed."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from node.cli.errors import BadInput
from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.local_node import LocalNode, segment
from node.cli.screen import Screen, amount_text

NAME = "receipt"
SUMMARY = "show one receipt, made at any terminal of the store"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which receipt."""
    parser.add_argument("receipt", metavar="RECEIPT", help="terminal/series/number, for example till-3/S-K7Q2MX/118")
    parser.add_argument("--reprint", action="store_true", help="record that a copy is handed out, and count it")


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Shows GET /v1/receipts/..., or what POST .../reprint answers."""
    parts = given.receipt.split("/")
    if len(parts) != 3 or not all(parts):
        raise BadInput("RECEIPT", f"must be terminal/series/number, not {given.receipt!r}")
    config = call.config()
    node = LocalNode(config)
    path = "/receipts/" + "/".join(map(segment, parts))
    receipt = node.post(path + "/reprint", {}) if given.reprint else node.get(path)
    call.screen.answer(receipt, lambda: show_receipt(call.screen, receipt, config.language))
    return Exit.OK


def show_receipt(screen: Screen, receipt: Mapping[str, Any], language: str) -> None:
    """The receipt as a slip. language: of the names, where they have it."""
    exponent, currency = receipt["exponent"], receipt["currency"]
    kind = receipt["kind"].upper() + (" (TRAINING)" if receipt["training"] else "")
    screen.say(f"{kind} {receipt['receipt_no']}", "bold")
    screen.say(f"{receipt['happened_at']}, business day {receipt['business_day']}")
    screen.table(
        (">no", "article", ">quantity", ">price", ">discount", ">amount"),
        [
            (
                line["line_no"],
                name_text(line["names"], language) or line.get("item") or line["kind"],
                line["quantity"],
                line["unit_price"],
                amount_text(-line["discount_minor"], exponent) if line.get("discount_minor") else "",
                amount_text(line["amount_minor"], exponent),
            )
            for line in receipt["lines"]
        ],
    )
    screen.say(f"TOTAL {amount_text(receipt['total_minor'], exponent, currency)}", "bold")
    screen.say(f"of it tax {amount_text(receipt['tax_minor'], exponent, currency)}")
    for tender in receipt["tenders"]:
        screen.say(f"{tender['tender_type']} {amount_text(tender['amount_minor'], exponent, currency)}")
    for label, value in (
        ("customer", receipt.get("customer")),
        ("reference", receipt.get("external_reference")),
        ("flags", ", ".join(receipt.get("flags", []))),
        ("copies handed out", receipt.get("reprints")),
    ):
        if value:
            screen.say(f"{label}: {value}")
    for link in receipt.get("links", []):
        screen.say(f"{link['kind']} of {link['receipt']}, line {link['line_no']}")
    for note in receipt.get("notes", []):
        screen.say(f"note: {note}")
    place = receipt["place"]
    screen.say(f"entry {place['seq']} of journal {place['journal']}, sale {receipt['sale_id']}", "dim")


def name_text(names: Mapping[str, str], language: str) -> str:
    """A name in `language`, else in its main tongue (de for de-AT), else English, else the first there is."""
    for wanted in (language, language.partition("-")[0], "en"):
        if wanted in names:
            return names[wanted]
    return next(iter(names.values()), "")
