"""Routes of the store's nodes: the roster, inviting a new one, revoking a stolen one."""

from __future__ import annotations

from node import views
from node.api import bodies
from node.api.answers import Nodes
from node.api.port import NodePort
from node.api.table import Call, RouteTable

routes = RouteTable("Nodes")


@routes.add("GET", "/v1/nodes", "List the store's nodes", answer=Nodes)
async def list_nodes(node: NodePort, call: Call) -> Nodes:
    """The roster, revoked nodes included."""
    return Nodes(nodes=node.nodes())


@routes.add(
    "POST",
    "/v1/invites",
    "Make a single-use join token",
    body=bodies.Invite,
    answer=views.InviteView,
    status=201,
    problems=("not_offered",),
)
async def invite(node: NodePort, call: Call) -> views.InviteView:
    """Only where the store's authority is held."""
    body: bodies.Invite = call.body
    return await node.invite(body.name, body.role)


@routes.add(
    "POST",
    "/v1/nodes/{node}/revoke",
    "Revoke a node",
    body=bodies.WithReason,
    answer=views.NodeView,
    writes=True,
    problems=("unknown_thing", "not_offered"),
)
async def revoke_node(node: NodePort, call: Call) -> views.NodeView:
    """Its links are refused from now on."""
    body: bodies.WithReason = call.body
    return await node.revoke(call.hex_id("node"), body.reason, **call.writing)
