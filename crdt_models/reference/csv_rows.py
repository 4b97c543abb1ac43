"""Reading a CSV file of records: all rows are checked first, and one bad row means that none is taken.

Half a price list is worse than none, since nobody knows which half; so `read_csv` answers every row or raises one error
that names every refused row by line, field and reason. The first row names the columns: `key`, then fields of the table;
`names` is the English name, `names.de` the German; members of a list stand between bars; an empty cell is an absent field.
The separator (comma, semicolon, tab) is the one that the first row uses. Decimal commas are refused, not guessed: 1,299
may be either.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from crdt_models.errors import InvalidValue, StepRefused
from crdt_models.reference import limits
from crdt_models.reference.tables import TABLES, Table, validate

KEY_COLUMN: Final = "key"
_SEPARATORS: Final = (",", ";", "\t")


class Row(NamedTuple):
    """One row that is right. value: as `tables.validate` answers."""

    key: str
    value: dict[str, Any]


class RefusedRow(NamedTuple):
    """line: of the file, from 1 (the header); field: column; reason: a sentence."""

    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field}: {self.reason}"


class RowsRefused(StepRefused):
    """Rows of a CSV file are wrong; nothing was taken from it. rows: every refused one, by line."""

    code = "rows_refused"

    def __init__(self, table: str, rows: tuple[RefusedRow, ...]) -> None:
        super().__init__(table, rows)
        self.table, self.rows = table, rows

    def __str__(self) -> str:
        return f"{len(self.rows)} rows for {self.table} are refused, nothing was taken: " + "; ".join(
            str(row) for row in self.rows[:3]
        )


class Checked(NamedTuple):
    """A file whose rows were all looked at. rows: in the file's order; refused: by line."""

    rows: list[Row]
    refused: tuple[RefusedRow, ...]


def read_csv(table: str, text: str) -> list[Row]:
    """The rows of `text` for `table`, in the file's order.

    Raises RowsRefused naming every wrong row, InvalidValue for a table that does not exist or a file that is too large.
    """
    rows, refused = check_csv(table, text)
    if refused:
        raise RowsRefused(table, refused)
    return rows


def check_csv(table: str, text: str) -> Checked:
    """Right and wrong rows apart, for a caller who was told to take the right ones.

    Raises RowsRefused for a wrong header, a file that stops being CSV or has too many rows: then no row can be trusted.
    """
    shape = TABLES.get(table)
    if shape is None:
        raise InvalidValue("table", f"{str(table)[:60]!r} is no table; there are {', '.join(TABLES)}")
    if len(text) > limits.csv_characters_max:
        raise InvalidValue("file", f"has {len(text)} characters, at most {limits.csv_characters_max}")
    lines = _lines(text.removeprefix("\ufeff"))
    rows: list[Row] = []
    refused: list[RefusedRow] = []
    seen: dict[str, int] = {}
    try:
        header_line, header = next(lines, (1, []))
        columns = _check_header(table, shape, header_line, header)
        for line, cells in lines:
            if len(rows) + len(refused) >= limits.csv_rows_max:
                raise RowsRefused(table, (RefusedRow(line, "file", f"more than {limits.csv_rows_max} rows"),))
            try:
                row = _read_row(table, shape, columns, cells)
                if row.key in seen:
                    raise InvalidValue(KEY_COLUMN, f"{row.key!r} stands on line {seen[row.key]} already")
            except InvalidValue as error:
                refused.append(RefusedRow(line, error.field, error.reason))
                continue
            seen[row.key] = line
            rows.append(row)
    except _Unreadable as error:
        raise RowsRefused(table, (*refused, RefusedRow(error.line, "file", error.reason))) from error
    return Checked(rows, tuple(refused))


class _Unreadable(Exception):
    """The file stops being CSV at a line; what follows cannot be told apart."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line, self.reason = line, reason


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line on which the row begins, its cells), blank rows left out."""
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _Unreadable(line, f"is no CSV from here on ({error})") from error
        if any(cell.strip() for cell in cells):
            yield line, [cell.strip() for cell in cells]


def _check_header(table: str, shape: Table, line: int, header: list[str]) -> list[str]:
    refused = [RefusedRow(line, name or "column", why) for name, why in _header_faults(shape, header)]
    if refused:
        raise RowsRefused(table, tuple(refused))
    return header


def _header_faults(shape: Table, header: list[str]) -> Iterator[tuple[str, str]]:
    if KEY_COLUMN not in header:
        yield KEY_COLUMN, "is missing: the first row names the columns, one of them is key"
    for number, name in enumerate(header, 1):
        field, _, language = name.partition(".")
        if name in header[: number - 1]:
            yield name, f"column {number} repeats an earlier one"
        elif name == KEY_COLUMN or name in shape.fields:
            continue
        elif not language or field != "names" or field not in shape.fields:
            yield name[:60], f"column {number} is no field; there are {', '.join((KEY_COLUMN, *shape.fields))}"


def _read_row(table: str, shape: Table, columns: list[str], cells: list[str]) -> Row:
    if len(cells) != len(columns):
        raise InvalidValue("row", f"has {len(cells)} cells, the first row has {len(columns)}")
    key = ""
    value: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=True):
        if column == KEY_COLUMN:
            key = cell
        elif cell:
            field, _, language = column.partition(".")
            if field == "names":
                value.setdefault(field, {})[language or "en"] = cell
            else:
                value[field] = shape.fields[field].shape.read(column, cell)
    return Row(key, validate(table, key, value))
