"""`tillmesh demo`: the main job on real input. The demonstration itself comes with the back office's package.

It is found as the plugin command `demo`, because `node` never names the package that brings it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from node.cli.errors import CliError
from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.plugins import load_plugins

NAME = "demo"
SUMMARY = "show a store of real processes through an outage, on real baskets"


class NoDemo(CliError):
    """The package that brings the demonstration is not installed."""

    exit = Exit.NOT_OFFERED
    code = "no_demo"
    hint = "in a clone of the repository: make demo"

    def __str__(self) -> str:
        return "the demonstration is not part of this install"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Whether the store stays."""
    parser.add_argument("--keep", action="store_true", help="leave the store running, and say how to talk to it")


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Runs the plugin's command in -d, else in a new temporary directory."""
    found = [command for plugin in load_plugins() for command in plugin.commands if command.name == NAME]
    if not found:
        raise NoDemo
    # Not ./tillmesh-data: a demonstration must not lie where a shop would start its own node.
    directory = call.directory if given.data else Path(tempfile.mkdtemp(prefix="tillmesh-demo-"))
    code = found[0].run(directory, ["--keep"] if given.keep else [])
    return Exit(code) if code in set(Exit) else Exit.CHECK_FAILED
