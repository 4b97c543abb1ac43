"""Planted bugs about claims and about what people are told of sales (RULES C)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import crdt_models.rights.claim as claim_module
from crdt_models.errors import NotInState
from crdt_models.rights.claim import ClaimTable
from crdt_models.sales.log import SalesLog
from crdt_models.till import Till
from crdt_models.values.identity import NodeId
from node.simulation.bugs.bug import Put, bug
from node.simulation.people import People


def _last_writer_wins(put: Put) -> None:
    put(claim_module, "min", max)


def _take_over_beats_completed(put: Put) -> None:
    put(claim_module, "_TAKEN_OVER", 5)

    def outcome(known: Any, claim: Any) -> str | None:
        if known.take_overs.get(claim):
            return "taken_over"
        ranks: Mapping[str, int] = claim_module._OUTCOME_RANK
        return max(known.releases.get(claim, ()), key=lambda said: ranks[said], default=None)

    put(claim_module, "_outcome", outcome)


def _anyone_may_finish(put: Put) -> None:
    """Neither the till nor the fold asks whose claim it is."""
    choose = People._choose

    def release(self: ClaimTable, resource: str, claim: Any, outcome: str, by: NodeId) -> bool:
        known = self._resource(resource)
        known.releases.setdefault(claim, set()).add(outcome)
        known.standing = None
        return True

    def held(self: Till, sale: bytes) -> Any:
        holder = self._standing(sale).holder
        if holder is None:
            raise NotInState("sale", "finished", "open")
        return holder

    def anybodys(self: People, machine: Any, life: Any, request: Any) -> bytes | None:
        kind, request.kind = request.kind, "take_over" if request.kind == "complete" else request.kind
        try:
            return choose(self, machine, life, request)
        finally:
            request.kind = kind

    put(ClaimTable, "add_release", release)
    put(Till, "_held", held)
    put(People, "_choose", anybodys)


def _conflict_forgotten(put: Put) -> None:
    completed = claim_module._completed
    put(claim_module, "_completed", lambda known, claim: completed(known, claim) and claim.id not in known.take_overs)


def _answered_with_the_last_sale(put: Put) -> None:
    put(SalesLog, "at", lambda self, place: tuple(self.facts[-1:]))


BUGS: Final = (
    bug(
        "last_writer_wins",
        "the last of several claims holds, not the first",
        _last_writer_wins,
        "anytime_one_first_claim",
    ),
    bug(
        "take_over_beats_completed",
        "a take-over counts more than the payment that it did not know of",
        _take_over_beats_completed,
        "anytime_one_first_claim",
        "anytime_no_half_step",
    ),
    bug(
        "anyone_may_finish",
        "a sale may be finished where another node holds it",
        _anyone_may_finish,
        "anytime_no_half_step",
    ),
    bug(
        "conflict_forgotten",
        "a sale that was paid after its till had lost it is no conflict",
        _conflict_forgotten,
        "eventually_conflicts_have_one_id",
    ),
    bug(
        "answered_with_the_last_sale",
        "the answer is read from the last sale that came in, not from the caller's own entry",
        _answered_with_the_last_sale,
        "finally_totals_agree",
    ),
)
