"""What every store of journals must do, asked of the one on disk and the one in memory alike (promises in `node.disk.store`)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import JournalId
from node.disk import limits
from node.disk.errors import DirectoryInUse, GapInJournal, NotHeld, StoreClosed
from node.disk.journal_store import JournalStore
from node.disk.memory_store import MemoryDisk, MemoryStore
from node.disk.store import NewEntry, StartMark, Store

TILL_1 = JournalId(b"till-1".ljust(24, b"."))
TILL_2 = JournalId(b"till-2".ljust(24, b"."))
NEXT_LIFE = JournalId(b"till-1".ljust(24, b"+"))

OpenStore = Callable[[], Awaitable[Store]]


@pytest.fixture(params=["disk", "memory"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Opens the same store each time, as a restarted process would."""
    if request.param == "disk":
        return lambda: JournalStore.open(tmp_path / "data", ballast_bytes=0)
    disk = MemoryDisk()
    return lambda: MemoryStore.open(disk)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def entry(journal: JournalId, seq: int, signed: bool = True, size: int = 20) -> NewEntry:
    raw = hashlib.sha256(journal + seq.to_bytes(8, "big")).digest()
    return NewEntry(journal, seq, (raw * (size // 32 + 1))[:size], hashlib.sha256(raw).digest(), signed)


def entries(
    journal: JournalId, first: int, last: int, signed_at: set[int] | None = None, size: int = 20
) -> list[NewEntry]:
    return [entry(journal, seq, signed_at is None or seq in signed_at, size) for seq in range(first, last + 1)]


def raws(journal: JournalId, first: int, last: int, size: int = 20) -> list[bytes]:
    return [entry(journal, seq, size=size).raw for seq in range(first, last + 1)]


def heads(store: Store) -> dict[bytes, int]:
    return {held.journal: held.seq for held in store.journals()}


def mark(journal: JournalId) -> StartMark:
    return StartMark(journal, 2**63 + 7, "this machine", b"0123456789abcdef")


def test_a_new_store_holds_nothing(open_store: OpenStore) -> None:
    async def story() -> None:
        async with await open_store() as store:  # type: ignore[attr-defined]
            assert store.journals() == []
            assert store.last_written is None
            assert store.last_start is None
            assert [run async for run in store.runs()] == []
            assert (await store.verify())[:3] == (0, 0, 0)

    run(story())


def test_what_was_appended_is_there_after_a_restart(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        await store.append([*entries(TILL_1, 1, 3), *entries(TILL_2, 1, 2)])
        await store.append(entries(TILL_1, 4, 4))
        await store.close()
        store = await open_store()
        assert store.journals() == [(TILL_1, 4, entry(TILL_1, 4).hash), (TILL_2, 2, entry(TILL_2, 2).hash)]
        assert await store.read_range(TILL_1, 1, 9, 10_000) == (raws(TILL_1, 1, 4), 4)
        assert await store.read_one(TILL_2, 2) == entry(TILL_2, 2).raw
        await store.append(entries(TILL_2, 3, 3))
        assert heads(store) == {TILL_1: 4, TILL_2: 3}
        await store.close()

    run(story())


@pytest.mark.parametrize("offered", [1, 2, 4, 9])
def test_a_batch_with_a_gap_or_a_repetition_is_refused_whole(open_store: OpenStore, offered: int) -> None:
    async def story() -> None:
        store = await open_store()
        await store.append(entries(TILL_1, 1, 2))
        with pytest.raises(GapInJournal) as refused:
            await store.append([*entries(TILL_2, 1, 1), entry(TILL_1, offered)])
        assert (refused.value.journal, refused.value.held, refused.value.offered) == (TILL_1, 2, offered)
        assert heads(store) == {TILL_1: 2}
        await store.append(entries(TILL_1, 3, 3))
        assert await store.read_range(TILL_1, 1, 3, 10_000) == (raws(TILL_1, 1, 3), 3)
        await store.close()

    run(story())


def test_entries_within_a_batch_must_follow_each_other_too(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        with pytest.raises(GapInJournal):
            await store.append([entry(TILL_1, 1), entry(TILL_1, 3)])
        assert store.journals() == []
        await store.close()

    run(story())


def test_appends_asked_for_at_once_are_all_kept_in_order(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        await asyncio.gather(*(store.append([entry(TILL_1, seq), entry(TILL_2, seq)]) for seq in range(1, 51)))
        assert heads(store) == {TILL_1: 50, TILL_2: 50}
        assert await store.read_range(TILL_2, 1, 50, 10_000) == (raws(TILL_2, 1, 50), 50)
        await store.close()

    run(story())


def test_a_cancelled_caller_does_not_undo_its_batch(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        asked = asyncio.ensure_future(store.append(entries(TILL_1, 1, 1)))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await store.append(entries(TILL_1, 2, 2))
        assert heads(store) == {TILL_1: 2}
        assert await store.read_range(TILL_1, 1, 2, 10_000) == (raws(TILL_1, 1, 2), 2)
        await store.close()

    run(story())


@pytest.mark.parametrize(
    ("first", "last", "bytes_max", "expected_last", "why"),
    [
        (1, 12, 10_000, 9, "the highest signed entry"),
        (1, 12, 170, 6, "of those within bytes_max"),
        (1, 12, 59, 3, "the first signed one although it is too large"),
        (4, 12, 1, 6, "from any number on"),
        (1, 8, 10_000, 6, "not above what was asked for"),
        (7, 8, 10_000, 8, "unsigned where none is signed up to there"),
        (10, 12, 45, 11, "what fits where none is signed"),
        (10, 12, 1, 10, "at least one"),
        (13, 20, 10_000, 12, "nothing above the tip"),
        (5, 4, 10_000, 4, "nothing in an empty range"),
        (0, 4, 10_000, -1, "nothing below the first number"),
    ],
)
def test_a_range_ends_at_a_signed_entry_and_makes_progress(
    open_store: OpenStore, first: int, last: int, bytes_max: int, expected_last: int, why: str
) -> None:
    """Twelve entries of 20 bytes in blocks of 5 and 7; the third, sixth and ninth are signed."""

    async def story() -> None:
        store = await open_store()
        await store.append(entries(TILL_1, 1, 5, {3, 6, 9}))
        await store.append(entries(TILL_1, 6, 12, {3, 6, 9}))
        assert await store.read_range(TILL_1, first, last, bytes_max) == (
            raws(TILL_1, first, expected_last),
            expected_last,
        ), why
        await store.close()

    run(story())


def test_a_journal_that_is_not_held_gives_an_empty_range_and_no_entry(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        await store.append(entries(TILL_1, 1, 1))
        assert await store.read_range(TILL_2, 1, 5, 100) == ([], 0)
        for journal, seq in ((TILL_2, 1), (TILL_1, 2), (TILL_1, 0)):
            with pytest.raises(NotHeld):
                await store.read_one(journal, seq)
        await store.close()

    run(story())


def test_a_refold_sees_every_entry_once_journal_by_journal(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        size = limits.chunk_bytes // 10
        await store.append([*entries(TILL_1, 1, 7, size=size), *entries(TILL_2, 1, 1)])
        await store.append([*entries(TILL_2, 2, 9, size=size), *entries(TILL_1, 8, 25, size=size)])
        seen: dict[bytes, list[bytes]] = {}
        order = []
        async for journal, first, found in store.runs():
            assert first == len(seen.setdefault(journal, [])) + 1
            seen[journal] += found
            order.append(journal)
        assert seen == {TILL_1: raws(TILL_1, 1, 25, size), TILL_2: [*raws(TILL_2, 1, 1), *raws(TILL_2, 2, 9, size)]}
        assert order == sorted(order)
        await store.close()

    run(story())


def test_a_refold_may_begin_behind_what_is_folded(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        await store.append([*entries(TILL_1, 1, 6), *entries(TILL_2, 1, 3)])
        found = [part async for part in store.runs({TILL_1: 4, TILL_2: 3})]
        assert found == [(TILL_1, 5, raws(TILL_1, 5, 6))]
        await store.close()

    run(story())


def test_sales_go_on_while_a_refold_is_half_way(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        size = limits.chunk_bytes // 2
        for seq in range(1, 7):
            await store.append([entry(TILL_1, seq, size=size)])
        walk = store.runs()
        await anext(walk)
        await store.append(entries(TILL_2, 1, 1))
        await walk.aclose()  # type: ignore[attr-defined]
        assert heads(store) == {TILL_1: 6, TILL_2: 1}
        await store.close()

    run(story())


def test_the_journal_written_last_is_the_one_that_was_opened_last(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        await store.append(entries(TILL_1, 1, 1), mark(TILL_1))
        await store.append([*entries(TILL_2, 1, 5), *entries(TILL_1, 2, 2)])
        assert store.last_written == (TILL_1, 2, entry(TILL_1, 2).hash)
        await store.close()
        store = await open_store()
        assert store.last_written == (TILL_1, 2, entry(TILL_1, 2).hash)
        await store.append(entries(NEXT_LIFE, 1, 1), mark(NEXT_LIFE))
        await store.append(entries(TILL_1, 3, 4))  # a lost tail that came back from a peer
        assert store.last_written == (NEXT_LIFE, 1, entry(NEXT_LIFE, 1).hash)
        await store.close()
        store = await open_store()
        assert store.last_written == (NEXT_LIFE, 1, entry(NEXT_LIFE, 1).hash)
        assert store.last_start == (mark(NEXT_LIFE), 0)
        await store.close()

    run(story())


def test_a_start_without_its_first_entry_is_a_mistake_of_ours(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        await store.append(entries(TILL_1, 1, 1))
        for batch in (entries(TILL_1, 2, 2), entries(TILL_2, 1, 1), []):
            with pytest.raises(ValueError, match="first entry"):
                await store.append(batch, mark(TILL_1))
        assert store.last_start is None
        await store.close()

    run(story())


def test_a_journal_set_aside_falls_back_and_can_be_fetched_again(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        await store.append(entries(TILL_1, 1, 1), mark(TILL_1))
        for seq in range(1, 6):
            await store.append([entry(TILL_2, seq), entry(TILL_1, seq + 1)])
        assert await store.set_aside(TILL_2, 4) == 2
        assert store.own_set_aside == 0
        assert await store.set_aside(TILL_1, 6) == 1
        assert store.own_set_aside == 1
        assert heads(store) == {TILL_1: 5, TILL_2: 3}
        assert store.last_written == (TILL_1, 5, entry(TILL_1, 5).hash)
        await store.append([*entries(TILL_2, 4, 7), *entries(TILL_1, 6, 6)])
        with pytest.raises(NotHeld):
            await store.set_aside(TILL_2, 8)
        await store.close()
        store = await open_store()
        assert heads(store) == {TILL_1: 6, TILL_2: 7}
        assert await store.read_range(TILL_2, 1, 9, 10_000) == (raws(TILL_2, 1, 7), 7)
        assert store.own_set_aside == 1
        await store.close()

    run(story())


def test_a_journal_set_aside_from_its_first_entry_is_no_longer_held(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        await store.append(entries(TILL_2, 1, 2))
        assert await store.set_aside(TILL_2, 1) == 2
        assert store.journals() == []
        await store.append(entries(TILL_2, 1, 3))
        assert heads(store) == {TILL_2: 3}
        await store.close()

    run(story())


def test_a_verify_walk_counts_all_and_names_the_first_bad_entry_of_each_journal(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        await store.append([*entries(TILL_1, 1, 5), *entries(TILL_2, 1, 4)])
        asked = []

        def check(journal: JournalId, seq: int, raw: bytes) -> str | None:
            asked.append((journal, seq))
            return "the chain is broken" if journal == TILL_1 and seq >= 3 else None

        found = await store.verify(check)
        assert found == (2, 9, 9 * 20, ((TILL_1, 3, "the chain is broken"),))
        assert asked == [*((TILL_1, seq) for seq in (1, 2, 3)), *((TILL_2, seq) for seq in (1, 2, 3, 4))]
        await store.close()

    run(story())


def test_small_values_are_remembered_until_they_are_forgotten(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        assert await store.recall("peer/a") is None
        for key in ("peer/b", "peer/a", "other", "peer%"):
            await store.remember(key, key.encode())
        await store.remember("peer/a", b"new")
        await store.forget("peer/b")
        await store.forget("never known")
        await store.close()
        store = await open_store()
        assert await store.recall("peer/a") == b"new"
        assert list((await store.recall_all("peer/")).items()) == [("peer/a", b"new")]
        assert list(await store.recall_all()) == ["other", "peer%", "peer/a"]
        await store.close()

    run(story())


def test_what_the_small_memory_does_not_take_is_refused_by_name(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        store = await open_store()
        with pytest.raises(InvalidValue, match="key"):
            await store.remember("", b"")
        with pytest.raises(InvalidValue, match="key"):
            await store.remember("k" * (limits.memory_key_characters_max + 1), b"")
        with pytest.raises(InvalidValue, match="value"):
            await store.remember("k", bytes(limits.memory_value_bytes_max + 1))
        monkeypatch.setattr(limits, "memory_keys_max", 2)
        await store.remember("a", b"1")
        await store.remember("b", b"1")
        await store.remember("a", b"2")
        with pytest.raises(InvalidValue, match="at most 2"):
            await store.remember("c", b"1")
        assert await store.recall_all() == {"a": b"2", "b": b"1"}
        await store.close()

    run(story())


def test_a_store_in_use_is_not_opened_twice_and_a_closed_one_not_used(open_store: OpenStore) -> None:
    async def story() -> None:
        store = await open_store()
        with pytest.raises(DirectoryInUse):
            await open_store()
        await store.append(entries(TILL_1, 1, 1))
        await store.close()
        await store.close()
        with pytest.raises(StoreClosed):
            await store.append(entries(TILL_1, 2, 2))
        with pytest.raises(StoreClosed):
            await store.read_one(TILL_1, 1)
        await (await open_store()).close()

    run(story())
