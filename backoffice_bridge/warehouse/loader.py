"""The loader: from journals to rows, at once, and from the disk whenever something is missing.

States: *catching up* (reads the disk above the file's heads), *live* (loads what subscribers are told, at most one load
per `batch_interval_s`: whatever gathered while the last one ran), *mending* (the file failed: opened anew or set aside,
then catching up). Whoever is live misses nothing: the subscription begins before the disk is read, and a gap between
the file's heads and what was told sends it back to the disk. No entry is awaited, no till waits for it.
DuckDB runs on one owned thread; judging what counts happens on the loop, where the fold lives.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import duckdb

from backoffice_bridge import limits
from backoffice_bridge.errors import WarehouseError, WarehouseUnavailable
from backoffice_bridge.warehouse.file import WarehouseFile, open_warehouse
from backoffice_bridge.warehouse.intake import Gathered, Intake
from crdt_models.errors import ModelError
from crdt_models.journal.entry import Entry
from crdt_models.values.identity import JournalId, node_of
from node.errors import NodeError
from node.plugins import PluginHost

FILE_NAME: Final = "warehouse.duckdb"

_T = TypeVar("_T")


class Loader:
    """Owns the file and the thread. Use as `async with`; on entry the warehouse is open, or it is tried again meanwhile.

    before_mending: awaited before a failed file is closed, so that every cursor on it is closed; after_mending: called
    with the new file. sales_loaded, loads: since the start.
    """

    def __init__(
        self,
        host: PluginHost,
        before_mending: Callable[[], Awaitable[None]],
        after_mending: Callable[[WarehouseFile], None],
    ) -> None:
        self._host = host
        self._before_mending, self._after_mending = before_mending, after_mending
        self._path: Path = host.directory / FILE_NAME
        self._thread = ThreadPoolExecutor(1, "warehouse")
        self._intake = Intake(host.shop.refused, host.name_of, limits.waiting_entries_max)
        self._file: WarehouseFile | None = None
        self._task: asyncio.Task[None] | None = None
        self._told = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._stop = asyncio.Event()
        self._late_heads: dict[JournalId, int] = {}
        self.sales_loaded = 0
        self.loads = 0

    async def __aenter__(self) -> Loader:
        self._host.subscribe(self._take)
        try:
            await self._open()
        except WarehouseError as error:  # a till's day does not wait for a warehouse: `_run` tries again
            self._host.announce("warehouse_failed", f"{error}")
        except BaseException:
            self._thread.shutdown()
            raise
        self._task = asyncio.create_task(self._run(), name="warehouse loader")
        self._task.add_done_callback(self._tell_of_a_death)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._stop.set()
        self._told.set()
        done, _pending = await asyncio.wait({self._task}, timeout=limits.stop_s)
        if not done:
            self._task.cancel()
        await asyncio.wait({self._task})
        if self._file is not None:
            with contextlib.suppress(duckdb.Error):  # the next start reads the file through
                await self._on_thread(self._file.close)
            self._file = None
        self._thread.shutdown()

    @property
    def file(self) -> WarehouseFile:
        """The open file. Raises WarehouseUnavailable while it is being mended."""
        if self._file is None:
            raise WarehouseUnavailable("it is being rebuilt")
        return self._file

    async def caught_up(self) -> None:
        """Returns once everything that was on disk at the start (or at the last mending) is loaded."""
        await self._caught_up.wait()

    async def checksum(self) -> str:
        """The file's content checksum, computed between two loads."""
        return await self._on_thread(self.file.checksum)

    def _take(self, entries: Sequence[Entry]) -> None:
        if self._stop.is_set():
            return
        self._intake.take(entries, self._host.wall_ms())
        self._told.set()

    async def _run(self) -> None:
        attempt = 0
        while True:
            try:
                if self._file is None:
                    await self._open()
                await self._catch_up()
                attempt = 0
                await self._live()
                return
            except (duckdb.Error, NodeError, ModelError) as error:
                if self._stop.is_set():
                    return
                self._caught_up.clear()
                self._host.announce("warehouse_failed", f"{error}")
                await self._mend(error)
                await self._pause(limits.retry_s[min(attempt, len(limits.retry_s) - 1)])
                attempt += 1
                if self._stop.is_set():
                    return

    async def _catch_up(self) -> None:
        """Loads what the disk holds above the file's heads."""
        self._late_heads.clear()
        async for group in self._host.entries_after(dict(self.file.heads)):
            piece = Gathered()
            for entry, known_at_ms in group:
                piece.add(self._intake.arrival(entry, known_at_ms))
            await self._load(piece)
            if self._stop.is_set():
                return
        await self._write_late_heads()
        self._caught_up.set()

    async def _live(self) -> None:
        """Loads what subscribers are told until stopped; goes back to the disk when something is missing."""
        loop = asyncio.get_running_loop()
        heads_written = loop.time()
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limits.heads_interval_s if self._late_heads else None):
                    await self._told.wait()
            self._told.clear()
            started = loop.time()
            await self._load_gathered()
            if started - heads_written >= limits.heads_interval_s:
                await self._write_late_heads()
                heads_written = started
            await self._pause(started + limits.batch_interval_s - loop.time())
        await self._load_gathered()
        await self._write_late_heads()

    async def _load_gathered(self) -> None:
        gathered = self._intake.gathered()
        heads = self.file.heads
        if gathered.broken or any(
            first > max(heads.get(journal, 0), self._late_heads.get(journal, 0)) + 1
            for journal, first in gathered.first.items()
        ):
            await self._catch_up()
        elif gathered.arrivals:
            await self._load(gathered)
        else:
            self._late_heads.update(gathered.last)

    async def _load(self, piece: Gathered) -> None:
        heads = {**self._late_heads, **piece.last}
        self._late_heads.clear()
        names = {journal: self._host.name_of(node_of(journal)) for journal in heads}
        self.sales_loaded += await self._on_thread(
            lambda: self.file.load(piece.arrivals, heads, names.__getitem__, self._host.wall_ms())
        )
        self.loads += 1

    async def _write_late_heads(self) -> None:
        if self._late_heads:
            await self._load(Gathered())

    async def _open(self) -> None:
        file = await self._on_thread(lambda: open_warehouse(self._path, self._host.shop.store, self._host.wall_ms()))
        if file.set_aside is not None:
            self._host.announce(
                "warehouse_set_aside",
                f"{self._path.name} could not be used ({file.why}): kept as {file.set_aside.name}, "
                "rebuilding from the journals",
            )
        self._file = file
        self._after_mending(file)

    async def _mend(self, error: Exception) -> None:
        """Lets go of a file that failed, so that it is opened, read through and perhaps set aside; full disks wait."""
        if not isinstance(error, duckdb.Error) or self._file is None:
            return
        await self._before_mending()
        file, self._file = self._file, None
        with contextlib.suppress(duckdb.Error):
            await self._on_thread(file.close)

    def _tell_of_a_death(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._host.announce(
                "warehouse_stopped", f"the warehouse loads no more until a restart: {task.exception()!r}"
            )

    async def _pause(self, seconds: float) -> None:
        """Waits, but not when the loader is to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
