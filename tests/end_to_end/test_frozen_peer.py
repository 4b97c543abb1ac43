"""A peer that is stopped but not dead (SIGSTOP): its machine still takes bytes, and nobody answers."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.end_to_end.real_node import nothing_left
from tests.end_to_end.store import RealStore, play

NOTICED_S = 6.0 + 2.0
"""Six seconds of silence kill a link (FAULTS); two for looking, on a busy machine."""


def test_a_frozen_till_is_noticed_within_seconds_holds_nobody_up_and_catches_up_when_it_thaws(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with RealStore(tmp_path, 2) as store:
            await store.until_in_step()
            frozen, other = store.tills
            begun = time.monotonic()
            os.kill(frozen.pid, signal.SIGSTOP)
            try:
                for number in range(20):
                    sold = await other.sell(100 + number)
                    assert sold["held_by"] == ["back-office"], "the copy that can be had is waited for, no other"

                async def unnoticed() -> list[str]:
                    seen = {node.name: (await node.phases())[frozen.name] for node in (store.office, other)}
                    return [name for name, phase in seen.items() if phase != "unreachable"]

                await nothing_left(unnoticed, begun + NOTICED_S - time.monotonic())
                told = await store.office.get("/v1/completeness")
                assert [
                    gap["text"] for gap in told["missing"] if gap["name"] == frozen.name and "silent" in gap["text"]
                ]
            finally:
                os.kill(frozen.pid, signal.SIGCONT)
            await store.until_in_step(10)
            await store.until_equal(5, sales=20)

    play(scenario)
