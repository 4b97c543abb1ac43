"""Who passes an entry on (RULES S2)."""

from __future__ import annotations

import itertools

from crdt_models.values.identity import Incarnation, NodeId
from node.replication.events import Link
from node.replication.limits import Limits
from node.replication.peering import Neighbourhood, Peer, Phase
from node.replication.relay import Relays


def node(number: int) -> NodeId:
    return NodeId(number.to_bytes(2, "big") * 8)


def relays_of(me: int, links: set[frozenset[int]]) -> tuple[Relays, Neighbourhood]:
    """The elections as node `me` sees them when everyone told its neighbours."""

    def around(one: int) -> set[int]:
        return {other for link in links if one in link for other in link if other != one}

    neighbourhood = Neighbourhood()
    for number in sorted(around(me)):
        peer = Peer(Link(number), node(number), 0, True, 0.0, Limits())
        peer.incarnation, peer.phase = Incarnation(bytes(8)), Phase.GREETED
        peer.neighbours = {node(other) for other in around(number)}
        neighbourhood.linked[peer.link] = peer
        neighbourhood.greet(peer)
    return Relays(node(me), neighbourhood), neighbourhood


def elected(links: list[tuple[int, int]], origin: int, neighbour: int, among: range) -> list[int]:
    """Which nodes would pass entries of `origin` on to `neighbour`."""
    wires = {frozenset(link) for link in links}
    found = []
    for me in among:
        if me in (origin, neighbour) or frozenset((me, neighbour)) not in wires:
            continue
        relays, neighbourhood = relays_of(me, wires)
        if relays.elected(node(origin), neighbourhood.peers_of(node(neighbour))[0]):
            found.append(me)
    return found


def test_where_all_see_each_other_nobody_passes_on() -> None:
    mesh = list(itertools.combinations(range(6), 2))
    for origin, neighbour in itertools.permutations(range(6), 2):
        assert elected(mesh, origin, neighbour, range(6)) == []


def test_one_missing_cable_is_bridged_by_exactly_one_relay() -> None:
    for origin, neighbour in itertools.permutations(range(8), 2):
        links = [link for link in itertools.combinations(range(8), 2) if set(link) != {origin, neighbour}]
        assert len(elected(links, origin, neighbour, range(8))) == 1


def test_the_work_is_shared_among_those_who_could() -> None:
    chosen = set()
    for origin, neighbour in itertools.permutations(range(8), 2):
        links = [link for link in itertools.combinations(range(8), 2) if set(link) != {origin, neighbour}]
        chosen.update(elected(links, origin, neighbour, range(8)))
    assert len(chosen) == 8


def test_in_a_line_each_node_passes_on_to_the_next() -> None:
    line = [(0, 1), (1, 2), (2, 3), (3, 4)]
    for neighbour in (2, 3, 4):
        nearer = range(neighbour)
        assert elected(line, 0, neighbour, nearer) == [neighbour - 1]


def test_a_change_of_neighbours_is_a_new_election() -> None:
    links = {frozenset(link) for link in [(0, 1), (0, 2), (1, 3), (2, 3), (1, 2)]}
    relays, neighbourhood = relays_of(1, links)
    peer = neighbourhood.peers_of(node(3))[0]
    relays.elected(node(0), peer)
    peer.neighbours.add(node(0))
    neighbourhood.version += 1
    assert not relays.elected(node(0), peer)
