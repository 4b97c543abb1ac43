"""The command line as a test calls it: no variable of the machine reaches it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from node.cli.main import main
from tests.node.cli.canned_node import CannedNode, canned_node


class Ran(NamedTuple):
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


Tillmesh = Callable[..., Ran]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def tillmesh(directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tillmesh:
    """Runs one command line in `directory`."""
    for name in [name for name in os.environ if name.startswith("TILLMESH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TILLMESH_DATA", str(directory))

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def node(directory: Path) -> Iterator[CannedNode]:
    """A running node in `directory`."""
    directory.mkdir()
    with canned_node(directory) as canned:
        yield canned
