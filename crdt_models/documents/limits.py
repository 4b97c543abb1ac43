"""Every bound of documents, with its unit and its reason. The bytes and the nesting of an update are bounded in
`crdt_models.limits`, since the whole house speaks of them."""

from __future__ import annotations

from typing import Final

client_id_max: Final = 2**53 - 1
"""Largest Yjs client id: JavaScript peers hold it in a double, and pycrdt refuses more."""

clock_max: Final = 2**31 - 1
"""Largest Yjs clock: peers keep clocks in 32 bits; one author writes a few thousand facts in a document's life."""

clients_max: Final = 64
"""Authors in one update: a step has one; a tablet that catches a node up may bring those of a whole evening."""

structs_max: Final = 512
"""Facts in one update: 16 KiB hold at most 340 of the shortest."""

state_clients_max: Final = 65_536
"""Authors in one state vector: pycrdt writes it, so this only bounds our own reading of it."""

fact_bytes_max: Final = 12 * 1024
"""Bytes of one fact's JSON: a line named in 32 languages is 7 KB; with its key it must fit one 16 KiB update."""

fact_fields_max: Final = 64
"""Fields of one fact, and members of any list or map in it but `clear_saw_max`: a line has 18."""

struct_overhead_bytes: Final = 32
"""Bytes of Yjs encoding per fact besides its key and text (measured: 13 to 16), so that a split update never overflows."""

update_overhead_bytes: Final = 32
"""Bytes of Yjs encoding per update besides its facts (measured: 11 to 17)."""

document_facts_max: Final = 10_000
"""Facts that one document may be given here: `limits.sale_lines_max` lines, each voided, noted and discounted. What comes
from other nodes is never refused for it, or two nodes would differ by the order of arrival."""

ordinal_max: Final = 10**9 - 1
"""Largest ordinal of a fact. A document never gets near; facts that all carry it are told apart by their ids."""

covers_max: Final = 999
"""Guests at one table: a banquet."""

answers_max: Final = 32
"""Questions of one suspension type."""

clear_saw_max: Final = 256
"""Facts that one clear fact names: 256 names of 32 digits are 9 KB of `fact_bytes_max`."""

views_kept_max: Final = 4
"""Views that are kept per document: one per reader's argument; a second chain of claims is looked at in a conflict only."""
