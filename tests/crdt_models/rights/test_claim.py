"""Claims: one holder, the same on every node, whatever order the claims arrive in (rules of `rights/claim.py`)."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from crdt_models.rights.claim import ROOT, Claim, ClaimTable, TakeOver, conflict_id
from crdt_models.values.identity import ClaimId, JournalId, NodeId
from crdt_models.values.stamp import Stamp

SALE = "sale/0001"


def claim(node: int, wall_ms: int, epoch: int = 1, parent: ClaimId | str = ROOT, seq: int = 1) -> Claim:
    journal = JournalId(bytes([node]) * 24)
    return Claim(Stamp(wall_ms, 0), journal, seq, ClaimId(journal + seq.to_bytes(8, "big") + b"\1"), epoch, parent, 0)


def node(number: int) -> NodeId:
    return NodeId(bytes([number]) * 16)


def test_a_sale_claimed_at_two_tills_is_held_by_the_earlier_one() -> None:
    first, second = claim(1, 100), claim(2, 200)
    for order in itertools.permutations([first, second]):
        table = ClaimTable()
        for each in order:
            table.add_claim(SALE, each)
        assert table.holder(SALE) == first
        assert table.rivals(SALE, second) == (first,)


def test_claims_of_one_stamp_are_decided_by_node_on_every_node_alike() -> None:
    table = ClaimTable()
    table.add_claim(SALE, claim(2, 100))
    table.add_claim(SALE, claim(1, 100))
    assert table.holder(SALE) == claim(1, 100)


def test_a_claim_whose_parent_is_not_the_released_one_does_not_compete() -> None:
    table = ClaimTable()
    winner, loser = claim(1, 100), claim(2, 200)
    stray = claim(3, 50, epoch=2, parent=loser.id)
    for each in (winner, loser, stray):
        table.add_claim(SALE, each)
    assert table.add_release(SALE, winner.id, "returned", node(1))
    assert table.holder(SALE) is None
    assert table.standing(SALE).state == "returned"
    heir = claim(2, 300, epoch=2, parent=winner.id, seq=2)
    table.add_claim(SALE, heir)
    assert table.holder(SALE) == heir


def test_only_the_node_that_claimed_can_release() -> None:
    table = ClaimTable()
    table.add_claim(SALE, claim(1, 100))
    assert not table.add_release(SALE, claim(1, 100).id, "completed", node(2))
    assert not table.add_release(SALE, claim(1, 100).id, "sold", node(1))
    assert table.holder(SALE) == claim(1, 100)


def test_a_sale_paid_by_its_former_holder_stays_paid_after_a_take_over() -> None:
    """FIELD story 2: the paid order that reopened."""
    table = ClaimTable()
    dead = claim(1, 100)
    table.add_claim(SALE, dead)
    table.add_take_over(SALE, dead.id, TakeOver(Stamp(150, 0), JournalId(bytes([2]) * 24), 5, "till-1 does not answer"))
    taker = claim(2, 150, epoch=2, parent=dead.id, seq=5)
    table.add_claim(SALE, taker)
    assert table.holder(SALE) == taker
    table.add_release(SALE, dead.id, "completed", node(1))
    assert table.standing(SALE).state == "completed"
    assert table.holder(SALE) is None
    assert table.conflicts() == []
    table.add_release(SALE, taker.id, "completed", node(2))
    (conflict,) = table.conflicts()
    assert set(conflict.members) == {dead, taker}


def test_two_completions_apart_are_one_conflict_with_one_id_and_a_third_joins_it() -> None:
    a, b, c = claim(1, 100), claim(2, 200), claim(3, 300)
    table = ClaimTable()
    for each in (a, b):
        table.add_claim(SALE, each)
        table.add_release(SALE, each.id, "completed", each.node)
    (conflict,) = table.conflicts()
    assert conflict.id == conflict_id(SALE, 1, ROOT)
    assert conflict.members == (a, b)
    table.add_claim(SALE, c)
    table.add_release(SALE, c.id, "completed", c.node)
    (again,) = table.conflicts()
    assert again.id == conflict.id
    assert again.members == (a, b, c)


def test_claims_that_name_each_other_as_parents_end_no_walk_and_count_nowhere() -> None:
    """A hostile member knows the identity of its next claim."""
    honest = claim(1, 100)
    first = claim(2, 50, epoch=2, parent=ClaimId(JournalId(bytes([2]) * 24) + (9).to_bytes(8, "big") + b"\1"), seq=8)
    second = claim(2, 50, epoch=2, parent=first.id, seq=9)
    table = ClaimTable()
    for each in (honest, first, second):
        table.add_claim(SALE, each)
        table.add_release(SALE, each.id, "completed", each.node)
    assert first.parent == second.id
    assert table.conflicts() == []
    assert table.standing(SALE).chain == (honest,)


Event = tuple[str, Claim, str]


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Claims by 3 nodes over 3 epochs, releases and take-overs of any of them."""
    events: list[Event] = []
    parents: list[tuple[int, ClaimId | str]] = [(1, ROOT)]
    for seq in range(1, draw(st.integers(2, 8))):
        epoch, parent = draw(st.sampled_from(parents))
        made = claim(draw(st.integers(1, 3)), draw(st.integers(1, 5)), epoch, parent, seq)
        events.append(("claim", made, ""))
        parents.append((epoch + 1, made.id))
        what = draw(st.sampled_from(["", "returned", "completed", "voided", "taken"]))
        if what:
            events.append(("end", made, what))
    return events


