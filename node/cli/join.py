"""`tillmesh join`: makes a directory a node of the store that the token was made by."""

from __future__ import annotations

import argparse
import asyncio
import sys

from node.cli.errors import BadInput
from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.settings_file import write_settings
from node.network.errors import TokenMalformed
from node.network.invite import Token
from node.network.join import join_store

NAME = "join"
SUMMARY = "join a store with a token from `tillmesh invite`"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The token."""
    parser.add_argument(
        "token", metavar="TOKEN", help='what `tillmesh invite` printed; "-" reads it from standard input'
    )


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Enrols, and writes a tillmesh.toml that holds what -s said."""
    token = sys.stdin.read() if given.token == "-" else given.token
    if not token.strip():
        raise BadInput("TOKEN", "is empty")
    call.config()
    try:
        Token.from_text(token)
    except TokenMalformed as error:
        raise BadInput("TOKEN", str(error)) from error
    call.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with call.screen.progress("asking the store's authority"):
        made = asyncio.run(join_store(call.directory, token))
    write_settings(call.directory, call.settings)

    def show() -> None:
        call.screen.say(f"{made.name} ({made.role}) is a node of store {made.store.hex()}", "green")
        call.screen.say(f"next: tillmesh run -d {call.directory}")

    call.screen.answer({"store": made.store.hex(), "node": made.node.hex(), "name": made.name, "role": made.role}, show)
    return Exit.OK
