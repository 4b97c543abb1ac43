"""What a command shows: tables and progress for people, one JSON document for programs.

With `--json` standard output carries exactly one JSON document and nothing else; progress and sentences go to standard
error or are left out, and an error is a JSON document on standard error. Tables are never cut to the width of a pipe: a
name that is cut cannot be searched for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

Advance = Callable[[int], None]
"""Tells a progress bar how much is done by now, in the unit of its total."""

PIPE_WIDTH = 240
"""Columns that a table may use where there is no terminal."""


class Screen:
    """Standard output and error of one command. as_json: one document for programs instead of tables for people."""

    def __init__(self, as_json: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.as_json = as_json
        self._out, self._err = out or sys.stdout, err or sys.stderr
        self._console = _console(self._out)
        self._notes = _console(self._err)

    def answer(self, document: object, show: Callable[[], None]) -> None:
        """The command's result: `document` as JSON, or what `show` prints for people."""
        if self.as_json:
            self._out.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
        else:
            show()

    def say(self, text: str = "", style: str | None = None) -> None:
        """A line for people; nothing with --json."""
        if not self.as_json:
            self._console.print(escape(text), style=style, soft_wrap=True, highlight=False)

    def note(self, text: str, style: str | None = "yellow") -> None:
        """A line on standard error, for people even while standard output is read by a program."""
        self._notes.print(escape(text), style=style, soft_wrap=True, highlight=False)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
        """A table; a column whose name begins with `>` is numbers, aligned to the right."""
        table = Table(
            title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False
        )
        for column in columns:
            table.add_column(escape(column.lstrip(">")), justify="right" if column.startswith(">") else "left")
        for row in rows:
            table.add_row(*(escape(cell_text(cell)) for cell in row))
        self._console.print(table, highlight=False)

    def error(self, text: str, fields: dict[str, Any], hint: str = "") -> None:
        """What went wrong, on standard error."""
        if self.as_json:
            self._err.write(msgspec.json.encode({"error": fields}).decode() + "\n")
            return
        self.note(f"tillmesh: {text}", style="bold red")
        if hint:
            self.note(hint, style=None)

    @contextmanager
    def progress(self, text: str, total: int | None = None) -> Iterator[Advance]:
        """A bar on standard error while something long runs. total: of what `Advance` counts; None if not known."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            *((BarColumn(), MofNCompleteColumn()) if total is not None else (TextColumn("{task.completed:,}"),)),
            TimeElapsedColumn(),
        )
        bar = Progress(*columns, console=self._notes, transient=True, disable=not self._notes.is_terminal)
        with bar:
            task = bar.add_task(escape(text), total=total)
            yield lambda done: bar.update(task, completed=done)


def cell_text(value: object) -> str:
    """A value as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def amount_text(minor: int, exponent: int, currency: str = "") -> str:
    """An amount for people: minor units as a decimal, without going through a float."""
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor)).rjust(exponent + 1, "0")
    whole, cents = (digits[:-exponent], "." + digits[-exponent:]) if exponent else (digits, "")
    return f"{sign}{whole}{cents}{' ' + currency if currency else ''}"


def _console(stream: TextIO) -> Console:
    return Console(file=stream) if stream.isatty() else Console(file=stream, width=PIPE_WIDTH)