def play(events: list[Event]) -> ClaimTable:
    table = ClaimTable()
    for what, made, outcome in events:
        if what == "claim":
            table.add_claim(SALE, made)
        elif outcome == "taken":
            table.add_take_over(SALE, made.id, TakeOver(Stamp(9, 0), JournalId(bytes(24)), 1, "silent"))
        else:
            table.add_release(SALE, made.id, outcome, made.node)
        table.standing(SALE)
    return table


@given(histories(), st.randoms(use_true_random=False))
def test_the_holder_does_not_depend_on_order_or_repetition(events: list[Event], chance: object) -> None:
    shuffled = [*events, *events]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert play(events).content() == play(shuffled).content()
    assert play(events).conflicts() == play(shuffled).conflicts()
    chain = play(events).standing(SALE).chain
    assert [c.epoch for c in chain] == list(range(1, len(chain) + 1))


def test_a_completion_that_arrives_before_what_led_to_it_is_ahead_and_no_conflict() -> None:
    table = ClaimTable()
    first, heir = claim(1, 100), claim(2, 200, epoch=2, parent=claim(1, 100).id)
    table.add_claim(SALE, heir)
    assert table.add_release(SALE, heir.id, "completed", node(2))
    assert table.is_ahead(SALE, heir.id) and table.conflicts() == [], "the claim before it is unknown"
    table.add_claim(SALE, first)
    assert table.is_ahead(SALE, heir.id) and table.conflicts() == [], "what ended the claim before it is unknown"
    assert table.add_release(SALE, first.id, "returned", node(1))
    assert not table.is_ahead(SALE, heir.id)
    assert table.standing(SALE).state == "completed"


def test_a_completion_by_a_rival_is_a_conflict_and_not_ahead() -> None:
    table = ClaimTable()
    first, heir, rival = claim(1, 100), claim(2, 200, 2, claim(1, 100).id), claim(3, 300, 2, claim(1, 100).id)
    for each in (first, heir, rival):
        table.add_claim(SALE, each)
    assert table.add_release(SALE, first.id, "returned", node(1))
    assert table.add_release(SALE, rival.id, "completed", node(3))
    assert not table.is_ahead(SALE, rival.id)
    assert [conflict.members for conflict in table.conflicts()] == [(rival,)]
