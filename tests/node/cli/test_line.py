"""The command line itself: what it takes, in which order, and what it says to what it does not take."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from node.cli import main as entry
from node.cli.exits import Exit
from node.plugins import Command, PluginBroken
from tests.node.cli.conftest import Tillmesh


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "required: COMMAND"),
        (("sell",), "invalid choice: 'sell'"),
        (("receipt",), "required: RECEIPT"),
        (("sales", "--limit", "0"), "argument --limit: must be a whole number from 1 to 1000, not '0'"),
        (("sales", "--day", "2026-13-01"), "argument --day: must be a day like 2026-11-24, not '2026-13-01'"),
        (("sales", "--lim", "5"), "unrecognized arguments: --lim"),
        (("drill", "5 minutes"), "must be 0 to 86400 seconds (90, 5m, 2h), not '5 minutes'"),
        (("init", "--role", "king"), "invalid choice: 'king'"),
        (("items",), "required: ACTION"),
        (("sql", "select 1", "--rows", "x"), "must be a whole number from 1 to 1000000, not 'x'"),
    ],
)
def test_wrong_arguments_are_bad_input_with_a_reason(tillmesh: Tillmesh, arguments: Sequence[str], reason: str) -> None:
    ran = tillmesh(*arguments)
    assert (ran.code, ran.out) == (Exit.BAD_INPUT, "")
    assert reason in ran.err
    if arguments:
        machine = tillmesh("--json", *arguments)
        assert machine.code == Exit.BAD_INPUT
        assert reason in json.loads(machine.err)["error"]["detail"]


def test_settings_are_taken_before_and_after_the_command_and_the_last_wins(tillmesh: Tillmesh) -> None:
    ran = tillmesh(
        "-s", "api_port=1", "-s", "link_port=1", "config", "-s", "api_port=2", "check", "-s", "join_port=3", "--json"
    )
    values = {row["setting"]: (row["value"], row["origin"]) for row in ran.document["settings"]}
    assert values["api_port"] == (2, "-s")
    assert values["link_port"] == (1, "-s")
    assert values["join_port"] == (3, "-s")
    assert values["language"] == ("en", "default")


def test_config_check_names_every_problem(tillmesh: Tillmesh, directory: Path) -> None:
    directory.mkdir()
    (directory / "tillmesh.toml").write_text("api_prot = 1\n")
    ran = tillmesh("config", "check", "-s", "link_port=x")
    assert (ran.code, ran.out) == (Exit.BAD_INPUT, "")
    assert "api_prot (tillmesh.toml line 1): there is no such setting; did you mean api_port?" in ran.err
    assert "link_port (-s): must be a whole number, not 'x'" in ran.err
    problems = json.loads(tillmesh("config", "check", "--json").err)["error"]["problems"]
    assert [problem["field"] for problem in problems] == ["api_prot"]


def test_the_directory_is_taken_from_the_option_before_the_variable(tillmesh: Tillmesh, tmp_path: Path) -> None:
    assert tillmesh("config", "check", "--json").document["data_directory"] == str(tmp_path / "data")
    for arguments in (("-d", "elsewhere", "config", "check"), ("config", "check", "-d", "elsewhere")):
        assert tillmesh(*arguments, "--json").document["data_directory"] == "elsewhere"


def test_a_wrong_setting_stops_every_command_before_it_does_anything(tillmesh: Tillmesh, directory: Path) -> None:
    for arguments in (("init",), ("join", "tm1-x"), ("invite", "till-1"), ("run",), ("status",), ("verify",)):
        ran = tillmesh(*arguments, "-s", "nonsense=1")
        assert ran.code == Exit.BAD_INPUT, arguments
        assert "nonsense (-s): there is no such setting" in ran.err
    assert not directory.exists()


def test_help_of_every_command_names_its_options(tillmesh: Tillmesh, capsys: pytest.CaptureFixture[str]) -> None:
    for name in entry.COMMANDS:
        with pytest.raises(SystemExit) as ended:
            entry.main([name, "--help"])
        assert ended.value.code == 0
        assert "--json" in capsys.readouterr().out


def test_a_command_of_a_plugin_is_a_command(
    tillmesh: Tillmesh, monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    seen: list[tuple[Path, list[str]]] = []

    def rebuild(where: Path, rest: Sequence[str]) -> int:
        seen.append((where, list(rest)))
        return 7

    class Plugin:
        commands = (Command("rebuild", "make it anew", rebuild),)

    monkeypatch.setattr(entry, "load_plugins", lambda: [Plugin()])
    assert tillmesh("rebuild", "now", "fast").code == 7
    assert seen == [(directory, ["now", "fast"])]


def test_a_broken_plugin_does_not_stop_our_own_commands(tillmesh: Tillmesh, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[object]:
        raise PluginBroken("backoffice", "no module named duck")

    monkeypatch.setattr(entry, "load_plugins", broken)
    assert tillmesh("config", "check").code == Exit.OK
    ran = tillmesh("rebuild")
    assert ran.code == Exit.REFUSED
    assert "the plugin backoffice cannot be loaded" in ran.err


def test_the_demo_that_is_not_installed_says_so(tillmesh: Tillmesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.cli.demo.load_plugins", list)
    ran = tillmesh("demo")
    assert ran.code == Exit.NOT_OFFERED
    assert "make demo" in ran.err


def test_the_demo_is_handed_to_the_plugin_that_brings_it(
    tillmesh: Tillmesh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[tuple[Path, list[str]]] = []

    class Plugin:
        commands = (Command("demo", "show it", lambda where, rest: calls.append((where, list(rest))) or 0),)

    monkeypatch.setattr("node.cli.demo.load_plugins", lambda: [Plugin()])
    assert tillmesh("demo", "--keep", "-d", str(tmp_path)).code == Exit.OK
    assert calls == [(tmp_path, ["--keep"])]


def test_an_interrupt_from_the_keyboard_has_an_exit_code_of_its_own(
    tillmesh: Tillmesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(given: argparse.Namespace, call: object) -> Exit:
        raise KeyboardInterrupt

    monkeypatch.setattr("node.cli.config.run", interrupted)
    assert tillmesh("config", "check").code == Exit.INTERRUPTED
