"""Bytes that no reader may take, each with the code of the error that says why (`crdt_models.errors`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cbor2

from crdt_models.journal import canonical
from crdt_models.journal.entry import Entry, operation_hash, operations_root

MALFORMED, LIMIT, SIGNATURE = "malformed_bytes", "limit_exceeded", "bad_signature"


def _row(raw: bytes, code: str) -> dict[str, Any]:
    return {"hex": raw.hex(), "code": code}


def entries(named: Mapping[str, Entry]) -> dict[str, dict[str, Any]]:
    """Entries that do not decode, and one whose signature is another's (all else about it is right)."""
    signed, unsigned = named["begin_and_claim"], named["note_unsigned"]
    header, parts, signature = cbor2.loads(signed.raw)
    plain = cbor2.loads(header)
    assert type(signature) is bytes

    def with_header(index: int, value: Any) -> bytes:
        changed = [*plain]
        changed[index] = value
        return cbor2.dumps([cbor2.dumps(changed), parts, signature])

    def with_operation(body: bytes, index: int = 0) -> bytes:
        salt = bytes(16)
        changed = [*parts]
        changed[index] = [salt, body]
        root = operations_root([operation_hash(*part) for part in changed])
        whole = [*plain]
        whole[7] = root
        return cbor2.dumps([cbor2.dumps(whole), changed, signature])

    other = bytearray(signature)
    other[0] ^= 1
    body = signed.operations[1]
    step = parts[0][1]
    return {
        "empty": _row(b"", MALFORMED),
        "cut_short": _row(signed.raw[:-1], MALFORMED),
        "a_byte_after_it": _row(signed.raw + b"\x00", MALFORMED),
        "no_array": _row(b"\xa0", MALFORMED),
        "array_of_indefinite_length": _row(b"\x9f" + unsigned.raw[1:] + b"\xff", MALFORMED),
        "array_head_in_two_bytes": _row(b"\x98\x03" + unsigned.raw[1:], MALFORMED),
        "inside_a_tag": _row(b"\xd9\xd9\xf7" + unsigned.raw, MALFORMED),
        "signature_of_63_bytes": _row(cbor2.dumps([header, parts, signature[:63]]), MALFORMED),
        "signature_missing_where_flagged": _row(cbor2.dumps([header, parts, None]), MALFORMED),
        "signature_of_another": _row(cbor2.dumps([header, parts, bytes(other)]), SIGNATURE),
        "no_operations": _row(cbor2.dumps([header, [], signature]), LIMIT),
        "salt_of_15_bytes": _row(cbor2.dumps([header, [[parts[0][0][:15], step], *parts[1:]], signature]), MALFORMED),
        "an_operation_left_out": _row(cbor2.dumps([header, parts[:-1], signature]), MALFORMED),
        "operations_in_another_order": _row(cbor2.dumps([header, [parts[0], *parts[:0:-1]], signature]), MALFORMED),
        "another_salt": _row(cbor2.dumps([header, [[bytes(16), step], *parts[1:]], signature]), MALFORMED),
        "operation_0_dropped": _row(
            cbor2.dumps([header, [operation_hash(*parts[0]), *parts[1:]], signature]), MALFORMED
        ),
        "operation_0_is_no_step": _row(with_operation(replace(body, kind=1).to_bytes()), MALFORMED),  # type: ignore[type-var]
        "header_version_2": _row(with_header(0, 2), MALFORMED),
        "number_0": _row(with_header(4, 0), MALFORMED),
        "counter_of_33_bits": _row(with_header(5, [0, 1 << 32]), MALFORMED),
        "unknown_flag": _row(with_header(8, 3), MALFORMED),
        "store_of_15_bytes": _row(with_header(1, plain[1][:15]), MALFORMED),
        "float_in_an_operation": _row(with_operation(cbor2.dumps([0, 1, {1: 0.5}, False, None, 0])), MALFORMED),
        "undefined_in_an_operation": _row(
            with_operation(cbor2.dumps([0, 1, {1: cbor2.undefined}, False, None, 0])), MALFORMED
        ),
        "map_keys_not_sorted": _row(with_operation(bytes.fromhex("860001a202f601f6f4f600")), MALFORMED),
        "map_key_twice": _row(with_operation(bytes.fromhex("860001a201f601f6f4f600")), MALFORMED),
        "integer_beyond_64_bits": _row(with_operation(cbor2.dumps([0, 1, {1: 1 << 64}, False, None, 0])), MALFORMED),
        "text_that_is_no_utf8": _row(with_operation(bytes.fromhex("860001a10161fff4f600")), MALFORMED),
        "nested_too_deep": _row(with_operation(bytes.fromhex("860001a101" + "81" * 20 + "80" + "f4f600")), MALFORMED),
        "operation_version_0": _row(with_operation(cbor2.dumps([0, 0, {}, False, None, 0])), MALFORMED),
        "field_number_below_0": _row(with_operation(cbor2.dumps([0, 1, {-1: 0}, False, None, 0])), MALFORMED),
        "by_without_epoch": _row(with_operation(cbor2.dumps([0, 1, {}, False, ["anna"], 0])), MALFORMED),
    }


