"""`tillmesh invite`: prints a single-use, 15-minute token with which one node joins the store.

Where the node runs it is asked, since it knows the ports that it opened; where it does not, the token is made in its
directory, which works as long as it is started before the token is used.
"""

from __future__ import annotations

import argparse
import os
import time

import msgspec

from crdt_models.journal.credential import ROLES
from node.cli.errors import BadInput, NotReachable
from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.local_node import LocalNode
from node.config import Config
from node.network.authority import Authority
from node.network.credentials import Credentials
from node.network.invite import Invitations
from node.own_addresses import own_addresses
from node.views import InviteView

NAME = "invite"
SUMMARY = "print a token with which one node joins the store (at the authority)"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Who is invited."""
    parser.add_argument(
        "name", metavar="NAME", help="the new node's name, for example till-4; it is printed on receipts"
    )
    parser.add_argument("--role", choices=ROLES, default="till", help="the new node's role (default till)")


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Asks POST /v1/invites, or works in the directory of a node that does not run."""
    config = call.config()
    asleep = False
    try:
        invited = LocalNode(config).post("/invites", {"name": given.name, "role": given.role})
    except NotReachable:
        invited = msgspec.to_builtins(_invite_in_directory(config, given.name, given.role))
        asleep = True

    def show() -> None:
        call.screen.say(invited["token"], "bold")
        call.screen.note(f"for {invited['name']} ({invited['role']}), once, until {invited['expires_at']}", None)
        if asleep:
            call.screen.note(f"this node does not run: start it with tillmesh run -d {call.directory}")

    call.screen.answer(invited, show)
    return Exit.OK


def _invite_in_directory(config: Config, name: str, role: str) -> InviteView:
    directory = config.data_directory
    credentials = Credentials.load(directory)
    authority = Authority.load(directory)
    if config.join_port == 0:
        raise BadInput("join_port", "is 0, so the port is known only while the node runs: start it, or set a port")
    invitations = Invitations(authority, credentials.credential.tls_key_hash)
    addresses = own_addresses(config, config.join_port)
    made = invitations.invite(name, role, addresses, time.time_ns() // 1_000_000, os.urandom)
    return InviteView(token=made.token, name=made.name, role=made.role, expires_at_ms=made.expires_ms)
