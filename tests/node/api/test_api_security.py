"""Attacks on the local API: by pages of other sites, by rebound names, by programs without the token."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crdt_models.errors import InvalidValue
from node.api.security import is_loopback_name, read_or_make_token
from node.api.server import ApiServer, ApiSettings
from tests.node.api.api_client import MILK, Client, served
from tests.node.api.fake_node import FakeNode

SALE = {"basket": {"lines": [MILK]}, "tenders": [{"tender_type": "cash", "amount_minor": 99}]}


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1:1",
        "127.0.0.1",
        "localhost.evil.example:{port}",
        "10.0.0.7:{port}",
        "127.0.0.1.evil.example:{port}",
        "[::2]:{port}",
        "::1:{port}",
        "0.0.0.0:{port}",
        "",
    ],
)
def test_a_rebound_name_in_the_host_header_is_refused_whatever_the_token(tmp_path: Path, host: str) -> None:
    async def story(attacker: Client) -> None:
        sent = {"Host": host.format(port=attacker.server.port)}
        for path in ("/v1/status", "/healthz", "/openapi.json", "/nowhere"):
            assert (await attacker.get(path, headers=sent)).refusal == (403, "foreign_host")

    served(tmp_path, story)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}", "127.9.9.9:{port}"]
)
def test_every_loopback_name_with_our_port_is_let_in(tmp_path: Path, host: str) -> None:
    async def story(till: Client) -> None:
        assert (await till.get("/v1/status", headers={"Host": host.format(port=till.server.port)})).status == 200

    served(tmp_path, story)


def test_no_host_or_two_hosts_are_refused(tmp_path: Path) -> None:
    async def story(attacker: Client) -> None:
        token = f"Authorization: Bearer {attacker.server.token}\r\nConnection: close\r\n".encode()
        good = f"Host: 127.0.0.1:{attacker.server.port}\r\n".encode()
        none = await attacker.raw(b"GET /v1/status HTTP/1.0\r\n" + token + b"\r\n")
        two = await attacker.raw(b"GET /v1/status HTTP/1.1\r\n" + good + b"Host: evil.example\r\n" + token + b"\r\n")
        proxied = await attacker.raw(b"GET http://evil.example/v1/status HTTP/1.1\r\n" + good + token + b"\r\n")
        one = await attacker.raw(b"GET /v1/status HTTP/1.1\r\n" + good + token + b"\r\n")
        assert b" 403 " in none.partition(b"\r\n")[0] and b"foreign_host" in none
        assert two.partition(b"\r\n")[0].split()[1] in (b"400", b"403") and b"till-1" not in two
        assert proxied.partition(b"\r\n")[0].split()[1] in (b"400", b"403") and b"till-1" not in proxied
        assert b" 200 " in one.partition(b"\r\n")[0]

    served(tmp_path, story)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "null"},
        {"Origin": "http://localhost:{port}.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_page_of_another_site_reaches_nothing_even_with_the_token(tmp_path: Path, headers: dict[str, str]) -> None:
    async def story(attacker: Client) -> None:
        sent = {name: value.format(port=attacker.server.port) for name, value in headers.items()}
        assert (await attacker.post("/v1/sales", SALE, headers=sent)).refusal == (403, "foreign_origin")
        preflight = {**sent, "Access-Control-Request-Method": "POST"}
        answer = await attacker.ask("OPTIONS", "/v1/sales", headers=preflight)
        assert answer.refusal == (403, "foreign_origin")
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert attacker.node.steps == 0

    served(tmp_path, story)


def test_a_cross_site_websocket_upgrade_is_refused(tmp_path: Path) -> None:
    async def story(attacker: Client) -> None:
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        foreign = {**upgrade, "Origin": "https://evil.example"}
        assert (await attacker.get("/v1/events", headers=foreign, token=None)).refusal == (403, "foreign_origin")
        assert (await attacker.get("/v1/events", headers=upgrade, token=None)).refusal == (403, "token_missing")

    served(tmp_path, story)


def test_our_own_and_listed_origins_are_let_in_with_the_token_only(tmp_path: Path) -> None:
    async def story(page: Client) -> None:
        own = {"Origin": page.server.url, "Sec-Fetch-Site": "same-origin"}
        listed = {"Origin": "https://pos.example", "Sec-Fetch-Site": "cross-site"}
        assert (await page.get("/v1/status", headers=own)).status == 200
        assert (await page.get("/v1/status", headers=listed)).status == 200
        assert (await page.get("/v1/status", headers=listed, token=None)).refusal == (403, "token_missing")

    served(tmp_path, story, allowed_origins=("https://pos.example",))


def test_without_the_right_token_nothing_is_read_or_done(tmp_path: Path) -> None:
    async def story(attacker: Client) -> None:
        token = attacker.server.token
        for path in ("/v1/status", "/v1/events", "/metrics", "/openapi.json"):
            assert (await attacker.get(path, token=None)).refusal == (403, "token_missing")
        for wrong in (token[:-1], token + "x", token.swapcase(), "x", "é" * 43, f"{token} {token}"):
            sent = {"Authorization": f"Bearer {wrong}"}
            assert (await attacker.get("/v1/status", token=None, headers=sent)).refusal == (403, "token_wrong"), wrong
        for scheme in (f"Basic {token}", token):
            sent = {"Authorization": scheme}
            assert (await attacker.post("/v1/sales", SALE, token=None, headers=sent)).refusal == (403, "token_wrong")
        assert (await attacker.get(f"/v1/status?token={token}", token=None)).refusal == (403, "token_missing")
        assert attacker.node.steps == 0

    served(tmp_path, story)


def test_probes_need_no_token_and_metrics_only_if_set_so(tmp_path: Path) -> None:
    async def story(probe: Client) -> None:
        assert (await probe.get("/healthz", token=None)).body == {"ok": True}
        assert (await probe.get("/readyz", token=None)).body == {"ok": True}
        probe.node.not_ready = "the journal is being read"
        refused = await probe.get("/readyz", token=None)
        assert (refused.refusal, refused.body["detail"]) == ((503, "not_ready"), "the journal is being read")
        assert (await probe.get("/healthz", token=None)).status == 200
        assert (await probe.get("/metrics", token=None)).status == 200

    served(tmp_path, story, metrics_open=True)


def test_the_token_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "api.token"
    token = read_or_make_token(path)
    assert len(token) >= 32
    assert read_or_make_token(path) == token
    assert os.listdir(tmp_path) == ["api.token"]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        read_or_make_token(path)
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"short\n", b"x" * 20 + b"\xff" * 20, b"two words " * 10])
def test_a_token_file_that_holds_no_token_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "api.token").write_bytes(content)
    with pytest.raises(InvalidValue) as refused:
        read_or_make_token(tmp_path / "api.token")
    assert refused.value.field == "api_token_file"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", ""])
def test_the_api_refuses_to_listen_where_other_machines_could_reach_it(host: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        ApiSettings(host=host)
    assert refused.value.field == "api_host"


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    async def story(till: Client) -> None:
        second = ApiServer(FakeNode(), tmp_path / "api.token", ApiSettings(port=till.server.port))
        with pytest.raises(InvalidValue) as refused:
            async with second:
                pass
        assert refused.value.field == "api_port"
        assert str(till.server.port) in refused.value.reason

    served(tmp_path, story)


def test_only_this_machine_has_a_loopback_name() -> None:
    assert all(map(is_loopback_name, ("localhost", "127.0.0.1", "127.255.0.3", "[::1]")))
    assert not any(map(is_loopback_name, ("", "::1", "[127.0.0.1]", "127.1", "2130706433", "localhost.", "0177.0.0.1")))
