"""What an analyst may ask of the open warehouse, and every attack that we know of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice_bridge import limits
from node.plugins import QueriesWaiting, QueryRefused, QueryTooLarge, QueryTooSlow, SqlLimits, SqlResult
from tests.backoffice_bridge.back_office_floor import PLENTY, Host, Office, Till

MILK = {"de": "Milch", "en": "Milk"}


class Analyst:
    """A warehouse with three sales, asked from plain test functions."""

    def __init__(self, directory: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.host = Host(directory)
        till = Till("till-1")
        for amounts in ((1299,), (250, 250), (99,)):
            till.sell(*amounts)
        self.host.write(*till.entries)
        self.office = Office(self.host)
        self.loop.run_until_complete(self.office.__aenter__())
        self.loop.run_until_complete(self.office.loaded(3))

    def ask(self, query: str, bounds: SqlLimits = PLENTY) -> SqlResult:
        return self.loop.run_until_complete(self.office.sql(query, bounds))

    def close(self) -> None:
        self.loop.run_until_complete(self.office.__aexit__())
        self.loop.close()


@pytest.fixture(scope="module")
def analyst(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analyst]:
    directory = tmp_path_factory.mktemp("analyst")
    (directory / "secret.csv").write_text("pin\n1234\n")
    analyst = Analyst(directory)
    yield analyst
    analyst.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT sum(total_minor) FROM sales", [(1898,)]),
        ("from sales select count(*)", [(3,)]),
        ("VALUES (1, 'a')", [(1, "a")]),
        ("SELECT terminal, total FROM sales_by_hour", [("till-1", "18.9800")]),
        ("SELECT tender_type, amount FROM takings", [("cash", "18.9800")]),
        ("SELECT sum(quantity), sum(amount) FROM sold_lines", [("4.000000", "18.9800")]),
        ("WITH t AS (SELECT total_minor m FROM main.sales) SELECT max(m) FROM t", [(1299,)]),
        ("SELECT count(*) FROM sales s JOIN sale_lines l USING (journal, seq, operation)", [(4,)]),
        ("SELECT row_number() OVER (ORDER BY seq), lag(seq) OVER (ORDER BY seq) FROM sales LIMIT 1", [(1, None)]),
        ("SELECT happened_at, business_day FROM sales LIMIT 1", [("2025-10-09T12:00:00.000Z", "2025-10-09")]),
        ("SELECT names, notes, links FROM sales JOIN sale_lines USING (sale_id) LIMIT 1", [(MILK, [], [])]),
        ("SELECT replace('12,50', ',', '.'), lpad('7', 3, '0'), upper('a') || 'b'", [("12.50", "007", "Ab")]),
        ("SELECT count(*) FROM range(10), generate_series(1, 2)", [(20,)]),
        ("SELECT 1.50::DECIMAL(9, 2), NULL, true, 0.5::DOUBLE", [("1.50", None, True, 0.5)]),
        ("SELECT 'inf'::DOUBLE, '\\xAA'::BLOB, TIME '12:30', INTERVAL 1 DAY", [("inf", "aa", "12:30:00", "1 day, 0:00:00")]),
        ("SELECT now()::TIMESTAMP IS NULL, current_date IS NULL", [(False, False)]),
        ("SELECT list_transform([1, 2], lambda x: x + 1), {'a': 1}.a, [x * 2 for x in [1]]", [([2, 3], 1, [2])]),
        ("SELECT count(*) FILTER (kind = 'sale'), median(total_minor) FROM sales", [(3, 500.0)]),
        ("SELECT x FROM (SELECT 1 x UNION ALL SELECT 2) ORDER BY x DESC LIMIT 1 OFFSET 0", [(2,)]),
        ("SELECT count(*) FROM information_schema.tables WHERE table_name = 'sales'", [(1,)]),
        ("WITH RECURSIVE t AS (SELECT 1 n UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t", [(15,)]),
        ("SELECT 'DROP TABLE sales; ATTACH' AS text -- COPY", [("DROP TABLE sales; ATTACH",)]),
        ("SELECT 1;", [(1,)]),
    ],
)  # fmt: skip
def test_an_analyst_gets_what_a_select_says(analyst: Analyst, query: str, expected: list[tuple[object, ...]]) -> None:
    assert list(analyst.ask(query).rows) == expected


@pytest.mark.parametrize(
    "query", ["DESCRIBE sales", "SUMMARIZE sales", "SHOW TABLES", "SHOW ALL TABLES", "EXPLAIN SELECT 1 FROM sales"]
)
def test_an_analyst_may_look_at_the_tables_and_at_a_plan(analyst: Analyst, query: str) -> None:
    assert analyst.ask(query).rows


WRITES = [
    "INSERT INTO sales SELECT * FROM sales",
    "UPDATE sales SET total_minor = 0",
    "DELETE FROM sales",
    "TRUNCATE sales",
    "MERGE INTO heads USING heads h ON false WHEN NOT MATCHED THEN INSERT VALUES (h.journal)",
    "CREATE TABLE mine (a INTEGER)",
    "CREATE TEMP TABLE mine (a INTEGER)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE MACRO f(a) AS a",
    "CREATE SEQUENCE s",
    "CREATE TYPE t AS ENUM ('a')",
    "CREATE SCHEMA s",
    "CREATE INDEX i ON sales (seq)",
    "CREATE SECRET (TYPE http)",
    "DROP TABLE sales",
    "ALTER TABLE sales ADD COLUMN a INTEGER",
    "COMMENT ON TABLE sales IS 'mine'",
    "WITH gone AS (DELETE FROM sales RETURNING seq) SELECT * FROM gone",
    "WITH more AS (INSERT INTO heads SELECT * FROM heads RETURNING seq) SELECT * FROM more",
    "WITH other AS (UPDATE heads SET seq = 0 RETURNING seq) SELECT * FROM other",
    "SELECT * FROM (DELETE FROM sales RETURNING seq)",
    "EXPLAIN ANALYZE DELETE FROM sales",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN (ANALYZE, FORMAT json) SELECT 1",
    "explain/**/analyze select 1",
    "EXPLAIN DELETE FROM sales",
    "SELECT * INTO mine FROM sales",
    "SELECT setval('s', 1)",
    "SELECT nextval('s')",
]
SESSION = [
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "CHECKPOINT",
    "FORCE CHECKPOINT",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM force_checkpoint()",
    "VACUUM",
    "ANALYZE",
    "USE memory",
    "SET threads = 1",
    "SET GLOBAL memory_limit = '100GB'",
    "SET lock_configuration = false",
    "SET enable_external_access = true",
    "SET VARIABLE x = 1",
    "RESET threads",
    "PRAGMA database_list",
    "PRAGMA threads = 1",
    "PRAGMA version",
    "CALL pragma_version()",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "LOAD httpfs",
    "INSTALL httpfs",
    "FORCE INSTALL httpfs FROM community",
    "UPDATE EXTENSIONS",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE sales",
    "; ; DROP TABLE sales",
    "SELECT $1",
    "SELECT ?",
    "SELECT $name",
    "",
    " -- nothing",
    ";",
    "\x00",
    "SELECT \ud800",
]
FILES = [
    "ATTACH 'other.duckdb'",
    "ATTACH ':memory:' AS m",
    "DETACH warehouse",
    "COPY sales TO 'out.csv'",
    "COPY (SELECT 1) TO 'out.parquet'",
    "COPY sales FROM 'secret.csv'",
    "COPY FROM DATABASE warehouse TO memory",
    "EXPORT DATABASE 'out'",
    "IMPORT DATABASE 'out'",
    "SELECT * FROM 'secret.csv'",
    'SELECT * FROM "secret.csv"',
    "SELECT * FROM './secret.csv'",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '*.parquet'",
    "SELECT * FROM 'https://example.org/x.csv'",
    "WITH \"secret.csv\" AS (SELECT 1) SELECT * FROM \"secret.csv\"",
    "SUMMARIZE 'secret.csv'",
    "DESCRIBE 'secret.csv'",
    "DESCRIBE SELECT * FROM read_csv('secret.csv')",
    *[
        f"SELECT * FROM {function}('secret.csv')"
        for function in (
            "read_csv", "read_csv_auto", "READ_CSV", "read_text", "read_blob", "read_json", "read_json_auto",
            "read_json_objects", "read_ndjson", "read_parquet", "parquet_scan", "parquet_metadata", "parquet_schema",
            "parquet_file_metadata", "parquet_kv_metadata", "read_duckdb", "sniff_csv", "glob", "query_table",
            "read_single_csv_file",
        )
    ],
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM sales WHERE EXISTS (FROM read_text('/etc/passwd'))",
    "SELECT * FROM sales, LATERAL (SELECT * FROM glob('*'))",
    "SELECT count(*) FROM sales ORDER BY (SELECT count(*) FROM glob('*'))",
    "SELECT * FROM range((SELECT count(*) FROM glob('*')))",
    "SELECT * FROM sales LIMIT (SELECT count(*) FROM glob('*'))",
    "WITH t AS (SELECT * FROM glob('*')) SELECT * FROM t",
    "SELECT 1 UNION ALL SELECT count(*) FROM glob('*')",
    "VALUES ((SELECT count(*) FROM glob('*')))",
    "EXPLAIN SELECT * FROM read_csv('secret.csv')",
    "SELECT * FROM enable_logging(storage='file', storage_path='/tmp/stolen')",
    "SELECT * FROM enable_profiling()",
    "SELECT write_log('x')",
]  # fmt: skip
INSIDES = [
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query('DROP TABLE sales')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "SELECT json_serialize_sql('SELECT 1')",
    "SELECT json_serialize_plan('SELECT 1')",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM arrow_scan_dumb(1, 2, 3)",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM python_map_function(1)",
    "SELECT * FROM python_arrow_scan(1, 2, 3)",
    "SELECT * FROM seq_scan()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_settings",
    "SELECT * FROM duckdb_databases",
    "SELECT path FROM duckdb_databases()",
    "SELECT * FROM system.main.duckdb_databases",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM pg_catalog.pg_settings",
    "SELECT * FROM pg_settings",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM which_secret('a', 'b')",
    "SELECT * FROM duckdb_logs()",
    "SELECT * FROM duckdb_temporary_files()",
    "SELECT * FROM duckdb_extensions()",
    "SELECT * FROM information_schema.schemata",
    "SELECT * FROM duckdb_settings, (WITH duckdb_settings AS (SELECT 1) SELECT * FROM duckdb_settings)",
    "WITH pragma_database_list AS (SELECT 1) SELECT * FROM pragma_database_list",
    "SHOW DATABASES",
    "DESCRIBE duckdb_settings",
    "SELECT current_setting('temp_directory')",
    "SELECT getvariable('x')",
    "SELECT getenv('HOME')",
    "SELECT main.abs(1)",
    "SELECT system.main.current_setting('temp_directory')",
    "SELECT 'temp_directory'.current_setting()",
    "SELECT list_transform(['temp_directory'], lambda x: current_setting(x))",
    "SELECT sum(1) FILTER (current_setting('x') = 'y')",
    "SELECT first(1 ORDER BY current_setting('temp_directory'))",
    "SELECT lag(1) OVER (PARTITION BY current_setting('temp_directory')) FROM sales",
    "SELECT 1 FROM sales GROUP BY current_setting('temp_directory')",
    "SELECT 1 FROM sales HAVING current_setting('temp_directory') = 'x'",
    "SELECT 1 FROM sales QUALIFY current_setting('temp_directory') = 'x'",
    "SELECT * REPLACE (current_setting('temp_directory') AS receipt_no) FROM sales",
    "SELECT COLUMNS(lambda c: c = current_setting('temp_directory')) FROM sales",
    "SELECT 1 FROM sales s JOIN sales t ON current_setting('temp_directory') = 'x'",
    "SELECT sleep_ms(100000)",
    "SELECT txid_current()",
    "PIVOT sales ON kind",
    "SELECT * FROM host",
    "SELECT * FROM analyst",
    "SELECT * FROM mine.sales",
    "SELECT * FROM memory.main.sales",
]
AMPLIFIERS = [
    "SELECT repeat('x', 2000000000)",
    "SELECT lpad('x', 2000000000, 'y')",
    "SELECT rpad('x', (SELECT 2000000000)::INTEGER, 'y')",
    "SELECT lpad('x', 1 + 2000000000, 'y')",
    "SELECT bar(1, 0, 1, 2000000000)",
    "SELECT printf('%2000000000d', 1)",
    "SELECT format('{:2000000000}', 1)",
    "SELECT replace('aaaa', 'a', 'aaaaaaaa')",
    "SELECT replace(receipt_no, 'a', notes[1]) FROM sales",
    "SELECT regexp_replace('aaaa', 'a', 'aaaaaaaa', 'g')",
    "SELECT range(2000000000)",
    "SELECT generate_series(1, 2000000000)",
    "SELECT list_resize([1], 2000000000)",
    "SELECT array_resize([1], 2000000000)",
    "SELECT levenshtein(receipt_no, receipt_no) FROM sales",
]


@pytest.mark.parametrize("query", [*WRITES, *SESSION, *FILES, *INSIDES, *AMPLIFIERS])
def test_what_is_not_reading_this_warehouse_is_refused_by_name(analyst: Analyst, query: str) -> None:
    before = analyst.ask("FROM content ORDER BY table_name").rows, sorted(analyst.host.directory.iterdir())
    with pytest.raises(QueryRefused) as refused:
        analyst.ask(query)
    assert refused.value.field == "sql"
    assert len(str(refused.value)) > 10
    after = analyst.ask("FROM content ORDER BY table_name").rows, sorted(analyst.host.directory.iterdir())
    assert after == before


@pytest.mark.parametrize(
    "query",
    [
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT " + "+".join(["1"] * 8_000),
        "SELECT " + "not " * 4_000 + "true",
        "SELECT * FROM " + "(SELECT * FROM " * 900 + "(SELECT 1)" + ")" * 900,
        "SELECT " + "[" * 8_000,
        "/*" * 8_000,
        "SELECT '" + "x" * limits.query_characters_max + "'",
    ],
)
def test_a_query_that_is_nested_too_deeply_or_too_long_is_refused(analyst: Analyst, query: str) -> None:
    with pytest.raises(QueryRefused):
        analyst.ask(query)


def test_a_refusal_names_what_is_refused(analyst: Analyst) -> None:
    with pytest.raises(QueryRefused, match="read_csv"):
        analyst.ask("SELECT * FROM read_csv('secret.csv')")
    with pytest.raises(QueryRefused, match="2 statements"):
        analyst.ask("SELECT 1; SELECT 2")
    with pytest.raises(QueryRefused, match="DELETE"):
        analyst.ask("DELETE FROM sales")
    with pytest.raises(QueryRefused, match="no table 'nothing'"):
        analyst.ask("SELECT * FROM nothing")
    with pytest.raises(QueryRefused, match="total_miner"):
        analyst.ask("SELECT total_miner FROM sales")
    with pytest.raises(QueryRefused, match="TIMESTAMP"):
        analyst.ask("SELECT now()")


def test_the_transaction_and_the_instance_refuse_what_would_pass_the_door(analyst: Analyst) -> None:
    """The door is the first of three: each of these is run behind it, as if it had a hole."""
    import duckdb

    loader = analyst.office.plugin.loader
    assert loader is not None
    cursor = loader.file.cursor()
    try:
        for query in (
            "DELETE FROM sales",
            "WITH gone AS (DELETE FROM sales RETURNING seq) SELECT * FROM gone",
            "EXPLAIN ANALYZE DELETE FROM sales",
            "COPY sales TO 'out.csv'",
            "ATTACH 'other.duckdb'",
            "SELECT * FROM 'secret.csv'",
            "SELECT * FROM read_text('/etc/passwd')",
            "SELECT * FROM analyst",
            "SET enable_external_access = true",
            "SET lock_configuration = false",
            "LOAD httpfs",
            "INSTALL httpfs",
            "SELECT * FROM enable_logging(storage='file', storage_path='/tmp/stolen')",
        ):
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            with pytest.raises(duckdb.Error):
                cursor.execute(query).fetchall()
            cursor.rollback()
    finally:
        cursor.close()
    assert analyst.ask("SELECT count(*) FROM sales").rows == ((3,),)


def test_rows_beyond_the_limit_are_cut_off_and_said_to_be(analyst: Analyst) -> None:
    cut = analyst.ask("SELECT range FROM range(10000000000)", SqlLimits(10, 5))
    assert cut.truncated
    assert [row[0] for row in cut.rows] == [0, 1, 2, 3, 4]
    assert not analyst.ask("SELECT range FROM range(5)", SqlLimits(10, 5)).truncated


def test_an_answer_of_too_many_bytes_is_refused(analyst: Analyst) -> None:
    wide = "SELECT " + ", ".join(["md5('x') || md5('y') || md5('z')"] * 100) + " FROM range(10000)"
    with pytest.raises(QueryTooLarge, match="bytes"):
        analyst.ask(wide)


def test_a_query_that_wants_all_memory_fails_alone(analyst: Analyst) -> None:
    with pytest.raises((QueryTooLarge, QueryTooSlow)):
        analyst.ask(
            "WITH RECURSIVE t AS (SELECT 'x' s UNION ALL SELECT s || s FROM t) SELECT max(length(s)) FROM t",
            SqlLimits(20, 10),
        )
    assert analyst.ask("SELECT count(*) FROM sales").rows == ((3,),)


SLOW = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3"


def test_a_slow_query_is_stopped_at_its_limit(analyst: Analyst) -> None:
    began = analyst.loop.time()
    with pytest.raises(QueryTooSlow, match=r"0\.2 s"):
        analyst.ask(SLOW, SqlLimits(0.2, 10))
    assert analyst.loop.time() - began < 3
    assert analyst.ask("SELECT 1").rows == ((1,),)


def test_a_caller_who_goes_away_stops_the_query(analyst: Analyst) -> None:
    async def leave() -> None:
        asking = asyncio.create_task(analyst.office.sql(SLOW, SqlLimits(60, 10)))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        async with asyncio.timeout(5):
            while True:
                try:
                    assert (await analyst.office.sql("SELECT 1")).rows == ((1,),)
                    return
                except QueriesWaiting:
                    await asyncio.sleep(0.02)

    analyst.loop.run_until_complete(leave())


def test_a_queue_of_queries_is_bounded(analyst: Analyst) -> None:
    async def crowd() -> list[object]:
        many = limits.queries_waiting_max + 2
        return list(
            await asyncio.gather(
                *(analyst.office.sql(SLOW, SqlLimits(0.1, 10)) for _ in range(many)), return_exceptions=True
            )
        )

    outcomes = analyst.loop.run_until_complete(crowd())
    assert [type(outcome) for outcome in outcomes].count(QueriesWaiting) == 2
    assert [type(outcome) for outcome in outcomes].count(QueryTooSlow) == limits.queries_waiting_max
