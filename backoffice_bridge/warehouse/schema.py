"""The warehouse's tables and views: every column once, with its SQL type and what it means.

The DDL, the Arrow schema of a load and the content checksum are all made from these lists, so they cannot drift apart.
No primary key: a key costs 3 times the file and makes every load look the rows up; the high-water mark per journal in
`heads`, written in the same transaction as the rows, keeps a replayed entry out instead. No float: amounts are BIGINT
minor units with the currency's exponent beside them, quantities and prices are (value, scale).
Not in the checksum: `known_at`, which tells when *this* node learned of a sale and differs on the next one by nature,
and `node_name`, which the authority may change; all else follows from the journals alone (`recorded_at` is the stamp).
"""

from __future__ import annotations

from typing import Final, NamedTuple

SCHEMA_VERSION: Final = 1
"""Raised with every change of a table, and when a new version of the `sale` operation becomes readable: a file with
another number is set aside and rebuilt."""


class Column(NamedTuple):
    """One column. content: part of the checksum."""

    name: str
    type: str
    meaning: str
    content: bool = True


_KEY: Final = (
    Column("journal", "VARCHAR", "hex of the journal that holds the sale; with seq and operation the key of a row"),
    Column("seq", "BIGINT", "number of the entry in its journal"),
    Column("operation", "INTEGER", "which operation of the entry"),
    Column("sale_id", "VARCHAR", "hex of the sale's uuid"),
)

SALES: Final = (
    *_KEY,
    Column("receipt_no", "VARCHAR", "as printed: terminal/series/number"),
    Column("terminal", "VARCHAR", "the till's name on the receipt"),
    Column("series", "VARCHAR", "series of the number: S sale, R refund, V void, T training, and who opened it"),
    Column("number", "BIGINT", "gap-free in (terminal, series)"),
    Column("kind", "VARCHAR", "sale, refund or void"),
    Column("training", "BOOLEAN", "made in training mode: in no figure"),
    Column("business_day", "DATE", "to which day's takings it belongs"),
    Column("happened_at", "TIMESTAMP", "UTC, when the sale happened, as its till said"),
    Column("utc_offset_min", "INTEGER", "local time minus UTC, minutes"),
    Column("recorded_at", "TIMESTAMP", "UTC, the stamp of the entry: shop time when its till recorded it"),
    Column("known_at", "TIMESTAMP", "UTC, when it became durable at this node", content=False),
    Column("currency", "VARCHAR", "three letters"),
    Column("exponent", "INTEGER", "decimal places of the currency: amount = minor / 10^exponent"),
    Column("total_minor", "BIGINT", "what the customer owed, tax and rounding included; negative for a refund"),
    Column("tax_minor", "BIGINT", "all tax, included or on top"),
    Column("tendered_minor", "BIGINT", "tenders less change; equals total_minor"),
    Column("line_count", "INTEGER", "lines of the sale"),
    Column("customer", "VARCHAR", "customer key"),
    Column("staff", "VARCHAR", "who did it"),
    Column("session_epoch", "BIGINT", "which cashier session"),
    Column("via", "VARCHAR", "till, handheld or system"),
    Column("override_by", "VARCHAR", "supervisor who allowed it"),
    Column("document", "VARCHAR", "hex of the open sale it was"),
    Column("claim", "VARCHAR", "hex of the claim under which it was completed"),
    Column("claim_epoch", "BIGINT", "how often the right to it had changed hands"),
    Column("external_reference", "VARCHAR", "the calling program's own number"),
    Column("notes", "VARCHAR[]", "free texts"),
    Column(
        "links",
        "STRUCT(receipt_no VARCHAR, line_no INTEGER, kind VARCHAR, by_line INTEGER)[]",
        "which receipts and lines it refunds or voids",
    ),
    Column("store", "VARCHAR", "hex of the store"),
    Column("node", "VARCHAR", "hex of the node that recorded it"),
    Column("node_name", "VARCHAR", "that node's display name when it was loaded", content=False),
)

SALE_LINES: Final = (
    *_KEY,
    Column("line_no", "INTEGER", "from 1"),
    Column("line_id", "VARCHAR", "hex of the line's uuid"),
    Column("kind", "VARCHAR", "item, discount, rounding, deposit or payment"),
    Column("item_id", "VARCHAR", "the item's key"),
    Column("item_name", "VARCHAR", "its name in English, else in the first language there is"),
    Column("names", "MAP(VARCHAR, VARCHAR)", "its names by language"),
    Column("quantity_value", "BIGINT", "quantity = value / 10^scale"),
    Column("quantity_scale", "INTEGER", "decimal places of the quantity"),
    Column("unit_price_value", "BIGINT", "price of one, in major units = value / 10^scale"),
    Column("unit_price_scale", "INTEGER", "decimal places of the price"),
    Column("amount_minor", "BIGINT", "of the line, after discount; with tax if tax_included"),
    Column("discount_minor", "BIGINT", "already taken off"),
    Column("tax_code", "VARCHAR", "as the shop calls it"),
    Column("tax_rate_ppm", "INTEGER", "parts per million"),
    Column("tax_included", "BOOLEAN", "whether amount_minor holds the tax"),
    Column("tax_rounding", "VARCHAR", "the named rule"),
    Column("tax_minor", "BIGINT", "in or on amount_minor"),
    Column("barcode", "VARCHAR", "as scanned"),
    Column("serial", "VARCHAR", "serial number"),
    Column("department", "VARCHAR", "department key"),
)

