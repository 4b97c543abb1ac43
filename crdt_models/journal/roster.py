"""The roster: whose journals there are, in which role, with which parents, and which nodes are revoked.

A journal proves itself by the credential in its `open` (RULES O3); no order between journals is needed. The newest
credential of a node, by (stamp, incarnation), gives its display name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from crdt_models.journal.credential import Credential
from crdt_models.values.identity import JournalId, NodeId, node_of, short_name
from crdt_models.values.stamp import Place, Stamp


class OpenedJournal(NamedTuple):
    """What an `open` says. parent: the journal that this disk wrote last, and how far; proven: RULES J5."""

    journal: JournalId
    stamp: Stamp
    credential: Credential
    parent: Place | None
    proven: bool
    feature_level: int
    series: str


class Roster:
    """All journals whose `open` is held, and all revocations."""

    def __init__(self) -> None:
        self.journals: dict[JournalId, OpenedJournal] = {}
        self.parents: dict[JournalId, Place] = {}
        self._by_node: dict[NodeId, list[OpenedJournal]] = {}
        self._by_name: dict[str, NodeId] = {}
        self._revoked: dict[NodeId, dict[str, Mapping[JournalId, int]]] = {}

    def add(self, opened: OpenedJournal) -> None:
        """A journal was opened."""
        if opened.journal in self.journals:
            return
        self.journals[opened.journal] = opened
        if opened.parent is not None:
            self.parents[opened.journal] = opened.parent
        node = node_of(opened.journal)
        self._by_node.setdefault(node, []).append(opened)
        self._by_name[opened.credential.name] = node

    def revoke(self, node: NodeId, cuts: Mapping[JournalId, int], reason: str) -> None:
        """The authority shut `node` out; cuts are kept for the fold of a later version (RULES O5)."""
        self._revoked.setdefault(node, {})[reason] = dict(cuts)

    def revoked(self, node: NodeId) -> bool:
        """Whether any held revocation names the node."""
        return node in self._revoked

    def revoked_nodes(self) -> tuple[NodeId, ...]:
        """All revoked nodes, sorted."""
        return tuple(sorted(self._revoked))

    def nodes(self) -> dict[NodeId, OpenedJournal]:
        """Per node its newest journal's opening, sorted by node."""
        return {node: max(self._by_node[node], key=_newest) for node in sorted(self._by_node)}

    def journals_of(self, node: NodeId) -> tuple[JournalId, ...]:
        """The journals of a node, oldest first."""
        return tuple(opened.journal for opened in sorted(self._by_node.get(node, ()), key=_newest))

    def name_of(self, node: NodeId) -> str:
        """The display name; 8 hex digits where no journal of the node is held."""
        opened = self._by_node.get(node)
        return max(opened, key=_newest).credential.name if opened else short_name(node)

    def named(self, name: str) -> NodeId | None:
        """The node with this display name."""
        return self._by_name.get(name)

    def content(self) -> list[object]:
        """For the shop's digest."""
        return [
            [
                [o.journal, list(o.stamp), o.credential.to_bytes(), o.parent and list(o.parent), o.proven, o.series]
                for o in sorted(self.journals.values(), key=lambda o: o.journal)
            ],
            [
                [node, [[reason, sorted(cuts.items())] for reason, cuts in sorted(reasons.items())]]
                for node, reasons in sorted(self._revoked.items())
            ],
        ]


def _newest(opened: OpenedJournal) -> tuple[Stamp, JournalId]:
    return (opened.stamp, opened.journal)
