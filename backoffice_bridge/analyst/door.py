"""The analyst's door: which queries may run at all. Decided on the parsed statement, before the warehouse sees it.

1. One statement, a SELECT (also FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW TABLES), or EXPLAIN of one; never ANALYZE.
2. It reads only tables and views of the warehouse, its own WITH names, and the two harmless catalog views.
3. It calls only functions on the list (`functions`), with literal bounds where a result could be any size.
4. No parameters: there is nobody to give them a value.
The statement is parsed by DuckDB itself (`json_serialize_sql`), in an instance of its own that holds nothing, so what is
judged is what would run; what does not serialize (PIVOT, writing in WITH) is refused. The door is the first of three:
behind it are a read-only transaction and an instance without files, extensions and settings. Refused: looking for words
in the text, which a comment, a quote or a new version defeats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import duckdb

from backoffice_bridge import limits
from backoffice_bridge.analyst.functions import FUNCTIONS, INFORMATION_TABLES, TABLE_FUNCTIONS
from backoffice_bridge.warehouse.schema import TABLES, VIEWS
from node.plugins import QueryRefused

_READABLE: Final = frozenset(TABLES) | frozenset(VIEWS)
_NODES: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_SHOWS: Final = frozenset({'"tables"', "__show_tables_expanded"})
_PLAIN_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*")
_RESERVED_NAME: Final = re.compile(r"duckdb_|pg_|sqlite_|pragma_|information_schema")
_EXPLAIN: Final = re.compile(r"\s*explain\s+(?!analy[sz]e\b)(?=[a-z])", re.IGNORECASE)


class Door:
    """Judges queries. Not for two threads at once."""

    def __init__(self) -> None:
        self._parser = duckdb.connect(":memory:", config={"python_enable_replacements": "false", "threads": "1"})
        for setting in ("enable_external_access = false", "lock_configuration = true"):
            self._parser.execute(f"SET {setting}")

    def close(self) -> None:
        """Ends the parser's instance."""
        self._parser.close()

    def admit(self, query: str) -> str:
        """The statement to run. Raises QueryRefused, which says what is refused and why."""
        if len(query) > limits.query_characters_max:
            raise QueryRefused(f"the query has {len(query)} characters, at most {limits.query_characters_max} are read")
        if any("\ud800" <= character <= "\udfff" for character in query):
            raise QueryRefused("the query is not text: it holds half of a character")
        explain = _EXPLAIN.match(query)
        statement = query[explain.end() :] if explain else query
        self._check(self._parse(statement))
        return f"EXPLAIN {statement}" if explain else statement

    def _parse(self, statement: str) -> Mapping[str, Any]:
        """The parsed statement, as DuckDB tells it."""
        try:
            kinds = [str(parsed.type).rpartition(".")[2] for parsed in self._parser.extract_statements(statement)]
            if len(kinds) > 1:
                raise QueryRefused(f"there are {len(kinds)} statements: send one at a time")
            if not kinds:
                raise QueryRefused("there is no statement")
            if kinds[0] not in ("SELECT", "SELECT_STATEMENT"):
                raise QueryRefused(f"{kinds[0]} is refused: this is a door for reading, SELECT only")
            row = self._parser.execute("SELECT json_serialize_sql(?)", [statement]).fetchone()
            assert row is not None
            tree = json.loads(row[0])
        except duckdb.Error as error:
            raise QueryRefused(told(error)) from error
        except RecursionError as error:
            raise QueryRefused("the query is nested too deeply") from error
        except ValueError as error:  # DuckDB's Python side has no name for some kinds (UPDATE EXTENSIONS)
            raise QueryRefused("this is no kind of statement that is read here") from error
        if tree.get("error"):
            raise QueryRefused(f"only plain SELECT statements are read here ({tree.get('error_message')})")
        assert isinstance(tree, dict)
        return tree

    def _check(self, tree: Mapping[str, Any]) -> None:
        """Walks every node of the statement; iterative, since a query may be deeper than Python's stack."""
        with_names = _with_names(tree)
        stack: list[Any] = [tree]
        while stack:
            node = stack.pop()
            if isinstance(node, list):
                stack.extend(node)
            elif isinstance(node, dict):
                kind = node.get("type")
                if kind == "TABLE_FUNCTION":
                    function = node["function"]
                    _check_function(function, TABLE_FUNCTIONS, "table function")
                    stack.append(function.get("arguments"))
                    continue
                if kind == "BASE_TABLE":
                    _check_table(node, with_names)
                elif kind == "SHOW_REF":
                    _check_show(node)
                elif kind == "VALUE_PARAMETER":
                    raise QueryRefused("a parameter has no value here: write the value")
                elif isinstance(kind, str) and kind.endswith("_NODE") and kind not in _NODES:
                    raise QueryRefused(f"{kind.removesuffix('_NODE')} is refused: this is a door for reading")
                if "function_name" in node:
                    _check_function(node, FUNCTIONS, "function")
                stack.extend(node.values())


