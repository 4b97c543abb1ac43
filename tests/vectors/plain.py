"""Entries and frames as JSON and back, so that a reader in any language can compare its own with ours.

Bytes are `{"hex": ".."}`, maps are `{"map": [[key, value] ..]}` in canonical order (JSON has no number as key), arrays
are arrays; all else is itself. Nothing here knows what a field means: a vector must not change its look with a version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from crdt_models.journal import canonical
from crdt_models.journal.entry import Entry, decode_entry
from crdt_models.journal.heads import Head
from crdt_models.journal.operation import Operation
from node.replication import frames
from node.replication.frames import Frame


def plain(value: Any) -> Any:
    """Any value of the strict profile as JSON."""
    match value:
        case bytes():
            return {"hex": value.hex()}
        case Mapping():
            rows = sorted(value.items(), key=lambda row: (len(canonical.encode(row[0])), canonical.encode(row[0])))
            return {"map": [[plain(key), plain(item)] for key, item in rows]}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def value_of(told: Any) -> Any:
    """The value of its JSON; the counterpart of `plain`, arrays as tuples."""
    match told:
        case {"hex": text}:
            return bytes.fromhex(text)
        case {"map": rows}:
            return {value_of(key): value_of(item) for key, item in rows}
        case list():
            return tuple(value_of(item) for item in told)
        case _:
            return told


def plain_entry(entry: Entry) -> dict[str, Any]:
    """Every field of an entry, its hash included; a dropped operation is its hash."""
    salts = [part[0] if isinstance(part, list) else None for part in canonical.decode(entry.raw, "entry")[1]]
    parts: list[dict[str, Any]] = []
    for salt, operation in zip(salts, entry.operations, strict=True):
        if isinstance(operation, Operation):
            read = [operation.kind, operation.version, operation.fields, operation.critical, operation.by]
            parts.append({"salt": plain(salt), "operation": plain([*read, operation.via])})
        else:
            parts.append({"dropped": plain(operation.hash)})
    return {
        "version": 1,
        "store": plain(entry.store),
        "node": plain(entry.node),
        "incarnation": plain(entry.journal[16:]),
        "seq": entry.seq,
        "stamp": plain(entry.stamp),
        "previous": plain(entry.previous),
        "root": plain(entry.root),
        "flags": entry.flags,
        "parts": parts,
        "signature": plain(entry.signature),
        "hash": plain(entry.hash),
    }


def entry_bytes(told: Mapping[str, Any]) -> bytes:
    """The wire bytes that these fields make by PROTOCOL.md section 2 alone: nothing of the entry's own code is used."""
    names = ("version", "store", "node", "incarnation", "seq", "stamp", "previous", "root", "flags")
    header = canonical.encode([value_of(told[name]) for name in names])
    parts = [
        value_of(part["dropped"])
        if "dropped" in part
        else [value_of(part["salt"]), canonical.encode(value_of(part["operation"]))]
        for part in told["parts"]
    ]
    return canonical.encode([header, parts, value_of(told["signature"])])


def plain_frame(frame: Frame) -> dict[str, Any]:
    """The kind of a frame and its fields by their names."""
    told = {field.name: plain(getattr(frame, field.name)) for field in fields(frame) if field.init}
    return {"frame": type(frame).__name__.lower(), "fields": told}


def frame_of(told: Mapping[str, Any]) -> Frame:
    """The frame of its JSON."""
    made: type = getattr(frames, told["frame"].capitalize())
    values = {name: value_of(value) for name, value in told["fields"].items()}
    if "heads" in values:
        values["heads"] = {journal: Head(*head) for journal, head in values["heads"].items()}
    frame: Frame = made(**values)
    return frame


def entry_of(vector: Mapping[str, Any]) -> Entry:
    """The entry of a vector's bytes."""
    return decode_entry(bytes.fromhex(vector["hex"]))
