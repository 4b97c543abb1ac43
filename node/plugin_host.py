"""What a plugin gets of the node: the fold to read, what became durable, the disk to catch up from. Never the replica."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from crdt_models.journal.entry import Entry, decode_entry
from crdt_models.values.identity import JournalId, NodeId
from node.plugins import ShopView
from node.running import Running


class Host:
    """The node as a plugin sees it."""

    def __init__(self, running: Running) -> None:
        self._running = running

    @property
    def directory(self) -> Path:
        """The node's data directory."""
        return self._running.config.data_directory

    @property
    def shop(self) -> ShopView:
        """The fold of all journals held."""
        return self._running.shop

    def subscribe(self, callback: Callable[[Sequence[Entry]], None]) -> None:
        """Call back with entries that became durable here."""
        self._running.shell.subscribe(callback)

    async def entries_after(self, heads: Mapping[JournalId, int]) -> AsyncIterator[Sequence[tuple[Entry, int]]]:
        """Entries on disk above `heads`, in groups; each with the wall time at which it is read here."""
        async for run in self._running.store.runs(heads):
            now_ms = self.wall_ms()
            yield [(decode_entry(raw), now_ms) for raw in run.raws]

    def wall_ms(self) -> int:
        """This node's wall clock."""
        return self._running.clock().wall_ms

    def announce(self, code: str, text: str) -> None:
        """Tell people."""
        self._running.alarm(code, text)

    def name_of(self, node: NodeId) -> str:
        """Display name of a node."""
        return self._running.name_of(node)
