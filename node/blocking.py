"""A node for programs that are not async: its loop runs in a thread of its own, every call waits for its answer.

    with BlockingNode.open(directory) as node:
        sale = node.open_sale()

The thread has a 16 MiB stack, since document updates are decoded on it. Callable from any number of threads. Reading
methods run on the loop too, so nobody ever sees the shop between two halves of an event.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from node.errors import NotReady
from node.node import Node

STACK_BYTES = 16 * 1024 * 1024
"""Stack of the loop's thread; the default of some platforms is 512 KiB."""


class BlockingNode:
    """Every public method of `Node`, without `await`; made by `open` only. Not offered: `events`, which never ends."""

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        self._directory, self._settings = directory, settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._node: Node | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    @staticmethod
    def open(directory: Path | str, settings: Mapping[str, str] | None = None) -> BlockingNode:
        """The node of a data directory; it runs while entered. Raises on entering what `Node.open` raises."""
        return BlockingNode(Path(directory), settings or {})

    def __enter__(self) -> Self:
        former = threading.stack_size(STACK_BYTES)
        try:
            self._thread = threading.Thread(target=self._run, name="tillmesh-node", daemon=True)
            self._thread.start()
        finally:
            threading.stack_size(former)
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None and self._stop is not None and self._thread is not None
        with suppress(RuntimeError):  # its loop has ended by itself: the node had failed
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("events", "housekeep", "open") or not hasattr(Node, name):
            raise AttributeError(f"a blocking node has no {name!r}")
        if isinstance(getattr(Node, name), property):
            return self._call(lambda node: getattr(node, name))

        def call(*positional: Any, **named: Any) -> Any:
            return self._call(lambda node: getattr(node, name)(*positional, **named))

        call.__name__, call.__doc__ = name, getattr(Node, name).__doc__
        return call

    def _call(self, work: Callable[[Node], Any]) -> Any:
        node, loop = self._node, self._loop
        if node is None or loop is None:
            raise NotReady("the node is not running: use it inside its `with`")

        async def on_the_loop() -> Any:
            answer = work(node)
            return await answer if inspect.isawaitable(answer) else answer

        waiting = on_the_loop()
        try:
            future = asyncio.run_coroutine_threadsafe(waiting, loop)
        except RuntimeError as error:
            waiting.close()
            raise NotReady("the node has stopped") from error
        try:
            return future.result()
        except CancelledError as error:
            raise NotReady("the node stopped before it answered") from error

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._node = None
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with Node.open(self._directory, self._settings) as node:
            self._node = node
            self._ready.set()
            await self._stop.wait()