def told(error: duckdb.Error) -> str:
    """DuckDB's message without its class: first line, and what it points at."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].partition("Error: ")[2] or lines[0] if lines else type(error).__name__


def _with_names(tree: Any) -> frozenset[str]:
    """The names that WITH gives in this statement, anywhere. One name must mean one thing, so catalog names are refused."""
    names: set[str] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            for pair in (node.get("cte_map") or {}).get("map", ()):
                names.add(str(pair["key"]).lower())
            stack.extend(node.values())
    for name in names:
        if not _PLAIN_NAME.fullmatch(name) or _RESERVED_NAME.match(name):
            raise QueryRefused(f"WITH may not name a table {name!r}: take a plain name of letters, digits and _")
    return frozenset(names)


def _check_table(node: Mapping[str, Any], with_names: frozenset[str]) -> None:
    path = [str(part).lower() for part in node["qualified_name"]["path"]]
    match path:
        case [name] if name in _READABLE or name in with_names:
            return
        case ["main", name] if name in _READABLE:
            return
        case ["information_schema", name] if name in INFORMATION_TABLES:
            return
    raise QueryRefused(f"there is no table {'.'.join(path)!r} to read: there are {', '.join(sorted(_READABLE))}")


def _check_show(node: Mapping[str, Any]) -> None:
    if node.get("query") is None and node.get("table_name") not in _SHOWS:
        raise QueryRefused(f"SHOW {node.get('table_name')} is refused: SHOW TABLES is not")


def _check_function(node: Mapping[str, Any], allowed: frozenset[str], what: str) -> None:
    name = str(node["function_name"]).lower()
    if node.get("schema") or node.get("catalog"):
        raise QueryRefused(f"the {what} {name} is named with a schema: leave it out")
    if name[:1].isalpha() or name.startswith("_"):
        if name not in allowed:
            raise QueryRefused(f"the {what} {name} is not among those that a query may call (DELIVERY.md lists them)")
        bound = _BOUNDED.get(name)
        if bound is not None:
            bound(name, [argument.get("expression", argument) for argument in node.get("arguments", ())])


def _bounded_replace(name: str, arguments: list[Any]) -> None:
    """The replacement must be a literal no longer than what it replaces: the text cannot grow, however often."""
    before, after = (_literal(arguments, place) for place in (1, 2))
    if not isinstance(before, str) or not isinstance(after, str) or len(after) > len(before):
        raise QueryRefused(f"{name} takes two literals, the second no longer than the first, so that no text grows")


def _bounded_padding(name: str, arguments: list[Any]) -> None:
    width = _literal(arguments, 1)
    if not isinstance(width, int) or width > limits.padding_max:
        raise QueryRefused(f"{name} takes a literal width of at most {limits.padding_max}")


def _literal(arguments: list[Any], place: int) -> str | int | None:
    """The text or whole number that stands at this place, None if something else does."""
    if place >= len(arguments) or arguments[place].get("type") != "VALUE_CONSTANT":
        return None
    literal = arguments[place].get("literal") or {}
    text = str(literal.get("text", ""))
    if literal.get("kind") == "STRING":
        return text
    return int(text) if literal.get("kind") == "INTEGER" and re.fullmatch(r"[0-9]{1,9}", text) else None


_BOUNDED: Final[Mapping[str, Callable[[str, list[Any]], None]]] = {
    "lpad": _bounded_padding,
    "replace": _bounded_replace,
    "rpad": _bounded_padding,
}
