"""Planted bugs in replication: what is told, asked and passed on (RULES S)."""

from __future__ import annotations

from typing import Any, Final

import node.simulation.limits as sim_limits
import node.simulation.wires as wires_module
from crdt_models.journal.heads import Head
from crdt_models.values.identity import JournalId
from node.replication.giving import Giving
from node.replication.hearsay import Hearsay
from node.replication.journals import Journals
from node.replication.relay import Relays
from node.replication.wants import Wants
from node.simulation.bugs.bug import Put, bug


def _everyone_relays(put: Put) -> None:
    became_durable = Giving.became_durable

    def to_all(self: Giving, journal: Any, entries: Any, giver: Any, pushed: bool) -> None:
        for peer in self._desk.around:
            if journal is not self._desk.own_journal and peer.link != giver:
                peer.cursors[journal.id] = entries[0].seq - 1
        became_durable(self, journal, entries, giver, True)

    put(Relays, "elected", lambda self, origin, neighbour: True)
    put(Giving, "became_durable", to_all)


def _gap_is_waited_for(put: Put) -> None:
    put(Wants, "gap", lambda self, journal, seq, at_once: None)


def _heads_told_again(put: Put) -> None:
    def all_of_them(self: Journals) -> tuple[dict[JournalId, Head], tuple[JournalId, ...]]:
        self._changed = {}
        return dict(self.heads), ()

    put(Journals, "take_changes", all_of_them)


def _never_in_step_again(put: Put) -> None:
    """Found by the simulation: a restarted peer tells its new journal only, and its former one stayed owed for ever."""
    put(Hearsay, "seq_held", lambda self, peer, journal: peer.held.get(journal, 0))
    put(Hearsay, "review", lambda self, peer: None)


def _redial_at_once(put: Put) -> None:
    put(wires_module, "redial_delay_s", lambda attempt, absent_s, chance: 0.05)
    put(sim_limits, "dial_s", 0.05)


BUGS: Final = (
    bug(
        "everyone_relays",
        "whoever gets a new entry passes it on to everybody",
        _everyone_relays,
        "finally_entries_travel_once",
        "eventually_silent",
    ),
    bug(
        "gap_is_waited_for",
        "a gap is never asked for: somebody will push it",
        _gap_is_waited_for,
        "eventually_equal_by_content",
    ),
    bug(
        "heads_told_again",
        "every pulse tells all heads, changed or not",
        _heads_told_again,
        "eventually_silent",
    ),
    bug(
        "never_in_step_again",
        "what a peer holds of its former journals is not concluded from its newest one",
        _never_in_step_again,
        "eventually_completeness_complete",
    ),
    bug(
        "redial_at_once",
        "a dial that failed is repeated at once",
        _redial_at_once,
        "finally_no_dial_storm",
    ),
)
