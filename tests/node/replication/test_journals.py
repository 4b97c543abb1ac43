"""Heads: told as tips, read in full (RULES J2; numbers of `node.replication.journals` and `hearsay`)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crdt_models.journal.heads import Head
from crdt_models.values.identity import JournalId, NodeId
from crdt_models.values.stamp import Place
from node.replication.journals import NOT_HELD, HeldJournal, Journals, digest_of
from tests.node.replication.virtual_shop import VirtualShop


def journal(number: int) -> JournalId:
    return JournalId(bytes(16) + number.to_bytes(8, "big"))


def held(number: int, seq: int, parent: tuple[int, int] | None = None) -> HeldJournal:
    place = None if parent is None else Place(journal(parent[0]), parent[1])
    return HeldJournal(journal(number), seq, bytes([number % 256]) * 32, bytes(32), place)


def told(journals: Journals) -> dict[int, int]:
    return {int.from_bytes(one[16:], "big"): head.seq for one, head in journals.heads.items()}


def test_1_a_journal_is_left_out_while_a_child_says_exactly_how_far_it_is_held() -> None:
    assert told(Journals([held(1, 10), held(2, 5, (1, 10)), held(3, 1, (2, 5))])) == {3: 1}


def test_1_it_is_told_when_it_is_held_less_far_or_further_than_the_child_says() -> None:
    assert told(Journals([held(1, 9), held(2, 5, (1, 10))])) == {1: 9, 2: 5}
    assert told(Journals([held(1, 11), held(2, 5, (1, 10))])) == {1: 11, 2: 5}


def test_1_of_two_children_the_one_that_names_more_counts() -> None:
    restored = [held(2, 5, (1, 10)), held(3, 5, (1, 12))]
    assert told(Journals([held(1, 12), *restored])) == {2: 5, 3: 5}
    assert told(Journals([held(1, 10), *restored])) == {1: 10, 2: 5, 3: 5}


def test_2_a_parent_that_is_not_held_at_all_is_told_with_number_0() -> None:
    journals = Journals([held(2, 5, (1, 10))])
    assert journals.heads[journal(1)] == NOT_HELD


def test_1_heads_follow_what_becomes_durable() -> None:
    journals = Journals([held(1, 10)])
    child = journals.get_or_add(journal(2))
    journals.opened(child, bytes(32), Place(journal(1), 10))
    assert told(journals) == {1: 10}, "an open that is not durable says nothing"
    journals.became_durable(child, 1, bytes([7]) * 32)
    assert told(journals) == {2: 1}
    assert journals.take_changes() == ({journal(2): Head(1, bytes([7]) * 8)}, (journal(1),))
    assert journals.take_changes() == ({}, ())


def test_a_year_of_daily_restarts_is_one_head() -> None:
    lives = [held(1, 400), *[held(day, 400, (day - 1, 400)) for day in range(2, 366)]]
    assert told(Journals(lives)) == {365: 400}


def test_3_the_digest_depends_on_what_is_told_and_not_on_its_order() -> None:
    heads = {journal(1): Head(1, bytes(8)), journal(2): Head(2, bytes(8))}
    nodes = [NodeId(bytes([number]) * 16) for number in range(3)]
    digest = digest_of(heads, nodes)
    assert digest == digest_of(dict(reversed(heads.items())), reversed(nodes))
    assert digest != digest_of(heads, nodes[1:])
    assert digest != digest_of({**heads, journal(1): Head(1, bytes(7) + b"\x01")}, nodes)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 6)), min_size=1, max_size=6))
def test_what_is_told_says_all_that_is_held(lives: list[tuple[int, int]]) -> None:
    """Any history of one disk, some tails lost: who knows the opens reads from the tips exactly what is held."""
    at_disk: list[HeldJournal] = []
    for number, (entries, lost) in enumerate(lives, 1):
        before = at_disk[-1] if at_disk else None
        at_disk.append(held(number, entries, None if before is None else (number - 1, before.seq)))
        at_disk[-1] = at_disk[-1]._replace(seq=entries)
        if lost < entries:
            at_disk[-1] = at_disk[-1]._replace(seq=entries - lost if lost else entries)
    journals = Journals(at_disk)
    tips = told(journals)
    read: dict[int, int] = {}
    for number in range(len(lives), 0, -1):
        implied = at_disk[number].parent if number < len(lives) else None
        read[number] = tips.get(number, 0 if implied is None else implied.seq)
    assert read == {number: one.seq for number, one in enumerate(at_disk, 1)}


def test_a_node_reads_from_tips_that_a_peer_holds_all_former_lives() -> None:
    shop = VirtualShop("T1", "T2", "T3").start()
    for _ in range(20):
        shop["T1"].sell()
        shop.run(0.01)
        shop["T1"].stop()
        shop["T1"].start()
        shop.run(0.01)
    shop.link("T1", "T2")
    shop.heal_names("T1", "T2")
    heads = shop["T2"].replica.status(shop["T2"].now).peers[0].held
    assert len(heads) == 1, "twenty lives are one head"
    first = next(iter(shop["T1"].disk))
    assert shop["T2"].replica.copies(Place(first, 1)) == {shop["T1"].node, shop["T2"].node}
    shop["T1"].stop()
    shop.link("T2", "T3")
    assert shop.heal_names("T2", "T3") < 1, "the lives come one after the other, each from its child's open"
