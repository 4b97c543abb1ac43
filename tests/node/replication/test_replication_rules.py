"""The rules of replication, S1 to S6 (RULES.md): each by name, on virtual time."""

from __future__ import annotations

from collections import Counter

import pytest

from node.replication import limits
from node.replication.effects import CopyConfirmed, Send, SendRange
from node.replication.events import RangeSent
from node.replication.frames import Ack, Entries, Frame, Pulse, Want
from tests.node.replication.virtual_shop import Box, VirtualShop, in_line, linked

TWENTY = [f"till-{number}" for number in range(1, 21)]


# --- S1 ------------------------------------------------------------------------------------------------------------


def test_s1_a_peer_is_in_step_by_what_it_said_or_was_sent_and_needs_no_ack_for_the_next_push() -> None:
    shop = linked("T1", "T2", latency_s=0.05)
    for _ in range(5):
        shop["T1"].sell()
        shop.run(0.005)
    assert shop.frames["Entries"] == 5 and shop.frames["Ack"] == 0
    shop.heal()


def test_s1_a_peer_that_is_behind_is_not_pushed_to() -> None:
    shop = VirtualShop("T1", "T2").start()
    for _ in range(50):
        shop["T1"].sell(size=2_000)
    shop.run(0.1)
    shop.on_frame = lambda box, other, frame: not isinstance(frame, Want)
    shop.link("T1", "T2")
    shop.run(0.1)
    shop["T1"].sell()
    shop.run(0.3)
    assert shop.frames["Entries"] == 0, "a push would only be a gap there"


# --- S2 ------------------------------------------------------------------------------------------------------------


def test_s2_a_new_entry_goes_to_every_peer_in_step_once_and_nobody_echoes_it() -> None:
    shop = linked(*TWENTY)
    shop["till-7"].sell()
    shop.heal()
    assert shop.frames["Entries"] == 19
    assert {pair[0] for pair in shop.sent} == {"till-7"}


def test_s2_one_relay_bridges_a_missing_cable_and_nothing_goes_twice() -> None:
    shop = linked("T1", "T2", "T3", "T4", "T5")
    shop.cut_between("T1", "T2")
    shop.run(2.5)
    shop.sent.clear(), shop.frames.clear()
    for _ in range(20):
        shop["T1"].sell()
        shop.run(0.02)
    assert shop.agree()
    arrived = Counter(other for (_, other), places in shop.sent.items() for _ in places.elements())
    assert arrived == {"T2": 20, "T3": 20, "T4": 20, "T5": 20}


def test_s2_wanted_entries_are_not_passed_on_to_those_who_can_reach_their_writer() -> None:
    shop = linked("T1", "T2", "T3", "T4")
    for other in ("T2", "T3", "T4"):
        shop.cut_between("T1", other)
    for _ in range(30):
        shop["T1"].sell()
        shop.run(0.1)
    shop.sent.clear()
    shop.mesh("T1", "T2")
    shop.mesh("T1", "T3")
    shop.mesh("T1", "T4")
    shop.heal()
    assert sum(sum(places.values()) for places in shop.sent.values()) == 3 * 30


def test_s2_entries_of_own_former_journals_are_served_and_never_passed_on() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    shop.link("T1", "T2")
    shop.heal_names("T1", "T2")
    shop["T1"].sell()
    shop.heal_names("T1", "T2")
    shop["T1"].stop()
    lost = shop["T1"].disk.pop(shop["T1"].journal)
    shop["T1"].last_journal = None
    shop["T1"].effects.clear()
    shop["T1"].start()
    shop.line("T2", "T1", "T3")
    shop.heal()
    pushed = [
        effect.frame
        for effect in shop["T1"].effects
        if isinstance(effect, Send) and isinstance(effect.frame, Entries) and effect.frame.pushed
    ]
    assert all(frame.journal != lost[0].journal for frame in pushed)
    at_t3 = shop["T3"].disk[lost[0].journal]
    assert [entry.hash for entry in at_t3] == [entry.hash for entry in lost]


# --- S3 ------------------------------------------------------------------------------------------------------------


