"""The manners of files: size, names, first words, and what no file of ours says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from tests.house.sources import Source

LINES_MAX = 450
NAMES_REFUSED = frozenset({"utils", "util", "helpers", "helper", "manager", "base", "common", "core", "misc"})
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK")))
MACHINE_PATH = re.compile("|".join((r"/ro" + r"ot/", r"/wo" + r"rk/", r"/ho" + r"me/\w+/", r"/tmp/" + r"w/")))
SLEEP_MAX_S = 0.05


def too_long(found: Iterable[Source]) -> Iterator[str]:
    for source in found:
        lines = source.text.count("\n")
        if lines > LINES_MAX:
            yield f"{source.shown} has {lines} lines; a file is one concept, about 300 and at most {LINES_MAX}"


def refused_names(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        for part in PurePosixPath(path).parts:
            if part.partition(".")[0].strip("_") in NAMES_REFUSED:
                yield f"{path}: {part} says nothing; a function without a home is a missing concept"


def unfinished(found: Iterable[tuple[str, str]]) -> Iterator[str]:
    """found: (path, text) of sources and documents."""
    for path, text in found:
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line):
                yield f"{path} line {number} leaves work for later: {line.strip()[:60]}"


def machine_paths(found: Iterable[tuple[str, str]]) -> Iterator[str]:
    for path, text in found:
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line):
                yield f"{path} line {number} names a path of one machine: {line.strip()[:60]}"


def wordless(found: Iterable[Source]) -> Iterator[str]:
    for source in found:
        if source.text.strip() and not ast.get_docstring(source.tree):
            yield f"{source.shown} does not say in a docstring what lives there"


def sleeps(found: Iterable[Source]) -> Iterator[str]:
    """Waits for a fixed time in tests: they are slow on a fast machine and wrong on a slow one."""
    for source in found:
        for node in ast.walk(source.tree):
            match node:
                case ast.Call(func=ast.Attribute(attr="sleep"), args=[ast.Constant(value=int() | float() as seconds)]):
                    if seconds > SLEEP_MAX_S:
                        yield f"{source.shown} line {node.lineno} sleeps {seconds} s: wait for what must happen instead"
