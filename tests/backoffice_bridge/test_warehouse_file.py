"""The warehouse's file: whole, or set aside and rebuilt with the same content."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from backoffice_bridge import limits
from backoffice_bridge.errors import WarehouseInUse, WarehouseUnavailable
from backoffice_bridge.warehouse.file import open_warehouse, read_warehouse
from backoffice_bridge.warehouse.loader import FILE_NAME
from backoffice_bridge.warehouse.schema import TABLES
from tests.backoffice_bridge.back_office_floor import NOW_MS, Host, Office, Till, all_loaded, in_office, rows_in, trade
from tests.crdt_models.shop_floor import STORE

# --- what can happen to the file ---------------------------------------------------------------------------------


def lose(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def become_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def garble_the_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(random.Random(1).randbytes(64))


def garble_everything(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_bits_in_every_block(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    for at in range(12_288 + 100, len(raw), 4_096):
        raw[at] ^= 0x10
    path.write_bytes(raw)


def be_of_another_schema(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE origin SET schema_version = 0")


def be_of_another_store(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE origin SET store = 'ff'")


def lack_a_table(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("DROP VIEW takings; DROP VIEW content; DROP TABLE tenders")


def be_a_spreadsheet(path: Path) -> None:
    path.write_text("a,b\n1,2\n")


@pytest.mark.parametrize(
    "harm",
    [
        lose, empty, become_a_directory, garble_the_header, garble_everything, cut_in_half, flip_bits_in_every_block,
        be_of_another_schema, be_of_another_store, lack_a_table, be_a_spreadsheet,
    ],
)  # fmt: skip
def test_a_lost_or_garbled_file_is_set_aside_and_rebuilt_with_the_same_content(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    host = Host(tmp_path)
    trade(host)
    before = in_office(host, all_loaded)
    path = tmp_path / FILE_NAME
    harm(path)
    harmed = path.read_bytes() if path.is_file() else None
    host.now_ms += 1

    assert in_office(host, all_loaded) == before

    kept = list(tmp_path.glob(f"{FILE_NAME}.set-aside-*"))
    told = [code for code, _ in host.announced]
    assert (kept, told) == ([], []) if harm is lose else (len(kept), told) == (1, ["warehouse_set_aside"])
    if harmed is not None:
        assert kept[0].read_bytes() == harmed


def test_one_flipped_bit_in_any_block_is_found_at_the_start(tmp_path: Path) -> None:
    host = Host(tmp_path)
    trade(host)
    before = in_office(host, all_loaded)
    path = tmp_path / FILE_NAME
    whole = path.read_bytes()
    found = 0
    for at in range(12_288 + 5_000, len(whole), 262_144):
        raw = bytearray(whole)
        raw[at] ^= 1
        path.write_bytes(raw)
        host.now_ms += 1
        assert in_office(host, all_loaded) == before
        found += path.with_name(f"{path.name}.set-aside-{host.now_ms}").exists()
    assert found >= 2


def test_a_log_without_its_file_is_set_aside(tmp_path: Path) -> None:
    host = Host(tmp_path)
    trade(host)
    before = in_office(host, all_loaded)
    (tmp_path / FILE_NAME).unlink()
    (tmp_path / f"{FILE_NAME}.wal").write_bytes(b"left over")
    assert in_office(host, all_loaded) == before
    assert [path.suffix for path in tmp_path.glob("*set-aside*")] == [".wal"]


def test_two_files_set_aside_in_one_millisecond_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    for text in ("one", "two", "three"):
        path.write_text(text)
        open_warehouse(path, STORE, 5).close()
    assert sorted(kept.read_text() for kept in tmp_path.glob("*set-aside-5*")) == ["one", "three", "two"]


def test_known_at_survives_a_rebuild_when_the_disk_remembers_it(tmp_path: Path) -> None:
    host = Host(tmp_path)
    trade(host)
    path = tmp_path / FILE_NAME
    in_office(host, all_loaded)
    before = rows_in(path, "SELECT receipt_no, known_at FROM sales ORDER BY ALL")
    path.unlink()
    in_office(host, all_loaded)
    assert rows_in(path, "SELECT receipt_no, known_at FROM sales ORDER BY ALL") == before


def test_a_file_that_fails_while_open_is_rebuilt_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "retry_s", (0.01,))
    host = Host(tmp_path)
    shop = trade(host)

    async def work(office: Office) -> None:
        loader = office.plugin.loader
        assert loader is not None
        await office.loaded(60)
        before = await office.checksum()
        with loader.file.cursor() as saboteur:
            saboteur.execute("DROP TABLE tenders CASCADE")
        host.persist(shop[0].sell(5))
        async with asyncio.timeout(20):
            while "warehouse_set_aside" not in dict(host.announced):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            while True:
                try:
                    await office.loaded(61)
                    break
                except WarehouseUnavailable:
                    await asyncio.sleep(0.01)
        assert (await office.sql("SELECT count(*) FROM tenders")).rows == ((61,),)
        assert await office.checksum() != before

    in_office(host, work)
    assert [code for code, _ in host.announced] == ["warehouse_failed", "warehouse_set_aside"]


def test_a_disk_that_is_full_sets_nothing_aside_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "retry_s", (0.01,))
    host, till = Host(tmp_path), Till("till-1")

    async def work(office: Office) -> None:
        loader = office.plugin.loader
        assert loader is not None
        host.persist(*till.entries)
        await loader.caught_up()
        commit, failures = loader.file._commit, []

        def full(*arguments: Any) -> None:
            if len(failures) < 3:
                failures.append(1)
                raise duckdb.IOException("IO Error: Could not write file: No space left on device")
            commit(*arguments)

        monkeypatch.setattr(loader.file, "_commit", full)
        host.persist(till.sell(5))
        await office.loaded(1)

    in_office(host, work)
    assert {code for code, _ in host.announced} == {"warehouse_failed"}
    assert not list(tmp_path.glob("*set-aside*"))


def test_a_file_that_another_process_has_open_is_not_set_aside(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    open_warehouse(path, STORE, NOW_MS).close()
    program = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "open\n"
        with pytest.raises(WarehouseInUse):
            open_warehouse(path, STORE, NOW_MS)
        with pytest.raises(WarehouseInUse):
            read_warehouse(path)
        other.communicate()
    assert list(tmp_path.iterdir()) == [path]


def test_a_node_starts_while_another_process_has_its_warehouse_and_catches_up_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "retry_s", (0.02,))
    host = Host(tmp_path)
    trade(host)
    path = tmp_path / FILE_NAME
    open_warehouse(path, STORE, NOW_MS).close()
    program = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "open\n"

        async def work(office: Office) -> None:
            with pytest.raises(WarehouseUnavailable):
                await office.sql("SELECT 1")
            await asyncio.to_thread(other.communicate)
            async with asyncio.timeout(20):
                while True:
                    try:
                        await office.loaded(60)
                        return
                    except WarehouseUnavailable:
                        await asyncio.sleep(0.01)

        in_office(host, work)
    assert {code for code, _ in host.announced} == {"warehouse_failed"}


def test_a_directory_that_may_not_be_written_is_no_reason_to_set_aside(tmp_path: Path) -> None:
    with pytest.raises(WarehouseUnavailable):
        open_warehouse(tmp_path / "missing" / FILE_NAME, STORE, NOW_MS)


LOAD_UNTIL_KILLED = """
import sys
from pathlib import Path
from backoffice_bridge.warehouse.file import open_warehouse
from backoffice_bridge.warehouse.rows import Arrival
from tests.backoffice_bridge.back_office_floor import NOW_MS, Till
from tests.crdt_models.shop_floor import STORE
till = Till("till-1")
entries = [*till.entries, *[till.sell(1 + n % 9, 5) for n in range(400)]]
file = open_warehouse(Path(sys.argv[1]), STORE, NOW_MS)
assert file.set_aside is None, file.why
held = file.heads.get(till.journal, 0)
print("go", flush=True)
for entry in entries[held:]:
    file.load([Arrival(entry, NOW_MS, (1,) if entry.seq > 1 else (), 0, "till-1")], {entry.journal: entry.seq},
              lambda _: "till-1", NOW_MS)