TENDERS: Final = (
    *_KEY,
    Column("tender_no", "INTEGER", "from 1"),
    Column("tender_type", "VARCHAR", "cash, card, ..: key of the tender type"),
    Column("amount_minor", "BIGINT", "in the sale's currency; negative for change and money given back"),
    Column("foreign_currency", "VARCHAR", "currency that was handed over, if another"),
    Column("foreign_exponent", "INTEGER", "its decimal places"),
    Column("foreign_minor", "BIGINT", "amount in it"),
    Column("rate_value", "BIGINT", "rate = value / 10^scale"),
    Column("rate_scale", "INTEGER", "decimal places of the rate"),
    Column("reference", "VARCHAR", "the card terminal's word"),
    Column("account", "VARCHAR", "customer account or gift card"),
)

HEADS: Final = (
    Column("journal", "VARCHAR", "hex of the journal"),
    Column("node", "VARCHAR", "hex of the node that writes it"),
    Column("node_name", "VARCHAR", "that node's display name"),
    Column("seq", "BIGINT", "all entries up to here are loaded: what every figure rests on"),
    Column("skipped", "BIGINT", "sales in it that count on no node, or that this version cannot read"),
    Column("loaded_at", "TIMESTAMP", "UTC, when seq was last moved"),
)

ORIGIN: Final = (
    Column("schema_version", "INTEGER", "of these tables"),
    Column("store", "VARCHAR", "hex of the store whose journals were loaded"),
    Column("built_at", "TIMESTAMP", "UTC, when this file was begun"),
)

TABLES: Final = {"sales": SALES, "sale_lines": SALE_LINES, "tenders": TENDERS, "heads": HEADS, "origin": ORIGIN}
CONTENT_TABLES: Final = ("sales", "sale_lines", "tenders")


def major(minor: str) -> str:
    """SQL for an amount in major units, an exact DECIMAL with 4 places; null for a currency with more than 4."""
    places = " ".join(f"WHEN {places} THEN {10**-places:.4f}::DECIMAL(5, 4)" for places in range(5))
    return f"({minor}) * CASE exponent {places} END"


def scaled(value: str, scale: str) -> str:
    """SQL for a scaled integer as an exact DECIMAL with 6 places; null for a finer scale."""
    places = " ".join(f"WHEN {places} THEN {10**-places:.6f}::DECIMAL(7, 6)" for places in range(7))
    return f"{value} * CASE {scale} {places} END"


def _digest(table: str) -> str:
    columns = ", ".join(f'"{column.name}" := "{column.name}"' for column in TABLES[table] if column.content)
    return (
        f"SELECT '{table}' AS table_name, count(*) AS rows, "
        f"coalesce(sum(md5_number_lower(to_json(struct_pack({columns})))::HUGEINT), 0)::VARCHAR AS checksum FROM {table}"
    )


_LOCAL: Final = "happened_at + to_minutes(utc_offset_min)"

VIEWS: Final = {
    "sales_by_hour": f"""
        SELECT date_trunc('hour', {_LOCAL}) AS hour, business_day, terminal, currency, exponent, count(*) AS sales,
            sum(line_count) AS lines, sum(total_minor) AS total_minor, sum(tax_minor) AS tax_minor,
            {major("sum(total_minor)")} AS total
        FROM sales WHERE NOT training GROUP BY hour, business_day, terminal, currency, exponent""",
    "sold_lines": f"""
        SELECT s.receipt_no, s.terminal, s.kind AS sale_kind, s.business_day, {_LOCAL} AS happened_local,
            s.customer, s.staff, s.currency, s.exponent, l.line_no, l.kind, l.item_id, l.item_name, l.department,
            {scaled("l.quantity_value", "l.quantity_scale")} AS quantity,
            {scaled("l.unit_price_value", "l.unit_price_scale")} AS unit_price,
            l.amount_minor, {major("l.amount_minor")} AS amount, l.discount_minor, l.tax_code, l.tax_rate_ppm,
            l.tax_included, l.tax_minor, l.barcode, l.serial, l.sale_id, l.journal, l.seq, l.operation
        FROM sales s JOIN sale_lines l USING (journal, seq, operation) WHERE NOT s.training""",
    "takings": f"""
        SELECT s.business_day, s.terminal, t.tender_type, s.currency, s.exponent, count(*) AS tenders,
            sum(t.amount_minor) AS amount_minor, {major("sum(t.amount_minor)")} AS amount
        FROM sales s JOIN tenders t USING (journal, seq, operation) WHERE NOT s.training
        GROUP BY s.business_day, s.terminal, t.tender_type, s.currency, s.exponent""",
    "content": " UNION ALL ".join(_digest(table) for table in CONTENT_TABLES),
}
"""For analysts. sales_by_hour: store-local hours; sold_lines: lines with their sale; takings: by means of payment; content:
the checksum per table, the rows' hashes summed, so that their order does not matter. Training is in none of the first three."""


def ddl() -> list[str]:
    """The statements that make an empty warehouse."""
    tables = [
        f"CREATE TABLE {table} ({', '.join(_declared(column) for column in columns)})"
        for table, columns in TABLES.items()
    ]
    return tables + [f"CREATE VIEW {view} AS {query}" for view, query in VIEWS.items()]


def _declared(column: Column) -> str:
    return f'"{column.name}" {column.type}'
