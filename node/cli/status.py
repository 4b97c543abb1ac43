"""`tillmesh status`: this node at a glance, and what its figures rest on."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.local_node import LocalNode
from node.cli.screen import Screen

NAME = "status"
SUMMARY = "show this node: readiness, connection, what is open, what is missing"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Shows GET /v1/status."""
    status = LocalNode(call.config()).get("/status")
    call.screen.answer(status, lambda: _show(call.screen, status))
    return Exit.OK


def show_completeness(screen: Screen, completeness: Mapping[str, Any]) -> None:
    """One line if everything is here; else a line for each node that was not heard or lacks something."""
    if completeness.get("complete"):
        screen.say(f"complete: every node is heard, nothing is missing (as of {completeness.get('as_of')})", "green")
        return
    screen.say(f"not complete (as of {completeness.get('as_of')}):", "yellow")
    missing = completeness.get("missing", [])
    for gap in missing:
        screen.say(f"  {gap['text']}", "yellow")
    named = {gap["node"] for gap in missing}
    for heard in completeness.get("heard", []):
        if heard["silent"] and heard["node"] not in named:
            since = (
                f"silent since {heard['heard_at']}" if heard.get("heard_at") else "not heard since this node started"
            )
            screen.say(f"  {heard['name']}: {since}", "yellow")


def _show(screen: Screen, status: Mapping[str, Any]) -> None:
    ready = "ready" if status["ready"] else "not ready"
    screen.say(f"{status['name']} ({status['role']}), {ready}, {status['connectivity']}", "bold")
    rows = [
        ("node", status["node"]),
        ("store", status["store"]),
        ("version", status["version"]),
        ("started", status["started_at"] + (" (doubtful)" if status["doubtful"] else "")),
        ("journal", f"{status['journal']} up to {status['seq']}"),
        ("disk", status["disk"]),
        ("open sales", status["open_sales"]),
        ("suspended sales", status["suspended_sales"]),
        ("completed sales", status["completed_sales"]),
        ("digest", status["digest"]),
    ]
    if status.get("drill_until_ms"):
        rows.append(("drill", f"cut off on purpose until {status.get('drill_until') or status['drill_until_ms']}"))
    if status.get("clock_off_ms"):
        rows.append(("clock", f"{status['clock_off_ms'] / 1000:+.0f} s off shop time"))
    if status.get("unknown_operations"):
        rows.append(("upgrade needed", f"{status['unknown_operations']} operations of a newer version"))
    screen.table(("what", "value"), rows)
    for alarm in status.get("alarms", []):
        screen.say(f"ALARM {alarm['code']}: {alarm['text']} (since {alarm['since']})", "bold red")
    if status.get("rests_on"):
        show_completeness(screen, status["rests_on"])
