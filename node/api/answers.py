"""What the API answers beside the shapes of `node.views`: lists, and figures together with what they rest on.

Every figure (sales, totals, suspended sales, status) carries `rests_on`: the heads that it was computed from, who was
heard, and what is known to be missing. A figure without it would look the same on the day that a till is cut off.
"""

from __future__ import annotations

from msgspec import Struct

from node import views
from node.api.problems import RefusedRow


class Answer(Struct, frozen=True, kw_only=True):
    """An answer; readers ignore fields that they do not know."""


class OpenSales(Answer, frozen=True, kw_only=True):
    """Sales that are open here or elsewhere in the store, parked ones included."""

    sales: list[views.SaleView]
    rests_on: views.CompletenessView


class SuspendedSales(Answer, frozen=True, kw_only=True):
    """Parked sales of the whole store, as far as they are known here."""

    sales: list[views.SuspendedView]
    rests_on: views.CompletenessView


class Sales(Answer, frozen=True, kw_only=True):
    """A page of completed sales, oldest first. next: give it as `after` to go on; null: that was all."""

    sales: list[views.ReceiptView]
    next: str | None
    rests_on: views.CompletenessView


class Totals(Answer, frozen=True, kw_only=True):
    """Sums by business day, terminal and currency, without training."""

    totals: list[views.TotalView]
    rests_on: views.CompletenessView


class Records(Answer, frozen=True, kw_only=True):
    """A page of records, by key. next: give it as `after` to go on; null: that was all."""

    records: list[views.RecordView]
    next: str | None


class Imported(Answer, frozen=True, kw_only=True):
    """What became of a file. written: rows recorded; refused: the first refused rows; refused_count: all of them."""

    table: str
    rows: int
    written: int
    refused: list[RefusedRow]
    refused_count: int


class Seatings(Answer, frozen=True, kw_only=True):
    """All tables with guests, as far as they are known here."""

    seatings: list[views.SeatingView]
    rests_on: views.CompletenessView


class Peers(Answer, frozen=True, kw_only=True):
    """Every peer that is linked, dialled or remembered."""

    peers: list[views.PeerView]


class Heads(Answer, frozen=True, kw_only=True):
    """How far each journal is held durably here; tips only (RULES J2)."""

    heads: list[views.HeadView]


class Nodes(Answer, frozen=True, kw_only=True):
    """The store's roster."""

    nodes: list[views.NodeView]


class Health(Answer, frozen=True, kw_only=True):
    """A probe's answer. ok: true; a node that is not ready answers a problem."""

    ok: bool