print("done", flush=True)
file.close()
"""


def test_a_process_killed_while_loading_leaves_rows_and_heads_in_step(tmp_path: Path) -> None:
    path, chance, done, kills = tmp_path / FILE_NAME, random.Random(20), False, 0
    for _ in range(30):
        with subprocess.Popen(
            [sys.executable, "-c", LOAD_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stdout.readline() == "go\n"
            try:
                # However slow the machine: after six kills the last process may finish.
                done = process.wait(60 if kills == 6 else 0.1 + chance.random() * 0.4) == 0
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += 1
        if done:
            break
        with duckdb.connect(str(path)) as connection:
            seq = connection.execute("SELECT coalesce(max(seq), 1) FROM heads").fetchone()
            rows = connection.execute(
                "SELECT count(DISTINCT seq), count(*), (SELECT count(*) FROM sale_lines), (SELECT count(*) FROM tenders) "
                "FROM sales"
            ).fetchone()
        assert seq is not None
        sold = seq[0] - 1
        assert rows == (sold, sold, 2 * sold, sold)
    assert done
    assert kills >= 1


def test_what_a_stopped_node_holds_is_read_without_changing_the_file(tmp_path: Path) -> None:
    host = Host(tmp_path)
    shop = trade(host)
    checksum = in_office(host, all_loaded)
    before = (tmp_path / FILE_NAME).read_bytes()
    counts, heads, again = read_warehouse(tmp_path / FILE_NAME)
    assert counts == {"sales": 60, "sale_lines": 120, "tenders": 60}
    assert heads == {till.journal: till.writer.seq for till in shop}
    assert again == checksum
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_a_changed_cent_changes_the_checksum(tmp_path: Path) -> None:
    host = Host(tmp_path)
    trade(host)
    checksum = in_office(host, all_loaded)
    path = tmp_path / FILE_NAME
    for table, column in (("sales", "total_minor"), ("sale_lines", "amount_minor"), ("tenders", "amount_minor")):
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"UPDATE {table} SET {column} = {column} + 1 WHERE seq = 5")
        assert read_warehouse(path)[2] != checksum
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"UPDATE {table} SET {column} = {column} - 1 WHERE seq = 5")
    assert read_warehouse(path)[2] == checksum


def test_no_column_is_a_float(tmp_path: Path) -> None:
    open_warehouse(tmp_path / FILE_NAME, STORE, NOW_MS).close()
    types = rows_in(tmp_path / FILE_NAME, "SELECT DISTINCT data_type FROM information_schema.columns")
    assert not {kind for (kind,) in types} & {"DOUBLE", "FLOAT", "REAL"}
    assert len(TABLES) == 5
