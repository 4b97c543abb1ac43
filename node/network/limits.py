"""Every bound of the network, with its unit and its reason."""

from __future__ import annotations

from typing import Final

frame_bytes_max: Final = 1024 * 1024
"""Bytes of one frame: four of the largest entries; more is cut by the sender into several frames."""

queue_bytes_max: Final = 4 * 1024 * 1024
"""Bytes waiting for one slow peer before its link is dropped; it catches up by `want` after the redial."""

send_s: Final = 5.0
"""Seconds in which a peer must take one frame from us; a heartbeat does not free a sender that is blocked."""

idle_s: Final = 6.0
"""Seconds without a single byte from a peer that kill its link (RULES S5); pulses come every 2 s."""

frame_silence_s: Final = 60.0
"""Seconds without a whole frame: a peer that drips bytes without ever ending a frame is no peer."""

close_s: Final = 1.0
"""Seconds for flushing a goodbye and closing politely; then the transport is aborted."""

handshake_s: Final = 10.0
"""Seconds for a TLS handshake on an accepted connection: two round trips at 2 s delay each way, and some loss."""

dial_s: Final = 3.0
"""Seconds for connect, TLS and upgrade on most dials; a machine that is off does not answer at all."""

dial_patient_s: Final = 15.0
"""Seconds for every third dial: a path with 2 s delay each way needs 12 s for its three round trips."""

simultaneous_s: Final = 15.0
"""Seconds within which a link counts as young: two nodes that dial each other at once differ by at most one dial."""

steady_s: Final = 5.0
"""Seconds that a link must live before its loss is redialed at once; a shorter life counts as a failed dial."""

redial_first_s: Final = 0.2
"""Seconds before the first redial (upper end of the jitter)."""

redial_recent_max_s: Final = 2.0
"""Ceiling of the redial delay for a peer lost a moment ago: after five minutes apart all are linked within 3 s."""

redial_max_s: Final = 10.0
"""Ceiling of the redial delay for ever: 20 nodes then cost a dead machine two dials a second."""

redial_patience: Final = 150
"""The ceiling grows by one second for this many seconds of absence: 2 s up to five minutes, 10 s after 25."""

wake_s: Final = 2.0
"""Seconds between two wakings of all waiting dials because one peer was reached: the cable may be back."""

announced_wake_s: Final = 1.0
"""Seconds between two immediate redials of one address because its announcement changed: a flood causes no storm."""

yielding_s: Final = 0.25
"""Seconds that the node with the larger id waits before dialing a newly announced peer, which dials it meanwhile."""

links_max: Final = 256
"""Live links of one node: a large store has 60 nodes; more is an attack from inside."""

addresses_max: Final = 512
"""Addresses that are dialed at all: static, remembered, announced."""

hints_max: Final = 128
"""Announced addresses that never led to a link; beyond, the oldest is forgotten (flood of spoofed records)."""

hint_dials_max: Final = 32
"""Dials at one time to addresses that never led to a link, so that a flood of hints starves nobody."""

resolves_max: Final = 16
"""Announcements that are resolved at one time."""

resolves_waiting_max: Final = 256
"""Announcements waiting to be resolved; beyond, new ones are dropped and counted, mDNS repeats them."""

resolve_ms: Final = 1_500
"""Milliseconds for resolving one announcement whose details did not come with it."""

interface_poll_s: Final = 5.0
"""Seconds between two looks at the network interfaces: a DHCP address that comes late is otherwise never announced."""

first_answers_s: Final = 3.0
"""Seconds after which an unheard own announcement means something: peers answer in 0.1 s, with loss in seconds."""

certificate_days: Final = 400
"""Days of a node's certificate and credential; browsers refuse more than 398 from public authorities only."""

authority_days: Final = 25 * 365
"""Days of the store's own TLS authority: a shop keeps its tills for years and nobody renews it by hand."""

name_characters_max: Final = 32
"""Characters of a node's display name; it is printed in every receipt number."""

token_minutes: Final = 15
"""Minutes in which an invitation must be used."""

token_addresses_max: Final = 8
"""Addresses of the authority in one token, which people copy by hand."""

join_bytes_max: Final = 16 * 1024
"""Bytes of a join request or its answer: three certificates of 1 KiB."""

join_s: Final = 20.0
"""Seconds for one enrolment conversation: four round trips at 2 s delay each way."""

joins_at_once_max: Final = 16
"""Enrolment conversations at one time; beyond, the connection is closed, since strangers can open them."""

clock_slack_ms: Final = 60_000
"""Milliseconds that the authority's clock may go back under an open invitation before it counts as late."""
