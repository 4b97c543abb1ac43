"""How much may be in flight on a link (RULES S5)."""

from __future__ import annotations

from crdt_models.values.identity import JournalId
from node.replication import limits
from node.replication.flow import Flow
from node.replication.limits import Limits

TILL, OTHER = JournalId(bytes(24)), JournalId(b"\x01" * 24)
KIB = 1024


def test_before_anything_is_measured_64_kib_may_be_in_flight() -> None:
    flow = Flow(Limits())
    flow.sent(TILL, 1, 10, 40 * KIB, 0.0)
    assert flow.has_room(24 * KIB)
    assert not flow.has_room(25 * KIB)


def test_a_frame_larger_than_the_window_goes_when_nothing_else_is_in_flight() -> None:
    assert Flow(Limits()).has_room(300 * KIB)


def test_a_fast_peer_may_have_200_ms_of_its_rate_in_flight() -> None:
    flow = Flow(Limits())
    flow.sent(TILL, 1, 10, 50 * KIB, 0.0)
    flow.acked(TILL, 10, 0.01)
    assert flow.rate == 50 * KIB / 0.01
    assert flow.window == 1024 * KIB - 24 * KIB


def test_the_window_has_an_end() -> None:
    flow = Flow(Limits())
    flow.sent(TILL, 1, 10, 50 * KIB, 0.0)
    flow.acked(TILL, 10, 0.000001)
    assert flow.window == limits.bulk_in_flight_bytes_max


def test_a_slow_peer_shrinks_its_window_but_idleness_does_not_at_once() -> None:
    flow = Flow(Limits())
    flow.sent(TILL, 1, 1, 50 * KIB, 0.0)
    flow.acked(TILL, 1, 0.01)
    fast = flow.window
    flow.sent(TILL, 2, 2, 300, 5.0)
    flow.acked(TILL, 2, 5.01)
    assert flow.window > fast / 2
    for number in range(3, 60):
        flow.sent(TILL, number, number, 10 * KIB, float(number))
        flow.acked(TILL, number, number + 0.9)
    assert flow.window == limits.bulk_in_flight_bytes_min


def test_an_ack_covers_all_frames_of_its_journal_up_to_its_number() -> None:
    flow = Flow(Limits())
    flow.sent(TILL, 1, 5, 100, 0.0)
    flow.sent(OTHER, 1, 5, 1_000, 0.0)
    flow.sent(TILL, 6, 9, 10, 0.0)
    flow.acked(TILL, 8, 0.1)
    assert flow.in_flight == 1_010
    flow.acked(TILL, 9, 0.2)
    assert flow.in_flight == 1_000
    flow.forget(OTHER)
    assert flow.in_flight == 0


def test_a_want_for_what_is_on_the_wire_is_known_as_such_for_a_while() -> None:
    flow = Flow(Limits())
    flow.sent(TILL, 6, 9, 100, 10.0)
    assert flow.crosses(TILL, 6, 10.1)
    assert not flow.crosses(TILL, 5, 10.1)
    assert not flow.crosses(TILL, 6, 10.0 + limits.want_patience_s)
    flow.acked(TILL, 9, 10.2)
    assert not flow.crosses(TILL, 6, 10.3)
