"""The proof of a start (RULES J5): is this the disk that this node wrote last, or a copy of it?

At its last start the disk got a mark, in the transaction of its `open` entry: the database's file id, the machine id and a fresh
random token. The token is also kept outside the data directory, where a copy of the directory does not carry it. A start is
*proven* when all three agree; else it is *doubtful*, with the reasons. A doubtful node sells, numbers and claims as ever; what it
may not do is decided elsewhere.

The order is: `judge`, then `draw` (the new token is synced outside, the one that the disk has stays beside it), then the
append of `open` with the mark. A crash in between leaves a disk whose token is the kept predecessor: no doubt. `settle` drops the
predecessor once `open` is durable, so that a copy from before this start, put back into the same file, is found too.
Refused: device numbers and birth times (they change or are absent), a name by disk content (a clone would share the token file).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import Chance, JournalId
from node.disk.database import sync_directory
from node.disk.store import LastStart, StartMark

TOKEN_BYTES: Final = 16
MACHINE_ID_FILES: Final = ("/etc/machine-id", "/var/lib/dbus/machine-id")


@dataclass(frozen=True, slots=True)
class Verdict:
    """proven: this is the disk that was written last. reasons: for people, empty if proven. first: no start was marked here."""

    proven: bool
    reasons: tuple[str, ...]
    first: bool


class StartProof:
    """The start of the node whose database is `database` (an existing file).

    state_directory: where tokens lie, outside the data directory; made if missing. machine_id: of this computer, "" if none.
    Raises InvalidValue if the state directory lies inside the data directory: a copy would carry the token.
    """

    def __init__(self, database: Path, state_directory: Path, machine_id: str) -> None:
        data_directory = database.resolve().parent
        if state_directory.resolve().is_relative_to(data_directory):
            raise InvalidValue(
                "state_directory", f"lies inside the data directory {data_directory}: a copy would carry it along"
            )
        name = hashlib.sha256(os.fsencode(data_directory)).hexdigest()[:32]
        self.token_path = state_directory / "starts" / f"{name}.json"
        self._data_directory = data_directory
        self._file_id = database.stat().st_ino
        self._machine_id = machine_id
        self._kept = self._read_tokens()
        self._matched: bytes | None = None

    def judge(self, last: LastStart | None, own_set_aside: int) -> Verdict:
        """Compare with what the last start left; both arguments as the store has them. Changes nothing."""
        if last is None:
            left = " although a start token of one is kept" if self._kept else ""
            return Verdict(False, (f"no journal was ever opened on this disk{left}",), first=True)
        mark = last.mark
        reasons = []
        if mark.file_id != self._file_id:
            reasons.append("the database is another file than the one that was written last: it was copied or restored")
        if not self._machine_id or not mark.machine_id:
            reasons.append("this computer has no machine id to compare")
        elif mark.machine_id != self._machine_id:
            reasons.append("the disk was written last in another computer")
        if not self._kept:
            reasons.append(f"no start token is kept at {self.token_path}")
        elif mark.token not in self._kept:
            reasons.append(
                "the start token kept outside is of another start: an older state was put back, or a copy has run"
            )
        else:
            self._matched = mark.token
        if last.own_set_aside != own_set_aside:
            reasons.append("a part of this node's own journals was damaged and set aside")
        return Verdict(not reasons, tuple(reasons), first=False)

    def draw(self, journal: JournalId, chance: Chance) -> tuple[StartMark, str | None]:
        """The mark for the append of `open`, its token kept outside and synced; call it after `judge`.

        The second value is None, or why the token could not be kept: the node starts, but its next start is doubtful.
        """
        token = chance(TOKEN_BYTES)
        mark = StartMark(journal, self._file_id, self._machine_id, token)
        before = [self._matched] if self._matched else list(self._kept[:1])
        try:
            self._write_tokens([token, *before])
        except OSError as error:
            return mark, f"{self.token_path}: {error.strerror or error}"
        return mark, None

    def settle(self) -> None:
        """The `open` entry with the drawn mark is durable: only its token counts from now on. Optional; see above."""
        if len(self._kept) > 1:
            with contextlib.suppress(OSError):  # then both stay, which is merely what J5 asks for
                self._write_tokens(list(self._kept[:1]))

    def _read_tokens(self) -> tuple[bytes, ...]:
        try:
            stored = json.loads(self.token_path.read_bytes())
            return tuple(bytes.fromhex(token) for token in stored["tokens"])
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def _write_tokens(self, tokens: list[bytes]) -> None:
        """Newest first. Written to a new file, synced, renamed, and the name synced: all or nothing, whenever the power goes."""
        self.token_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = {"data_directory": str(self._data_directory), "tokens": [token.hex() for token in tokens]}
        draft = self.token_path.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(content, indent=1).encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self.token_path)
        sync_directory(self.token_path.parent)
        self._kept = tuple(tokens)


def machine_id() -> str:
    """What this operating system calls its installation; "" if it has no name. A disk moved to another computer changes it only
    with its system, which is why it is one of three signs."""
    if sys.platform == "win32":
        return _windows_machine_id()
    if sys.platform == "darwin":
        return _mac_machine_id()
    for path in MACHINE_ID_FILES:
        with contextlib.suppress(OSError):
            if found := Path(path).read_text("ascii", "replace").strip():
                return found
    return ""


def _windows_machine_id() -> str:
    if sys.platform != "win32":
        return ""
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography") as key:
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])
    except OSError:
        return ""


def _mac_machine_id() -> str:
    command = ("/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice")
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return next((line.split('"')[3] for line in told.splitlines() if "IOPlatformUUID" in line), "")
