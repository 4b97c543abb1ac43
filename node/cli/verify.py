"""`tillmesh verify`: reads every entry on the disk of a node that does not run, and names the first bad one of each journal.

What is judged: the bytes at rest (checksums of blocks), each entry's operations against its root, the chain of hashes, every
signature, the credential of each journal's writer, the store. Nothing is changed: what is bad is fetched again from a
peer when the node starts.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from crdt_models.errors import MalformedBytes
from crdt_models.journal.credential import Credential
from crdt_models.journal.entry import NO_HASH, Entry, check_chain, check_signature, decode_entry
from crdt_models.journal.operation import Operation
from crdt_models.journal.signatures import verify_ed25519
from crdt_models.operations import Kind
from crdt_models.values.identity import JournalId, node_of, short_name, store_id
from node.cli.errors import BadInput
from node.cli.exits import Exit
from node.cli.invocation import Invocation
from node.cli.screen import Advance
from node.disk.database import FILE_NAME
from node.disk.journal_store import JournalStore
from node.disk.store import Verification
from node.network.credentials import Credentials

NAME = "verify"
SUMMARY = "check every entry on this node's disk (the node must be stopped)"

_CREDENTIAL_FIELD: Final = 4


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


class EntryJudge:
    """Judges entries in journal order: `judge(journal, seq, raw)` answers None, or what is wrong. `names`: who wrote what."""

    def __init__(self, authority_key: bytes) -> None:
        self.names: dict[JournalId, str] = {}
        self._authority_key = authority_key
        self._store = store_id(authority_key)
        self._tips: dict[JournalId, tuple[int, bytes]] = {}
        self._keys: dict[JournalId, bytes] = {}

    def __call__(self, journal: JournalId, seq: int, raw: bytes) -> str | None:
        try:
            entry = decode_entry(raw)
            self._judge(journal, seq, entry)
        except MalformedBytes as error:
            return str(error)
        self._tips[journal] = entry.seq, entry.hash
        return None

    def _judge(self, journal: JournalId, seq: int, entry: Entry) -> None:
        if entry.store != self._store:
            raise MalformedBytes("entry", f"it belongs to store {entry.store.hex()}")
        if (entry.journal, entry.seq) != (journal, seq):
            raise MalformedBytes("entry", f"it is number {entry.seq} of journal {entry.journal.hex()}")
        check_chain(*self._tips.get(journal, (0, NO_HASH)), entry)
        if seq == 1:
            self._keys[journal] = self._key_of(entry)
        if entry.signature is not None:
            check_signature(entry, self._keys[journal], verify_ed25519)

    def _key_of(self, entry: Entry) -> bytes:
        opens = [part for part in entry.operations if isinstance(part, Operation) and part.kind == Kind.OPEN]
        raw = opens[0].fields.get(_CREDENTIAL_FIELD) if opens else None
        if not isinstance(raw, bytes):
            raise MalformedBytes("entry", "number 1 does not open the journal")
        credential = Credential.from_bytes(raw)
        credential.check(self._authority_key, verify_ed25519)
        if credential.node != node_of(entry.journal):
            raise MalformedBytes("credential", "it is another node's")
        self.names[entry.journal] = credential.name
        return credential.journal_key


def run(given: argparse.Namespace, call: Invocation) -> Exit:
    """Walks the whole store. Raises DirectoryInUse while the node runs."""
    call.config()
    judge = EntryJudge(Credentials.load(call.directory).authority_key)
    if not (call.directory / FILE_NAME).exists():
        raise BadInput("--data", f"{call.directory} holds no journals yet: its node never ran")
    found = asyncio.run(_walk(call.directory, judge, call.screen.progress))
    faults = [
        {
            "journal": None if fault.journal is None else fault.journal.hex(),
            "node": "" if fault.journal is None else judge.names.get(fault.journal, short_name(fault.journal)),
            "seq": fault.seq,
            "reason": fault.reason,
        }
        for fault in found.faults
    ]
    document: dict[str, Any] = {
        "whole": not faults,
        "journals": found.journals,
        "entries": found.entries,
        "bytes": found.bytes,
        "faults": faults,
    }

    def show() -> None:
        what = f"{found.entries:,} entries of {found.journals} journals, {found.bytes:,} bytes"
        if not faults:
            call.screen.say(f"whole: {what}", "green")
            return
        call.screen.table(
            ("node", "journal", ">first bad entry", "reason"),
            [(fault["node"], fault["journal"], fault["seq"] or "", fault["reason"]) for fault in faults],
        )
        call.screen.say(f"{len(faults)} faults in {what}; the node fetches them from a peer when it starts", "bold red")

    call.screen.answer(document, show)
    return Exit.CHECK_FAILED if faults else Exit.OK


async def _walk(directory: Path, judge: EntryJudge, progress: Callable[..., Any]) -> Verification:
    async with await JournalStore.open(directory) as store:
        with progress("entries", sum(held.seq for held in store.journals())) as advance:
            step: Advance = advance
            return await store.verify(judge, step)
