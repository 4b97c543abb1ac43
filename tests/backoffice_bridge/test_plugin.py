"""The seam: how the node finds the plugin, what it costs a till, and what an install without the extra says."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from backoffice_bridge.analyst.functions import FUNCTIONS, TABLE_FUNCTIONS
from backoffice_bridge.command import warehouse
from backoffice_bridge.plugin import BackOffice, plugin
from backoffice_bridge.warehouse.loader import FILE_NAME
from backoffice_bridge.warehouse.schema import TABLES, VIEWS
from node.plugins import Plugin, PluginBroken, PluginUnavailable, load_plugins
from tests.backoffice_bridge.back_office_floor import Host, Office, Till

DELIVERY = (Path(__file__).parents[2] / "backoffice_bridge" / "DELIVERY.md").read_text()


def entry_point(value: str) -> importlib.metadata.EntryPoint:
    return importlib.metadata.EntryPoint("backoffice", value, "tillmesh.plugins")


def install(monkeypatch: pytest.MonkeyPatch, *points: importlib.metadata.EntryPoint) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [p for p in points if p.group == group])


def test_the_node_finds_the_plugin_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, entry_point("backoffice_bridge.plugin:plugin"))
    found: list[Plugin] = load_plugins()
    assert [each.name for each in found] == ["warehouse"]
    assert found[0].roles == {"back_office", "archive"}
    assert found[0].sql is None
    assert load_plugins()[0] is not found[0]


def test_the_package_declares_its_entry_point() -> None:
    declared = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert re.search(
        r'\[project.entry-points."tillmesh.plugins"\]\nbackoffice = "backoffice_bridge.plugin:plugin"', declared
    )


@pytest.mark.parametrize("value", ["backoffice_bridge.gone:plugin", "backoffice_bridge.plugin:gone"])
def test_a_plugin_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    install(monkeypatch, entry_point(value))
    with pytest.raises(PluginBroken, match="the plugin backoffice cannot be loaded"):
        load_plugins()


def test_a_till_that_loads_the_plugin_imports_neither_duckdb_nor_pyarrow() -> None:
    program = (
        "import sys; from backoffice_bridge.plugin import plugin; p = plugin(); p.roles, p.commands, p.sql\n"
        "sys.exit(bool({'duckdb', 'pyarrow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2]).returncode == 0


@pytest.mark.parametrize("missing", ["duckdb", "pyarrow"])
def test_an_install_without_the_extra_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else found(name))
    started = BackOffice()
    with pytest.raises(PluginUnavailable) as unavailable:
        asyncio.run(started.start(Host(tmp_path)))
    assert str(unavailable.value) == (
        f'warehouse needs {missing}, which is not installed: pip install "tillmesh[backoffice]"'
    )
    asyncio.run(started.stop())
    assert not list(tmp_path.iterdir())


def test_stopping_a_plugin_that_was_never_started_does_nothing() -> None:
    asyncio.run(plugin().stop())


def test_a_stopped_plugin_lets_go_of_the_file_and_of_its_threads(tmp_path: Path) -> None:
    import threading

    async def run() -> None:
        async with Office(Host(tmp_path)) as office:
            await office.sql("SELECT 1")

    before = set(threading.enumerate())
    asyncio.run(run())
    assert set(threading.enumerate()) <= before
    program = f"import duckdb; duckdb.connect({str(tmp_path / FILE_NAME)!r})"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
    assert not (tmp_path / f"{FILE_NAME}.wal").exists()


def test_the_command_shows_what_the_warehouse_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host, till = Host(tmp_path), Till("till-1")
    till.sell(100, 50)
    host.write(*till.entries)

    async def run() -> str:
        async with Office(host) as office:
            await office.loaded(1)
            return await office.checksum()

    checksum = asyncio.run(run())
    assert warehouse(tmp_path, ["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "rows": {"sales": 1, "sale_lines": 2, "tenders": 1},
        "heads": {till.journal.hex(): 2},
        "checksum": checksum,
    }
    assert warehouse(tmp_path, []) == 0
    assert checksum in capsys.readouterr().out
    assert warehouse(tmp_path / "nowhere", []) == 1
    assert "cannot be used" in capsys.readouterr().err


def test_every_table_view_column_and_function_is_documented() -> None:
    for table, columns in TABLES.items():
        assert f"`{table}`" in DELIVERY
        for column in columns:
            assert f"| `{column.name}` | {column.type} | {column.meaning} |" in DELIVERY, column
    for view in VIEWS:
        assert f"`{view}`" in DELIVERY
    listed = set(re.findall(r"[a-z_0-9]+", DELIVERY.partition("## Functions")[2]))
    assert listed.issuperset(FUNCTIONS | TABLE_FUNCTIONS)


def test_every_function_that_is_allowed_exists() -> None:
    import duckdb

    rows = duckdb.connect().execute("SELECT DISTINCT lower(function_name) FROM duckdb_functions()").fetchall()
    assert {row[0] for row in rows}.issuperset(FUNCTIONS | TABLE_FUNCTIONS)
