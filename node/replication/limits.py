"""Every bound of the protocol, with its unit and its reason. Frames beyond one are refused by name; the link is hung up.

`Limits` holds those that a test or a simulation may set otherwise; a shop runs on the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

version_low: Final = 1
"""Lowest protocol version that this node speaks."""

version_high: Final = 1
"""Highest protocol version that this node speaks; both sides use the highest that both speak."""

frame_bytes_max: Final = 512 * 1024
"""Bytes of one frame. The longest run that ends at its only signature is 64 KiB of unsigned entries and one entry of 256 KiB."""

run_bytes_max: Final = 64 * 1024
"""Bytes of own entries after which one is signed, so that every range can be cut to fit a frame."""

range_bytes_max: Final = 64 * 1024
"""Bytes asked of the disk for one `entries` frame: large enough to be cheap, small enough to let an urgent frame pass."""

push_frame_bytes_max: Final = 128 * 1024
"""Bytes of entries in one pushed frame; a larger batch goes as several, each ending at a signed entry."""

entries_per_frame_max: Final = 16_384
"""Entries in one frame: what `frame_bytes_max` holds of the smallest entries (about 200 bytes), with room."""

heads_max: Final = 8_192
"""Journals in one vector of heads: a year of daily restarts of 20 nodes told without tips is 7,300."""

neighbours_max: Final = 512
"""Neighbours that one node may have: a store has at most some dozens of tills and handhelds."""

blocks_max: Final = 4_096
"""Revoked nodes named in `hello`: a store that loses one device a week needs 78 years."""

features_max: Final = 64
"""Features, and request types, named in `hello`."""

word_characters_max: Final = 200
"""Characters of a name, a feature, a request type."""

reason_characters_max: Final = 200
"""Characters of the reason in `goodbye`."""

locator_max: Final = 64
"""Hashes in a locator: n, n-1, n-2, n-4, ... reaches the start of any journal in 64 steps."""

ask_bytes_max: Final = 64 * 1024
"""Bytes of the arguments of an `ask` and of the body of an `answer`."""

hops_max: Final = 16
"""Hops of an `ask`: the longest line of nodes that a shop has by accident."""

wants_open_max: Final = 64
"""Journals wanted at once from one peer; the others wait their turn. Bounds what a peer that lists many can cost."""

passed_on_entries_max: Final = 64
"""Entries that an elected relay sends unasked to a neighbour that lost its link to the origin (RULES S4)."""

bulk_in_flight_bytes_min: Final = 64 * 1024
"""Bytes of entries in flight on a link, sent and not acked, whatever its rate (RULES S5)."""

bulk_in_flight_bytes_max: Final = 2 * 1024 * 1024
"""Bytes of entries in flight on a link at most: 200 ms of 10 MB/s, and half of what the network queues for a slow peer."""

bulk_in_flight_s: Final = 0.2
"""Seconds of the measured rate that may be in flight, so that an urgent frame waits no longer than that (RULES S5)."""

clock_off_ms: Final = 60_000
"""Milliseconds between the wall clock and shop time beyond which a node flags its clock, and beyond which a foreign stamp
does not advance its own (RULES T2)."""

counter_max: Final = (1 << 32) - 1
"""Largest counter of a stamp; the next stamp then moves its wall time by one millisecond."""

pulse_interval_s: Final = 2.0
"""Seconds between pulses (RULES S4)."""

silence_s: Final = 6.0
"""Seconds without a frame after which a link is dead: three pulses (RULES S5)."""

hello_wait_s: Final = 3.0
"""Seconds that a connected peer has to say hello: a stranger holds a link no longer."""

stale_link_s: Final = 4.5
"""Seconds of silence (two pulses missed) after which a second link of the same process is preferred to the first."""

want_delay_s: Final = 0.5
"""Seconds that a gap waits for a push when its origin is a live neighbour (RULES S3)."""

want_patience_s: Final = 1.5
"""Seconds without progress after which another peer is asked (RULES S3)."""

distrust_s: Final = 60.0
"""Seconds for which a journal is not wanted again from a node whose entries of it were refused."""

distrusted_max: Final = 1_024
"""Pairs of node and journal remembered as distrusted; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds that a run may set: times in seconds, sizes in bytes."""

    pulse_interval_s: float = pulse_interval_s
    silence_s: float = silence_s
    hello_wait_s: float = hello_wait_s
    stale_link_s: float = stale_link_s
    want_delay_s: float = want_delay_s
    want_patience_s: float = want_patience_s
    bulk_in_flight_bytes_min: int = bulk_in_flight_bytes_min
    bulk_in_flight_bytes_max: int = bulk_in_flight_bytes_max
    bulk_in_flight_s: float = bulk_in_flight_s
    range_bytes_max: int = range_bytes_max
    push_frame_bytes_max: int = push_frame_bytes_max
    passed_on_entries_max: int = passed_on_entries_max
