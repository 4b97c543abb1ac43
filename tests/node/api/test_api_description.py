"""The API's description is true: OpenAPI, API.md, the table of routes and the table of codes say the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from node.api import limits, openapi, problems
from node.api.documentation import PAGE, page_with_tables
from node.api.metrics_text import metrics_text
from node.api.port import NodePort
from node.api.routes import TABLES, all_routes
from node.api.table import Route
from node.views import Metric
from tests.node.api.api_client import MILK, Client, served
from tests.node.api.fake_node import FakeNode


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(msgspec.json.encode(openapi.openapi([(t.concern, list(t)) for t in TABLES])))
    return found


def test_the_description_is_valid_openapi() -> None:
    errors = [error.message for error in OpenAPIV31SpecValidator(document()).iter_errors()]
    assert errors == []


def test_the_served_description_holds_every_route_of_the_table(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        answer = await till.get("/openapi.json")
        OpenAPIV31SpecValidator(answer.body).validate()
        served_routes = {(method.upper(), path) for path, item in answer.body["paths"].items() for method in item}
        assert served_routes == {(route.method, route.path) for route in all_routes()}

    served(tmp_path, story)


def test_every_route_is_served_where_the_table_says(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        for route in all_routes():
            if route.path == "/v1/events":
                continue
            path = route.path
            for name in route.path_names:
                path = path.replace(f"{{{name}}}", "1" if name in ("number", "table", "key") else "1" * 32)
            answer = await till.ask(route.method, path)
            assert answer.headers["Content-Type"].split(";")[0] in (route.answer_media, problems.MEDIA_TYPE), path
            if answer.status >= 400:
                assert answer.refusal[1] in openapi.problem_codes(route), (path, answer.text)

    served(tmp_path, story)


def test_the_page_shows_the_tables_as_the_code_has_them() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_tables(page), "run python -m node.api.documentation"
    for route in all_routes():
        assert f"`{route.method} {route.path}`" in page
    for code in problems.CODES:
        assert f"| `{code}` |" in page
    for name in (name for name in vars(limits) if name.islower() and name != "annotations" and name[0] != "_"):
        assert f"| `{name}` |" in page


def test_no_two_routes_share_a_name_or_a_place() -> None:
    routes = all_routes()
    assert len({route.name for route in routes}) == len(routes)
    assert len({(route.method, route.path) for route in routes}) == len(routes)


@pytest.mark.parametrize("route", all_routes(), ids=lambda route: route.name)
def test_a_route_names_only_codes_that_exist_and_says_what_it_does(route: Route) -> None:
    assert set(openapi.problem_codes(route)) <= set(problems.CODES)
    assert route.handler.__doc__ and route.summary
    assert route.method in ("GET", "POST", "PUT")
    assert not (route.writes and route.method == "GET")


def test_every_code_of_the_models_and_the_node_is_in_the_table() -> None:
    from crdt_models import errors as model_errors
    from node import errors as node_errors

    refusals = [
        found
        for module in (model_errors, node_errors)
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, model_errors.StepRefused | node_errors.NodeError)
    ]
    assert len(refusals) > 8
    starting = {"invalid_config", "cannot_start"}
    assert {refusal.code for refusal in refusals} - starting <= set(problems.CODES)


def test_the_examples_of_the_page_are_requests_that_work(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    example = page.partition("-d '")[2].partition("'")[0]

    async def story(till: Client) -> None:
        done = await till.post("/v1/sales", json.loads(example), headers={"Idempotency-Key": "basket-4711"})
        assert done.status == 201
        assert {"receipt_no", "standing", "held_by"} <= set(done.body)

    served(tmp_path, story)


def test_metrics_count_requests_by_route_and_never_by_path(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        await till.post("/v1/sales", {"basket": {"lines": [MILK]}, "tenders": []})
        await till.get("/v1/receipts/till-1/S-K7Q2MX/5")
        await till.get("/v1/nothing")
        answer = await till.get("/metrics")
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "# TYPE tillmesh_steps_total counter\ntillmesh_steps_total 0\n" in answer.text
        assert 'tillmesh_api_requests_total{route="complete_basket",status="422"} 1\n' in answer.text
        assert 'tillmesh_api_requests_total{route="read_receipt",status="404"} 1\n' in answer.text
        assert 'tillmesh_api_requests_total{route="none",status="404"} 1\n' in answer.text
        assert "K7Q2MX" not in answer.text

    served(tmp_path, story)


def test_metrics_escape_what_would_break_their_lines() -> None:
    text = metrics_text([Metric(name="a", help="b\\c\nd", value=1, labels={"x": 'y"\n\\', "w": "z"})])
    assert text == '# HELP tillmesh_a b\\\\c\\nd\n# TYPE tillmesh_a gauge\ntillmesh_a{w="z",x="y\\"\\n\\\\"} 1\n'


def test_the_fake_node_is_a_node_as_the_api_sees_it() -> None:
    wanted = {name for name in vars(NodePort) if not name.startswith("_")}
    assert wanted <= set(dir(FakeNode))


def test_the_api_loads_nothing_heavy() -> None:
    script = (
        "import sys, node.api.server; "
        "print([m for m in ('duckdb','pyarrow','pycrdt','zeroconf','rich','apsw') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
