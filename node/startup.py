"""The start of a node: its disk is read, its journals are folded again, and its next journal is prepared.

No start can re-use a number, because each opens a journal of its own (RULES J1). What a start could not read is set aside
and comes back from peers. A start that cannot prove that its disk is the one it wrote last sells as ever, under a new
receipt series, and says so (RULES J5, J6).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crdt_models import operations
from crdt_models.errors import MalformedBytes
from crdt_models.journal.entry import NO_HASH, Entry, Writer, check_chain, decode_entry
from crdt_models.journal.operation import Operation
from crdt_models.journal.signatures import verify_ed25519
from crdt_models.shop import Shop
from crdt_models.values.identity import Chance, Incarnation, JournalId, base32_short, journal_id
from crdt_models.values.stamp import Place
from node.config import Config
from node.disk.database import FILE_NAME
from node.disk.errors import BlockDamaged
from node.disk.journal_store import JournalStore
from node.disk.start_proof import StartProof, machine_id
from node.disk.store import StartMark
from node.network.credentials import Credentials
from node.replication.journals import HeldJournal, held_journal

log = logging.getLogger("tillmesh.startup")

SERIES_CHARACTERS = 6


@dataclass(frozen=True, slots=True)
class Start:
    """What a start found and prepared. opening: the operation of the new journal's first entry; settle: forgets the
    former start's token once `open` is durable; doubts: why the start is doubtful, empty if it is proven or the first."""

    shop: Shop
    writer: Writer
    held: list[HeldJournal]
    opening: Operation
    mark: StartMark
    series: str
    doubts: tuple[str, ...]
    settle: Callable[[], None]


async def prepare(config: Config, credentials: Credentials, store: JournalStore, chance: Chance) -> Start:
    """Fold what the disk holds and prepare this process's journal. Raises NodeError where the disk cannot be read."""
    shop = Shop(credentials.store, credentials.authority_key, verify_ed25519, chance)
    await fold_disk(shop, store)
    proof = StartProof(config.data_directory / FILE_NAME, state_directory(config), machine_id())
    verdict = proof.judge(store.last_start, store.own_set_aside)
    incarnation = Incarnation(chance(8))
    journal = journal_id(credentials.node, incarnation)
    mark, unkept = proof.draw(journal, chance)
    if unkept is not None:
        log.warning("the start token could not be kept, the next start will be doubtful: %s", unkept)
    last = store.last_written
    parent = None if last is None else Place(last.journal, last.seq)
    series = base32_short(incarnation, SERIES_CHARACTERS)
    if verdict.proven and last is not None and last.journal in shop.roster.journals:
        series = shop.roster.journals[last.journal].series
    opening = operations.open_journal(
        parent, NO_HASH if last is None else last.hash, credentials.credential, verdict.proven, series
    )
    held = [held_journal(one.journal, one.seq, one.hash, shop.roster.journals[one.journal]) for one in store.journals()]
    writer = Writer(credentials.store, journal, credentials.signer, chance)
    doubts = () if verdict.first else verdict.reasons
    return Start(shop, writer, held, opening, mark, series, doubts, proof.settle)


async def fold_disk(shop: Shop, store: JournalStore) -> None:
    """Fold every entry on the disk, journal by journal; from the first unreadable one on, a journal is set aside."""
    tips: dict[JournalId, tuple[int, bytes]] = {}
    aside: set[JournalId] = set()
    while True:
        try:
            async for run in store.runs({journal: tip[0] for journal, tip in tips.items()}):
                if run.journal in aside:
                    continue
                for offset, raw in enumerate(run.raws):
                    entry = _checked(raw, tips.get(run.journal, (0, NO_HASH)), run.journal, shop)
                    if entry is None:
                        aside.add(run.journal)
                        taken = await store.set_aside(run.journal, run.first + offset)
                        log.error("damaged entries were set aside, peers have them: %d", taken)
                        break
                    shop.fold(entry)
                    tips[run.journal] = (entry.seq, entry.hash)
            return
        except BlockDamaged as damaged:
            aside.add(damaged.journal)
            taken = await store.set_aside(damaged.journal, damaged.first)
            log.error("damaged entries were set aside, peers have them: %d", taken)


def state_directory(config: Config) -> Path:
    """Where the start token lies, outside the data directory."""
    return config.state_path


def _checked(raw: bytes, tip: tuple[int, bytes], journal: JournalId, shop: Shop) -> Entry | None:
    """The entry if it continues its journal; signatures were checked when it was let in, and the block has a checksum."""
    try:
        entry = decode_entry(raw)
        check_chain(*tip, entry)
    except MalformedBytes:
        return None
    return entry if entry.journal == journal and entry.store == shop.store else None
