"""What requests carry beside the shapes of `node.views`: small bodies, one per step, checked on construction."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from crdt_models import limits as model_limits
from node.api import limits
from node.limits import sql_rows_ceiling
from node.views import BadInput, Basket, Covers, Key, Milliseconds, NewTender, Text, moment

Reason = Annotated[str, Meta(min_length=1, max_length=model_limits.text_characters_max)]
Answers = Annotated[dict[str, Text], Meta(max_length=100)]
Tenders = Annotated[list[NewTender], Meta(max_length=model_limits.tenders_max)]


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What callers send: unknown fields are an error, not silence."""


class OpenSale(Body, frozen=True, kw_only=True):
    """A new sale. May be left out: an ordinary sale without a customer."""

    training: bool = False
    customer: Key | None = None
    note: Text | None = None


class WithReason(Body, frozen=True, kw_only=True):
    """A step that people must be able to explain later."""

    reason: Reason


class MaybeReason(Body, frozen=True, kw_only=True):
    """A step that needs no explanation but may have one. The body may be left out."""

    reason: Text | None = None


class SetCustomer(Body, frozen=True, kw_only=True):
    """Whose sale it is; null: nobody's any more."""

    customer: Key | None


class AddNote(Body, frozen=True, kw_only=True):
    """A note on the sale. Card numbers are refused."""

    text: Reason


class Suspend(Body, frozen=True, kw_only=True):
    """Parking a sale: the suspension type, and the answers to its questions by question."""

    type: Key = "default"
    answers: Answers = {}
    note: Text | None = None


class SuspendBasket(Suspend, frozen=True, kw_only=True):
    """Parking a whole basket at once."""

    basket: Basket


class Complete(Body, frozen=True, kw_only=True):
    """How a sale was paid. happened_at (RFC 3339, with offset) or happened_at_ms: when; without either, shop time."""

    tenders: Tenders
    happened_at: str | None = None
    happened_at_ms: Milliseconds | None = None
    override_by: Key | None = None
    external_reference: Key | None = None

    def __post_init__(self) -> None:
        if self.happened_at is not None:
            if self.happened_at_ms is not None:
                raise BadInput("happened_at", "give either happened_at or happened_at_ms")
            moment("happened_at", self.happened_at)

    def when(self) -> tuple[int | None, int | None]:
        """(UTC milliseconds, offset in minutes), each None if the caller did not say."""
        if self.happened_at is not None:
            return moment("happened_at", self.happened_at)
        return self.happened_at_ms, None


class CompleteBasket(Complete, frozen=True, kw_only=True):
    """A whole sale at once, with how it was paid."""

    basket: Basket


class Seat(Body, frozen=True, kw_only=True):
    """Guests sit down. covers: how many."""

    covers: Covers = 1


class RecordValue(Body, frozen=True, kw_only=True):
    """The whole value of one record. Numbers with a fraction are texts ("12.99")."""

    value: dict[str, Any]


class RecordRow(RecordValue, frozen=True, kw_only=True):
    """One record among several."""

    key: Key


class RecordRows(Body, frozen=True, kw_only=True):
    """Records of one table, written together; all are checked before the first is written."""

    rows: Annotated[list[RecordRow], Meta(max_length=limits.records_put_max)]

    def __post_init__(self) -> None:
        if not self.rows:
            raise BadInput("rows", "give at least one row")
        seen: set[str] = set()
        for index, row in enumerate(self.rows):
            if row.key in seen:
                raise BadInput(f"rows[{index}].key", f"{row.key!r} is there twice")
            seen.add(row.key)


class Drill(Body, frozen=True, kw_only=True):
    """Cutting this node off, logically. seconds: for how long; 0 ends a drill."""

    seconds: Annotated[int, Meta(ge=0, le=limits.drill_seconds_max)]


class Sql(Body, frozen=True, kw_only=True):
    """A read-only query. rows_max: how many rows to answer at most."""

    sql: Annotated[str, Meta(min_length=1, max_length=limits.sql_characters_max)]
    rows_max: Annotated[int, Meta(ge=1, le=sql_rows_ceiling)] = 10_000


class Invite(Body, frozen=True, kw_only=True):
    """Whom the token is for: display name and role ("till", "handheld", "back_office", "system" or "archive")."""

    name: Key
    role: Key = "till"
