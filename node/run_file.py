"""`run.json`: where the running node of a data directory is reached. Written once it answers, removed when it stops.

A node with `api_port = 0` takes a free port, so a file must say which. The file proves nothing: after `kill -9` it stays
and names a process that is gone; who reads it asks the node. Written beside and renamed, so nobody reads a half of it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

FILE_NAME: Final = "run.json"


class RunFile(msgspec.Struct, frozen=True, kw_only=True):
    """pid: of the process; api_host, api_port: of the local API; link_port: where peers are heard; name: display name.

    join_port: where joiners are answered, 0 at a node that is not the authority.
    """

    pid: int
    api_port: int
    link_port: int
    name: str
    api_host: str = "127.0.0.1"
    join_port: int = 0


def write_run_file(directory: Path, told: RunFile) -> None:
    """Tells where the node answers. Raises OSError as the system gives it."""
    fresh = directory / f"{FILE_NAME}.{os.getpid()}"
    fresh.write_bytes(msgspec.json.encode(told) + b"\n")
    fresh.replace(directory / FILE_NAME)


def read_run_file(directory: Path) -> RunFile | None:
    """What the last node here told, or None: there is no file, or it is none of ours."""
    try:
        return msgspec.json.decode((directory / FILE_NAME).read_bytes(), type=RunFile)
    except (OSError, msgspec.DecodeError):
        return None


def remove_run_file(directory: Path) -> None:
    """Takes back what this process told; another process's file stays."""
    told = read_run_file(directory)
    if told is not None and told.pid == os.getpid():
        (directory / FILE_NAME).unlink(missing_ok=True)
