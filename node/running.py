"""A node that runs: what its parts share, and the one way in which a step is recorded and answered.

Everything that a caller can do goes through `do`: build the step from the shop as it stands, record it in the same
breath, wait until it is durable, answer. A key that was used before is answered from its entry, also after a crash
(FIELD story 5); nothing is done twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from crdt_models import limits as model_limits
from crdt_models import operations
from crdt_models.errors import InvalidValue
from crdt_models.journal.operation import Operation
from crdt_models.shop import Answered, Shop
from crdt_models.till import Moment, Till
from crdt_models.values.identity import NodeId
from crdt_models.values.stamp import Place
from crdt_models.waiter import Waiter
from node import limits
from node.clock import ReadClock
from node.config import Config
from node.disk.store import Store
from node.errors import IdempotencyKeyReused
from node.event_log import EventLog
from node.network.credentials import Credentials
from node.network.discovery import Discovery
from node.network.links import Links
from node.shell import Shell
from node.taking import via_number

DISK_FULL = "disk_full"
"""Code of the alarm that the disk is full and sales go on from the ballast."""

Subject = str | bytes | None


@dataclass(slots=True)
class Author:
    """Who writes, through what, and under which key; the four words that every writing method takes."""

    key: str | None = None
    fingerprint: bytes | None = None
    by: str | None = None
    via: str = "till"


@dataclass(frozen=True, slots=True)
class Done:
    """A step that is durable here. subject: what its first operation concerned; again: it was answered before."""

    place: Place
    subject: Subject
    again: bool


@dataclass(slots=True)
class Running:
    """The parts of a node in service."""

    config: Config
    credentials: Credentials
    clock: ReadClock
    store: Store
    shop: Shop
    shell: Shell
    till: Till
    waiter: Waiter
    links: Links
    discovery: Discovery
    events: EventLog
    started_ms: int
    doubts: tuple[str, ...] = ()
    alarms: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def node(self) -> NodeId:
        """This node."""
        return self.credentials.node

    def moment(self, happened_at_ms: int | None = None, utc_offset_min: int | None = None) -> Moment:
        """Now, in shop time, unless the caller says when it happened."""
        shop_ms = max(0, self.shell.replica.shop_time_ms(self.clock()))
        at = shop_ms if happened_at_ms is None else happened_at_ms
        offset = self.config.utc_offset_min(at) if utc_offset_min is None else utc_offset_min
        return Moment(shop_ms, offset, happened_at_ms, self.config.cutoff_min)

    def answered(self, author: Author) -> Answered | None:
        """The entry that answered this key before. Raises IdempotencyKeyReused for another request under the same key."""
        if author.key is None:
            return None
        known = self.shop.answered(self.node, author.key)
        both_known = known is not None and None not in (known.fingerprint, author.fingerprint)
        if both_known and known is not None and known.fingerprint != author.fingerprint:
            raise IdempotencyKeyReused(author.key)
        return known

    async def do(self, author: Author, plan: Callable[[], Sequence[Operation]]) -> Done:
        """Record the step that `plan` makes and wait until it is durable; or find the one that answered the key."""
        check_author(author)
        await self.shell.turn()
        known = self.answered(author)
        if known is not None:
            await self.shell.durable(known.place)
            return Done(known.place, known.subject, True)
        via = via_number(author.via)
        self.shell.check_takes_steps()
        planned = operations.said_by(plan(), author.by, 0, via)
        place, durable = self.shell.record(planned, author.key, author.fingerprint, via)
        await asyncio.shield(durable)
        subject = planned[0].fields.get(0) if planned else None
        return Done(place, subject, False)

    async def wait_for_a_copy(self, place: Place) -> list[str]:
        """Names of the other nodes that hold the entry; waits a moment for the first, if anybody is greeted."""
        alone = len(self.shell.replica.copies(place)) <= 1 and place.journal == self.till.journal
        if alone and not self.config.autonomous and self.shell.greeted:
            with suppress(TimeoutError):
                async with asyncio.timeout(limits.copy_wait_s):
                    await self.shell.copied(place)
        return self.held_by(place)

    async def wait_until_settled(self, place: Place) -> None:
        """Until every greeted peer holds the entry, at most 300 ms: a rival claim would be here by then (RULES C)."""
        if not self.config.autonomous:
            await self._until(lambda: self.shell.replica.settled(place), limits.claim_wait_s)

    def held_by(self, place: Place) -> list[str]:
        """Names of the other nodes that are known to hold an entry durably."""
        return sorted(self.name_of(node) for node in self.shell.replica.copies(place) if node != self.node)

    def name_of(self, node: bytes) -> str:
        """Display name, or 8 hex digits."""
        return self.shop.roster.name_of(NodeId(node))

    def alarm(self, code: str, text: str) -> None:
        """Something that a person should know; told once until its text changes."""
        if self.alarms.get(code, ("", 0))[0] != text:
            now_ms = self.clock().wall_ms
            self.alarms[code] = (text, now_ms)
            self.events.add("alarm", now_ms, {"code": code, "text": text})

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        if holds():
            return
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    await self.shell.something_acked()
        except TimeoutError:
            return


def check_author(author: Author) -> None:
    """Raises InvalidValue for a key or staff id that cannot be one."""
    for name, text in (("Idempotency-Key", author.key), ("by", author.by)):
        if text is not None and not 1 <= len(text) <= model_limits.key_characters_max:
            raise InvalidValue(name, f"must have 1 to {model_limits.key_characters_max} characters")
