"""`tillmesh config`: which settings count, and where each came from."""

from __future__ import annotations

import argparse

from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.config import SETTINGS
from node.setting import toml

NAME = "config"
SUMMARY = "check the settings and say where each comes from"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Only `check` today."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("check", help="read file, environment and -s; name every problem, or show every value")


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Loads the settings; ConfigError goes to `main`."""
    config = call.config()
    rows = [
        {"setting": name, "value": getattr(config, name), "origin": config.origins.get(name, "default")}
        for name in SETTINGS
    ]
    call.screen.answer(
        {"data_directory": str(config.data_directory), "settings": rows},
        lambda: call.screen.table(
            ("setting", "value", "from"), [(row["setting"], toml(row["value"]), row["origin"]) for row in rows]
        ),
    )
    return Exit.OK
