"""What a node answers about records, tables, itself and the store; and what every figure rests on."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import structs

from node.views.selling import LineView
from node.views.words import View, rfc3339


class RecordView(View, frozen=True, kw_only=True):
    """One record: the value that counts, its version (RULES T1), who wrote it and when (the stamp's wall time)."""

    table: str
    key: str
    version: int
    value: dict[str, Any]
    node: str
    changed_at_ms: int
    changed_at: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "changed_at", rfc3339(self.changed_at_ms))


class SeatingView(View, frozen=True, kw_only=True):
    """Guests at a table. status as on the floor plan; lines of all waiters, read in one order everywhere."""

    table: str
    seating_id: str
    status: Literal["free", "seated", "occupied", "to_be_cleaned", "not_available"]
    covers: int
    lines: list[LineView]
    voided_lines: list[LineView]
    currency: str
    exponent: int
    total_minor: int


class HeadView(View, frozen=True, kw_only=True):
    """How far one journal is held durably here. hash: hex of the first 8 bytes of that header's hash (RULES J2)."""

    journal: str
    node: str
    name: str
    seq: int
    hash: str


class HeardView(View, frozen=True, kw_only=True):
    """Whom we hear. heard_at: last word from it (none = never in this process's life); silent: no link now."""

    node: str
    name: str
    role: str
    silent: bool
    heard_at_ms: int | None
    heard_at: str | None = None

    def __post_init__(self) -> None:
        text = None if self.heard_at_ms is None else rfc3339(self.heard_at_ms)
        structs.force_setattr(self, "heard_at", text)


class MissingView(View, frozen=True, kw_only=True):
    """What is known or feared to be missing. held: highest number here; exists: highest that anyone told of.

    text: one sentence for people, such as "till-3: held to 118, silent since 12:04". journal, node, name: empty where
    only that somebody exists is known.
    """

    journal: str
    node: str
    name: str
    held: int
    exists: int
    text: str


class CompletenessView(View, frozen=True, kw_only=True):
    """What a figure rests on. complete: every roster node is heard and nothing that exists is missing."""

    complete: bool
    as_of_ms: int
    heads: list[HeadView]
    heard: list[HeardView]
    missing: list[MissingView]
    as_of: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "as_of", rfc3339(self.as_of_ms))


class TotalView(View, frozen=True, kw_only=True):
    """Sales of one terminal on one business day in one currency; training is never in it, refunds count negative."""

    business_day: str
    terminal: str
    currency: str
    exponent: int
    sales: int
    total_minor: int
    tax_minor: int


class AlarmView(View, frozen=True, kw_only=True):
    """Something that a person should know. code is stable."""

    code: str
    text: str
    since_ms: int
    since: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "since", rfc3339(self.since_ms))


class StatusView(View, frozen=True, kw_only=True):
    """This node at a glance. connectivity: "connected", "lan_only" or "isolated"; disk: "ok", "full" or "failed"."""

    node: str
    name: str
    role: str
    store: str
    version: str
    journal: str
    seq: int
    ready: bool
    doubtful: bool
    connectivity: str
    disk: str
    started_at_ms: int
    open_sales: int
    suspended_sales: int
    completed_sales: int
    digest: str
    started_at: str = ""
    drill_until_ms: int | None = None
    drill_until: str | None = None
    clock_off_ms: int | None = None
    unknown_operations: int = 0
    alarms: list[AlarmView] = []
    rests_on: CompletenessView | None = None

    def __post_init__(self) -> None:
        structs.force_setattr(self, "started_at", rfc3339(self.started_at_ms))
        until = None if self.drill_until_ms is None else rfc3339(self.drill_until_ms)
        structs.force_setattr(self, "drill_until", until)


class PeerView(View, frozen=True, kw_only=True):
    """One peering.

    phase: "unreachable", "stranger", "greeted" or "in_step"; found_by: "mdns", "static", "remembered" or "gossip";
    behind: entries that it told of and we lack; lacks: entries that we hold and it has not confirmed.
    """

    node: str
    name: str
    role: str
    phase: str
    address: str | None = None
    found_by: str | None = None
    dialed: bool = False
    behind: int = 0
    lacks: int = 0
    round_trip_us: int | None = None
    heard_at_ms: int | None = None
    heard_at: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        text = None if self.heard_at_ms is None else rfc3339(self.heard_at_ms)
        structs.force_setattr(self, "heard_at", text)


class NodeView(View, frozen=True, kw_only=True):
    """A node of the store's roster. revoked: its links are refused."""

    node: str
    name: str
    role: str
    revoked: bool
    expires_at_ms: int
    expires_at: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "expires_at", rfc3339(self.expires_at_ms))


class InviteView(View, frozen=True, kw_only=True):
    """A join token, single-use. Shown once; whoever has it can enrol one node until it expires."""

    token: str
    name: str
    role: str
    expires_at_ms: int
    expires_at: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "expires_at", rfc3339(self.expires_at_ms))


class SqlView(View, frozen=True, kw_only=True):
    """Rows of a read-only query. truncated: the row limit cut it. Decimals come as strings, times as RFC 3339."""

    columns: list[str]
    rows: list[list[Any]]
    truncated: bool
    rests_on: CompletenessView | None = None


class Event(View, frozen=True, kw_only=True):
    """Something that happened. id: opaque, resumes the stream; kind: such as "sale_completed"; data: a small JSON map.

    A reader whose id is too old (or of an earlier process) first gets kind "gap": read the lists again.
    """

    id: str
    kind: str
    at_ms: int
    data: dict[str, Any]
    at: str = ""

    def __post_init__(self) -> None:
        structs.force_setattr(self, "at", rfc3339(self.at_ms))


class Metric(View, frozen=True, kw_only=True):
    """One sample for `/metrics`. name without the prefix `tillmesh_`; counters end in `_total`."""

    name: str
    help: str
    value: int | float
    type: Literal["counter", "gauge"] = "gauge"
    labels: dict[str, str] = {}
