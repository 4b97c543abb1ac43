"""Records as a CSV file: read, checked row by row, and refused rows named by line, field and reason.

The first row names the fields. `key` is the record's key; a dot nests (`names.en` is names: {"en": ..}); an empty cell is
a field that the record does not have. A cell is text, except that columns named for a unit that is whole (`*_minor`,
`*_ppm`, `*_ms`, `*_min`, `exponent`, `covers`, `version`) hold integers, and `true` and `false` are booleans unless the
column is a text in a language. Comma or, if the header has none, semicolon separates: spreadsheets of half of Europe
write that. UTF-8, with or without a byte order mark. Nothing is guessed from the contents of other rows, so that a file's
row means the same alone.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from crdt_models import limits as model_limits
from node.api import limits
from node.api.bodies import check_value
from node.api.problems import Problem, RefusedRow
from node.views import BadInput

KEY_COLUMN: Final = "key"
_INTEGER_COLUMN: Final = re.compile(r"(.*_)?(minor|ppm|ms|min|exponent|covers|version)")
_COLUMN: Final = re.compile(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)*", re.ASCII)


class Row(NamedTuple):
    """One good row. line: of the file, where the row begins; the header is line 1."""

    line: int
    key: str
    value: dict[str, Any]


def read_rows(raw: bytes) -> Iterator[Row | RefusedRow]:
    """The rows of a file, good and refused, in order. Raises Problem for a file that is no table at all."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem("malformed_csv", f"the file is not UTF-8 at byte {error.start}") from None
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] | None = None
    seen: dict[str, int] = {}
    count = 0
    line = 1
    try:
        for cells in reader:
            begins, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _columns(cells)
                continue
            count += 1
            if count > limits.import_rows_max:
                raise Problem("malformed_csv", f"line {begins}: the file has more than {limits.import_rows_max} rows")
            yield _row(begins, columns, cells, seen)
    except csv.Error as error:
        raise Problem("malformed_csv", f"line {reader.line_num}: {error}") from None
    if columns is None:
        raise Problem(
            "malformed_csv", f"the file has no header: its first row names the fields, among them {KEY_COLUMN}"
        )


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return ";" if ";" in header and "," not in header else ","


def _columns(cells: list[str]) -> list[str]:
    columns = [cell.strip() for cell in cells]
    if len(columns) > limits.import_columns_max:
        raise Problem("malformed_csv", f"line 1: more than {limits.import_columns_max} columns")
    for column in columns:
        if not _COLUMN.fullmatch(column):
            raise Problem("malformed_csv", f"line 1: {column[:50]!r} is no field name", field=column[:50])
    if len(set(columns)) != len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise Problem("malformed_csv", f"line 1: the column {twice} is there twice", field=twice)
    for column in columns:
        if any(other.startswith(column + ".") for other in columns):
            raise Problem("malformed_csv", f"line 1: {column} is both a field and a group of fields", field=column)
    if KEY_COLUMN not in columns:
        raise Problem("malformed_csv", f"line 1: there is no column {KEY_COLUMN}", field=KEY_COLUMN)
    return columns


def _row(line: int, columns: list[str], cells: list[str], seen: dict[str, int]) -> Row | RefusedRow:
    if len(cells) != len(columns):
        reason = f"has {len(cells)} cells, the header has {len(columns)}"
        return RefusedRow(line=line, key=None, field="row", reason=reason)
    texts = {column: cell.strip() for column, cell in zip(columns, cells, strict=True)}
    key = texts.pop(KEY_COLUMN)
    if not key or len(key) > model_limits.key_characters_max or not key.isprintable():
        reason = f"must be 1 to {model_limits.key_characters_max} printable characters"
        return RefusedRow(line=line, key=None, field=KEY_COLUMN, reason=reason)
    if key in seen:
        return RefusedRow(line=line, key=key, field=KEY_COLUMN, reason=f"is already in line {seen[key]}")
    seen[key] = line
    value: dict[str, Any] = {}
    for column, text in texts.items():
        if not text:
            continue
        *groups, name = column.split(".")
        place = value
        for group in groups:
            place = place.setdefault(group, {})
        try:
            place[name] = _cell(column, text)
            check_value(column, place[name])
        except BadInput as error:
            return RefusedRow(line=line, key=key, field=error.field, reason=error.reason)
    return Row(line, key, value)


def _cell(column: str, text: str) -> Any:
    name = column.rpartition(".")[2]
    if _INTEGER_COLUMN.fullmatch(name):
        if not re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII):
            raise BadInput(column, f"{text[:40]!r} is not a whole number")
        return int(text)
    if text in ("true", "false") and not column.startswith("names."):
        return text == "true"
    if len(text) > model_limits.text_characters_max:
        raise BadInput(column, f"is longer than {model_limits.text_characters_max} characters")
    return text