def test_s3_what_is_missing_is_wanted_from_one_peer_at_a_time() -> None:
    shop = linked("T1", "T2", "T3", "T4")
    for other in ("T2", "T3", "T4"):
        shop.cut_between("T1", other)
    for name in ("T2", "T3", "T4"):
        for _ in range(20):
            shop[name].sell()
            shop.run(0.02)
    shop.sent.clear(), shop.frames.clear()
    for other in ("T2", "T3", "T4"):
        shop.link("T1", other)
    shop.heal()
    assert shop.frames["Want"] == 3
    assert sum(sum(places.values()) for places in shop.sent.values()) == 60


def test_s3_a_gap_of_a_writer_that_is_no_neighbour_is_pulled_at_once() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    shop.link("T1", "T2")
    shop.heal_names("T1", "T2")
    shop["T1"].stop()
    shop.link("T2", "T3")
    assert shop.run_until(lambda: shop["T1"].journal in shop["T3"].disk, 1) < 0.02


def test_s3_a_gap_of_a_live_neighbour_waits_half_a_second_for_its_push() -> None:
    shop = linked("T1", "T2", "T3")
    shop.on_frame = lambda box, other, frame: not (box is shop["T1"] and other is shop["T3"])
    shop["T1"].sell()
    asked: list[float] = []
    told: list[float] = []

    def watch(box: Box, other: Box, frame: Frame) -> bool:
        if isinstance(frame, Pulse) and box is shop["T2"] and other is shop["T3"] and shop["T1"].journal in frame.heads:
            told.append(shop.now_s)
        if isinstance(frame, Want) and box is shop["T3"] and frame.journal == shop["T1"].journal:
            asked.append(shop.now_s)
        return not (box is shop["T1"] and other is shop["T3"])

    shop.on_frame = watch
    shop.run(3)
    assert asked[0] - told[0] == pytest.approx(limits.want_delay_s + shop.latency_s, abs=0.01)


def test_s3_a_giver_that_gives_nothing_for_a_second_and_a_half_is_left_for_another() -> None:
    shop = VirtualShop("T1", "T2", "T3", "T4").start()
    shop.mesh("T1", "T2", "T3")
    shop.heal_names("T1", "T2", "T3")
    shop["T1"].stop()
    shop.on_frame = lambda box, other, frame: not (box is shop["T2"] and isinstance(frame, Entries))
    shop.link("T2", "T4")
    shop.run(0.1)
    shop.link("T3", "T4")
    shop.run(0.1)
    assert shop["T1"].journal not in shop["T4"].disk
    waited = shop.run_until(lambda: shop["T1"].journal in shop["T4"].disk, 5)
    assert limits.want_patience_s - 0.3 < waited < limits.want_patience_s + 0.1


def test_s3_on_a_lost_link_another_is_asked_at_once() -> None:
    shop = VirtualShop("T1", "T2", "T3", "T4").start()
    shop.mesh("T1", "T2", "T3")
    shop.heal_names("T1", "T2", "T3")
    shop["T1"].stop()
    shop.on_frame = lambda box, other, frame: not (box is shop["T2"] and isinstance(frame, Entries))
    shop.link("T2", "T4")
    shop.run(0.1)
    shop.link("T3", "T4")
    shop.run(0.1)
    shop["T2"].stop()
    assert shop.run_until(lambda: shop["T1"].journal in shop["T4"].disk, 5) < 0.02


def test_s3_a_peer_that_pulls_itself_serves_on_so_a_line_heals_at_the_speed_of_its_links() -> None:
    shop = VirtualShop("T1", "T2", "T3", "T4", "T5", "T6").start()
    shop.line("T2", "T3", "T4", "T5", "T6")
    for _ in range(300):
        shop["T1"].sell(size=2_000)
    shop.run(1)
    shop.link("T1", "T2")
    assert shop.heal() < 0.5, "pulled one after the other, each hop would wait for a pulse"
    assert shop.repeats() == 0


def test_s3_a_restarted_neighbour_gives_the_journal_that_it_wrote_before() -> None:
    shop = VirtualShop("T1", "T2").start()
    for _ in range(3):
        for _ in range(5):
            shop["T1"].sell()
        shop.run(0.1)
        shop["T1"].stop()
        shop["T1"].start()
        shop.run(0.1)
    shop.link("T1", "T2")
    assert shop.heal() < 0.2
    assert len(shop["T2"].disk) == 5


