"""Claims: "retrieved once", "completed once", as a pure function of the set of claims held (RULES C1, C5, C6).

Rules, cited by tests:
1. Only claims with the right parent compete: `root` for epoch 1, above it the claim whose release or take-over opened it.
2. Among competitors the first by (stamp, node, incarnation, seq) holds. (A sealed claim will go before; seals come later.)
3. The holder's release `completed` ends the chain, whatever else was said: paid is paid. Then a take-over counts, then
   `voided`, which ends the chain, then `returned`. A take-over and `returned` open the next epoch.
4. Only the node that wrote a claim can release it; a release by another counts for nothing. A node is the same over its
   restarts: the claim's identity begins with the node.
5. Completed claims off the chain are a conflict. Its id is hash(resource, epoch, parent) of the place where the two ways
   parted, so it is the same on every node and stays when a third claim comes.
6. A claim is ahead while a claim before it, or what ended that one, has not arrived: journals come in any order. It does
   not hold yet, and it is no conflict either.

Refused: last writer wins (both tills believe they hold it and one payment is lost, FIELD story 2), and epochs without
parents (two live holders, RULES C1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from crdt_models.journal import canonical
from crdt_models.values.identity import ClaimId, JournalId, NodeId, node_of
from crdt_models.values.stamp import Stamp

ROOT: Final = "root"
Parent = ClaimId | str


class Claim(NamedTuple):
    """One claim. Sorts by what decides between competitors: (stamp, node, incarnation, seq)."""

    stamp: Stamp
    journal: JournalId
    seq: int
    id: ClaimId
    epoch: int
    parent: Parent
    policy: int

    @property
    def node(self) -> NodeId:
        """Who claims."""
        return node_of(self.journal)


class TakeOver(NamedTuple):
    """One take-over of a claim by another node."""

    stamp: Stamp
    journal: JournalId
    seq: int
    reason: str


class Standing(NamedTuple):
    """Where a resource stands: its chain of claims from the root, the live holder if any, and how it ended if it did.

    state: "free" (no claim), "held", "returned" (free again), "completed", "voided".
    """

    state: str
    holder: Claim | None
    chain: tuple[Claim, ...]


class Conflict(NamedTuple):
    """Completed claims that exclude each other; members in claim order. A person resolves it."""

    id: bytes
    resource: str
    epoch: int
    members: tuple[Claim, ...]


FREE: Final = Standing("free", None, ())
_OUTCOME_RANK: Final = {"returned": 1, "voided": 2, "completed": 4}
_TAKEN_OVER: Final = 3


@dataclass(slots=True)
class _Resource:
    claims: dict[ClaimId, Claim] = field(default_factory=dict)
    children: dict[Parent, list[Claim]] = field(default_factory=dict)
    releases: dict[ClaimId, set[str]] = field(default_factory=dict)
    take_overs: dict[ClaimId, set[TakeOver]] = field(default_factory=dict)
    standing: Standing | None = None


class ClaimTable:
    """All claims of a store, by resource. Order of arrival does not matter; repetition is harmless."""

    def __init__(self) -> None:
        self._resources: dict[str, _Resource] = {}
        self._disputable: set[str] = set()

    def add_claim(self, resource: str, claim: Claim) -> None:
        """A claim was made."""
        known = self._resource(resource)
        if claim.id not in known.claims:
            known.claims[claim.id] = claim
            known.children.setdefault(claim.parent, []).append(claim)
            if len(known.claims) > 1:
                self._disputable.add(resource)
            known.standing = None

    def add_release(self, resource: str, claim: ClaimId, outcome: str, by: NodeId) -> bool:
        """`by` let go of `claim`. Returns False, and counts nothing, if the claim is not `by`'s (rule 4)."""
        if claim[: len(by)] != by or outcome not in _OUTCOME_RANK:
            return False
        known = self._resource(resource)
        known.releases.setdefault(claim, set()).add(outcome)
        known.standing = None
        return True

    def add_take_over(self, resource: str, claim: ClaimId, take_over: TakeOver) -> None:
        """Another node ended `claim`; under policy version 0 it counts at once (rule C6)."""
        known = self._resource(resource)
        known.take_overs.setdefault(claim, set()).add(take_over)
        known.standing = None

    def standing(self, resource: str) -> Standing:
        """Where the resource stands, by walking from the root; kept until something about it changes."""
        known = self._resources.get(resource)
        if known is None:
            return FREE
        if known.standing is None:
            known.standing = _walk(known)
        return known.standing

    def holder(self, resource: str) -> Claim | None:
        """Who holds it now, or nobody."""
        return self.standing(resource).holder

    def outcome(self, resource: str, claim: ClaimId) -> str | None:
        """How `claim` ended: "completed", "taken_over", "voided", "returned", or None while it lasts (rule 3)."""
        known = self._resources.get(resource)
        return None if known is None else _outcome(known, claim)

    def taken_over_by(self, resource: str, claim: ClaimId) -> tuple[TakeOver, ...]:
        """The take-overs of a claim, in order."""
        known = self._resources.get(resource)
        return () if known is None else tuple(sorted(known.take_overs.get(claim, ())))

    def rivals(self, resource: str, claim: Claim) -> tuple[Claim, ...]:
        """The other claims of the same epoch and parent, first one first."""
        known = self._resources.get(resource)
        if known is None:
            return ()
        return tuple(
            sorted(c for c in known.children.get(claim.parent, ()) if c.epoch == claim.epoch and c.id != claim.id)
        )

    def finished_by(self, resource: str, node: NodeId) -> bool:
        """Whether a claim of `node` ended as completed or voided, on the chain or off it. Once true, stays true."""
        known = self._resources.get(resource)
        if known is None:
            return False
        return any(
            claim[: len(node)] == node and bool(outcomes & {"completed", "voided"})
            for claim, outcomes in known.releases.items()
        )

    def is_ahead(self, resource: str, claim: ClaimId) -> bool:
        """Whether the way from the root to this claim is not wholly here: journals arrive in any order, and a claim before
        it, or what ended that one, may still be missing. Such a claim contradicts nothing."""
        known = self._resources.get(resource)
        return known is None or _is_ahead(known, claim)

    def conflicts(self) -> list[Conflict]:
        """Every conflict in the store, sorted by id."""
        return sorted(conflict for resource in self._disputable for conflict in self.conflicts_of(resource))

    def conflicts_of(self, resource: str) -> list[Conflict]:
        """The conflicts about one resource (rule 5)."""
        known = self._resources.get(resource)
        if known is None:
            return []
        chain = self.standing(resource).chain
        on_chain = {claim.id for claim in chain}
        parted: dict[tuple[int, Parent], list[Claim]] = {}
        for claim in known.claims.values():
            if claim.id not in on_chain and _completed(known, claim) and not _is_ahead(known, claim.id):
                top = _where_parted(known, claim, on_chain)
                parted.setdefault((top.epoch, top.parent), []).append(claim)
        conflicts = []
        for (epoch, parent), off_chain in parted.items():
            ours = [c for c in chain if c.epoch >= epoch and _completed(known, c)]
            members = tuple(sorted([*off_chain, *ours]))
            conflicts.append(Conflict(conflict_id(resource, epoch, parent), resource, epoch, members))
        return conflicts

    def resources(self) -> Iterator[str]:
        """Every resource that was ever claimed."""
        return iter(self._resources)

    def content(self) -> list[object]:
        """All that this table knows, in one order: what the shop's digest is made of."""
        rows: list[object] = []
        for resource in sorted(self._resources):
            known = self._resources[resource]
            rows.append(
                [
                    resource,
                    [[c.id, list(c.stamp), c.epoch, c.parent, c.policy] for c in sorted(known.claims.values())],
                    [[claim, sorted(outcomes)] for claim, outcomes in sorted(known.releases.items())],
                    [
                        [claim, [[list(t.stamp), t.journal, t.seq, t.reason] for t in sorted(over)]]
                        for claim, over in sorted(known.take_overs.items())
                    ],
                    self.standing(resource).state,
                    [c.id for c in self.standing(resource).chain],
                ]
            )
        return rows

    def _resource(self, resource: str) -> _Resource:
        known = self._resources.get(resource)
        if known is None:
            known = self._resources[resource] = _Resource()
        return known


