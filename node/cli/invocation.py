"""One call of the command line: which data directory, which settings, which screen; and how commands find each other.

A command is a module with NAME, SUMMARY, `arguments(parser)` and `run(given, call) -> Exit`. Heavy imports happen in
`run`, so that `tillmesh status` does not load what only `tillmesh run` needs.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from node.cli.exits import Exit
from node.cli.screen import Screen
from node.config import Config, load

DIRECTORY_DEFAULT = "tillmesh-data"


@dataclass(frozen=True, slots=True)
class Invocation:
    """directory: where the node keeps everything; settings: from -s, by name."""

    directory: Path
    settings: Mapping[str, str]
    screen: Screen

    def config(self) -> Config:
        """The settings of this directory. Raises ConfigError."""
        return load(self.directory, self.settings)


class Command(Protocol):
    """What a module of this package offers as a command."""

    NAME: str
    SUMMARY: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declares the command's own arguments."""

    def run(self, given: argparse.Namespace, call: Invocation) -> Exit:
        """Does it. Raises CliError, ConfigError, StepRefused or NodeError with nothing half done."""


def data_directory(given: str | None) -> Path:
    """-d, else TILLMESH_DATA, else ./tillmesh-data."""
    return Path(given or os.environ.get("TILLMESH_DATA") or DIRECTORY_DEFAULT)
