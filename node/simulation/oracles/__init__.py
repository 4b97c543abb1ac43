"""Oracles: what must hold in a shop, one file each, named by when it must hold (FAULTS.md).

`anytime_`: at every moment, also in the middle of a partition. `eventually_`: after the heal, within a bound, and from then on.
`finally_`: when all has come to rest.
"""

from __future__ import annotations

from node.simulation.oracles.oracle import Oracle as Oracle


def all_oracles() -> list[Oracle]:
    """One of each, new."""
    from node.simulation.oracles.anytime_acked_is_on_some_disk import AckedIsOnSomeDisk
    from node.simulation.oracles.anytime_done_once import DoneOnce
    from node.simulation.oracles.anytime_journals_gap_free import JournalsGapFree
    from node.simulation.oracles.anytime_money_conserved import MoneyConserved
    from node.simulation.oracles.anytime_newest_record_stays import NewestRecordStays
    from node.simulation.oracles.anytime_no_half_step import NoHalfStep
    from node.simulation.oracles.anytime_one_first_claim import OneFirstClaim
    from node.simulation.oracles.anytime_receipt_numbers_unique import ReceiptNumbersUnique
    from node.simulation.oracles.anytime_told_is_durable import ToldIsDurable
    from node.simulation.oracles.eventually_completeness_complete import CompletenessComplete
    from node.simulation.oracles.eventually_conflicts_have_one_id import ConflictsHaveOneId
    from node.simulation.oracles.eventually_equal_by_content import EqualByContent
    from node.simulation.oracles.eventually_silent import Silent
    from node.simulation.oracles.finally_entries_travel_once import EntriesTravelOnce
    from node.simulation.oracles.finally_no_dial_storm import NoDialStorm
    from node.simulation.oracles.finally_totals_agree import TotalsAgree

    return [
        ReceiptNumbersUnique(),
        JournalsGapFree(),
        MoneyConserved(),
        AckedIsOnSomeDisk(),
        ToldIsDurable(),
        DoneOnce(),
        NoHalfStep(),
        OneFirstClaim(),
        NewestRecordStays(),
        EqualByContent(),
        CompletenessComplete(),
        ConflictsHaveOneId(),
        Silent(),
        TotalsAgree(),
        EntriesTravelOnce(),
        NoDialStorm(),
    ]