# --- S4 ------------------------------------------------------------------------------------------------------------


def test_s4_nothing_is_acked_before_it_is_durable() -> None:
    shop = linked("T1", "T2")
    shop["T2"].holds_disk = True
    token = shop["T1"].sell()
    shop.run(1)
    place = shop["T1"].durable[token]
    assert shop.frames["Entries"] == 1 and shop.frames["Ack"] == 0
    assert not shop["T1"].replica.settled(place)
    assert place in shop["T2"].ledger.entries, "it may be shown before it is durable"
    shop["T2"].release_disk()
    shop.run(0.01)
    assert shop.frames["Ack"] == 1
    assert shop["T1"].replica.settled(place)


def test_s4_an_ack_goes_to_the_giver_and_to_the_writer() -> None:
    shop = linked("T1", "T2", "T3")
    shop.cut_between("T1", "T3")
    shop.run(2.5)
    acks: list[tuple[str, str]] = []

    def watch(box: Box, other: Box, frame: Frame) -> bool:
        if isinstance(frame, Ack):
            acks.append((box.name, other.name))
        return True

    shop.on_frame = watch
    shop["T1"].sell()
    shop.run(0.1)
    assert acks == [("T2", "T1"), ("T3", "T2")]
    shop.link("T1", "T3")
    shop.run(0.1)
    acks.clear()
    shop["T1"].sell()
    shop.run(0.1)
    assert sorted(acks) == [("T2", "T1"), ("T3", "T1")]


def test_s4_a_till_counts_its_copies_by_name() -> None:
    shop = linked("T1", "T2", "T3")
    token = shop["T1"].sell()
    shop.run(0.1)
    place = shop["T1"].durable[token]
    nodes = {shop[name].node for name in ("T1", "T2", "T3")}
    assert shop["T1"].replica.copies(place) == nodes
    assert {one.node for one in shop["T1"].heard(CopyConfirmed) if one.seq == place.seq} == nodes - {shop["T1"].node}
    shop["T2"].stop()
    assert shop["T1"].replica.copies(place) == nodes, "a copy that was confirmed is still there when its till is off"


def test_s4_in_a_quiet_shop_a_pulse_is_small_and_there_is_nothing_else() -> None:
    shop = linked(*TWENTY)
    shop.run(20)
    assert set(shop.frames) == {"Pulse"}
    assert shop.frames["Pulse"] == 10 * 20 * 19
    assert shop.wire_bytes["Pulse"] < 30 * shop.frames["Pulse"]


def test_s4_a_mirror_that_is_wrong_is_noticed_by_eight_bytes_and_replaced() -> None:
    shop = linked("T1", "T2", "T3")
    dropped: list[Frame] = []

    def drop_one_pulse(box: Box, other: Box, frame: Frame) -> bool:
        if isinstance(frame, Pulse) and frame.heads and box is shop["T1"] and other is shop["T3"] and not dropped:
            dropped.append(frame)
            return False
        return not (box is shop["T1"] and other is shop["T3"] and isinstance(frame, Entries))

    shop.on_frame = drop_one_pulse
    shop["T2"].sell()
    shop.run(2.1)
    assert dropped
    shop.frames.clear()
    shop.run(2.1)
    wants = [effect for effect in shop["T3"].effects if isinstance(effect, Send) and effect.frame == Want(None)]
    assert len(wants) == 1
    told = {peer.node: peer.held for peer in shop["T3"].replica.status(shop["T3"].now).peers}
    assert told[shop["T1"].node][shop["T2"].journal] == 2


def test_s4_a_loudly_lost_link_is_bridged_in_milliseconds_with_what_was_on_it() -> None:
    shop = linked("T1", "T2", "T3", "T4")
    shop.on_frame = lambda box, other, frame: not (box is shop["T1"] and other is shop["T2"])
    shop["T1"].sell()
    shop.run(0.01)
    shop.on_frame = None
    shop.cut_between("T1", "T2")
    assert shop.heal() < 0.012 + shop.latency_s


