"""`python -m bench`: measures goals 1, 4, 6 and 7, prints one table, and writes build/bench.json.

`--only 1 7` measures some; `--json` prints the figures on standard output instead of the table. It always exits with 0 when
it could measure: a goal that is missed on a busy machine is a figure, not a failure.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from bench import bench_mesh, bench_real_mesh, bench_sale_path, bench_sustained, bench_warehouse
from bench.figures import Figure

Measure = Callable[[Path], Coroutine[Any, Any, list[Figure]]]


async def measured_warehouse(directory: Path) -> list[Figure]:
    """On a thread: each of its rounds runs a loop of its own."""
    return await asyncio.to_thread(bench_warehouse.measure)


BENCHES: Final[tuple[tuple[tuple[str, ...], str, Measure], ...]] = (
    (("1", "6"), "a sale on its way", bench_sale_path.measure),
    (("6",), "the warehouse alone", measured_warehouse),
    (("4",), "as many sales as it takes", bench_sustained.measure),
    (("7",), "a mesh in virtual time", bench_mesh.measure),
    (("7",), "a mesh of real nodes", bench_real_mesh.measure),
)
BUILD: Final = Path("build")
"""Beside the sources, so that it is the disk that the figures are about, and not one in memory."""
PACKAGES: Final = ("aiohttp", "apsw", "cryptography", "duckdb", "uvloop")
WIDTH: Final = 160
"""Columns of the table where no terminal says how many it has."""
COLOURS: Final = {"goal": "green", "at worst": "yellow", "missed": "red", "": ""}


class Report(msgspec.Struct, frozen=True):
    """What is written to the file."""

    machine: str
    seconds: float
    figures: list[Figure]


def machine() -> str:
    """What was measured on, in one line."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {versions}"


def measured(wanted: Sequence[str], console: Console) -> list[Figure]:
    """The figures of all benches that are wanted, each in an empty directory of its own."""
    figures: list[Figure] = []
    BUILD.mkdir(exist_ok=True)
    for numbers, what, measure in BENCHES:
        if wanted and not set(wanted) & set(numbers):
            continue
        directory = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD)).absolute()
        began = time.perf_counter()
        try:
            with console.status(f"goal {', '.join(numbers)}: {what}"), _runner() as runner:
                figures += runner.run(measure(directory))
        finally:
            shutil.rmtree(directory)
        console.print(f"goal {', '.join(numbers)}: {what}, measured in {time.perf_counter() - began:.0f} s")
    return sorted(figures, key=lambda figure: figure.number)


def _runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def table(figures: Sequence[Figure]) -> Table:
    """One line per figure."""
    shown = Table(title="speed goals, as ratios in this run", caption=machine())
    for name in ("goal", "figure", "value", "is to be", "at worst", "", "seen"):
        shown.add_column(name, overflow="fold", justify="right" if name == "value" else "left")
    for figure in figures:
        sign = "≥" if figure.higher_is_better else "≤"
        colour = COLOURS[figure.verdict]
        shown.add_row(
            figure.number,
            figure.name,
            f"[bold]{_number(figure.value)}[/] {figure.unit}",
            "" if figure.goal is None else f"{sign} {_number(figure.goal)}",
            "" if figure.at_worst is None else f"{sign} {_number(figure.at_worst)}",
            f"[{colour}]{figure.verdict}[/]" if colour else "",
            figure.seen,
        )
    return shown


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="the speed goals as ratios in one run")
    parser.add_argument("--only", nargs="+", metavar="GOAL", default=[], choices=["1", "4", "6", "7"])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of a table")
    given = parser.parse_args()
    console = Console(stderr=given.json, width=None if sys.stdout.isatty() else WIDTH)
    began = time.perf_counter()
    figures = measured(given.only, console)
    report = Report(machine(), time.perf_counter() - began, figures)
    raw = msgspec.json.format(msgspec.json.encode(report), indent=2)
    (BUILD / "bench.json").write_bytes(raw)
    if given.json:
        print(raw.decode())
    else:
        console.print(table(figures))
        console.print(f"{report.seconds:.0f} s; all rounds are in {BUILD / 'bench.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
