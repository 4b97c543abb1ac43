"""The floor: the least that any program must do for a sale that is durable at two machines, at the same pace.

Append the sale's bytes to a file and fdatasync it, send them over loopback TCP to another process, which appends and
syncs them to its own file and answers 8 bytes. No encoding, no signature, no TLS, no database, no event loop: whatever
tillmesh takes above that is its own. The other end is `python -m bench.floor FILE`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Self

ANSWER: Final = bytes(8)
LENGTH_BYTES: Final = 4


class Floor(AbstractContextManager["Floor"]):
    """Two files and a loopback connection between two processes."""

    def __init__(self, directory: Path) -> None:
        self._here = os.open(directory / "floor-here", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.floor", str(directory / "floor-there")], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        os.close(self._here)

    def once(self, payload: bytes) -> float:
        """Seconds for one payload, durable at both ends and answered."""
        began = time.perf_counter()
        os.write(self._here, payload)
        os.fdatasync(self._here)
        self._socket.sendall(len(payload).to_bytes(LENGTH_BYTES, "big") + payload)
        _receive(self._socket, len(ANSWER))
        return time.perf_counter() - began

    def paced(self, payload: bytes, per_second: float, seconds: float) -> list[float]:
        """Seconds of each, at a steady pace: a disk that idles between two writes answers later than one that does not."""
        times = []
        start = time.perf_counter()
        for number in range(int(per_second * seconds)):
            time.sleep(max(0.0, start + number / per_second - time.perf_counter()))
            times.append(self.once(payload))
        return times

    def sustained(self, payload: bytes, group: int, seconds: float) -> float:
        """Payloads per second in groups that are written, sent and answered one after the other."""
        start = time.perf_counter()
        count = 0
        while time.perf_counter() - start < seconds:
            self.once(payload * group)
            count += group
        return count / (time.perf_counter() - start)


def _receive(connection: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        piece = connection.recv(count - len(received))
        if not piece:
            return b""
        received += piece
    return bytes(received)


def serve(path: Path) -> None:
    """The other end, until its one client leaves."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
    there = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while length := _receive(connection, LENGTH_BYTES):
            os.write(there, _receive(connection, int.from_bytes(length, "big")))
            os.fdatasync(there)
            connection.sendall(ANSWER)
    os.close(there)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
