"""The log of a node: one line an event, a constant phrase and its fields, on standard error.

Whoever keeps logs (systemd, a container, a file) keeps standard error; a log file of our own was refused, because a full
disk must stop nothing. The phrase never varies, so it can be searched and counted; what varies is `key=value` after it.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Final

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_QUIET: Final = ("aiohttp", "asyncio", "zeroconf")
"""Loggers of libraries: their warnings are worth a line, their small talk is not."""


class LogLines(logging.Formatter):
    """`2026-11-24T12:04:00.123Z warning tillmesh.link hung up peer=till-3 reason="..."`."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields = [f"{name}={_text(value)}" for name, value in vars(record).items() if name not in _STANDARD]
        head = f"{moment}.{int(record.msecs):03d}Z {record.levelname.lower()} {record.name} {record.getMessage()}"
        trace = "\n" + self.formatException(record.exc_info) if record.exc_info else ""
        return " ".join([head, *fields]) + trace


def log_to_standard_error(level: str) -> None:
    """From now on, everything from `level` up. level: debug, info, warning or error."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def _text(value: object) -> str:
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if text and text.isprintable() and not set(text) & set(' ="') else json.dumps(text)
