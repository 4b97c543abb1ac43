"""Sources as syntax trees, and every import in them: at the top, inside functions, relative, for type checkers, by name.

An import that is hidden in a function or under TYPE_CHECKING couples two rooms as much as one at the top, so none of
them is told apart here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHIPPED = ("crdt_models", "node", "backoffice_bridge")
ALL = (*SHIPPED, "tests", "bench")


@dataclass(frozen=True)
class Source:
    """One module. name: dotted; is_package: it is an __init__.py; text: as it stands in the file."""

    name: str
    path: Path
    text: str
    is_package: bool = False

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def shown(self) -> str:
        """The path from the root, for sentences."""
        return str(self.path.relative_to(ROOT)) if self.path.is_relative_to(ROOT) else str(self.path)


@dataclass(frozen=True)
class Import:
    """One import. target: the absolute dotted name of what is brought in, for `from a import b` both `a` and `a.b`."""

    line: int
    target: str


def sources(*tops: str) -> list[Source]:
    """All modules under these top-level directories."""
    return [
        source_of(path)
        for top in tops
        for path in sorted((ROOT / top).rglob("*.py"))
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    ]


def source_of(path: Path) -> Source:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    is_package = parts[-1] == "__init__"
    return Source(".".join(parts[:-1] if is_package else parts), path, path.read_text(encoding="utf-8"), is_package)


def planted(name: str, text: str, is_package: bool = False) -> Source:
    """A module that exists only in a test."""
    return Source(name, ROOT / (name.replace(".", "/") + ".py"), text, is_package)


def imports(source: Source) -> Iterator[Import]:
    """Every import of a module, wherever it stands."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names):
                yield from (Import(node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                start = _absolute(source, module, level)
                yield Import(node.lineno, start)
                yield from (Import(node.lineno, f"{start}.{alias.name}") for alias in names)
            case ast.Call(func=ast.Name(id="__import__") | ast.Attribute(attr="import_module"), args=[first, *_]):
                yield from (Import(node.lineno, text) for text in _texts(first))
            case ast.Call(func=ast.Name(id="import_module"), args=[first, *_]):
                yield from (Import(node.lineno, text) for text in _texts(first))


def _absolute(source: Source, module: str | None, level: int) -> str:
    if level == 0:
        return module or ""
    package = source.name.split(".") if source.is_package else source.name.split(".")[:-1]
    kept = package[: len(package) - (level - 1)]
    return ".".join([*kept, *([module] if module else [])])


def _texts(node: ast.expr) -> Iterator[str]:
    """The name that a dynamic import is given, as far as it is written down."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            yield text.rstrip(".")
