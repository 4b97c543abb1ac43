"""Where a token says that the authority is."""

from __future__ import annotations

from pathlib import Path

import pytest

from node import own_addresses as module
from node.config import Config
from node.network.addresses import Address
from node.own_addresses import own_addresses


def test_what_the_owner_advertises_comes_before_what_the_machine_has(tmp_path: Path) -> None:
    config = Config(data_directory=tmp_path, advertise=("shop.example", "10.0.0.5"))
    assert own_addresses(config, 8472) == [Address("shop.example", 8472), Address("10.0.0.5", 8472)]


def test_the_interfaces_of_mdns_are_where_joiners_come_from(tmp_path: Path) -> None:
    config = Config(data_directory=tmp_path, mdns_interfaces=("127.0.0.1",))
    assert own_addresses(config, 1) == [Address("127.0.0.1", 1)]


def test_a_machine_without_a_network_is_reached_from_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "speaking_addresses", lambda wanted: [])
    assert own_addresses(Config(data_directory=tmp_path), 1) == [Address("127.0.0.1", 1)]


def test_a_token_names_no_more_addresses_than_people_can_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "speaking_addresses", lambda wanted: [f"10.0.0.{n}" for n in range(20)])
    assert len(own_addresses(Config(data_directory=tmp_path), 1)) == 8