def frames() -> dict[str, dict[str, Any]]:
    """Bytes that are no frame of this version, nor one of a later one."""
    journal = bytes(24)
    made: dict[str, tuple[Any, str]] = {
        "a_number": (1, MALFORMED),
        "type_alone": ([9], MALFORMED),
        "type_that_is_text": (["hello", 0], MALFORMED),
        "type_below_0": ([-1, 1], MALFORMED),
        "a_flag_on_a_known_frame": ([9, 1, "x"], MALFORMED),
        "goodbye_with_one_more": ([9, 0, "x", 1], MALFORMED),
        "goodbye_of_201_characters": ([9, 0, "x" * 201], MALFORMED),
        "entries_from_0": ([2, 0, journal, 0, True, []], MALFORMED),
        "entries_pushed_with_a_number": ([2, 0, journal, 1, 1, []], MALFORMED),
        "entries_of_a_journal_of_23_bytes": ([2, 0, journal[1:], 1, True, []], MALFORMED),
        "entries_of_a_journal_of_33_bytes": ([2, 0, bytes(33), 1, True, []], MALFORMED),
        "want_with_a_hash_of_7_bytes": ([3, 0, journal, 1, [[1, bytes(7)]]], MALFORMED),
        "want_from_beyond_63_bits": ([3, 0, journal, 1 << 63, []], MALFORMED),
        "want_with_65_places": ([3, 0, journal, 1, [[1, bytes(8)]] * 65], MALFORMED),
        "ack_of_three": ([4, 0, [[journal, 1, 1]]], MALFORMED),
        "pulse_without_wall": ([5, 0, {}], MALFORMED),
        "pulse_with_text_as_key": ([5, 0, {0: 0, "1": []}], MALFORMED),
        "pulse_with_heads_twice": ([5, 0, {0: 0, 1: [[journal, 1, bytes(8)]] * 2}], MALFORMED),
        "pulse_with_heads_not_sorted": (
            [5, 0, {0: 0, 1: [[b"\x01" + bytes(23), 1, bytes(8)], [journal, 1, bytes(8)]]}], MALFORMED,
        ),
        "pulse_with_a_nonce_of_7_bytes": ([5, 0, {0: 0, 7: bytes(7)}], MALFORMED),
        "hello_without_anything": ([1, 0, {}], MALFORMED),
        "hello_with_versions_reversed": ([1, 0, {0: 2, 1: 1}], MALFORMED),
        "urgent_with_text": ([6, 0, "x"], MALFORMED),
        "ask_over_17_hops": ([7, 0, bytes(16), "x", b"", 0, 17], LIMIT),
        "answer_with_an_id_of_15_bytes": ([8, 0, bytes(15), 0, b""], MALFORMED),
    }  # fmt: skip
    rows = {name: _row(canonical.encode(value), code) for name, (value, code) in made.items()}
    rows["nothing"] = _row(b"", MALFORMED)
    rows["a_byte_after_it"] = _row(canonical.encode([9, 0, "x"]) + b"\x00", MALFORMED)
    rows["type_in_two_bytes"] = _row(bytes.fromhex("83180900") + canonical.encode("x"), MALFORMED)
    return rows
