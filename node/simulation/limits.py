"""Every number that shapes a simulated shop: virtual seconds unless said, and why.

They bound what a schedule costs and what it can find; none of them is used by a running node.
"""

from __future__ import annotations

from typing import Final

start_ms: Final = 1_800_000_000_000
"""UTC milliseconds at which virtual time begins: any date will do, a fixed one repeats."""

year_ms: Final = 365 * 86_400_000
"""One year in milliseconds, the unit in which clocks are wrong."""

acts_from_s: Final = 4.0
"""People start: the shop has had time to greet."""

acts_until_s: Final = 84.0
"""People stop asking for new things and faults end: what follows is the heal."""

equal_by_s: Final = 100.0
"""All nodes must be equal by then: the slowest redial (2 s), hello (3 s), a silent link (6 s) and pulses (2 s) fit twice."""

silent_from_s: Final = 106.0
"""From here on, only pulses: every retry of people and every late fact has come to rest."""

ends_s: Final = 120.0
"""The length of a schedule, as the product promises it."""

look_every_s: Final = 4.0
"""How often oracles look at everything; what they can see at once they see at once."""

late_every_s: Final = 2.0
"""How often a node repeats its late facts, as the running node does."""

retry_s: Final = 0.7
"""A client that got no answer repeats its request after this time."""

patience_s: Final = 5.0
"""A client that waits longer for an answer repeats its request while the first may still be on its way."""

impatience_s: Final = 0.002
"""Some clients repeat their request while the first is still being written: a double click."""

claim_wait_s: Final = 0.3
"""How long a claim may wait for rivals before the caller is told, as the running node does."""

latency_s: Final = (0.0002, 0.004)
"""One way on a shop's cable or wireless link, lowest and highest."""

bytes_per_s: Final = 10_000_000
"""Rate of a healthy link in bytes per second."""

persist_s: Final = (0.001, 0.008)
"""A durable write on a healthy disk, lowest and highest."""

read_s: Final = 0.0004
"""Reading a range from the disk."""

dial_s: Final = 3.0
"""A dial that nobody answers gives up after this time."""

steady_s: Final = 5.0
"""Seconds that a link must live before its loss is redialed at once, as in the running node."""

reset_s: Final = 0.001
"""How long a machine takes to tell a sender that it knows no such connection."""

events_max: Final = 60_000
"""Events of one schedule: usual are 4,000, a busy one has 10,000; a loop of wake-ups at one moment has no end."""

schedules_shrunk_max: Final = 160
"""Runs that shrinking one failure may cost: about 20 s."""

real_signatures_of: Final = 100
"""One seed in so many signs with Ed25519 instead of the stand-in."""

twice_of: Final = 100
"""One seed in so many is run twice and must leave the same trace."""