def conflict_id(resource: str, epoch: int, parent: Parent) -> bytes:
    """16 bytes, the same on every node (RULES C5)."""
    return hashlib.sha256(b"tillmesh-conflict-1" + canonical.encode([resource, epoch, parent])).digest()[:16]


def _outcome(known: _Resource, claim: ClaimId) -> str | None:
    rank = max((_OUTCOME_RANK[outcome] for outcome in known.releases.get(claim, ())), default=0)
    if known.take_overs.get(claim):
        rank = max(rank, _TAKEN_OVER)
    return {0: None, 1: "returned", 2: "voided", _TAKEN_OVER: "taken_over", 4: "completed"}[rank]


def _completed(known: _Resource, claim: Claim) -> bool:
    return "completed" in known.releases.get(claim.id, ())


def _is_ahead(known: _Resource, claim: ClaimId) -> bool:
    while True:
        found = known.claims.get(claim)
        if found is None:
            return True
        if isinstance(found.parent, str):
            return False
        claim = found.parent
        parent = known.claims.get(claim)
        # Epochs fall by one on the way to the root. A claim for which they do not is nobody's heir, and two hostile ones
        # that name each other as parents would otherwise be walked for ever.
        if parent is None or parent.epoch != found.epoch - 1 or _outcome(known, claim) is None:
            return True


def _where_parted(known: _Resource, claim: Claim, on_chain: set[ClaimId]) -> Claim:
    """The claim at whose (epoch, parent) an off-chain claim parted from the chain: its topmost off-chain ancestor, or the
    on-chain parent of that one if it was completed, since it is then what the descendant excludes."""
    top = claim
    while top.parent != ROOT and top.parent in known.claims:
        parent = known.claims[top.parent]
        if parent.id in on_chain and not _completed(known, parent):
            break
        top = parent
        if parent.id in on_chain:
            break
    return top


def _walk(known: _Resource) -> Standing:
    chain: list[Claim] = []
    parent: Parent = ROOT
    state = "free"
    while True:
        epoch = len(chain) + 1
        winner = min((c for c in known.children.get(parent, ()) if c.epoch == epoch), default=None)
        if winner is None:
            return Standing(state, None, tuple(chain))
        chain.append(winner)
        outcome = _outcome(known, winner.id)
        if outcome is None:
            return Standing("held", winner, tuple(chain))
        if outcome in ("completed", "voided"):
            return Standing(outcome, None, tuple(chain))
        state = "returned"
        parent = winner.id
