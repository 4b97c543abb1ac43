"""Bad input on the command line and in settings: an exit code, the field, the reason; and nothing is half done."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Final

from tests.end_to_end.store import RealStore, play

ARTICLES: Final = "key,names.en,unit_price\n1,Milk,0.99\n2,Egg,cheap\n3,,1.00\n"

COMMANDS: Final = [
    (("sales", "--day", "2026-13-01"), 2, "--day"),
    (("receipt", "nonsense"), 2, "terminal/series/number"),
    (("receipt", "till-1/S-AAAAAA/1"), 4, "receipt"),
    (("items", "put", "4711", "names.en=Milk", "unit_price=cheap"), 2, "unit_price"),
    (("items", "put", "4711", "names.en=Milk", "colour=white"), 2, "colour"),
    (("items", "import", "articles.csv"), 2, "line 3"),
    (("drill", "5 minutes"), 2, "5 minutes"),
    (("sql", "drop table sales"), 2, "sql"),
    (("invite", "Till 7!"), 2, "small letters"),
    (("invite", "back-office"), 2, "back-office already"),
    (("join", "no token"), 2, "token"),
    (("init",), 4, "store"),
    (("run",), 4, "directory"),
    (("verify",), 4, "in use"),
    (("config", "check", "-s", "api_prot=1"), 2, "did you mean api_port"),
    (("config", "check", "-s", "api_host=0.0.0.0"), 2, "api_host"),
    (("status", "-s", "language"), 2, "language"),
]
"""What is said to a running back office on the command line; the exit code and a word of what is said back (CLI.md)."""

STARTS: Final = [
    ({"api_prot": "1"}, "did you mean api_port"),
    ({"api_port": "x"}, "api_port (-s): must be a whole number"),
    ({"log_level": "loud", "sql_rows_max": "0"}, "log_level"),
]
"""Settings with which a node does not start, and what it says."""


def test_the_command_line_refuses_bad_input_with_its_exit_codes_and_does_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, 0) as store:
            office = store.office
            (tmp_path / "articles.csv").write_text(ARTICLES)
            before = await store.traces()
            gate = asyncio.Semaphore(3)

            async def told(words: tuple[str, ...], code: int, word: str) -> str | None:
                words = tuple(str(tmp_path / each) if each.endswith(".csv") else each for each in words)
                async with gate:
                    said = await office.command(*words)
                error = json.loads(said.err)["error"] if said.err.startswith("{") else {}
                right = said.code == code and word in str(error) and said.out == "" and error.get("code")
                return None if right else f"{words}: wanted {code} {word!r}, got {said}"

            wrong = await asyncio.gather(*[told(*row) for row in COMMANDS])
            assert not [each for each in wrong if each], "\n".join(filter(None, wrong))
            assert await store.traces() == before
            assert (await office.get("/v1/records/items"))["records"] == []

    play(scenario)


def test_a_node_with_a_wrong_setting_does_not_start_and_names_it_with_its_place(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, 0) as store:
            assert await store.office.stop() == 0
            (store.office.directory / "tillmesh.toml").write_text('api_port = "x"\n')
            right = dict(store.office.settings)
            for settings, word in [*STARTS, ({}, "tillmesh.toml line 1")]:
                store.office.settings = {**right, **settings}
                await store.office.spawn()
                assert store.office.process is not None
                assert await asyncio.wait_for(store.office.process.wait(), 10) == 2
                assert word in store.office.last_words(), settings
            (store.office.directory / "tillmesh.toml").unlink()
            store.office.settings = right
            await store.office.start()
            await store.office.sell()

    play(scenario)
