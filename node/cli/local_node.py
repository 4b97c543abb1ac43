"""The running node of a data directory, asked over its local HTTP API with the token that lies in the directory.

The standard library's client, because a command that asks one question should not load a server's worth of code. No
proxy is ever used: the node is on this machine.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from node.cli import limits
from node.cli.errors import ApiRefused, NotReachable
from node.config import Config
from node.run_file import RunFile, read_run_file

API_VERSION: Final = "/v1"


class LocalNode:
    """One node's API. Methods raise NotReachable and ApiRefused; answers are plain JSON values."""

    def __init__(self, config: Config) -> None:
        self._directory = config.data_directory
        running = read_run_file(config.data_directory)
        if running is None:
            reason = "it does not run" if config.data_directory.is_dir() else "there is no such directory"
            raise NotReachable(str(config.data_directory), reason)
        self.running: RunFile = running
        self._token = self._read_token(config.api_token_path)

    def get(self, path: str, **query: object) -> Any:
        """GET under /v1; query values that are None are left out."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path + ("?" + urlencode(given) if given else ""))

    def post(self, path: str, document: object, key: str | None = None) -> Any:
        """POST a JSON document under /v1. key: Idempotency-Key."""
        return self._ask("POST", path, json.dumps(document).encode(), "application/json", key)

    def put(self, path: str, document: object, key: str | None = None) -> Any:
        """PUT a JSON document under /v1. key: Idempotency-Key."""
        return self._ask("PUT", path, json.dumps(document).encode(), "application/json", key)

    def upload(self, path: str, raw: bytes, content_type: str, key: str | None = None) -> Any:
        """POST bytes under /v1, and wait for as long as an import may take."""
        return self._ask("POST", path, raw, content_type, key, limits.import_seconds_max)

    def _read_token(self, path: Path) -> str:
        try:
            return path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NotReachable(str(self._directory), f"its token {path} cannot be read ({error})") from error

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str | None = None,
        key: str | None = None,
        seconds: float = limits.answer_seconds_max,
    ) -> Any:
        headers: dict[str, str] = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if content_type is not None:
            headers["Content-Type"] = content_type
        if key is not None:
            headers["Idempotency-Key"] = key
        running = self.running
        connection = http.client.HTTPConnection(running.api_host, running.api_port, timeout=limits.connect_seconds_max)
        try:
            connection.connect()
            connection.sock.settimeout(seconds)
            connection.request(method, API_VERSION + path, body, headers)
            response = connection.getresponse()
            raw = response.read(limits.answer_bytes_max + 1)
            status = response.status
        except TimeoutError as error:
            raise NotReachable(str(self._directory), f"process {running.pid} does not answer in time") from error
        except (OSError, http.client.HTTPException) as error:
            place = f"{running.api_host}:{running.api_port}"
            raise NotReachable(
                str(self._directory),
                f"process {running.pid} left {place} in its run.json, where nobody answers ({error})",
            ) from error
        finally:
            connection.close()
        return _read(status, raw)


def segment(text: str) -> str:
    """One segment of a path, with everything escaped that would make it two."""
    return quote(text, safe="")


def listed(document: Any, name: str) -> list[dict[str, Any]]:
    """The rows of an answer that is a list, or that holds it under `name`."""
    rows = document.get(name, []) if isinstance(document, Mapping) else document
    return list(rows)


def _read(status: int, raw: bytes) -> Any:
    if len(raw) > limits.answer_bytes_max:
        raise ApiRefused(status, {"code": "answer_too_large", "detail": "the answer is larger than a command reads"})
    try:
        document = msgspec.json.decode(raw) if raw else {}
    except msgspec.DecodeError as error:
        detail = f"the answer ({status}) is not JSON: is another program on this port?"
        raise ApiRefused(502, {"code": "not_a_node", "detail": detail}) from error
    if status >= 400:
        raise ApiRefused(status, document if isinstance(document, dict) else {})
    return document
