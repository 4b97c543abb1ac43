"""`tillmesh items`: the articles of the store: list, set one, import a CSV file that is checked before a row of it counts."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from node.cli import limits
from node.cli.errors import ApiRefused, BadInput
from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.local_node import LocalNode, listed, segment
from node.cli.receipt import name_text
from node.cli.screen import Screen

NAME = "items"
SUMMARY = "list, set or import the articles of the store"
TABLE = "/records/items"


def arguments(parser: argparse.ArgumentParser) -> None:
    """One of list, put, import."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="list all articles")
    put = actions.add_parser("put", help="set one article")
    put.add_argument("key", metavar="ITEM", help="the article's number")
    put.add_argument(
        "values",
        metavar="FIELD=VALUE",
        nargs="+",
        help="its fields, for example names.en=Milk unit_price=0.99 tax_code=A; a value that is JSON is taken as such",
    )
    bring = actions.add_parser("import", help="import a CSV file; nothing is written if a row is refused")
    bring.add_argument("file", metavar="FILE", type=Path, help="CSV in UTF-8 with a header line")
    bring.add_argument("--accepted-only", action="store_true", help="write the good rows although others are refused")


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Talks to /v1/records/items."""
    config = call.config()
    node = LocalNode(config)
    match given.action:
        case "list":
            return _list(node, call.screen, config.language)
        case "put":
            row = node.put(f"{TABLE}/{segment(given.key)}", {"value": fields(given.values)})
            call.screen.answer(row, lambda: call.screen.say(f"{row['key']}: version {row['version']} is set", "green"))
            return Exit.OK
        case _:
            return _import(node, call.screen, given.file, given.accepted_only)


def fields(assignments: list[str]) -> dict[str, Any]:
    """FIELD=VALUE arguments as a value: dots nest, JSON objects, lists, numbers and true/false are taken as such.

    Raises BadInput for one without `=`, or that puts a field under a plain value.
    """
    value: dict[str, Any] = {}
    for assignment in assignments:
        path, sign, text = assignment.partition("=")
        if not sign or not all(path.split(".")):
            raise BadInput("FIELD=VALUE", f"must look like names.en=Milk, not {assignment!r}")
        inner = value
        *outer, name = path.split(".")
        for step in outer:
            inner = inner.setdefault(step, {})
            if not isinstance(inner, dict):
                raise BadInput("FIELD=VALUE", f"{path}: {step} has a value of its own already")
        inner[name] = _value(text)
    return value


def _value(text: str) -> Any:
    """A fraction stays text: prices are decimal strings, never floats."""
    try:
        read = json.loads(text, parse_float=str)
    except json.JSONDecodeError:
        return text
    return text if isinstance(read, str) and not text.startswith('"') else read


def _list(node: LocalNode, screen: Screen, language: str) -> Exit:
    items: list[dict[str, Any]] = []
    after: str | None = None
    with screen.progress("articles") as advance:
        while True:
            page = node.get(TABLE, after=after)
            items += listed(page, "records")
            advance(len(items))
            after = page.get("next")
            if not after:
                break

    def show() -> None:
        screen.table(
            ("item", "name", ">price", "tax", ">version", "changed", "by"),
            [
                (
                    item["key"],
                    name_text(item["value"].get("names", {}), language),
                    item["value"].get("unit_price"),
                    item["value"].get("tax_code"),
                    item["version"],
                    item["changed_at"],
                    item["node"],
                )
                for item in items
            ],
        )

    screen.answer({"records": items}, show)
    return Exit.OK


def _import(node: LocalNode, screen: Screen, path: Path, accepted_only: bool) -> Exit:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput("FILE", f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > limits.csv_bytes_max:
        raise BadInput(
            "FILE", f"{path} has {len(raw)} bytes; at most {limits.csv_bytes_max} are taken at once, so split it"
        )
    query = "?accepted_only=true" if accepted_only else ""
    try:
        with screen.progress(f"importing {path.name}"):
            done = node.upload(f"{TABLE}/import{query}", raw, "text/csv")
    except ApiRefused as error:
        if not screen.as_json:
            _show_refused(screen, error.problem, "nothing was written")
        raise

    def show() -> None:
        _show_refused(screen, done, "the others were written")
        screen.say(f"{done['written']} of {done['rows']} articles written", "green")

    screen.answer(done, show)
    return Exit.OK


def _show_refused(screen: Screen, document: Mapping[str, Any], outcome: str) -> None:
    refused = document.get("refused") or []
    if refused:
        screen.table(
            (">line", "field", "reason"),
            [(row["line"], row["field"], row["reason"]) for row in refused],
            title=f"{document.get('refused_count', len(refused))} rows refused, {outcome}",
        )
