"""The journal store: a node's journals on its disk, from the event loop's side.

One owned thread has the one SQLite connection; the loop hands it work through a plain queue and is called back once per commit.
Group commit without timers: while one commit runs, what is asked gathers, and the next commit takes all of it. Refused:
asyncio's default executor (shared, so a name lookup could stand before a sale), a timer (20 ms of waiting cost 9 ms at the
median), an answer per entry. Long reads are cut into steps that queue like everything else, so a sale waits one step at most.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, Self, TypeVar

from crdt_models.values.identity import JournalId
from node.disk import limits
from node.disk.block import check_append
from node.disk.database import FILE_NAME
from node.disk.errors import StoreClosed
from node.disk.journal_file import Cursor, JournalFile
from node.disk.store import (
    CheckEntry,
    HeldJournal,
    LastStart,
    NewEntry,
    OnAlarm,
    OnProgress,
    Run,
    StartMark,
    Verification,
)
from node.disk.verify_walk import VerifyWalk
from node.errors import DiskFailed

Answer = TypeVar("Answer")


class _Append(NamedTuple):
    entries: Sequence[NewEntry]
    start: StartMark | None
    done: asyncio.Future[Any]


class _Call(NamedTuple):
    """Work for the thread; `work` None ends it. moves_tips: it may take entries away."""

    work: Callable[[JournalFile], object] | None
    done: asyncio.Future[Any]
    moves_tips: bool = False


class _Held(NamedTuple):
    """What the loop's side shows of the file. whole: `tips` are all there are, not only those that moved."""

    tips: dict[JournalId, HeldJournal]
    whole: bool
    last_written: HeldJournal | None
    last_start: LastStart | None
    own_set_aside: int


def _held(file: JournalFile, tips: dict[JournalId, HeldJournal] | None = None) -> _Held:
    shown = dict(file.tips) if tips is None else tips
    return _Held(shown, tips is None, file.last_written, file.last_start, file.own_set_aside)


