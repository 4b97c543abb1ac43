"""The house tests itself: imports point one way, pure rooms are pure, and everything that has a name is documented.

Each check reads the code and the documents anew, and each has a test that it can fail, on a planted text.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from backoffice_bridge.warehouse import schema
from crdt_models.operations import Kind
from node.api.problems import CODES
from node.api.routes import all_routes
from node.cli.exits import Exit
from node.cli.main import COMMANDS, Parser, main, make_parser
from node.config import SETTINGS
from node.replication import frames
from tests.house.direction import impurities, misplaced_libraries, names_the_bridge, wrong_directions
from tests.house.documents import (
    broken_links,
    coded,
    command_lines,
    limit_names,
    make_targets,
    page,
    tables,
    undocumented_flags,
    undocumented_limits,
    unexplained_limits,
    unnamed,
)
from tests.house.manners import LINES_MAX, machine_paths, refused_names, sleeps, too_long, unfinished, wordless
from tests.house.sources import ALL, ROOT, SHIPPED, Source, imports, planted, source_of, sources

SPECS = (
    "README.md",
    "CHANGELOG.md",
    "crdt_models/MERGING.md",
    "node/CONFIG.md",
    "node/api/API.md",
    "node/cli/CLI.md",
    "node/disk/STORAGE.md",
    "node/replication/PROTOCOL.md",
    "backoffice_bridge/DELIVERY.md",
    "bench/README.md",
)
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "backoffice_bridge",
    "bench",
    "crdt_models",
    "node",
    "pyproject.toml",
    "tests",
}
RUNNABLE = {"init", "config", "invite"}
"""Commands of the README that a test may run for real: they need no running node and leave no process."""


def everything() -> list[Source]:
    return sources(*ALL)


def limit_files() -> list[Source]:
    return [source for source in sources(*SHIPPED) if source.path.name == "limits.py"]


def documents() -> list[Path]:
    return [path for path in sorted(ROOT.rglob("*.md")) if not set(path.relative_to(ROOT).parts) & {".venv", ".git"}]


def texts() -> list[tuple[str, str]]:
    """(path, text) of all that is ours and readable."""
    beside = [ROOT / name for name in ("Makefile", "pyproject.toml", ".ci/run")]
    return [(source.shown, source.text) for source in everything()] + [
        (str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in (*documents(), *beside)
    ]


def frame_names() -> list[str]:
    """What goes over the wire, by its name in the protocol."""
    return [frame.__name__.lower() for frame in typing.get_args(frames.Frame) if frame is not frames.Unknown]


def setting_is_read(name: str, code: str) -> bool:
    """Whether code takes the setting from a Config, directly or through a property of that."""
    through = {"api_token_file": "api_token_path", "state_directory": "state_path", "business_day_cutoff": "cutoff_min"}
    through |= {"time_zone": "utc_offset_min"}
    return re.search(rf"[cC]onfig\.{through.get(name, name)}\b", code) is not None


# --- imports -----------------------------------------------------------------------------------------------------------


def test_imports_point_one_way() -> None:
    assert list(wrong_directions(sources(*SHIPPED))) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("crdt_models.shop", "import node.errors"),
        ("crdt_models.shop", "def later():\n    from node import errors"),
        ("crdt_models.values.money", "from ..journal import entry"),
        (
            "crdt_models.values.money",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import crdt_models.shop",
        ),
        ("crdt_models.journal.entry", "from crdt_models.sales.sale import Sale"),
        ("node.replication.replica", "from node.disk.store import Store"),
        ("node.replication.replica", "from node import views"),
        ("node.disk.store", "import importlib\nimportlib.import_module('node.network.links')"),
        ("node.network.links", "from node.replication.codec import encode"),
        ("node.node", "from node.api.server import ApiServer"),
        ("node.node", "from node.cli import main"),
        ("node.node", "def plug():\n    import backoffice_bridge"),
        ("node.api.server", "from node.disk.journal_store import JournalStore"),
        ("node.api.server", "from ..cli import main"),
        ("node.views", "from node.simulation import world"),
        ("backoffice_bridge.plugin", "import tests.house"),
    ],
)
def test_an_import_that_points_the_wrong_way_is_found_wherever_it_hides(name: str, text: str) -> None:
    (sentence,) = wrong_directions([planted(name, text)])
    assert name.replace(".", "/") in sentence


def test_imports_that_point_the_right_way_are_left_alone() -> None:
    right = [
        planted("crdt_models.shop", "from crdt_models.sales import sale\nimport hashlib"),
        planted("node.replication.codec", "from .frames import Hello\nfrom crdt_models import limits"),
        planted("node.node", "from node import limits\nfrom node.disk.journal_store import JournalStore"),
        planted("node.cli.run", "def run():\n    from node.node import Node"),
        planted("backoffice_bridge.plugin", "from node.plugins import Plugin"),
    ]
    assert list(wrong_directions(right)) == []


def test_relative_imports_are_read_from_where_they_stand() -> None:
    assert {one.target for one in imports(planted("a.b.c", "from . import d\nfrom ..e import f"))} == {
        "a.b",
        "a.b.d",
        "a.e",
        "a.e.f",
    }
    assert {one.target for one in imports(planted("a.b", "from . import d", is_package=True))} == {"a.b", "a.b.d"}


def test_each_heavy_library_is_imported_in_one_place() -> None:
    assert list(misplaced_libraries(sources(*SHIPPED))) == []
    found = misplaced_libraries(
        [
            planted("crdt_models.documents.open_sale", "import pycrdt"),
            planted("node.node", "def x():\n    import duckdb"),
        ]
    )
    assert len(list(found)) == 2


def test_pure_rooms_take_time_chance_and_the_system_as_arguments() -> None:
    assert list(impurities(sources("crdt_models", "node"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "from os import urandom",
        "def f():\n    import random",
        "from datetime import datetime\nx = datetime.now()",
        "import datetime\nx = datetime.datetime.utcnow",
        "async def f(): ...",
        "print('x')",
        "open('x')",
        "__import__('socket')",
    ],
)
def test_an_impurity_is_found(text: str) -> None:
    assert len(list(impurities([planted("node.replication.peering", text)]))) >= 1
    assert list(impurities([planted("node.shell", text)])) == []


def test_node_never_names_the_package_that_plugs_into_it() -> None:
    assert list(names_the_bridge(sources("node"))) == []
    assert len(list(names_the_bridge([planted("node.plugins", "x = 'backoffice_bridge.plugin'")]))) == 1
    assert list(names_the_bridge([planted("node.plugins", '"""Why backoffice_bridge is not named."""')])) == []


def test_a_till_runs_without_duckdb_and_pyarrow() -> None:
    modules = [source.name for source in sources("node") if not source.name.endswith("__main__")]
    program = (
        "import sys, importlib\n"
        "sys.modules['duckdb'] = sys.modules['pyarrow'] = None\n"
        f"[importlib.import_module(name) for name in {modules!r}]\n"
        "import backoffice_bridge.plugin\n"
        "backoffice_bridge.plugin.plugin()\n"
        "print('selling')"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ran.stdout.strip(), ran.stderr) == ("selling", "")


def test_the_base_install_asks_for_no_analytics() -> None:
    wanted = importlib.metadata.requires("tillmesh") or []
    base = [requirement.lower() for requirement in wanted if "extra ==" not in requirement]
    assert base
    assert not [requirement for requirement in base if requirement.startswith(("duckdb", "pyarrow", "pandas", "numpy"))]


# --- documents ---------------------------------------------------------------------------------------------------------


def test_every_spec_is_there() -> None:
    assert [path for path in SPECS if not page(path).strip()] == []


def test_every_frame_is_in_the_protocol() -> None:
    assert len(frame_names()) >= 9
    assert unnamed(frame_names(), page("node/replication/PROTOCOL.md")) == []


def test_every_operation_kind_is_in_the_protocol() -> None:
    protocol = page("node/replication/PROTOCOL.md")
    assert unnamed([kind.name.lower() for kind in Kind], protocol.lower()) == []
    numbers = [f"{int(kind)}" for kind in Kind]
    assert unnamed(numbers, protocol) == []


def test_every_journal_table_is_in_the_storage_spec() -> None:
    found = tables(sources("node"))
    assert found
    assert unnamed(found, page("node/disk/STORAGE.md")) == []


def test_every_warehouse_table_is_in_the_delivery_spec() -> None:
    assert {"sales", "sale_lines", "tenders", "heads"} <= set(schema.TABLES)
    assert unnamed([*schema.TABLES, *schema.VIEWS], page("backoffice_bridge/DELIVERY.md")) == []


def test_every_limit_has_its_unit_and_reason_below_it() -> None:
    assert [sentence for source in limit_files() for sentence in unexplained_limits(source)] == []


def test_every_limit_is_in_its_spec() -> None:
    assert list(undocumented_limits(limit_files())) == []


def test_every_setting_is_documented() -> None:
    configuration = page("node/CONFIG.md")
    assert unnamed(SETTINGS, configuration) == []
    assert unnamed([setting.variable for setting in SETTINGS.values()], configuration) == []


def test_every_setting_is_read_by_something() -> None:
    code = "\n".join(source.text for source in sources("node", "backoffice_bridge") if source.name != "node.config")
    assert [name for name in SETTINGS if not setting_is_read(name, code)] == []
    assert not setting_is_read("api_port", "config.api_port_used; loaded.api_port_x")
    assert setting_is_read("api_port", "take(config.api_port)")


def test_every_command_and_flag_is_documented() -> None:
    assert list(undocumented_flags(make_parser(), page("node/cli/CLI.md"))) == []


def test_every_exit_code_is_documented() -> None:
    lines = page("node/cli/CLI.md").splitlines()
    assert [
        code.name for code in Exit if not any(line.startswith(f"| {int(code)} | `{code.name}`") for line in lines)
    ] == []


def test_every_path_and_problem_of_the_api_is_documented() -> None:
    api = page("node/api/API.md")
    routes = list(all_routes())
    assert len(routes) > 20
    code = coded(api).replace("\n", " ")
    named = [f"{route.method} {route.path}" for route in routes]
    assert [name for name in named if not re.search(rf"{re.escape(name)}(?![\w/])", code)] == []
    assert unnamed(CODES, api) == []


def test_a_name_that_is_missing_or_only_a_word_is_found() -> None:
    text = "We want it, and `ask` it.\n```\nhello = [1, step]\n```\n"
    assert unnamed(["want", "ask", "hello", "step", "hell"], text) == ["want", "hell"]


def test_a_table_a_limit_and_a_flag_that_are_not_documented_are_found() -> None:
    assert tables([planted("node.disk.x", "SQL = 'CREATE TABLE IF NOT EXISTS secrets (x)'")]) == ["secrets"]
    limits = planted("node.disk.limits", "from typing import Final\nnew_max: Final = 1\n")
    assert limit_names(limits) == ["new_max"]
    assert len(list(unexplained_limits(limits))) == 1
    assert len(list(undocumented_limits([limits]))) == 1
    assert len(list(undocumented_limits([planted("elsewhere.limits", "")]))) == 1
    parser = Parser()
    nested = parser.add_subparsers().add_parser("sell")
    nested.add_argument("--fast")
    assert list(undocumented_flags(parser, "`--help`")) == ["CLI.md has no section for `tillmesh sell`"]
    assert list(undocumented_flags(parser, "`--help`\n## `tillmesh sell`\nFast.")) == [
        "CLI.md does not name --fast of `tillmesh sell`"
    ]
    assert list(undocumented_flags(parser, "`--help`\n## `tillmesh sell`\n`--fast`: yes.")) == []


# --- commands in documents ---------------------------------------------------------------------------------------------


def command_line_problem(arguments: list[str]) -> str | None:
    """What our own parser says to a line that a document shows; None if it is taken."""
    if not arguments or {"--help", "-h"} & set(arguments):
        return None
    if arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
        return None if arguments[0] in {"warehouse"} else f"there is no command {arguments[0]}"
    try:
        make_parser().parse_args(arguments)
    except Exception as error:
        return str(error)
    return None


def test_every_command_line_in_a_document_is_one_that_tillmesh_takes() -> None:
    shown = [(path, line) for path in documents() for line in command_lines(path.read_text("utf-8"), "tillmesh")]
    assert shown
    wrong = [(path.name, line, problem) for path, line in shown if (problem := command_line_problem(line))]
    assert wrong == []


def test_every_make_target_in_a_document_exists() -> None:
    targets = make_targets(page("Makefile"))
    assert {"demo", "test", "bench", "simulate", "torture", "check"} <= targets
    named = {line[0] for path in documents() for line in command_lines(path.read_text("utf-8"), "make") if line}
    assert {name for name in named if "=" not in name} <= targets


def test_the_commands_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for line in command_lines(page("README.md"), "tillmesh") if line and line[0] in RUNNABLE]
    assert lines
    assert [(line, main(line)) for line in lines] == [(line, Exit.OK) for line in lines]


def test_links_between_documents_lead_somewhere() -> None:
    assert [sentence for path in documents() for sentence in broken_links(path, path.read_text("utf-8"))] == []
    assert len(list(broken_links(ROOT / "README.md", "[x](node/nowhere.md) [y](https://example.org)"))) == 1


def test_a_command_line_and_a_target_that_do_not_exist_are_found() -> None:
    text = "```sh\n$ TILLMESH_DATA=x tillmesh sell --fast # now\nmake -j2 demo\ntillmesh sales --day 2026-11-24 | head\n```"
    assert command_lines(text, "tillmesh") == [["sell", "--fast"], ["sales", "--day", "2026-11-24"]]
    assert command_line_problem(["sell"]) == "there is no command sell"
    assert "unrecognized" in str(command_line_problem(["sales", "--fast"]))
    assert command_line_problem(["sales", "--day", "2026-11-24"]) is None
    assert command_lines(text, "make") == [["-j2", "demo"]]
    assert make_targets("VENV := x\ndemo: y\n\techo\n.PHONY: a\n") == {"demo"}


# --- manners -----------------------------------------------------------------------------------------------------------


def test_files_are_short() -> None:
    assert list(too_long(everything())) == []
    assert len(list(too_long([planted("node.x", "\n" * (LINES_MAX + 1))]))) == 1


def test_names_say_what_lives_there() -> None:
    assert list(refused_names(source.shown for source in everything())) == []
    assert len(list(refused_names(["node/utils.py", "node/base/x.py", "node/baskets.py"]))) == 2


def test_nothing_is_left_for_later() -> None:
    assert list(unfinished(texts())) == []
    assert len(list(unfinished([("x.py", "# TO" + "DO: later")]))) == 1


def test_no_file_names_a_path_of_one_machine() -> None:
    assert list(machine_paths(texts())) == []
    assert len(list(machine_paths([("x.md", "see /ro" + "ot/x")]))) == 1


def test_every_module_says_what_lives_there() -> None:
    assert list(wordless(everything())) == []
    assert len(list(wordless([planted("node.x", "x = 1")]))) == 1


def test_tests_wait_for_what_must_happen_not_for_a_time() -> None:
    assert list(sleeps(sources("tests"))) == []
    assert len(list(sleeps([planted("tests.x", "import time\ntime.sleep(1)\ntime.sleep(0.01)")]))) == 1


def test_the_top_level_is_what_the_design_says() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=30)
    if listed.returncode == 0:
        found = {line.partition("/")[0] for line in listed.stdout.splitlines()}
    else:
        found = {path.name for path in ROOT.iterdir() if path.name in TOP_LEVEL}
    assert found == TOP_LEVEL


def test_a_source_is_named_after_its_place() -> None:
    assert source_of(ROOT / "node" / "cli" / "__init__.py").name == "node.cli"
    assert source_of(ROOT / "node" / "cli" / "main.py").name == "node.cli.main"
