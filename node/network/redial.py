"""When to dial again: jittered, exponential, and never so slow that a healed cable waits. Pure functions.

A peer lost a moment ago is redialed at least every 2 s, so that shops apart for five minutes are linked within 3 s of the
heal; the ceiling grows with the absence to 10 s, so that a machine that was carried away costs next to nothing.
"""

from __future__ import annotations

from crdt_models.values.identity import Chance
from node.network import limits

_DOUBLINGS_MAX = 10


def redial_ceiling_s(attempt: int, absent_s: float) -> float:
    """Upper end of the delay. attempt: dials in vain so far, from 0; absent_s: seconds since the last link there."""
    grown = max(limits.redial_recent_max_s, absent_s / limits.redial_patience)
    ceiling = min(limits.redial_max_s, grown)
    return min(ceiling, limits.redial_first_s * 2.0 ** min(attempt, _DOUBLINGS_MAX))


def redial_delay_s(attempt: int, absent_s: float, chance: Chance) -> float:
    """Seconds to wait before the next dial: between half the ceiling and the ceiling, so that peers spread."""
    return redial_ceiling_s(attempt, absent_s) * (0.5 + 0.5 * share(chance))


def dial_limit_s(attempt: int) -> float:
    """Seconds that one dial may take: every third is patient, for paths with seconds of delay."""
    return limits.dial_patient_s if attempt % 3 == 2 else limits.dial_s


def share(chance: Chance) -> float:
    """A random share, 0 <= share < 1."""
    return int.from_bytes(chance(4), "big") / (1 << 32)
