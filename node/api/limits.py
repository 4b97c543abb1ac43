"""Every bound of the local API, with unit and reason. Reaching one is a problem with a code, never silence."""

from __future__ import annotations

from typing import Final

body_bytes_max: Final = 1024 * 1024
"""Bytes of a JSON body: a basket of 2,000 lines is about 500 kB, and its entry may have 256 KiB at most."""

import_bytes_max: Final = 8 * 1024 * 1024
"""Bytes of a CSV file: 50,000 items of 150 bytes each; held in memory once."""

refused_rows_shown_max: Final = 100
"""Refused rows that an answer names; `refused_count` counts all. More than a screen helps nobody."""

records_put_max: Final = 1_000
"""Rows of one JSON write of records; more come as CSV."""

body_seconds_max: Final = 10.0
"""Seconds in which a body must have arrived: loopback needs milliseconds; a drip would hold memory."""

linger_seconds_max: Final = 1.0
"""Seconds in which the rest of a refused body is read and thrown away, so that its sender sees the answer."""

idempotency_key_characters_max: Final = 200
"""Visible ASCII characters of an `Idempotency-Key`: it is kept in the entry, on every node, for ever."""

path_characters_max: Final = 200
"""Characters of one part of a path or of a query parameter: what a key may have."""

page_size_default: Final = 100
"""Sales or records in one page, if the caller says nothing."""

page_size_max: Final = 1_000
"""Sales or records in one page: about 1 MB of JSON (a guess); the loop serves sales meanwhile only between pages."""

drill_seconds_max: Final = 86_400
"""Seconds of one drill: a day; a longer one is a cut cable."""

sql_characters_max: Final = 20_000
"""Characters of one query: written by people or tools, not by a loop."""

streams_max: Final = 64
"""Event streams at once: a till's software has one or two; each holds a queue."""

events_queued_max: Final = 1_000
"""Events waiting for one reader: about 500 kB; a reader further behind is dropped and resumes by Last-Event-ID."""

send_seconds_max: Final = 5.0
"""Seconds in which a reader must take what was sent; a stopped one is dropped."""

keep_alive_s: Final = 15.0
"""Seconds of silence after which a stream says `: keep-alive`, so that both sides notice a dead one."""

shutdown_seconds_max: Final = 2.0
"""Seconds that running requests get when the server stops; steps are durable or not at all by then."""

token_characters_min: Final = 32
"""Characters of a token in `api.token`: 43 are written (256 bits); a shorter one was edited by hand."""