def test_s4_a_change_of_neighbours_is_told_at_once() -> None:
    shop = linked("T1", "T2", "T3")
    shop.cut_between("T1", "T2")
    shop.run(shop.latency_s * 2)
    peers = {peer.node: peer.neighbours for peer in shop["T3"].replica.status(shop["T3"].now).peers}
    assert shop["T2"].node not in peers[shop["T1"].node]


# --- S5 ------------------------------------------------------------------------------------------------------------


def test_s5_six_seconds_of_silence_end_a_link() -> None:
    shop = linked("T1", "T2")
    shop.silence(shop.links_between("T1", "T2")[0])
    silent = shop.run_until(lambda: bool(shop["T1"].hung_up), 10)
    assert limits.silence_s - limits.pulse_interval_s <= silent <= limits.silence_s
    assert shop["T1"].hung_up[0][1] == "silent"


def test_s5_a_stopped_peer_costs_a_cursor_and_not_a_queue() -> None:
    shop = linked("T1", "T2")
    shop["T2"].holds_disk = True
    for _ in range(2_000):
        shop["T1"].sell(size=1_000)
        shop.run(0.001)
    in_flight = shop["T1"].replica.status(shop["T1"].now).peers[0].in_flight_bytes
    assert in_flight <= limits.bulk_in_flight_bytes_min + limits.push_frame_bytes_max
    assert shop.wire_bytes["Entries"] <= limits.bulk_in_flight_bytes_min + limits.push_frame_bytes_max
    shop["T2"].release_disk()
    shop.heal()
    assert shop.repeats() == 0


def test_s5_a_pull_keeps_the_window() -> None:
    shop = VirtualShop("T1", "T2", latency_s=0.1).start()
    for _ in range(500):
        shop["T1"].sell(size=2_000)
    shop.run(1)
    shop.link("T1", "T2")
    most = 0
    while not shop.agree():
        shop.run(0.02)
        for peer in shop["T1"].replica.status(shop["T1"].now).peers:
            window = max(limits.bulk_in_flight_bytes_min, limits.bulk_in_flight_s * 2_000_000)
            most = max(most, peer.in_flight_bytes)
            assert peer.in_flight_bytes <= window + limits.range_bytes_max
    assert most > limits.bulk_in_flight_bytes_min / 2


def test_s5_at_most_one_range_per_link_is_read_at_a_time() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    shop.link("T1", "T2")
    for name in ("T1", "T2"):
        for _ in range(200):
            shop[name].sell(size=2_000)
    shop.heal_names("T1", "T2")
    shop["T1"].effects.clear()
    outstanding: Counter[int] = Counter()
    handle = shop["T1"].replica.handle

    def counting(event: object) -> list[object]:
        if isinstance(event, RangeSent):
            outstanding[event.link] -= 1
        effects = handle(event)  # type: ignore[arg-type]
        outstanding.update(effect.link for effect in effects if isinstance(effect, SendRange))
        assert max(outstanding.values(), default=0) <= 1
        return effects  # type: ignore[return-value]

    shop["T1"].replica.handle = counting  # type: ignore[method-assign,assignment]
    shop.link("T1", "T3")
    shop.heal()
    assert outstanding.total() == 0 and len(outstanding) == 2


# --- S6 ------------------------------------------------------------------------------------------------------------


def test_s6_a_line_of_six_is_as_slow_as_its_hops_and_no_slower() -> None:
    shop = in_line(*"ABCDEF")
    box = shop["A"]
    box.sell()
    hop_s = shop.latency_s + box.disk_delay_s
    assert shop.heal() == pytest.approx(box.disk_delay_s + 5 * hop_s, abs=1e-6)


def test_s6_a_silently_lost_link_costs_a_pulse_once() -> None:
    shop = linked("T1", "T2", "T3")
    shop.silence(shop.links_between("T1", "T2")[0])
    shop["T1"].sell()
    assert shop.heal() < limits.pulse_interval_s + limits.want_delay_s + 0.1


# --- persist, then send, then answer -------------------------------------------------------------------------------
