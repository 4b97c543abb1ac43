"""The errors of the command line. Each knows its exit code; `main` is the one place that catches them.

CliError
├── BadInput          an argument or a file is wrong: names which and why
├── NotReachable      no node runs here, or it does not answer
└── ApiRefused        the node answered with problem details
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from node.cli.exits import Exit, exit_for_status


class CliError(Exception):
    """Root of what a command stops with. `hint`: what to do next, or empty."""

    exit = Exit.NODE_FAILED
    code = "cli_error"
    hint = ""

    def fields(self) -> dict[str, Any]:
        """For `--json`: code, detail and what else is known."""
        return {"code": self.code, "detail": str(self), **({"hint": self.hint} if self.hint else {})}


class BadInput(CliError):
    """`field` (an argument, an option, a file) cannot be used; `reason` says why."""

    exit = Exit.BAD_INPUT
    code = "bad_input"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field, self.reason = field, reason

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"

    def fields(self) -> dict[str, Any]:
        return {**super().fields(), "field": self.field, "reason": self.reason}


class NotReachable(CliError):
    """No node runs in `directory`, or the one that should does not answer; `reason` says which."""

    exit = Exit.NOT_REACHABLE
    code = "not_reachable"

    def __init__(self, directory: str, reason: str) -> None:
        super().__init__(directory, reason)
        self.directory, self.reason = directory, reason
        self.hint = f"start it with: tillmesh run -d {directory}"

    def __str__(self) -> str:
        return f"no node answers for {self.directory}: {self.reason}"


class ApiRefused(CliError):
    """The node answered `status` with problem details (node/api/API.md)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(status, problem)
        self.status, self.problem = status, problem
        self.code = str(problem.get("code", f"http_{status}"))
        self.exit = exit_for_status(status, self.code)

    def __str__(self) -> str:
        return str(self.problem.get("detail") or self.problem.get("title") or f"the node answered {self.status}")

    def fields(self) -> dict[str, Any]:
        return {**super().fields(), **self.problem}
