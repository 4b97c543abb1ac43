"""Every bound of reference data, with its unit and its reason."""

from __future__ import annotations

from typing import Final

list_members_max: Final = 100
"""Members of a list in a record: barcodes of an item, questions of a suspension type, addresses of a node."""

sql_characters_max: Final = 20_000
"""Characters of a saved query: the longest reports of the old system have about 6,000."""

csv_characters_max: Final = 64 * 1024 * 1024
"""Characters of one CSV file: 200,000 items with names in four languages make about 40 million."""

csv_rows_max: Final = 200_000
"""Rows of one CSV file: a large supermarket lists 60,000 items."""
