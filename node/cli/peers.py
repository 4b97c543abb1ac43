"""`tillmesh peers`: whom this node is linked to, how each was found, and who is behind."""

from __future__ import annotations

import argparse

from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.local_node import LocalNode, listed

NAME = "peers"
SUMMARY = "list the peers of this node, how each was found and how far it is"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Shows GET /v1/peers."""
    document = LocalNode(call.config()).get("/peers")
    peers = listed(document, "peers")

    def show() -> None:
        call.screen.table(
            ("name", "role", "phase", "address", "found by", ">we lack", ">it lacks", ">round trip", "heard", "reason"),
            [
                (
                    peer["name"],
                    peer["role"],
                    peer["phase"],
                    peer.get("address"),
                    peer.get("found_by"),
                    peer.get("behind", 0),
                    peer.get("lacks", 0),
                    f"{peer['round_trip_us'] / 1000:.1f} ms" if peer.get("round_trip_us") is not None else "",
                    peer.get("heard_at"),
                    peer.get("reason"),
                )
                for peer in peers
            ],
        )
        if not peers:
            call.screen.say("no peer is known: is another node of this store running, and can it be reached?", "yellow")

    call.screen.answer(document, show)
    return Exit.OK
