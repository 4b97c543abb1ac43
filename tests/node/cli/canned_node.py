"""A local API that answers what a test tells it to, and remembers what it was asked. Answers are made from the real shapes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from node import views
from node.run_file import RunFile, write_run_file

TOKEN = "t" * 43
STORE = "5" * 32
NODE = "a" * 32
JOURNAL = "a" * 32 + "b" * 16

COMPLETE = views.CompletenessView(complete=True, as_of_ms=1_795_000_000_000, heads=[], heard=[], missing=[])
APART = views.CompletenessView(
    complete=False,
    as_of_ms=1_795_000_000_000,
    heads=[],
    heard=[
        views.HeardView(node="c" * 32, name="till-3", role="till", silent=True, heard_at_ms=1_794_999_000_000),
        views.HeardView(node="d" * 32, name="till-4", role="till", silent=True, heard_at_ms=None),
    ],
    missing=[
        views.MissingView(
            journal=JOURNAL, node="c" * 32, name="till-3", held=118, exists=121, text="till-3: held to 118 of 121"
        )
    ],
)


class Asked(NamedTuple):
    """One request as the node got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class CannedNode:
    """answers: (method, path with query, else without) -> (status, document or bytes)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.asked: list[Asked] = []
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}

    def answer(self, method: str, path: str, document: Any, status: int = 200) -> None:
        """From now on, this is said to that."""
        self.answers[method, path] = status, document


@contextmanager
def canned_node(directory: Path) -> Iterator[CannedNode]:
    """Serves on a free loopback port, with the token and the run.json that a running node leaves in `directory`."""
    node = CannedNode(directory)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            node.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            problem = {"code": "no_such_path", "detail": f"there is no path {self.path}"}
            without_query = node.answers.get((self.command, self.path.partition("?")[0]), (404, problem))
            status, document = node.answers.get((self.command, self.path), without_query)
            raw = document if isinstance(document, bytes) else msgspec.json.encode(document)
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a test's output is its own."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        (directory / "api.token").write_text(TOKEN + "\n")
        write_run_file(directory, RunFile(pid=os.getpid(), api_port=server.server_port, link_port=1, name="till-1"))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield node
        finally:
            server.shutdown()
            thread.join()
