"""Shop time: what most clocks in the shop say, and the stamps made from it (RULES T2).

Rules, cited by tests:
1. Shop time = the monotonic clock + the median offset of the linked peers' wall clocks, own included; with an even count
   the lower middle. Alone after company, the last median stays; never in company, the own wall clock is all there is.
2. A stamp never goes back, except once: at the first median of a process. Nothing is kept over restarts.
3. A foreign stamp advances the own clock unless it is more than 60 s ahead of shop time. None is ever refused.
4. A wall clock more than 60 s off shop time is flagged.

One till with a clock a year off then neither wins every claim nor loses it. Refused: trusting the back office's clock (it
may be the one that is off, or off the net), and carrying offsets over a restart (the monotonic clock begins anew).
"""

from __future__ import annotations

from crdt_models.values.stamp import ZERO_STAMP, Stamp
from node.replication import limits
from node.replication.events import Link, Now

_WALL_MAX = (1 << 62) - 1


class ShopTime:
    """The clock of one process. Offsets are wall minus monotonic, in milliseconds."""

    __slots__ = ("_last", "_median", "_offsets")

    def __init__(self) -> None:
        self._offsets: dict[Link, int] = {}
        self._median: int | None = None
        self._last = ZERO_STAMP

    def now_ms(self, now: Now) -> int:
        """Shop time, UTC milliseconds."""
        if self._offsets:
            return _mono_ms(now) + self._median_with(_offset(now))
        if self._median is not None:
            return _mono_ms(now) + self._median
        return now.wall_ms

    def now_ms_with(self, now: Now, wall_ms: int) -> int:
        """Shop time if a stranger's wall clock were heard too: how an expiry is judged before the stranger is a peer."""
        return _mono_ms(now) + self._median_with(_offset(now), wall_ms - _mono_ms(now))

    def heard(self, now: Now, link: Link, wall_ms: int) -> None:
        """A peer said what its wall clock shows."""
        first = self._median is None
        self._offsets[link] = wall_ms - _mono_ms(now)
        self._median = self._median_with(_offset(now))
        if first:
            self._last = ZERO_STAMP

    def forget(self, now: Now, link: Link) -> None:
        """The peer is gone; the last median stays when it was the only one."""
        if self._offsets.pop(link, None) is not None and self._offsets:
            self._median = self._median_with(_offset(now))

    def offset_of(self, now: Now, link: Link) -> int | None:
        """A peer's wall clock minus shop time, in milliseconds."""
        offset = self._offsets.get(link)
        return None if offset is None else offset - (self.now_ms(now) - _mono_ms(now))

    def own_off_ms(self, now: Now) -> int:
        """The own wall clock minus shop time, in milliseconds."""
        return now.wall_ms - self.now_ms(now)

    def is_off(self, now: Now) -> bool:
        """Whether the own wall clock is more than 60 s off."""
        return abs(self.own_off_ms(now)) > limits.clock_off_ms

    def stamp(self, now: Now) -> Stamp:
        """The next stamp: later than any given before, and than any seen that was not far ahead."""
        wall = min(max(self.now_ms(now), 0), _WALL_MAX)
        last = self._last
        if wall > last.wall_ms:
            self._last = Stamp(wall, 0)
        elif last.counter < limits.counter_max:
            self._last = Stamp(last.wall_ms, last.counter + 1)
        else:
            self._last = Stamp(last.wall_ms + 1, 0)
        return self._last

    def seen(self, now: Now, stamp: Stamp) -> None:
        """An entry of another journal was folded."""
        if stamp > self._last and stamp.wall_ms <= self.now_ms(now) + limits.clock_off_ms:
            self._last = stamp

    def _median_with(self, *more: int) -> int:
        offsets = sorted([*self._offsets.values(), *more])
        return offsets[(len(offsets) - 1) // 2]


def _mono_ms(now: Now) -> int:
    return int(now.mono_s * 1000)


def _offset(now: Now) -> int:
    return now.wall_ms - _mono_ms(now)
