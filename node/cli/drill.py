"""`tillmesh drill`: cuts this node off for a time, logically, so that a shop can practise an outage in daylight."""

from __future__ import annotations

import argparse

from node.cli import limits
from node.cli.arguments import seconds
from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.local_node import LocalNode

NAME = "drill"
SUMMARY = "cut this node off for a time, as if its cable were pulled"


def arguments(parser: argparse.ArgumentParser) -> None:
    """For how long."""
    parser.add_argument(
        "duration",
        type=seconds(0, limits.drill_seconds_max),
        metavar="DURATION",
        help="for how long: seconds, or like 5m or 2h; 0 ends a drill",
    )


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Asks POST /v1/drill."""
    status = LocalNode(call.config()).post("/drill", {"seconds": given.duration})

    def show() -> None:
        if given.duration:
            call.screen.say(f"{status['name']} is cut off for {given.duration} s; it sells on alone", "yellow")
            call.screen.say(f"tillmesh drill 0 -d {call.directory} ends it at once")
        else:
            call.screen.say(f"{status['name']} is not cut off (any more)", "green")

    call.screen.answer(status, show)
    return Exit.OK
