"""What the specs must name, read from the code, and whether they do: as code, not as a word that happens to occur.

`want`, `open` and `step` are English words: a spec names a frame or a kind only in backticks or in a fenced block.
"""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.house.sources import ROOT, Source

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
TABLE = re.compile(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?(\w+)\"?\s*\(", re.IGNORECASE)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")

LIMIT_SPECS: Mapping[str, tuple[str, ...]] = {
    "crdt_models": ("crdt_models/MERGING.md", "node/replication/PROTOCOL.md"),
    "node": ("node/CONFIG.md",),
    "node/replication": ("node/replication/PROTOCOL.md",),
    "node/disk": ("node/disk/STORAGE.md",),
    "node/network": ("node/network/NETWORK.md", "node/replication/PROTOCOL.md"),
    "node/api": ("node/api/API.md",),
    "node/cli": ("node/cli/CLI.md",),
    "node/simulation": ("node/simulation/SIMULATION.md", "node/simulation/README.md"),
    "backoffice_bridge": ("backoffice_bridge/DELIVERY.md",),
}
"""Room -> the specs in which the names of its limits.py may be documented; the longest room that fits counts."""


def page(path: str) -> str:
    """A document, empty if it is not there: then everything is missing from it."""
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.exists() else ""


def coded(text: str) -> str:
    """Everything in a document that is written as code: fenced blocks, and what stands in backticks."""
    fenced = FENCE.findall(text)
    return "\n".join([*fenced, *INLINE.findall(FENCE.sub("", text))])


def unnamed(names: Iterable[str], text: str) -> list[str]:
    """The names that a document does not hold as code, each as a whole word."""
    code = coded(text)
    return [name for name in names if not re.search(rf"(?<![\w/-]){re.escape(name)}(?![\w-])", code)]


def limit_names(source: Source) -> list[str]:
    """The constants of a limits.py."""
    return [
        statement.target.id
        for statement in source.tree.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and not statement.target.id.startswith("_")
    ]


def unexplained_limits(source: Source) -> Iterator[str]:
    """A sentence for each bound without unit and reason right under it."""
    body = source.tree.body
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign | ast.Assign):
            told = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            if not told:
                yield f"{source.shown} line {statement.lineno}: a limit needs its unit and reason in a string below it"


def undocumented_limits(found: Iterable[Source], specs: Mapping[str, tuple[str, ...]] = LIMIT_SPECS) -> Iterator[str]:
    """A sentence for each bound that no matching spec names."""
    for source in found:
        directory = str(Path(source.shown).parent)
        rooms = [room for room in specs if directory == room or directory.startswith(room + "/")]
        places = specs[max(rooms, key=len)] if rooms else None
        if places is None:
            yield f"{source.shown}: say in tests/house/documents.py which spec documents its limits"
            continue
        for name in unnamed(limit_names(source), "\n".join(map(page, places))):
            yield f"{source.shown}: {name} is documented in none of {', '.join(places)}"


def tables(found: Iterable[Source]) -> list[str]:
    """Every table that the code makes, temporary ones left out."""
    return [name for source in found for name in TABLE.findall(source.text)]


def flags(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """(command, option or argument) of a whole command line; the command `""` is what goes before all of them."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, nested in action.choices.items():
                yield from flags(nested, (*words, name))
        elif action.option_strings:
            yield from ((" ".join(words), option) for option in action.option_strings)
        else:
            yield " ".join(words), str(action.metavar or action.dest)


def sections(text: str) -> dict[str, str]:
    """Headings in backticks (## `tillmesh sales`) -> the text below each; "" is the whole text."""
    found = {"": text}
    for part in re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        for name in INLINE.findall(heading):
            found[name.removeprefix("tillmesh ")] = body
    return found


def undocumented_flags(parser: argparse.ArgumentParser, text: str) -> Iterator[str]:
    """A sentence for each command without a section in CLI.md, and each option that its section does not name."""
    parts = sections(text)
    everywhere = {option for command, option in flags(parser) if command == ""} | {"--help", "-h"}
    for option in unnamed(sorted(everywhere - {"-h"}), text):
        yield f"CLI.md does not name {option}"
    for command in dict.fromkeys(command for command, _ in flags(parser) if command):
        top = command.split(" ")[0]
        body = parts.get(command, parts.get(top))
        if body is None:
            yield f"CLI.md has no section for `tillmesh {command}`"
            continue
        own = {option for name, option in flags(parser) if name == command} - everywhere
        yield from (f"CLI.md does not name {option} of `tillmesh {command}`" for option in unnamed(sorted(own), body))


def command_lines(text: str, program: str) -> list[list[str]]:
    """The arguments of each line in a fenced block that calls `program`, without prompt, variables and comment."""
    lines: list[list[str]] = []
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.match(rf"\s*(?:\$ )?(?:\w+=\S* )*{program}\b(.*)", line)
            if found:
                words = shlex.split(
                    found[1].partition(" | ")[0].partition(" > ")[0].partition(" && ")[0], comments=True
                )
                lines.append([word for word in words if word != "&"])
    return lines


def make_targets(makefile: str) -> set[str]:
    """Every target of a Makefile that a person may name."""
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, re.MULTILINE))


def broken_links(path: Path, text: str) -> Iterator[str]:
    """A sentence for each link of a document to a file that is not there."""
    for target in LINK.findall(FENCE.sub("", text)):
        if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
            yield f"{path.relative_to(ROOT)} links to {target}, which does not exist"
