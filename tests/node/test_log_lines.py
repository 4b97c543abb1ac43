"""The log: one line an event, whatever is in its fields."""

from __future__ import annotations

import logging
import sys

import pytest

from node.log_lines import LogLines, log_to_standard_error


def record(message: str, level: int = logging.WARNING, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("tillmesh.link", level, __file__, 1, message, (), None)
    vars(made).update(fields, created=1_795_000_000.5, msecs=500.0)
    return made


def test_a_line_holds_the_phrase_and_its_fields() -> None:
    line = LogLines().format(record("hung up", peer="till-3", reason="slow reader", node=b"\x01\xff", empty=""))
    assert line == (
        '2026-11-18T11:06:40.500Z warning tillmesh.link hung up peer=till-3 reason="slow reader" node=01ff empty=""'
    )


def test_a_field_cannot_start_a_line_of_its_own() -> None:
    line = LogLines().format(record("hung up", reason='x\n2026 error forged="1"'))
    assert "\n" not in line
    assert line.endswith(r'reason="x\n2026 error forged=\"1\""')


def test_a_defect_keeps_its_trace() -> None:
    made = record("failed")
    try:
        raise ValueError("inside")
    except ValueError:
        made.exc_info = sys.exc_info()
    assert LogLines().format(made).splitlines()[-1] == "ValueError: inside"


def test_libraries_say_nothing_below_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    before, level = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        log_to_standard_error("debug")
        logging.getLogger("zeroconf").info("small talk")
        logging.getLogger("tillmesh.link").debug("a frame")
        assert capsys.readouterr().err.endswith("debug tillmesh.link a frame\n")
    finally:
        logging.basicConfig(handlers=before, level=level, force=True)
