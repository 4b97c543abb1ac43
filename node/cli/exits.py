"""Exit codes of `tillmesh`: what a script may rely on. Numbers are never used twice with another meaning."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the process tells its caller; the docstring of each member is its row in CLI.md."""

    OK = 0
    """Done."""
    CHECK_FAILED = 1
    """The command ran, and what it checked is wrong: a damaged entry, figures that do not agree."""
    BAD_INPUT = 2
    """The command line, a setting, a file or a value is wrong; nothing was done."""
    NOT_REACHABLE = 3
    """No running node answers for this data directory."""
    REFUSED = 4
    """The node or the shop's rules refused: unknown, held elsewhere, in another state, a directory in use."""
    NOT_OFFERED = 5
    """This node, role or install does not offer it."""
    NODE_FAILED = 6
    """The node could not do it: its disk failed, it is starting or stopping, or it has a defect."""
    INTERRUPTED = 130
    """Stopped from the keyboard."""


def exit_for_status(status: int, code: str) -> Exit:
    """The exit code for an answer of the API. status: HTTP; code: of the problem details."""
    if status == 403:
        return Exit.NOT_REACHABLE
    if status == 409 or code == "unknown_thing":
        return Exit.REFUSED
    if status == 501:
        return Exit.NOT_OFFERED
    return Exit.BAD_INPUT if 400 <= status < 500 else Exit.NODE_FAILED
