"""Redialing in virtual time, and which of two links stays: pure functions."""

from __future__ import annotations

import heapq
import random

from hypothesis import given
from hypothesis import strategies as st

from crdt_models.values.identity import NodeId
from node.network import limits
from node.network.duplicates import PeerKey, newer_stays
from node.network.redial import dial_limit_s, redial_ceiling_s, redial_delay_s

_KEYS = st.builds(PeerKey, st.binary(min_size=16, max_size=16).map(NodeId), st.binary(min_size=8, max_size=8))


@given(attempt=st.integers(0, 10**6), absent_s=st.floats(0, 10**7), word=st.binary(min_size=4, max_size=4))
def test_the_delay_stays_between_half_its_ceiling_and_its_ceiling(attempt: int, absent_s: float, word: bytes) -> None:
    delay_s, ceiling_s = redial_delay_s(attempt, absent_s, lambda size: word), redial_ceiling_s(attempt, absent_s)
    assert ceiling_s / 2 <= delay_s <= ceiling_s <= limits.redial_max_s
    assert ceiling_s >= limits.redial_first_s


def test_the_first_redial_is_quick_and_a_peer_apart_for_five_minutes_is_dialed_every_two_seconds() -> None:
    assert redial_ceiling_s(0, 0.0) == limits.redial_first_s
    assert redial_ceiling_s(100, 300.0) == 2.0
    assert redial_ceiling_s(100, 3_600.0) == limits.redial_max_s


def test_every_third_dial_is_patient() -> None:
    assert [dial_limit_s(attempt) for attempt in range(3)] == [limits.dial_s, limits.dial_s, limits.dial_patient_s]


def _dials(nodes: int, seconds: float, seed: int) -> list[float]:
    """The times at which `nodes` nodes, all lost at 0, dial one dead machine that refuses at once."""
    chance = random.Random(seed).randbytes
    due = [(redial_delay_s(0, 0.0, chance), node, 0) for node in range(nodes)]
    heapq.heapify(due)
    times: list[float] = []
    while due[0][0] < seconds:
        now_s, node, attempt = heapq.heappop(due)
        times.append(now_s)
        heapq.heappush(due, (now_s + redial_delay_s(attempt + 1, now_s, chance), node, attempt + 1))
    return times


def test_twenty_nodes_do_not_storm_a_dead_machine() -> None:
    times = _dials(20, 3_600.0, seed=7)
    busiest = max(sum(second <= moment < second + 1 for moment in times) for second in range(60))
    last_minute = sum(moment >= 3_540 for moment in times)
    assert busiest <= 20 * 4
    assert last_minute <= 20 * 60 / (limits.redial_max_s / 2)
    assert last_minute >= 20 * 60 / limits.redial_max_s - 20


def test_nodes_that_lost_a_peer_in_one_instant_spread() -> None:
    moments = [moment for moment in _dials(20, 300.0, seed=8) if moment > 250]
    tenths = {int(moment * 10) for moment in moments}
    assert len(tenths) > len(moments) / 4


@given(one=_KEYS, other=_KEYS, age_s=st.floats(0, 100), older_dialed=st.booleans(), newer_dialed=st.booleans())
def test_both_ends_keep_the_same_link(
    one: PeerKey, other: PeerKey, age_s: float, older_dialed: bool, newer_dialed: bool
) -> None:
    if one != other:
        here = newer_stays(one, other, older_dialed, age_s, newer_dialed)
        there = newer_stays(other, one, not older_dialed, age_s, not newer_dialed)
        assert here == there


@given(one=_KEYS, other=_KEYS)
def test_of_two_simultaneous_links_the_one_dialed_by_the_smaller_stays_whichever_came_first(
    one: PeerKey, other: PeerKey
) -> None:
    small, large = sorted((one, other))
    if small != large:
        assert newer_stays(small, large, older_dialed=False, older_age_s=0.1, newer_dialed=True)
        assert not newer_stays(small, large, older_dialed=True, older_age_s=0.1, newer_dialed=False)


def test_a_dialer_that_lost_its_link_silently_replaces_it() -> None:
    small, large = PeerKey(NodeId(bytes(16)), bytes(8)), PeerKey(NodeId(b"\1" * 16), bytes(8))
    for own, peer in ((small, large), (large, small)):
        assert newer_stays(own, peer, older_dialed=True, older_age_s=0.1, newer_dialed=True)
        assert newer_stays(own, peer, older_dialed=True, older_age_s=limits.simultaneous_s + 1, newer_dialed=False)
