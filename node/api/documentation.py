"""The tables of API.md, made from the route table, the table of codes and the limits.

`python -m node.api.documentation` rewrites them between their marks; a test compares, so that the page cannot drift.
"""

from __future__ import annotations

import ast
import inspect
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, get_args

from node.api import limits
from node.api.openapi import ALWAYS, WITH_BODY, WITH_JSON, WITH_STEP, WITH_TOKEN, document_route
from node.api.problems import CODES
from node.api.routes import TABLES
from node.api.table import Route

PAGE: Final = Path(__file__).with_name("API.md")
_MARKS: Final = ("routes", "problems", "limits")


def routes_table() -> str:
    """Every route: what it is for, takes, answers and refuses beside what all refuse."""
    parts = []
    for table in TABLES:
        parts.append(f"### {table.concern}\n\n{_rows(list(table))}")
    parts.append(f"### Description\n\n{_rows([document_route(list)])}")
    return "\n\n".join(parts)


def problems_table() -> str:
    """Every code: its status, what it means, and which requests may get it."""
    lines = ["| code | status | means | answered by |", "|---|---|---|---|"]
    lines += [f"| `{code}` | {kind.status} | {kind.title} | {_who(code)} |" for code, kind in CODES.items()]
    return "\n".join(lines)


def limits_table() -> str:
    """Every bound of the API, with the reason that stands beside it in limits.py."""
    lines = ["| limit | value | unit and reason |", "|---|---|---|"]
    body = ast.parse(inspect.getsource(limits)).body
    for bound, words in pairwise(body):
        match bound, words:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str() as text)),
            ):
                lines.append(f"| `{name}` | {getattr(limits, name):,} | {' '.join(text.split())} |")
    return "\n".join(lines)


def page_with_tables(page: str) -> str:
    """The text of API.md with its tables as the code has them now."""
    for mark, table in zip(_MARKS, (routes_table(), problems_table(), limits_table()), strict=True):
        before, begin, rest = page.partition(f"<!-- {mark}: made by python -m node.api.documentation -->")
        _, end, after = rest.partition(f"<!-- {mark}: end -->")
        page = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return page


def main() -> int:
    """Rewrites API.md."""
    PAGE.write_text(page_with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def _rows(routes: list[Route]) -> str:
    lines = ["| request | for | body | answer | refusals of its own |", "|---|---|---|---|---|"]
    for route in routes:
        query = f" ?{'&'.join(query.name for query in route.query)}" if route.query else ""
        own = ", ".join(f"`{code}`" for code in route.problems) or "-"
        notes = "; no token needed" if route.open else ""
        lines.append(
            f"| `{route.method} {route.path}`{query} | {route.summary}{notes} | {_body(route)} "
            f"| {route.status} {_type(route.answer) or route.answer_media} | {own} |"
        )
    return "\n".join(lines)


def _body(route: Route) -> str:
    return _type(route.body) or (route.body_media if route.body_media != "application/json" else "-")


def _type(struct: Any) -> str:
    if struct is None:
        return ""
    inner = get_args(struct)
    return f"list of `{inner[0].__name__}`" if inner else f"`{struct.__name__}`"


def _who(code: str) -> str:
    if code in ALWAYS:
        return "every request"
    if code in WITH_TOKEN:
        return "every request that needs the token"
    if code in WITH_JSON:
        return "every request with a JSON body"
    if code in WITH_BODY:
        return "every request with a body"
    if code in WITH_STEP:
        return "every step"
    names = sorted({route.name for table in TABLES for route in table if code in route.problems})
    if not names:
        return "any request" if CODES[code].status >= 500 else "requests that no route takes"
    return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")


if __name__ == "__main__":
    sys.exit(main())
