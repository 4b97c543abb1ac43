"""The roster: whose journals there are, in which role, with which parents, and which nodes are revoked.

A journal proves itself by the credential in its `open` (RULES O3); no order between journals is needed. The newest
credential of a node, by (stamp, incarnation), gives its display name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from crdt_models.errors import MalformedBytes
from crdt_models.journal.credential import Credential
from crdt_models.values.identity import JOURNAL_BYTES, JournalId, NodeId, node_of, short_name
from crdt_models.values.stamp import Place, Stamp

_SERIES: Final = re.compile(r"[A-Z2-7]{6}\Z")


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


def read_open(journal: JournalId, stamp: Stamp, fields: Mapping[int, Any]) -> OpenedJournal:
    """What the fields of an OPEN operation say. Raises MalformedBytes; the credential's signature is not checked here.

    The door and the fold read it by this one function: what is let in can be folded, on every node and at every start.
    """
    raw, parent, parent_seq = fields.get(4), fields.get(1), fields.get(2)
    proven, feature_level, series = fields.get(5), fields.get(6), fields.get(7)
    if type(raw) is not bytes:
        raise MalformedBytes("open", "without a credential")
    credential = Credential.from_bytes(raw)
    if credential.node != node_of(journal):
        raise MalformedBytes("open", "the credential is another node's")
    if type(proven) is not bool or type(feature_level) is not int or feature_level < 1:
        raise MalformedBytes("open", "proven or feature level has the wrong type")
    if type(series) is not str or not _SERIES.match(series):
        raise MalformedBytes("open", "a series that is not 6 base32 characters")
    place = None
    if parent is not None:
        if type(parent) is not bytes or len(parent) != JOURNAL_BYTES or type(parent_seq) is not int or parent_seq < 1:
            raise MalformedBytes("open", "a parent that is no place in a journal")
        if parent == journal or node_of(JournalId(parent)) != node_of(journal):
            raise MalformedBytes("open", "a parent that is not another journal of the same node")
        place = Place(JournalId(parent), parent_seq)
    return OpenedJournal(journal, stamp, credential, place, proven, feature_level, series)


def _newest(opened: OpenedJournal) -> tuple[Stamp, JournalId]:
    return (opened.stamp, opened.journal)
