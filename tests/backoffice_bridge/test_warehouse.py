"""The warehouse while it loads: whole, in step with the journals, to the cent."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice_bridge import limits
from backoffice_bridge.warehouse.file import open_warehouse
from backoffice_bridge.warehouse.loader import FILE_NAME
from backoffice_bridge.warehouse.rows import INTEGER_MAX, Arrival, sales_in
from crdt_models import operations
from crdt_models.journal.operation import Operation
from crdt_models.operations import Kind
from crdt_models.sales.lines import ForeignTender, Link, TenderLine
from crdt_models.sales.receipt_no import ReceiptNo
from crdt_models.sales.sale import Sale
from crdt_models.values.quantity import Quantity, ScaledPrice
from node.plugins import QueryTooSlow, SqlLimits
from tests.backoffice_bridge.back_office_floor import NOW_MS, Host, Office, Till, all_loaded, in_office, rows_in, trade
from tests.crdt_models.sales.sales_examples import line, new_id, sales
from tests.crdt_models.shop_floor import STORE

# --- loading -----------------------------------------------------------------------------------------------------


def test_a_sale_becomes_a_row_as_soon_as_it_is_durable(tmp_path: Path) -> None:
    async def work(office: Office) -> None:
        till = Till("till-1")
        office.host.persist(*till.entries)
        began = asyncio.get_running_loop().time()
        office.host.persist(till.sell(1299))
        await office.loaded(1)
        assert asyncio.get_running_loop().time() - began < 5

    in_office(Host(tmp_path), work)


def test_every_field_of_a_sale_is_a_column(tmp_path: Path) -> None:
    host, till = Host(tmp_path), Till("till-1")
    rich = till.sale(
        1299,
        kind="refund",
        lines=(
            line(1, 1299, quantity=Quantity(1500, 3), unit_price=ScaledPrice(86600, 4), discount_minor=10, tax_code="A",
                 tax_rate_ppm=190_000, tax_minor=207, barcode="4006381333931", serial="S1", department="dairy"),
            line(2, 100, kind="deposit", item_id=None, names={"de": "Pfand"}, tax_code="B", tax_included=False, tax_minor=7),
            line(3, -1, kind="rounding", item_id=None, names={}),
        ),
        tenders=(TenderLine("cash", 2000, ForeignTender("CHF", 2, 2100, 95, 2), "ref", "acc"), TenderLine("cash", -595)),
        links=(Link("till-3/S-K7Q2MX/118", 2, "refund", 1),),
        customer="c-1", override_by="boss", document=new_id(5), claim=bytes(33), claim_epoch=2,
        external_reference="x-9", notes=("late", "ünïcode 🥛"),
    )  # fmt: skip
    entry = till.do(Operation(Kind.SALE, 1, rich.to_fields(), by=("anna", 4), via=1), wall_ms=NOW_MS + 5)
    host.write(*till.entries)

    in_office(host, all_loaded)

    path = tmp_path / FILE_NAME
    row = rows_in(path, "SELECT * EXCLUDE (happened_at, recorded_at, known_at, business_day) FROM sales")[0]
    assert row == (
        till.journal.hex(), entry.seq, 1, rich.sale_id.hex(), rich.receipt.text, "till-1", rich.receipt.series,
        rich.receipt.number, "refund", False, 60, "EUR", 2, 1405, 214, 1405, 3, "c-1", "anna", 4, "handheld", "boss",
        new_id(5).hex(), bytes(33).hex(), 2, "x-9", ["late", "ünïcode 🥛"],
        [{"receipt_no": "till-3/S-K7Q2MX/118", "line_no": 2, "kind": "refund", "by_line": 1}],
        STORE.hex(), till.node.hex(), "till-1",
    )  # fmt: skip
    times = rows_in(path, "SELECT epoch_ms(happened_at), epoch_ms(recorded_at), epoch_ms(known_at) FROM sales")
    assert times == [(rich.happened_at_ms, entry.stamp.wall_ms, host.disk[-1][1])]
    lines = rows_in(
        path, "SELECT * EXCLUDE (journal, seq, operation, sale_id, line_id) FROM sale_lines ORDER BY line_no"
    )
    assert lines[0] == (
        1, "item", "item-1", "Milk", {"de": "Milch", "en": "Milk"}, 1500, 3, 86600, 4, 1299, 10, "A", 190_000, True,
        "half_up", 207, "4006381333931", "S1", "dairy",
    )  # fmt: skip
    assert lines[1][1:5] == ("deposit", None, "Pfand", {"de": "Pfand"})
    assert lines[2][1:5] == ("rounding", None, None, {})
    tenders = rows_in(path, "SELECT * EXCLUDE (journal, seq, operation, sale_id) FROM tenders ORDER BY tender_no")
    assert tenders == [
        (1, "cash", 2000, "CHF", 2, 2100, 95, 2, "ref", "acc"),
        (2, "cash", -595, None, None, None, None, None, None, None),
    ]


def test_a_replayed_entry_adds_no_row(tmp_path: Path) -> None:
    host = Host(tmp_path)
    shop = trade(host)

    async def work(office: Office) -> None:
        checksum = await all_loaded(office)
        for till in shop:
            office.host.persist(*till.entries)
        office.host.persist(shop[0].sell(5))
        await office.loaded(61)
        assert checksum != await office.checksum()
        assert (await office.sql("SELECT count(DISTINCT receipt_no), count(*) FROM sales")).rows == ((61, 61),)

    in_office(host, work)


def test_a_restart_reads_only_what_is_new_and_adds_no_row(tmp_path: Path) -> None:
    host = Host(tmp_path)
    shop = trade(host)
    first = in_office(host, all_loaded)
    assert in_office(host, all_loaded) == first
    host.write(shop[0].sell(7))
    assert in_office(host, all_loaded) != first
    assert rows_in(tmp_path / FILE_NAME, "SELECT count(*) FROM sales") == [(61,)]


@settings(max_examples=10)
@given(st.randoms(use_true_random=False), st.lists(sales(), min_size=1, max_size=4))
def test_the_content_does_not_depend_on_the_order_of_journals_nor_on_grouping(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, recorded: list[Sale]
) -> None:
    tills = [Till("till-3"), Till("till-2")]
    for number, sale in enumerate(recorded, 1):
        receipt = ReceiptNo(STORE, "till-3", sale.receipt.series, number)
        fields = {**sale.to_fields(), 1: STORE, 4: receipt.number}
        tills[0].do(operations.sale(fields))
        tills[1].sell(number)
    checksums = set()
    for group in (1, 50):
        host = Host(tmp_path_factory.mktemp("order"), group)
        queues = [list(till.entries) for till in tills]
        while any(queues):
            queue = chance.choice([queue for queue in queues if queue])
            host.write(queue.pop(0))
        assert len(host.shop.sales) == 2 * len(recorded)
        checksums.add(in_office(host, all_loaded))
    assert len(checksums) == 1


def test_the_content_equals_the_fold_to_the_cent(tmp_path: Path) -> None:
    host = Host(tmp_path)
    trade(host)
    in_office(host, all_loaded)
    loaded = rows_in(tmp_path / FILE_NAME, "SELECT journal, seq, operation, total_minor FROM sales ORDER BY ALL")
    folded = sorted((f.place.journal.hex(), f.place.seq, f.position, f.sale.total_minor) for f in host.shop.sales)
    assert loaded == folded
    lines = rows_in(tmp_path / FILE_NAME, "SELECT sum(amount_minor) FROM sale_lines")
    tenders = rows_in(tmp_path / FILE_NAME, "SELECT sum(amount_minor) FROM tenders")
    assert lines == tenders == [(sum(row[3] for row in folded),)]


def test_two_sales_in_one_entry_are_two_rows(tmp_path: Path) -> None:
    host, till = Host(tmp_path), Till("till-1")
    till.do(operations.sale(till.sale(1).to_fields()), operations.sale(till.sale(2).to_fields()))
    host.write(*till.entries)
    in_office(host, all_loaded)
    assert rows_in(tmp_path / FILE_NAME, "SELECT operation, total_minor FROM sales ORDER BY 1") == [(1, 1), (2, 2)]


def test_what_the_fold_refuses_is_skipped_and_counted(tmp_path: Path) -> None:
    host, till, gateway = Host(tmp_path), Till("till-1"), Till("gateway", "system")
    good = till.sell(1)
    till.do(Operation(Kind.SALE, 1, {0: b"no sale"}))
    till.do(Operation(Kind.SALE, 2, {0: bytes(16)}))
    till.do(operations.release("sale/" + "0" * 32, bytes(33), "completed"), operations.sale(till.sale(2).to_fields()))
    till.do(operations.sale({**till.sale(3).to_fields(), 2: "till-9"}))
    gateway.sell(4)
    host.write(*till.entries, *gateway.entries)
    in_office(host, all_loaded)
    path = tmp_path / FILE_NAME
    assert rows_in(path, "SELECT total_minor FROM sales ORDER BY 1") == [(1,), (2,)]
    assert rows_in(path, "SELECT node_name, skipped FROM heads ORDER BY 1") == [("gateway", 1), ("till-1", 3)]
    assert good.seq == 2


def test_a_sale_that_decodes_only_where_nobody_folds_is_skipped(tmp_path: Path) -> None:
    till = Till("till-1")
    entry = till.do(Operation(Kind.SALE, 1, {0: b"no sale"}))
    assert sales_in(entry, {}) == ((1,), 0)
    file = open_warehouse(tmp_path / FILE_NAME, STORE, NOW_MS)
    assert file.load([Arrival(entry, NOW_MS, (1,), 0, "till-1")], {entry.journal: 2}, lambda _: "till-1", NOW_MS) == 0
    file.close()
    assert rows_in(tmp_path / FILE_NAME, "SELECT seq, skipped FROM heads") == [(2, 1)]


def test_clocks_and_sessions_beyond_every_calendar_still_load(tmp_path: Path) -> None:
    host, till = Host(tmp_path), Till("till-1")
    sale = till.sale(1, happened_at_ms=INTEGER_MAX)
    till.do(Operation(Kind.SALE, 1, sale.to_fields(), by=("a\x00b", INTEGER_MAX), via=9), wall_ms=INTEGER_MAX)
    till.do(operations.sale(till.sale(2, happened_at_ms=-INTEGER_MAX).to_fields()), wall_ms=0)
    host.write(*till.entries)

    async def work(office: Office) -> None:
        await office.loaded(2)
        answer = await office.sql("SELECT happened_at, recorded_at, staff, session_epoch, via FROM sales ORDER BY seq")
        assert answer.rows[0] == (
            "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z", "a\x00b", INTEGER_MAX, "via 9",
        )  # fmt: skip
        assert answer.rows[1][0] == "0001-01-01T00:00:00.000Z"

    in_office(host, work)


def test_heads_move_without_sales_too(tmp_path: Path) -> None:
    host, till = Host(tmp_path), Till("till-1")

    async def work(office: Office) -> None:
        for number in range(5):
            till.do(operations.note("x", "reprint", str(number)))
        office.host.persist(*till.entries)

    in_office(host, work)
    assert rows_in(tmp_path / FILE_NAME, "SELECT node_name, seq FROM heads") == [("till-1", 6)]


def test_a_loader_that_falls_behind_reads_the_disk_and_misses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "waiting_entries_max", 3)
    host = Host(tmp_path)
    till = Till("till-1")

    async def work(office: Office) -> None:
        reads = host.reads
        host.persist(*till.entries)
        for number in range(40):
            host.persist(till.sell(number + 1))
        await office.loaded(40)
        assert host.reads > reads

    in_office(host, work)


def test_an_entry_that_nobody_told_of_is_found_on_disk(tmp_path: Path) -> None:
    host, till = Host(tmp_path), Till("till-1")

    async def work(office: Office) -> None:
        host.persist(*till.entries, till.sell(1))
        await office.loaded(1)
        host.write(till.sell(2))
        host.persist(till.sell(3))
        await office.loaded(3)

    in_office(host, work)


def test_figures_by_the_hour_are_local_and_without_training(tmp_path: Path) -> None:
    host, till = Host(tmp_path), Till("till-1")
    till.sell(100, happened_at_ms=NOW_MS, utc_offset_min=120)
    till.sell(50, happened_at_ms=NOW_MS + 59 * 60_000, utc_offset_min=120)
    till.sell(7, happened_at_ms=NOW_MS + 60 * 60_000, utc_offset_min=120, currency="JPY", exponent=0)
    till.sell(1000, training=True)
    host.write(*till.entries)

    async def work(office: Office) -> None:
        await office.loaded(4)
        rows = (await office.sql("SELECT hour, terminal, currency, sales, total FROM sales_by_hour ORDER BY 1")).rows
        assert rows == (
            ("2025-10-09T14:00:00.000Z", "till-1", "EUR", 2, "1.5000"),
            ("2025-10-09T15:00:00.000Z", "till-1", "JPY", 1, "7.0000"),
        )
        assert (await office.sql("SELECT sum(amount_minor) FROM sold_lines")).rows == ((157,),)
        assert (await office.sql("SELECT sum(amount_minor) FROM takings")).rows == ((157,),)

    in_office(host, work)


def test_a_slow_query_does_not_hold_up_a_load(tmp_path: Path) -> None:
    host, till = Host(tmp_path), Till("till-1")
    slow = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3"

    async def work(office: Office) -> None:
        loader = office.plugin.loader
        assert loader is not None
        host.persist(*till.entries)
        await loader.caught_up()
        asking = asyncio.create_task(office.sql(slow, SqlLimits(2, 10)))
        await asyncio.sleep(0.05)
        for number in range(10):
            host.persist(till.sell(number + 1))
            async with asyncio.timeout(1.5):
                while loader.sales_loaded <= number:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        assert not asking.done()
        with pytest.raises(QueryTooSlow):
            await asking

    in_office(host, work)
