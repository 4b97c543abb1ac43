"""Routes that tell how the node is: status, peers, heads, completeness, events, probes, metrics; and drill and SQL."""

from __future__ import annotations

from aiohttp import web
from msgspec import structs

from node import views
from node.api import bodies
from node.api.answers import Heads, Health, Peers
from node.api.events import EventStreams, last_event_id
from node.api.metrics_text import MEDIA_TYPE, metrics_text
from node.api.port import NodePort
from node.api.problems import Problem
from node.api.requests_seen import RequestsSeen
from node.api.table import Call, Query, RouteTable

routes = RouteTable("Insight")

STREAMS = web.AppKey("STREAMS", EventStreams)
REQUESTS_SEEN = web.AppKey("REQUESTS_SEEN", RequestsSeen)


@routes.add("GET", "/v1/status", "Read this node's state at a glance", answer=views.StatusView)
async def read_status(node: NodePort, call: Call) -> views.StatusView:
    """Who this node is, and how it does."""
    return structs.replace(node.status(), rests_on=node.completeness())


@routes.add("GET", "/v1/peers", "List the peers", answer=Peers)
async def list_peers(node: NodePort, call: Call) -> Peers:
    """Every peer that is linked, dialled or remembered."""
    return Peers(peers=node.peers())


@routes.add("GET", "/v1/heads", "List how far each journal is held here", answer=Heads)
async def list_heads(node: NodePort, call: Call) -> Heads:
    """Tips only."""
    return Heads(heads=node.heads())


@routes.add(
    "GET",
    "/v1/completeness",
    "Say who was heard and what is known to be missing",
    answer=views.CompletenessView,
)
async def read_completeness(node: NodePort, call: Call) -> views.CompletenessView:
    """What every figure rests on."""
    return node.completeness()


@routes.add(
    "GET",
    "/v1/events",
    "Follow what happens (server-sent events)",
    answer_media="text/event-stream",
    problems=("too_many_streams",),
    query=(Query("after", "string", "id of the last event seen; the header Last-Event-ID wins"),),
    headers=("Last-Event-ID",),
)
async def follow_events(node: NodePort, call: Call) -> web.StreamResponse:
    """Streams until the reader leaves."""
    after = last_event_id(call.request, call.query_text("after"))
    return await call.request.app[STREAMS].serve(node, call.request, after)


@routes.add(
    "POST",
    "/v1/drill",
    "Cut this node off for a time, logically",
    body=bodies.Drill,
    answer=views.StatusView,
    problems=("not_offered",),
)
async def drill(node: NodePort, call: Call) -> views.StatusView:
    """Rehearses an outage; 0 seconds end it."""
    body: bodies.Drill = call.body
    return await node.drill(body.seconds)


@routes.add(
    "POST",
    "/v1/sql",
    "Run a read-only query in the warehouse",
    body=bodies.Sql,
    answer=views.SqlView,
    problems=("not_offered",),
)
async def run_sql(node: NodePort, call: Call) -> views.SqlView:
    """Rows, with what they rest on."""
    body: bodies.Sql = call.body
    return await node.sql(body.sql, body.rows_max)


@routes.add("GET", "/healthz", "Say that the process lives", answer=Health, open=True)
async def healthz(node: NodePort, call: Call) -> Health:
    """For process supervisors: answers while the loop runs."""
    return Health(ok=True)


@routes.add("GET", "/readyz", "Say whether steps can be taken", answer=Health, open=True, problems=("not_ready",))
async def readyz(node: NodePort, call: Call) -> Health:
    """For whoever waits until the till can sell."""
    reason = node.readiness()
    if reason is not None:
        raise Problem("not_ready", reason)
    return Health(ok=True)


@routes.add("GET", "/metrics", "Read the metrics (Prometheus text)", answer_media="text/plain")
async def read_metrics(node: NodePort, call: Call) -> web.Response:
    """The node's samples and the API's own."""
    app = call.request.app
    streams = app[STREAMS]
    samples = [
        *node.metrics(),
        *app[REQUESTS_SEEN].metrics(),
        views.Metric(name="api_event_streams", help="Event streams that are open.", value=streams.readers),
        views.Metric(
            name="api_event_readers_dropped_total",
            help="Readers of events that were dropped because they did not keep up.",
            value=streams.dropped_readers,
            type="counter",
        ),
    ]
    return web.Response(body=metrics_text(samples).encode(), headers={"Content-Type": MEDIA_TYPE})
