"""Records: the same one stays on every node, whatever came first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crdt_models.journal import canonical
from crdt_models.reference.record import Record, RecordTable
from crdt_models.values.stamp import Stamp

TILL, OFFICE = b"T" * 16, b"O" * 16
NEXT_YEAR = Stamp(1_800_000_000_000, 0)
TODAY = Stamp(1_760_000_000_000, 0)

_values = st.none() | st.dictionaries(
    st.sampled_from(["unit_price", "note"]), st.sampled_from(["1.00", "2.00"]), max_size=2
)
_records = st.builds(
    Record,
    st.sampled_from(["items", "prices"]),
    st.sampled_from(["milk", "bread"]),
    st.integers(1, 3),
    _values,
    st.builds(Stamp, st.integers(0, 2), st.integers(0, 1)),
    st.sampled_from([TILL, OFFICE]),
)


def milk(version: int, price: str, stamp: Stamp = TODAY, node: bytes = OFFICE) -> Record:
    return Record("items", "milk", version, {"unit_price": price}, stamp, node)


@given(st.lists(_records, max_size=12).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows + rows[:3]))))
def test_tables_depend_on_the_set_of_records_not_on_order_or_repetition(
    both: tuple[list[Record], list[Record]],
) -> None:
    tables = []
    for rows in both:
        table = RecordTable()
        for row in rows:
            table.put(row)
        tables.append(table)
    assert tables[0].content() == tables[1].content()
    assert canonical.encode(tables[0].content()) == canonical.encode(tables[1].content())


@given(st.lists(_records, max_size=12))
def test_put_tells_whether_anything_changed(rows: list[Record]) -> None:
    table = RecordTable()
    for row in rows:
        before = table.content()
        assert table.put(row) == (table.content() != before)
        assert not table.put(row)


def test_a_price_from_next_year_loses_against_whoever_changes_it_next() -> None:
    table = RecordTable()
    table.put(milk(1, "9.99", NEXT_YEAR))
    table.put(milk(table.next_version("items", "milk"), "1.29", TODAY))
    assert table.value("items", "milk") == {"unit_price": "1.29"}


def test_two_prices_written_apart_end_as_the_later_stamp_then_the_greater_node() -> None:
    later = milk(2, "1.39", Stamp(TODAY.wall_ms, 1), OFFICE)
    same = [milk(2, "1.19", TODAY, OFFICE), milk(2, "1.09", TODAY, TILL)]
    table = RecordTable()
    for row in same:
        table.put(row)
    assert table.get("items", "milk") == same[1]
    assert table.put(later) and table.get("items", "milk") == later


def test_a_removed_record_is_gone_but_does_not_come_back_with_a_sleeper() -> None:
    table = RecordTable()
    table.put(milk(1, "1.29"))
    table.put(Record("items", "milk", 2, None, TODAY, OFFICE))
    assert table.get("items", "milk") is None and table.value("items", "milk") is None and table.rows("items") == []
    assert not table.put(milk(1, "1.29"))
    assert (len(table), table.next_version("items", "milk"), table.next_version("items", "tea")) == (1, 3, 1)


def test_rows_come_by_key() -> None:
    table = RecordTable()
    for key in ("b", "a", "c"):
        table.put(Record("items", key, 1, {}, TODAY, OFFICE))
    assert [row.key for row in table.rows("items")] == ["a", "b", "c"]


def test_two_writings_of_one_key_in_one_step_end_alike_in_either_order() -> None:
    both = [milk(1, "1.29"), milk(1, "1.39")]
    tables = [RecordTable(), RecordTable()]
    for table, rows in zip(tables, (both, both[::-1]), strict=True):
        for row in rows:
            table.put(row)
    assert tables[0].value("items", "milk") == tables[1].value("items", "milk") == {"unit_price": "1.39"}
