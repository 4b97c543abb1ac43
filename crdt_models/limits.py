"""Every bound of the models, with its unit and its reason. Reaching one is `LimitExceeded` or `InvalidValue`, by name."""

from __future__ import annotations

from typing import Final

cbor_depth_max: Final = 16
"""Levels of nesting in any CBOR we read: an entry needs 7; deeper is an attack on the decoder's stack."""

entry_bytes_max: Final = 256 * 1024
"""Bytes of one entry: a basket of 1,000 lines is about 120 KB; one entry must fit one frame."""

operations_max: Final = 1_024
"""Operations in one entry: a table with every guest paying apart needs about 100."""

update_bytes_max: Final = 16 * 1024
"""Bytes of one document update: pycrdt crashes on deeply nested updates, so size and nesting are bounded before it."""

update_depth_max: Final = 32
"""Nesting inside a document update (measured crash: 2,000 levels on a 1 MiB stack)."""

text_characters_max: Final = 2_000
"""Characters of any free text field: a note, a name, a reason."""

key_characters_max: Final = 200
"""Characters of a key: record key, item id, idempotency key, terminal name."""

languages_max: Final = 32
"""Languages in one name."""

sale_lines_max: Final = 2_000
"""Lines of one sale; a wholesale basket has about 400."""

tenders_max: Final = 100
"""Tenders of one sale."""

scale_max: Final = 9
"""Decimal places of a scaled integer: exchange rates need 8."""

amount_minor_max: Final = 10**15
"""Largest amount in minor units, either sign: far above any sale, far below 63 bits, so sums never overflow."""

needs_max: Final = 64
"""Entries of other journals that one step may name in `needs`."""

sign_every_entries: Final = 64
"""A commit signs at least every so many own entries: bounds what a reader must hold before it can verify."""

late_facts_max: Final = 16
"""Late facts repeated in one entry: 16 of the largest are 192 KB, below `entry_bytes_max`."""

record_version_max: Final = 2**53 - 1
"""Version of a record: one that a hostile author puts at the end of 64 bits would leave no number for the next."""
