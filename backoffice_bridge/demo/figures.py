"""The evening: the same figures from three places, to the cent: what the tills answered, their own journals, and DuckDB."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from backoffice_bridge.demo.day import DayLog
from backoffice_bridge.demo.processes import DemoFailed, DemoNode, DemoStore

_PAGE = 500
_BY_HOUR = """
    SELECT terminal, extract(hour FROM hour)::INTEGER AS hour, sum(sales)::BIGINT, sum(total_minor)::BIGINT
    FROM sales_by_hour GROUP BY ALL ORDER BY ALL
"""
_LATENCY = """
    SELECT count(*), quantile_cont(epoch_ms(known_at) - epoch_ms(recorded_at), 0.5),
           quantile_cont(epoch_ms(known_at) - epoch_ms(recorded_at), 0.9)
    FROM sales WHERE epoch_ms(recorded_at) < {before}
"""

Sums = dict[tuple[str, int], tuple[int, int]]
"""Per (till, local hour): number of sales, minor units."""


async def check_figures(store: DemoStore, log: DayLog, console: Console) -> None:
    """Print and compare. Raises DemoFailed where anything differs."""
    acked: Counter[tuple[str, int]] = Counter()
    money: Counter[tuple[str, int]] = Counter()
    for minor, till, hour in log.sales.values():
        acked[till, hour] += 1
        money[till, hour] += minor
    answered: Sums = {key: (acked[key], money[key]) for key in acked}
    held = {node.name: await _receipts(node) for node in store.nodes}
    journals = _own_sums(store, held)
    rows = (await store.office.ask("POST", "/v1/sql", {"sql": _BY_HOUR}))["rows"]
    warehouse: Sums = {(row[0], int(row[1])): (int(row[2]), int(row[3])) for row in rows}
    _print_by_hour(console, warehouse, journals)
    if not answered == journals == warehouse:
        raise DemoFailed(f"the figures differ: answered {answered}, journals {journals}, DuckDB {warehouse}")
    copies = Counter(receipt for receipts in held.values() for receipt in receipts)
    lonely = [receipt for receipt in log.sales if copies[receipt] < 2]
    if lonely or len(copies) != len(log.sales):
        raise DemoFailed(f"{len(log.sales)} sales were acknowledged, {len(copies)} are held; alone: {lonely}")
    fewest = min(copies[receipt] for receipt in log.sales)
    total = sum(minor for minor, _, _ in log.sales.values())
    alone = Counter(till for till, count in log.copies_at_answer if count == 0)
    who = ", ".join(f"{till} {count}" for till, count in sorted(alone.items())) or "none"
    console.print(
        f"{len(log.sales)} sales, {total / 100:,.2f}: answers = journals = DuckDB, to the cent; each on {fewest} nodes at "
        f"least. Answered with copies: 0 at the time: {who}."
    )
    await _print_latency(store, log, console)


async def _receipts(node: DemoNode) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    after = ""
    while True:
        page = (await node.ask("GET", f"/v1/sales?limit={_PAGE}{after}"))["sales"]
        found.update({row["receipt_no"]: row for row in page})
        if len(page) < _PAGE:
            return found
        after = f"&after={page[-1]['sale_id']}"


def _own_sums(store: DemoStore, held: dict[str, dict[str, dict[str, Any]]]) -> Sums:
    """What each till's own node holds of its own sales."""
    sums: Sums = {}
    for till in store.tills:
        for row in held[till.name].values():
            if row["terminal"] == till.name:
                hour = (row["happened_at_ms"] // 60_000 + row["utc_offset_min"]) // 60 % 24
                count, minor = sums.get((till.name, hour), (0, 0))
                sums[till.name, hour] = (count + 1, minor + row["total_minor"])
    return sums


def _print_by_hour(console: Console, warehouse: Sums, journals: Sums) -> None:
    tills = sorted({till for till, _ in warehouse})
    table = Table(title="sales by till and hour from DuckDB; = the till's own journal says the same", padding=(0, 1))
    table.add_column("hour", justify="right")
    for till in tills:
        table.add_column(till, justify="right", no_wrap=True)
    for hour in sorted({hour for _, hour in warehouse}):
        cells = []
        for till in tills:
            count, minor = warehouse.get((till, hour), (0, 0))
            same = journals.get((till, hour), (0, 0)) == (count, minor)
            cells.append(f"{count}: {minor / 100:,.2f} {'=' if same else '[red]differs[/]'}" if count else "")
        table.add_row(f"{hour:02d}", *cells)
    console.print(table)


async def _print_latency(store: DemoStore, log: DayLog, console: Console) -> None:
    query = _LATENCY.format(before=log.first_fault_ms)
    (row,) = (await store.office.ask("POST", "/v1/sql", {"sql": query}))["rows"]
    console.print(
        f"from a sale at the till to durable at the back office, over {row[0]} sales before the outage: "
        f"p50 {float(row[1]):.0f} ms, p90 {float(row[2]):.0f} ms (by the nodes' clocks, in whole milliseconds)"
    )


async def verify_all(store: DemoStore, console: Console) -> None:
    """`tillmesh verify` at every node, which must be stopped for it."""
    for node in store.nodes:
        found = await node.command("verify")
        if not found["whole"]:
            raise DemoFailed(f"verify at {node.name}: {found['faults']}")
        console.print(f"verify {node.name}: whole, {found['entries']:,} entries of {found['journals']} journals")
