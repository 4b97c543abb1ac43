"""`tillmesh init`: makes a new store: its authority, and in the same directory its first node."""

from __future__ import annotations

import argparse
import time

from crdt_models.errors import InvalidValue
from crdt_models.journal.credential import ROLES
from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.settings_file import write_settings
from node.network.authority import init_store
from node.network.credentials import check_name, refuse_member

NAME = "init"
SUMMARY = "make a new store and its first node, usually the back office"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the first node is called and is."""
    parser.add_argument(
        "name", metavar="NAME", nargs="?", default="back-office", help="the node's name (default back-office)"
    )
    parser.add_argument("--role", choices=ROLES, default="back_office", help="the node's role (default back_office)")


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Keys, authority and a tillmesh.toml that holds what -s said."""
    try:
        check_name(given.name)
    except InvalidValue as error:
        raise InvalidValue("NAME", error.reason) from error
    refuse_member(call.directory)
    call.config()
    call.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_settings(call.directory, call.settings)
    made = init_store(call.directory, given.name, given.role, time.time_ns() // 1_000_000)

    def show() -> None:
        call.screen.say(f"{made.name} is the first node of store {made.store.hex()}", "green")
        call.screen.say(f"next: tillmesh run -d {call.directory}")
        call.screen.say(f"then: tillmesh invite till-1 -d {call.directory}")

    call.screen.answer({"store": made.store.hex(), "node": made.node.hex(), "name": made.name, "role": made.role}, show)
    return Exit.OK
