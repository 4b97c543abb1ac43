"""Heads: how far each journal is held, told in as few words as possible (RULES J2).

A journal is left out of the tips only if it is held exactly to the number that a held `open` names as its parent, and
its ancestors likewise: then the child's head already says it. A year of daily restarts at 20 nodes is 20 heads, not 7,300.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from crdt_models.values.identity import JournalId
from crdt_models.values.stamp import Place

HEAD_HASH_BYTES: Final = 8


class Head(NamedTuple):
    """seq: highest contiguous number held durably; hash8: first 8 bytes of that entry's header hash."""

    seq: int
    hash8: bytes


Heads = Mapping[JournalId, Head]
Parents = Mapping[JournalId, Place]
"""Per journal whose `open` is held: the place that it names as parent; journals without a parent are absent."""


def tips(held: Heads, parents: Parents) -> dict[JournalId, Head]:
    """The heads that must be told, in sorted order."""
    covered = set(covered_by(held.keys(), held, parents))
    return {journal: held[journal] for journal in sorted(held) if journal not in covered}


def covered_by(children: Iterable[JournalId], held: Heads, parents: Parents) -> Iterator[JournalId]:
    """The parents of `children` that are held exactly to the number that the child's `open` names.

    The whole ancestry is walked by calling this for all held journals: an ancestor is covered by its own child, which
    is itself held exactly or listed as a tip.
    """
    for child in children:
        parent = parents.get(child)
        if parent is not None:
            head = held.get(parent.journal)
            if head is not None and head.seq == parent.seq:
                yield parent.journal


def implied(tips_told: Mapping[JournalId, int], parents: Parents) -> dict[JournalId, int]:
    """What a list of tips says in full, as far as the held `open`s tell: highest number per journal."""
    full = dict(tips_told)
    for journal in tips_told:
        parent = parents.get(journal)
        while parent is not None and parent.journal not in tips_told:
            if full.get(parent.journal, 0) >= parent.seq:
                break
            full[parent.journal] = parent.seq
            parent = parents.get(parent.journal)
    return full
