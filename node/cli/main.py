"""`tillmesh`: reads the command line, runs one command, and translates what stopped it into a sentence and an exit code.

This is the one place that catches: a refusal names field and reason, a defect of ours keeps its trace. `-d`, `-s` and
`--json` are taken before and after the command alike.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn, cast

from crdt_models.errors import InvalidValue, ModelError
from node.cli.errors import CliError
from node.cli.exits import Exit
from node.cli.invocation import DIRECTORY_DEFAULT, Command, Invocation, data_directory
from node.cli.screen import Screen
from node.config import ConfigError, assignments
from node.errors import DiskFailed, NodeError, NotOffered
from node.plugins import Command as PluginCommand
from node.plugins import PluginUnavailable, load_plugins

COMMANDS: Final = (
    "init",
    "invite",
    "join",
    "run",
    "status",
    "peers",
    "sales",
    "suspended",
    "receipt",
    "items",
    "sql",
    "drill",
    "verify",
    "config",
    "demo",
)
"""Modules of this package, in the order in which a shop meets them."""


class Parser(argparse.ArgumentParser):
    """Raises what argparse would print, so that --json holds for wrong arguments too."""

    def error(self, message: str) -> NoReturn:
        raise WrongArguments(self.prog, message)


class WrongArguments(CliError):
    """The command line cannot be understood; `usage` is the command's."""

    exit = Exit.BAD_INPUT
    code = "wrong_arguments"

    def __init__(self, program: str, message: str) -> None:
        super().__init__(program, message)
        self.message = message
        self.hint = f"{program} --help says what it takes"

    def __str__(self) -> str:
        return self.message


def command(name: str) -> Command:
    """The module of one command."""
    return cast(Command, importlib.import_module(f"node.cli.{name}"))


def make_parser(added: Sequence[PluginCommand] = ()) -> Parser:
    """The whole command line: what `--help`, the tests and CLI.md see. added: commands of plugins."""
    parser = Parser(
        prog="tillmesh",
        description="The node that keeps a shop selling when its network and its server do not.",
        allow_abbrev=False,
    )
    _everywhere(parser, depth=0)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name in COMMANDS:
        module = command(name)
        one = commands.add_parser(module.NAME, help=module.SUMMARY, description=module.SUMMARY, allow_abbrev=False)
        module.arguments(one)
        _everywhere(one, depth=1)
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction):
                for nested in action.choices.values():
                    _everywhere(nested, depth=2)
    for plugged in added:
        one = commands.add_parser(plugged.name, help=plugged.summary, description=plugged.summary, allow_abbrev=False)
        one.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="arguments of this command")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit code."""
    texts = list(sys.argv[1:] if arguments is None else arguments)
    screen = Screen("--json" in texts)
    try:
        added = [] if any(text in COMMANDS for text in texts) else _plugin_commands()
        given = make_parser(added).parse_args(texts)
        screen = Screen(given.json)
        for plugged in added:
            if plugged.name == given.command:
                return plugged.run(data_directory(given.data), given.rest)
        settings = assignments(text for depth in range(3) for text in getattr(given, f"settings_{depth}", []))
        return int(command(given.command).run(given, Invocation(data_directory(given.data), settings, screen)))
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing more to say, and nothing to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + int(getattr(signal, "SIGPIPE", 13))
    except CliError as error:
        screen.error(str(error), error.fields(), error.hint)
        return int(error.exit)
    except (ConfigError, ModelError, NodeError) as error:
        screen.error(str(error), _fields(error))
        return int(exit_for(error))


def exit_for(error: ConfigError | ModelError | NodeError) -> Exit:
    """The exit code of a refusal that came from this process itself."""
    if isinstance(error, ConfigError | InvalidValue):
        return Exit.BAD_INPUT
    if isinstance(error, NotOffered | PluginUnavailable):
        return Exit.NOT_OFFERED
    return Exit.NODE_FAILED if isinstance(error, DiskFailed) else Exit.REFUSED


def _fields(error: ConfigError | ModelError | NodeError) -> dict[str, Any]:
    fields: dict[str, Any] = {"code": error.code, "detail": str(error)}
    if isinstance(error, InvalidValue):
        fields |= {"field": error.field, "reason": error.reason}
    if isinstance(error, ConfigError):
        fields["problems"] = [
            {"field": problem.setting, "origin": problem.origin, "reason": problem.reason} for problem in error.problems
        ]
    return fields


def _plugin_commands() -> list[PluginCommand]:
    """Loaded only where no command of ours is asked for: a broken plugin must not stop `tillmesh status`."""
    return [one for plugin in load_plugins() for one in plugin.commands if one.name not in COMMANDS]


def _everywhere(parser: argparse.ArgumentParser, depth: int) -> None:
    """Options of every command. depth: 0 before the command, where the defaults are set, 1 after it, 2 after its action."""
    absent: Any = argparse.SUPPRESS if depth else None
    parser.add_argument(
        "-d",
        "--data",
        metavar="DIRECTORY",
        default=absent,
        help=f"the node's data directory (else TILLMESH_DATA, else ./{DIRECTORY_DEFAULT})",
    )
    parser.add_argument(
        "-s",
        "--set",
        dest=f"settings_{depth}",
        metavar="NAME=VALUE",
        action="append",
        default=argparse.SUPPRESS,
        help="a setting for this call, as often as needed",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS if depth else False,
        help="one JSON document instead of tables",
    )


if __name__ == "__main__":
    sys.exit(main())
