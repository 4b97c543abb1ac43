"""A process to kill: `python appending_child.py DIRECTORY STATE N` opens the store, marks start N, appends as fast as it can and
prints "JOURNAL SEQ" after each answer, so whoever kills it knows what was answered."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from crdt_models.values.identity import JournalId
from node.disk.journal_store import JournalStore
from node.disk.start_proof import StartProof
from tests.node.disk.journal_entries import TILL_2, entries, entry


async def main(directory: Path, state: Path, life: int) -> None:
    own = JournalId(b"life-%02d" % life + bytes(17))
    store = await JournalStore.open(directory, ballast_bytes=0)
    held = {journal.journal: journal.seq for journal in store.journals()}
    proof = StartProof(store.path, state, "this machine")
    print(f"proven {proof.judge(store.last_start, store.own_set_aside).proven}", flush=True)
    mark, problem = proof.draw(own, lambda count: bytes([life]) * count)
    assert problem is None
    await store.append([entry(own, 1)], mark)
    print(f"{own.hex()} 1", flush=True)
    other = held.get(TILL_2, 0)

    async def sell() -> None:
        for seq in range(2, 1_000_000):
            await store.append([entry(own, seq, 200 + seq % 7 * 300)])
            print(f"{own.hex()} {seq}", flush=True)

    async def listen(last: int) -> None:
        while True:
            await store.append(entries(TILL_2, last + 1, last + 20))
            last += 20
            print(f"{TILL_2.hex()} {last}", flush=True)

    await asyncio.gather(sell(), listen(other))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
