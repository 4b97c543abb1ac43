"""`tillmesh run` as a real process: it says where it answers, can be asked, and leaves a clean directory when told to stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from node.cli.exits import Exit
from node.cli.main import main
from node.run_file import read_run_file
from tests.node.cli.conftest import Tillmesh

pytestmark = [
    pytest.mark.xdist_group("real_processes"),
]
ALONE = ("-s", "api_port=0", "-s", "link_port=0", "-s", "join_port=0", "-s", "mdns=false", "-s", "link_host=127.0.0.1")


def start(directory: Path, *more: str) -> subprocess.Popen[str]:
    state = directory.parent / "state"
    return subprocess.Popen(
        [sys.executable, "-m", "node.cli.main", "run", "-d", str(directory), "-s", f"state_directory={state}", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_it_answers(process: subprocess.Popen[str]) -> dict[str, object]:
    """The document that `run --json` prints once it answers."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or lines[-1] != "}\n":
        line = process.stdout.readline()
        assert line, f"the node ended: {process.communicate()[1]}"
        lines.append(line)
    document: dict[str, object] = json.loads("".join(lines))
    return document


def test_a_node_runs_is_asked_and_stops_when_told(tillmesh: Tillmesh, directory: Path) -> None:
    tillmesh("init", *ALONE)
    process = start(directory, "--json")
    try:
        told = until_it_answers(process)
        running = read_run_file(directory)
        assert running is not None
        assert told == {name: getattr(running, name) for name in running.__struct_fields__}
        assert (told["pid"], told["name"]) == (process.pid, "back-office")
        assert tillmesh("status", "--json").document["name"] == "back-office"
        assert tillmesh("invite", "till-1").out.startswith("tm1-")
        assert tillmesh("items", "put", "4711", "names.en=Milk", "unit_price=0.99").code == Exit.OK
        wrong = tillmesh("items", "put", "4712", "unit_price=cheap")
        assert wrong.code == Exit.BAD_INPUT
        assert "value." in wrong.err
        assert main(["verify"]) == Exit.REFUSED
        second = start(directory)
        assert second.wait(30) == Exit.REFUSED
        assert "is in use by process" in second.communicate()[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == Exit.OK
    finally:
        process.kill()
        process.communicate()
    assert read_run_file(directory) is None
    assert tillmesh("status").code == Exit.NOT_REACHABLE
    assert tillmesh("verify").code == Exit.OK


def test_what_a_killed_node_left_behind_stops_nobody(tillmesh: Tillmesh, directory: Path) -> None:
    tillmesh("init", *ALONE)
    for _ in range(2):
        process = start(directory, "--json")
        try:
            until_it_answers(process)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
        assert tillmesh("status").code == Exit.NOT_REACHABLE
    assert tillmesh("verify", "--json").document["journals"] == 2


def test_a_directory_that_belongs_to_no_store_does_not_run(tillmesh: Tillmesh, directory: Path) -> None:
    directory.mkdir()
    process = start(directory)
    assert process.wait(30) == Exit.REFUSED
    assert "tillmesh init" in process.communicate()[1]


def test_a_port_that_is_taken_is_named(tillmesh: Tillmesh, directory: Path) -> None:
    tillmesh("init", *ALONE)
    process = start(directory, "--json")
    try:
        port = until_it_answers(process)["api_port"]
        other = directory.parent / "other"
        assert main(["init", "-d", str(other), *ALONE]) == Exit.OK
        second = start(other, "-s", f"api_port={port}")
        assert second.wait(30) == Exit.BAD_INPUT
        assert f"api_port: 127.0.0.1:{port} cannot be opened" in second.communicate()[1]
    finally:
        process.terminate()
        process.communicate()
