"""A store of two real nodes: the back office in a process of its own, the till in this one, beside the load that it takes.

The till is embedded, as a till program would do it; both are enrolled, found, and connected over mutual TLS like any.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crdt_models.values.identity import JournalId
from crdt_models.values.stamp import Place
from node import views
from node.network.authority import init_store
from node.network.join import join_store
from node.node import Node

LINES: Final = 10
GREETING_SECONDS_MAX: Final = 30.0
ANSWERS_WITHOUT_A_COPY_MAX: Final = 100
"""A node answers without a copy after 100 ms; a measurement of copies waits on."""
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
OFFICE: Final = "back-office"


@dataclass(frozen=True, slots=True)
class Office:
    """The back office's process."""

    process: Process
    link_port: int

    async def ask(self, what: str, **more: Any) -> Any:
        """One question, one answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"ask": what, **more}).encode() + b"\n")
        return await _line(self.process)


def settings(directory: Path, **more: str) -> dict[str, str]:
    """Of a node on this machine that keeps everything in `directory`."""
    return {
        "link_host": "127.0.0.1",
        "link_port": "0",
        "join_port": "0",
        "advertise": "127.0.0.1",
        "mdns": "false",
        "state_directory": str(directory / "state"),
        "currency": "EUR",
        "time_zone": "+01:00",
        **more,
    }


@asynccontextmanager
async def till_and_office(directory: Path, warehouse: str) -> AsyncIterator[tuple[Node, Office]]:
    """A till here, connected to a back office elsewhere. warehouse: the back office's setting."""
    office_directory, till_directory = directory / "office", directory / "till"
    init_store(office_directory, OFFICE, "back_office", time.time_ns() // 1_000_000)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.office_process",
        str(office_directory),
        json.dumps(settings(directory, warehouse=warehouse)),
        stdin=PIPE,
        stdout=PIPE,
        limit=ANSWER_BYTES_MAX,
    )
    try:
        office = Office(process, await _line(process))
        await join_store(till_directory, await office.ask("invite", name="till-1"))
        peers = f"127.0.0.1:{office.link_port}"
        async with Node.open(till_directory, settings(directory, peers=peers, warehouse="off")) as till:
            await until(lambda: bool(till.running.shell.greeted), GREETING_SECONDS_MAX)
            yield till, office
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def until(holds: Callable[[], bool], seconds_max: float, look_s: float = 0.02) -> None:
    """Look until it holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds_max):
        while True:
            if holds():
                return
            await asyncio.sleep(look_s)


async def _line(process: Process) -> Any:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError(f"the back office's process ended with {await process.wait()}")
    return json.loads(line)


BASKET: Final = views.Basket(
    lines=[
        views.NewLine(
            item=f"item-{number}",
            names=f"Thing {number}",
            unit_price=f"{number}.29",
            tax_code="A",
            tax_rate_ppm=190_000,
            tax_included=True,
        )
        for number in range(1, LINES + 1)
    ]
)
"""Ten lines with tax, each with what a till says of it: no record is looked up."""
TENDERS: Final = [views.NewTender(tender_type="cash", amount_minor=sum(100 * n + 29 for n in range(1, LINES + 1)))]


async def sell(till: Node) -> None:
    """One sale: durable at the till, sent, durable at the back office, acknowledged, however long that takes."""
    sold = await till.complete_basket(BASKET, TENDERS)
    held_by, waited = sold.held_by, 0
    while OFFICE not in held_by:
        waited += 1
        if waited > ANSWERS_WITHOUT_A_COPY_MAX:
            raise RuntimeError(f"{sold.receipt_no} has no copy at the back office")
        place = Place(JournalId(bytes.fromhex(sold.place.journal)), sold.place.seq)
        held_by = await till.running.wait_for_a_copy(place)


async def newest_entry(till: Node) -> bytes:
    """The till's newest durable entry, as it is on the wire and on disk."""
    store = till.running.store
    written = store.last_written
    assert written is not None, "the till sold nothing yet"
    return await store.read_one(written.journal, written.seq)