class JournalStore:
    """Keeps the promises of `node.disk.store.Store` on SQLite. Made by `open`; `async with` closes it.

    Every method belongs to the loop on which it was opened.
    """

    def __init__(self, directory: Path, loop: asyncio.AbstractEventLoop, on_alarm: OnAlarm | None) -> None:
        self.path = directory / FILE_NAME
        self._loop = loop
        self._on_alarm = on_alarm
        self._jobs: SimpleQueue[_Append | _Call] = SimpleQueue()
        self._held = _Held({}, True, None, None, 0)
        self._asked: dict[JournalId, HeldJournal] = {}
        self._failed: DiskFailed | None = None
        self._closed = False
        self._thread: Thread | None = None

    @classmethod
    async def open(
        cls,
        directory: Path,
        *,
        on_alarm: OnAlarm | None = None,
        ballast_bytes: int = limits.ballast_bytes,
        vfs: str = "",
    ) -> Self:
        """Open or make the store in `directory`. on_alarm: called on the loop's thread; vfs: another file layer, for tests.

        Raises DirectoryInUse, SchemaTooNew, NotAJournalStore, StoreDamaged, DiskFull, DiskFailed.
        """
        store = cls(directory, asyncio.get_running_loop(), on_alarm)
        opened: asyncio.Future[None] = store._loop.create_future()
        store._thread = Thread(
            target=store._run, args=(directory, ballast_bytes, vfs, opened), name="tillmesh-journals", daemon=True
        )
        store._thread.start()
        await opened
        return store

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def last_written(self) -> HeldJournal | None:
        """See `Store.last_written`."""
        return self._held.last_written

    @property
    def last_start(self) -> LastStart | None:
        """See `Store.last_start`."""
        return self._held.last_start

    @property
    def own_set_aside(self) -> int:
        """See `Store.own_set_aside`."""
        return self._held.own_set_aside

    @property
    def failed(self) -> DiskFailed | None:
        """Why appends are refused until the store is opened again; None while the disk is well."""
        return self._failed

    def journals(self) -> list[HeldJournal]:
        """See `Store.journals`."""
        return list(self._held.tips.values())

    async def append(self, entries: Sequence[NewEntry], start: StartMark | None = None) -> None:
        """See `Store.append`."""
        self._check_open()
        if self._failed:
            raise self._failed
        self._asked.update(check_append(self._asked, entries, start))
        if not entries:
            return
        done: asyncio.Future[None] = self._loop.create_future()
        self._jobs.put(_Append(entries, start, done))
        await done

    async def read_range(self, journal: JournalId, first: int, last: int, bytes_max: int) -> tuple[list[bytes], int]:
        """See `Store.read_range`."""
        return await self._ask(lambda file: file.read_range(journal, first, last, bytes_max))

    async def read_one(self, journal: JournalId, seq: int) -> bytes:
        """See `Store.read_one`."""
        return await self._ask(lambda file: file.read_one(journal, seq))

    async def runs(self, after: Mapping[JournalId, int] | None = None) -> AsyncIterator[Run]:
        """See `Store.runs`. The next step is read while the caller folds this one."""
        folded = dict(after or {})

        def read_from(cursor: Cursor) -> asyncio.Future[tuple[list[Run], Cursor | None]]:
            return self._ask(lambda file: file.runs(cursor, folded))

        step = read_from((0, 0))
        try:
            while True:
                runs, cursor = await step
                if cursor is not None:
                    step = read_from(cursor)
                for run in runs:
                    yield run
                if cursor is None:
                    return
        finally:
            if not step.cancel() and not step.cancelled():
                step.exception()

    async def set_aside(self, journal: JournalId, first: int) -> int:
        """See `Store.set_aside`."""
        taken = await self._ask(lambda file: file.set_aside(journal, first), moves_tips=True)
        self._asked = dict(self._held.tips)
        return taken

    async def verify(
        self, check: CheckEntry | None = None, on_progress: OnProgress | None = None, structure: bool = True
    ) -> Verification:
        """See `Store.verify`."""
        walk = await self._ask(lambda file: VerifyWalk(file, check, structure))
        while await self._ask(lambda _: walk.step()):
            if on_progress:
                on_progress(walk.entries)
        return await self._ask(lambda _: walk.result())

    async def remember(self, key: str, value: bytes) -> None:
        """See `Store.remember`."""
        await self._ask(lambda file: file.remember(key, value))

    async def recall(self, key: str) -> bytes | None:
        """See `Store.recall`."""
        return await self._ask(lambda file: file.recall(key))

    async def recall_all(self, prefix: str = "") -> dict[str, bytes]:
        """See `Store.recall_all`."""
        return await self._ask(lambda file: file.recall_all(prefix))

    async def forget(self, key: str) -> None:
        """See `Store.forget`."""
        await self._ask(lambda file: file.forget(key))

    async def close(self) -> None:
        """See `Store.close`."""
        if self._closed:
            return
        self._closed = True
        done: asyncio.Future[None] = self._loop.create_future()
        self._jobs.put(_Call(None, done))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done, limits.close_seconds_max)
            if self._thread:
                self._thread.join()  # it said so with its last breath: this takes microseconds

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed

    def _ask(self, work: Callable[[JournalFile], Answer], moves_tips: bool = False) -> asyncio.Future[Answer]:
        self._check_open()
        done: asyncio.Future[Answer] = self._loop.create_future()
        self._jobs.put(_Call(work, done, moves_tips))
        return done

    # On the loop, called by the thread

    def _kept(self, done: Sequence[asyncio.Future[Any]], answer: object, held: _Held) -> None:
        if not held.whole:
            self._held.tips.update(held.tips)
            held = held._replace(tips=self._held.tips, whole=True)
        self._held = held
        _answer(done, answer)

    # On the thread

    def _run(self, directory: Path, ballast_bytes: int, vfs: str, opened: asyncio.Future[None]) -> None:
        try:
            file = JournalFile(directory, self._ring, ballast_bytes, vfs)
        except BaseException as error:
            self._tell(_refuse, [opened], error)
            return
        self._asked = dict(file.tips)
        self._tell(self._kept, [opened], None, _held(file))
        while True:
            job = self._jobs.get()
            waiting: list[_Append] = []
            while isinstance(job, _Append):
                waiting.append(job)
                if job.start or self._jobs.empty():
                    break
                job = self._jobs.get()
            if waiting:
                self._append(file, waiting)
            if isinstance(job, _Call):
                if job.work is None:
                    file.close()
                    self._tell(_answer, [job.done], None)
                    return
                self._serve(file, job.work, job)
            file.tidy(idle=self._jobs.empty())
            self._failed = file.failed

    def _append(self, file: JournalFile, waiting: list[_Append]) -> None:
        """One transaction for all that gathered. A start is always the last of its group."""
        done = [job.done for job in waiting]
        entries = waiting[0].entries if len(waiting) == 1 else [entry for job in waiting for entry in job.entries]
        try:
            file.append(entries, waiting[-1].start)
        except BaseException as error:
            # What was asked for since rests on these numbers: whatever went wrong, nothing more is taken.
            self._failed = file.failed = file.failed or DiskFailed(repr(error))
            self._tell(_refuse, done, self._failed)
            return
        self._tell(self._kept, done, None, _held(file, {entry.journal: file.tips[entry.journal] for entry in entries}))

    def _serve(self, file: JournalFile, work: Callable[[JournalFile], object], call: _Call) -> None:
        try:
            answer = work(file)
        except BaseException as error:
            # Who asked can decide; this thread only carries the error over.
            self._failed = file.failed
            self._tell(_refuse, [call.done], error)
            return
        if call.moves_tips:
            self._tell(self._kept, [call.done], answer, _held(file))
        else:
            self._tell(_answer, [call.done], answer)

    def _ring(self, code: str, text: str) -> None:
        if self._on_alarm:
            self._tell(self._on_alarm, code, text)

    def _tell(self, callback: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to hear
            self._loop.call_soon_threadsafe(callback, *arguments)


def _answer(done: Sequence[asyncio.Future[Any]], answer: object) -> None:
    for future in done:
        if not future.done():
            future.set_result(answer)


def _refuse(done: Sequence[asyncio.Future[Any]], error: BaseException) -> None:
    for future in done:
        if not future.done():
            future.set_exception(error)
