"""The event log: the last things that happened here, for whoever follows them; bounded, in memory, never asked for figures.

An event's id is the process's own prefix and a number, so a follower who comes back after a restart is told of the gap and
reads the lists again. Followers are woken, not fed: a slow one costs nothing here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from crdt_models.journal.entry import Entry
from crdt_models.journal.operation import Operation
from crdt_models.operations import Kind
from crdt_models.shop import Shop
from crdt_models.values.identity import node_of
from node import limits, views


class EventLog:
    """prefix: of this process, such as the incarnation in hex."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._events: deque[tuple[int, views.Event]] = deque(maxlen=limits.events_kept_max)
        self._number = 0
        self._more = asyncio.Event()

    def add(self, kind: str, at_ms: int, data: dict[str, Any]) -> None:
        """Something happened."""
        self._number += 1
        event = views.Event(id=f"{self._prefix}-{self._number}", kind=kind, at_ms=max(0, at_ms), data=data)
        self._events.append((self._number, event))
        more, self._more = self._more, asyncio.Event()
        more.set()

    async def follow(self, after: str | None) -> AsyncGenerator[views.Event, None]:
        """Events after the one with this id; None: from now on. An id that is gone gives an event "gap" first."""
        seen = self._number
        if after is not None:
            prefix, _, number = after.rpartition("-")
            oldest = self._events[0][0] if self._events else self._number + 1
            if prefix == self._prefix and number.isdecimal() and oldest - 1 <= int(number) <= self._number:
                seen = int(number)
            else:
                now_ms = self._events[-1][1].at_ms if self._events else 0
                yield views.Event(id=f"{self._prefix}-{self._number}", kind="gap", at_ms=now_ms, data={})
        while True:
            more = self._more
            fresh = [kept for kept in self._events if kept[0] > seen]
            for position, event in fresh:
                if position > seen + 1:
                    yield views.Event(id=f"{self._prefix}-{position - 1}", kind="gap", at_ms=event.at_ms, data={})
                seen = position
                yield event
            if not fresh:
                await more.wait()


def tell_entries(log: EventLog, shop: Shop, entries: Sequence[Entry], wall_ms: int) -> None:
    """The events of entries that became durable here."""
    for entry in entries:
        name = shop.roster.name_of(node_of(entry.journal))
        for operation in entry.operations:
            if isinstance(operation, Operation):
                told = _told(operation)
                if told is not None:
                    kind, data = told
                    log.add(kind, wall_ms, {**data, "node": name, "seq": entry.seq})


def _told(operation: Operation) -> tuple[str, dict[str, Any]] | None:
    fields = operation.fields
    concerned = fields.get(0)
    subject = concerned.hex() if isinstance(concerned, bytes) else concerned
    match operation.kind:
        case Kind.SALE:
            return "sale_completed", {
                "sale_id": subject,
                "receipt_no": f"{fields.get(2)}/{fields.get(3)}/{fields.get(4)}",
            }
        case Kind.BEGIN:
            return "document_begun", {"document": subject, "type": fields.get(1)}
        case Kind.CLAIM if fields.get(1) != 1:
            return "sale_retrieved", {"resource": subject, "epoch": fields.get(1)}
        case Kind.RELEASE if fields.get(2) == "returned":
            return "sale_suspended", {"resource": subject}
        case Kind.RELEASE if fields.get(2) == "voided":
            return "sale_voided", {"resource": subject}
        case Kind.TAKE_OVER:
            return "sale_taken_over", {"resource": subject, "reason": fields.get(2)}
        case Kind.RECORD:
            return "record_changed", {"record": subject, "version": fields.get(3)}
        case Kind.REVOKE:
            return "node_revoked", {"node_id": subject, "reason": fields.get(2)}
        case Kind.LATE:
            return "late_facts", {"document": subject}
        case _:
            return None
