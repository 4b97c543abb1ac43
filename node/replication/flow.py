"""Flow on one link: what is sent and not acked, how fast the other side takes it, how much more may go (RULES S5).

The rate is measured from acks, which come after the other side's durable write: so the window follows its disk as well as
the wire. Each ack gives one sample (bytes taken since that frame was sent, over the time since), and the estimate rises
to a higher sample at once and sinks slowly, so idle times do not count as slowness.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from crdt_models.values.identity import JournalId
from node.replication.limits import Limits

_SINK = 0.125
_MIN_ELAPSED_S = 1e-4


class _Flight(NamedTuple):
    first: int
    last: int
    wire_bytes: int
    sent_s: float
    taken_before: int


class Flow:
    """Bytes of entries in flight. rate: bytes per second, 0 before the first ack; round_trip_s: of the last ack, or None."""

    __slots__ = ("_flights", "_limits", "_taken", "in_flight", "rate", "round_trip_s")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._flights: dict[JournalId, deque[_Flight]] = {}
        self._taken = 0
        self.in_flight = 0
        self.rate = 0.0
        self.round_trip_s: float | None = None

    @property
    def window(self) -> int:
        """Bytes that may be in flight."""
        wanted = int(self.rate * self._limits.bulk_in_flight_s)
        return max(self._limits.bulk_in_flight_bytes_min, min(wanted, self._limits.bulk_in_flight_bytes_max))

    def has_room(self, wire_bytes: int) -> bool:
        """Whether a frame of this size may go now; one always may when nothing is in flight."""
        return not self.in_flight or self.in_flight + wire_bytes <= self.window

    def sent(self, journal: JournalId, first: int, last: int, wire_bytes: int, mono_s: float) -> None:
        """A frame with entries first..last went out."""
        flights = self._flights.get(journal)
        if flights is None:
            flights = self._flights[journal] = deque()
        flights.append(_Flight(first, last, wire_bytes, mono_s, self._taken))
        self.in_flight += wire_bytes

    def acked(self, journal: JournalId, seq: int, mono_s: float) -> None:
        """The other side holds `journal` up to seq."""
        flights = self._flights.get(journal)
        while flights and flights[0].last <= seq:
            flight = flights.popleft()
            self.in_flight -= flight.wire_bytes
            self._taken += flight.wire_bytes
            elapsed = max(mono_s - flight.sent_s, _MIN_ELAPSED_S)
            sample = (self._taken - flight.taken_before) / elapsed
            self.rate = max(sample, self.rate + _SINK * (sample - self.rate))
            self.round_trip_s = elapsed

    def crosses(self, journal: JournalId, first: int, mono_s: float) -> bool:
        """Whether what is asked for is on the wire already: sent from `first` on, not long ago, not acked."""
        flights = self._flights.get(journal)
        if not flights:
            return False
        return flights[0].first == first and mono_s < flights[0].sent_s + self._limits.want_patience_s

    def overdue(self, mono_s: float) -> list[JournalId]:
        """Journals of which something was sent so long ago, and not acked, that no ack will come."""
        before_s = mono_s - self._limits.silence_s
        return [journal for journal, flights in self._flights.items() if flights and flights[0].sent_s <= before_s]

    def forget(self, journal: JournalId) -> None:
        """Nothing of `journal` is in flight any more: the other side asks for it anew."""
        for flight in self._flights.pop(journal, ()):
            self.in_flight -= flight.wire_bytes
