"""Which room may import which (DESIGN section 14), and what the pure rooms never touch."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from tests.house.sources import Source, imports

VALUES = ("crdt_models.values", "crdt_models.errors", "crdt_models.limits")
JOURNAL = (*VALUES, "crdt_models.journal")
SUBJECTS = tuple(f"crdt_models.{room}" for room in ("documents", "sales", "rights", "reference"))
BESIDE_THE_NODE = ("crdt_models", "node.errors", "node.limits", "node.clock")
"""What every room of the shell may know."""

ROOMS: Mapping[str, tuple[str, ...]] = {
    "crdt_models": ("crdt_models",),
    "crdt_models.limits": (),
    "crdt_models.errors": ("crdt_models.limits",),
    "crdt_models.values": VALUES,
    "crdt_models.journal": JOURNAL,
    "crdt_models.operations": (*JOURNAL, "crdt_models.operations"),
    **{subject: (*JOURNAL, "crdt_models.operations", *SUBJECTS) for subject in SUBJECTS},
    "node.replication": ("crdt_models", "node.replication"),
    "node.disk": (*BESIDE_THE_NODE, "node.disk"),
    "node.network": (*BESIDE_THE_NODE, "node.network"),
    "node.simulation": (*BESIDE_THE_NODE, "node.replication", "node.disk", "node.network.redial", "node.simulation"),
    "node.api": (*BESIDE_THE_NODE, "node.views", "node.api"),
    "node.cli": ("crdt_models", "node"),
    "node": ("crdt_models", "node"),
    "backoffice_bridge": ("crdt_models", "node", "backoffice_bridge"),
}
"""Room -> what it may import of ours. A module belongs to the room with the longest name that begins its own."""

NOT_FROM_BELOW: Mapping[str, tuple[str, ...]] = {
    "node.cli": ("node.cli",),
    "node.api": ("node.api", "node.cli"),
    "node.simulation": ("node.simulation", "backoffice_bridge"),
}
"""Room -> the only rooms that may import it: what stands above everything else is imported by nothing below."""

OURS = ("crdt_models", "node", "backoffice_bridge", "tests", "bench")

ONLY_HERE: Mapping[str, tuple[str, ...]] = {
    "pycrdt": ("crdt_models.documents.document",),
    "duckdb": ("backoffice_bridge",),
    "pyarrow": ("backoffice_bridge",),
    "apsw": ("node.disk",),
    "sqlite3": (),
}
"""Library -> the only places that may import it."""

PURE_ROOMS = ("crdt_models", "node.replication")
IMPURE_MODULES = frozenset(
    {
        "time",
        "random",
        "os",
        "socket",
        "asyncio",
        "logging",
        "threading",
        "uuid",
        "secrets",
        "subprocess",
        "multiprocessing",
        "concurrent",
        "select",
        "selectors",
        "signal",
        "ssl",
        "http",
        "urllib",
        "tempfile",
        "shutil",
        "pathlib",
        "sys",
        "platform",
        "getpass",
        "contextvars",
        "sched",
        "queue",
        "aiohttp",
        "zeroconf",
    }
)
IMPURE_CALLS = frozenset({"open", "print", "input", "breakpoint", "exec", "eval"})
IMPURE_METHODS = frozenset({"now", "utcnow", "today"})


def inside(name: str, room: str) -> bool:
    """Whether a dotted name is `room` or something in it."""
    return name == room or name.startswith(room + ".")


def room_of(name: str) -> str | None:
    """The room that a module belongs to."""
    return max((room for room in ROOMS if inside(name, room)), key=len, default=None)


def wrong_directions(found: Iterable[Source]) -> Iterator[str]:
    """A sentence for each line that imports something of ours the wrong way."""
    for source in found:
        room = room_of(source.name)
        if room is None:
            continue
        told: set[int] = set()
        for line, target in _deepest(source):
            reason = _against(source.name, room, target)
            if reason and line not in told:
                told.add(line)
                yield f"{source.shown} line {line} imports {target}: {reason}"


def _against(importer: str, room: str, target: str) -> str | None:
    """Why `importer`, in `room`, must not import `target`; None if it may."""
    if not any(inside(target, ours) for ours in OURS) or (inside(target, room) and room != "node"):
        return None
    if not any(inside(target, one) for one in ROOMS[room]):
        return f"{room} may import only {', '.join(ROOMS[room]) or 'nothing of ours'}"
    for above, only in NOT_FROM_BELOW.items():
        if inside(target, above) and not any(inside(importer, one) for one in only):
            return f"only {' and '.join(only)} may, everything else stands below it"
    return None


def misplaced_libraries(found: Iterable[Source]) -> Iterator[str]:
    """A sentence for each import of a library outside the one place that may know it."""
    for source in found:
        for one in imports(source):
            library = one.target.partition(".")[0]
            places = ONLY_HERE.get(library)
            if places is not None and not any(inside(source.name, place) for place in places):
                where = " and ".join(places) or "nothing"
                yield f"{source.shown} line {one.line} imports {one.target}: only {where} may import {library}"


def impurities(found: Iterable[Source]) -> Iterator[str]:
    """A sentence for each thing in a pure room that depends on anything but arguments."""
    for source in found:
        if not any(inside(source.name, room) for room in PURE_ROOMS):
            continue
        for one in imports(source):
            if one.target.partition(".")[0] in IMPURE_MODULES:
                yield f"{source.shown} line {one.line} imports {one.target}: time, chance and the system are arguments here"
        for node in ast.walk(source.tree):
            match node:
                case ast.AsyncFunctionDef(name=name):
                    yield f"{source.shown} line {node.lineno}: {name} is async; pure code returns effects"
                case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                    yield f"{source.shown} line {node.lineno} calls {name}(): pure code touches nothing outside"
                case ast.Attribute(attr=name) if name in IMPURE_METHODS and _is_clock(node.value):
                    yield f"{source.shown} line {node.lineno} asks {ast.unparse(node)}: time is an argument here"


def names_the_bridge(found: Iterable[Source]) -> Iterator[str]:
    """A sentence for each place in `node` that names backoffice_bridge, other than in a docstring."""
    for source in found:
        if not inside(source.name, "node"):
            continue
        tree = source.tree
        told = {id(text) for text in _docstrings(tree)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in told and "backoffice_bridge" in str(node.value):
                yield f"{source.shown} line {node.lineno} names backoffice_bridge: it plugs in, node never names it"


def _deepest(source: Source) -> Iterator[tuple[int, str]]:
    """(line, target) without the `a` of `from a import b`, where `a.b` says more."""
    found = list(imports(source))
    for one in found:
        if not any(other.line == one.line and other.target.startswith(one.target + ".") for other in found):
            yield one.line, one.target


def _is_clock(node: ast.expr) -> bool:
    return ast.unparse(node).rpartition(".")[2] in {"datetime", "date", "time"}


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Docstrings, and the strings under constants that document them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in node.body:
                if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                    yield statement.value
