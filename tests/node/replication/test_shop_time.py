"""Shop time and stamps (RULES T2; the numbers are those of `node.replication.shop_time`)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crdt_models.values.stamp import Stamp
from node.replication.events import Link, Now
from node.replication.shop_time import ShopTime

WALL_MS = 1_800_000_000_000
YEAR_MS = 365 * 86_400_000


def at(mono_s: float, off_ms: int = 0) -> Now:
    return Now(mono_s, WALL_MS + int(mono_s * 1000) + off_ms)


def test_1_alone_from_the_start_a_node_has_only_its_own_wall_clock() -> None:
    assert ShopTime().now_ms(at(5, off_ms=77)) == WALL_MS + 5_000 + 77


def test_1_a_till_a_year_off_takes_the_time_of_the_others() -> None:
    time = ShopTime()
    mine = at(5, off_ms=YEAR_MS)
    for link in (1, 2):
        time.heard(mine, Link(link), WALL_MS + 5_000)
    assert time.now_ms(mine) == WALL_MS + 5_000
    assert time.own_off_ms(mine) == YEAR_MS


def test_1_with_two_clocks_the_lower_counts() -> None:
    ahead, behind = ShopTime(), ShopTime()
    ahead.heard(at(5, off_ms=1_000), Link(1), WALL_MS + 5_000)
    behind.heard(at(5), Link(1), WALL_MS + 6_000)
    assert ahead.now_ms(at(5, off_ms=1_000)) == behind.now_ms(at(5)) == WALL_MS + 5_000


def test_1_alone_after_company_the_last_median_stays_even_when_the_own_clock_jumps() -> None:
    time = ShopTime()
    time.heard(at(5, off_ms=YEAR_MS), Link(1), WALL_MS + 5_000)
    time.heard(at(5, off_ms=YEAR_MS), Link(2), WALL_MS + 5_000)
    for link in (1, 2):
        time.forget(at(6, off_ms=YEAR_MS), Link(link))
    assert time.now_ms(at(9, off_ms=-YEAR_MS)) == WALL_MS + 9_000 + 0


def test_2_a_stamp_never_goes_back_but_once_at_the_first_median() -> None:
    time = ShopTime()
    ahead = at(5, off_ms=YEAR_MS)
    before = time.stamp(ahead)
    assert before == Stamp(WALL_MS + 5_000 + YEAR_MS, 0)
    time.heard(ahead, Link(1), WALL_MS + 5_000)
    after = time.stamp(ahead)
    assert after == Stamp(WALL_MS + 5_000, 0)
    time.heard(ahead, Link(1), WALL_MS - 3_000_000)
    assert time.stamp(ahead) == Stamp(WALL_MS + 5_000, 1)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(-YEAR_MS, YEAR_MS)), min_size=2, max_size=20))
def test_2_whatever_the_clock_does_each_stamp_is_later_than_the_one_before(moves: list[tuple[float, int]]) -> None:
    time, mono_s, stamps = ShopTime(), 0.0, []
    for step_s, off_ms in moves:
        mono_s += step_s
        stamps.append(time.stamp(at(mono_s, off_ms)))
    assert stamps == sorted(set(stamps))


def test_3_a_foreign_stamp_advances_the_clock() -> None:
    time = ShopTime()
    time.seen(at(5), Stamp(WALL_MS + 5_000 + 59_000, 3))
    assert time.stamp(at(5)) == Stamp(WALL_MS + 5_000 + 59_000, 4)


def test_3_a_stamp_from_next_year_does_not() -> None:
    time = ShopTime()
    time.seen(at(5), Stamp(WALL_MS + YEAR_MS, 0))
    time.seen(at(5), Stamp((1 << 63) - 1, (1 << 32) - 1))
    assert time.stamp(at(5)) == Stamp(WALL_MS + 5_000, 0)


def test_3_a_full_counter_moves_the_stamp_by_a_millisecond() -> None:
    time = ShopTime()
    time.seen(at(5), Stamp(WALL_MS + 9_000, (1 << 32) - 1))
    assert time.stamp(at(5)) == Stamp(WALL_MS + 9_001, 0)


def test_4_a_clock_more_than_a_minute_off_is_flagged() -> None:
    time = ShopTime()
    time.heard(at(5), Link(1), WALL_MS + 5_000 - 60_000)
    assert not time.is_off(at(5))
    time.heard(at(5), Link(1), WALL_MS + 5_000 - 60_001)
    assert time.is_off(at(5))


def test_a_stranger_with_a_right_clock_can_tell_us_that_ours_is_years_ahead() -> None:
    assert ShopTime().now_ms_with(at(5, off_ms=YEAR_MS), WALL_MS + 5_000) == WALL_MS + 5_000
