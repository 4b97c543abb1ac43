"""The analyst's desk: runs admitted queries one by one, on a thread of its own, within limits of time, rows and bytes.

Each query gets a cursor of its own on the instance that loads, inside a read-only transaction: it sees one moment of the
warehouse, and the loader goes on beside it. At its time limit it is interrupted, again and again, since an interrupt
between two statements is lost; one that still does not react is given up on, and the desk says it is busy until it ends.
Memory is bounded for the instance as a whole; a query that wants more fails alone. That is no jail (DELIVERY.md).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import duckdb

from backoffice_bridge import limits
from backoffice_bridge.analyst.answer import as_json
from backoffice_bridge.analyst.door import Door, told
from backoffice_bridge.errors import WarehouseUnavailable
from node.plugins import QueriesWaiting, QueryRefused, QueryTooLarge, QueryTooSlow, SqlLimits, SqlResult

Cursor = Callable[[], duckdb.DuckDBPyConnection]


class Desk:
    """Runs queries. `open` gives it the warehouse, `clear` takes it away."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "analyst")
        self._door: Door | None = None
        self._cursor: Cursor | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._running: _Run | None = None
        self._unfinished: asyncio.Future[SqlResult] | None = None

    def open(self, cursor: Cursor) -> None:
        """Queries run on cursors from here on."""
        self._cursor = cursor

    async def clear(self) -> None:
        """Stops the running query and returns when no cursor is open; queries are refused until `open`."""
        self._cursor = None
        while self._unfinished is not None and not self._unfinished.done():
            if self._running is not None:
                self._running.stop()
            await asyncio.wait({self._unfinished}, timeout=limits.stop_interval_s)

    async def close(self) -> None:
        """Ends the desk and its thread."""
        await self.clear()
        if self._door is not None:
            self._thread.submit(self._door.close)
        self._thread.shutdown()

    async def run(self, query: str, bounds: SqlLimits) -> SqlResult:
        """The answer of one query.

        Raises QueryRefused, QueryTooSlow, QueryTooLarge, QueriesWaiting, or WarehouseUnavailable while it is rebuilt.
        """
        if self._waiting >= limits.queries_waiting_max:
            raise QueriesWaiting(self._waiting)
        self._waiting += 1
        try:
            async with self._turn:
                if self._unfinished is not None and not self._unfinished.done():
                    raise QueriesWaiting(self._waiting)
                if self._cursor is None:
                    raise WarehouseUnavailable("it is being rebuilt")
                return await self._run(query, bounds, self._cursor)
        finally:
            self._waiting -= 1

    async def _run(self, query: str, bounds: SqlLimits, cursor: Cursor) -> SqlResult:
        loop = asyncio.get_running_loop()
        run = self._running = _Run(bounds)
        future = self._unfinished = loop.run_in_executor(self._thread, self._work, run, query, cursor)
        try:
            done, _ = await asyncio.wait({future}, timeout=bounds.seconds)
            given_up = loop.time() + limits.stop_grace_s
            while not done and loop.time() < given_up:
                run.stop()
                done, _ = await asyncio.wait({future}, timeout=limits.stop_interval_s)
        except asyncio.CancelledError:
            run.stop()
            future.add_done_callback(_seen)
            raise
        if not done:
            future.add_done_callback(_seen)
            raise QueryTooSlow(bounds.seconds)
        return await future

    def _work(self, run: _Run, query: str, cursor: Cursor) -> SqlResult:
        """On the desk's thread."""
        if self._door is None:
            self._door = Door()
        return run.answer(self._door.admit(query), cursor)


class _Run:
    """One query, from its thread; `stop` may be called from another."""

    def __init__(self, bounds: SqlLimits) -> None:
        self._bounds = bounds
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def stop(self) -> None:
        """Interrupts the query; to be repeated until it has ended."""
        self._stopped.set()
        with self._lock:
            if self._connection is not None:
                self._connection.interrupt()

    def answer(self, statement: str, cursor: Cursor) -> SqlResult:
        """Runs the statement in a read-only transaction. Raises as `Desk.run`."""
        try:
            connection = cursor()
        except duckdb.Error as error:
            raise WarehouseUnavailable(told(error)) from error
        with self._lock:
            self._connection = connection
        try:
            connection.execute("BEGIN TRANSACTION READ ONLY")
            if self._stopped.is_set():
                raise QueryTooSlow(self._bounds.seconds)
            return self._fetch(connection.execute(statement))
        except duckdb.InterruptException as error:
            raise QueryTooSlow(self._bounds.seconds) from error
        except duckdb.OutOfMemoryException as error:
            raise QueryTooLarge("memory", f"{limits.memory_mib} MiB") from error
        except duckdb.Error as error:
            if "pytz" in str(error):
                raise QueryRefused("a TIMESTAMP WITH TIME ZONE has no form here: write it as ..::TIMESTAMP") from error
            raise QueryRefused(told(error)) from error
        finally:
            with self._lock:
                self._connection = None
            connection.close()

    def _fetch(self, answered: duckdb.DuckDBPyConnection) -> SqlResult:
        """Row by row, so that neither rows nor bytes pass their limit by more than one row."""
        columns = tuple(str(column[0]) for column in answered.description or ())
        rows: list[tuple[object, ...]] = []
        size = 0
        while (row := answered.fetchone()) is not None:
            if self._stopped.is_set():
                raise QueryTooSlow(self._bounds.seconds)
            if len(rows) == self._bounds.rows:
                return SqlResult(columns, tuple(rows), True)
            told_row, row_size = as_json(row)
            size += row_size
            if size > limits.answer_bytes_max:
                raise QueryTooLarge("bytes of answer", f"{limits.answer_bytes_max // 1024**2} MiB")
            rows.append(told_row)
        return SqlResult(columns, tuple(rows), False)


def _seen(future: asyncio.Future[SqlResult]) -> None:
    """Takes the outcome of a query that nobody waits for any more."""
    if not future.cancelled():
        future.exception()
