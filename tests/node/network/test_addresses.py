"""The address book and what is believed of announcements: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models.errors import InvalidValue
from crdt_models.values.identity import NodeId, StoreId
from node.network.addresses import Address, AddressBook, parse_address
from node.network.announcement import (
    SERVICE,
    is_of_store,
    read_announcement,
    service_name,
    service_properties,
)

STORE = StoreId(bytes(range(16)))
OTHER_STORE = StoreId(b"\xaa" * 16)
NODE = NodeId(b"n" * 16)
PROCESS = b"12345678"


@pytest.mark.parametrize("text", ["10.0.0.5:7411", "[fd00::1]:80", "till-3.shop.lan:65535"])
def test_an_address_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "10.0.0.5", ":80", "a:0", "a:65536", "a:x", "a:8²", "fd00::1:80", "[x]:80", "a b:80", "http://a:80", "a/:1"],
)
def test_what_is_no_address_is_refused_by_field(text: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        parse_address(text, "static")
    assert refusal.value.field == "static"


def test_a_flood_of_hints_is_bounded_and_never_displaces_what_was_configured_or_proven() -> None:
    book = AddressBook(addresses_max=20, hints_max=10)
    static, proven = Address("10.0.0.1", 1), Address("10.0.0.2", 1)
    book.note(static, "static")
    book.note(proven, "mdns", NODE, PROCESS)
    book.prove(proven, NODE, PROCESS)
    for number in range(10_000):
        book.note(Address("10.9.9.9", 1 + number), "mdns")
    assert len(book) == 12
    assert book.get(static) is not None and book.get(proven) is not None
    assert book.forgotten == 10_000 - 10


def test_a_full_book_gives_up_the_past_for_the_present_but_not_what_was_configured() -> None:
    book = AddressBook(addresses_max=3, hints_max=3)
    for number in range(2):
        book.note(Address("10.0.0.1", 1 + number), "static")
    book.note(Address("10.0.0.2", 1), "remembered", NODE)
    assert book.note(Address("10.0.0.3", 1), "static")[0] == "new"
    assert book.get(Address("10.0.0.2", 1)) is None
    assert book.note(Address("10.0.0.4", 1), "mdns") == ("refused", None)


def test_a_new_process_at_a_known_address_is_a_change_and_a_repetition_is_none() -> None:
    book, place = AddressBook(), Address("10.0.0.1", 1)
    changes = [book.note(place, "mdns", NODE, process)[0] for process in (PROCESS, PROCESS, b"abcdefgh")]
    assert changes == ["new", "same", "changed"]


def test_an_address_is_dropped_when_nobody_speaks_for_it_and_kept_if_a_link_was_made_there() -> None:
    book, place, proven = AddressBook(), Address("10.0.0.1", 1), Address("10.0.0.2", 1)
    book.note(place, "mdns")
    book.note(place, "static")
    assert not book.withdraw(place, "mdns")
    assert book.withdraw(place, "static")
    book.note(proven, "mdns", NODE, PROCESS)
    book.prove(proven, NODE, PROCESS)
    assert not book.withdraw(proven, "mdns")
    known = book.get(proven)
    assert known is not None and known.how == {"remembered"}


def _properties(**changes: bytes | None) -> dict[bytes, bytes | None]:
    good = service_properties(STORE, NODE, PROCESS)
    return {key.encode(): value.encode() for key, value in good.items()} | {
        key.encode(): value for key, value in changes.items()
    }


def test_a_nodes_own_word_is_understood_and_fits_a_dns_label() -> None:
    name = service_name(STORE, NODE, PROCESS)
    assert len(name.removesuffix("." + SERVICE)) <= 63
    assert is_of_store(name, STORE) and not is_of_store(name, OTHER_STORE)
    said = read_announcement(_properties(), ["10.0.0.5", "10.0.0.5", "192.168.1.2"], 7411, STORE, loopback=False)
    assert said is not None
    assert (said.node, said.process) == (NODE, PROCESS)
    assert said.addresses == (Address("10.0.0.5", 7411), Address("192.168.1.2", 7411))


@pytest.mark.parametrize("field", ["v", "s", "n", "p"])
@pytest.mark.parametrize("value", [None, b"", b"2", b"zz", b"\xff\xfe", b"00" * 40])
def test_a_spoofed_record_is_no_hint(field: str, value: bytes | None) -> None:
    assert read_announcement(_properties(**{field: value}), ["10.0.0.5"], 7411, STORE, loopback=False) is None


def test_another_stores_record_is_no_hint() -> None:
    assert read_announcement(_properties(), ["10.0.0.5"], 7411, OTHER_STORE, loopback=False) is None


@pytest.mark.parametrize(
    "host", ["224.0.0.1", "0.0.0.0", "127.0.0.1", "::1", "ff02::1", "evil.example", "255.255.255.255"]
)
def test_an_address_that_no_peer_can_have_is_no_hint(host: str) -> None:
    assert read_announcement(_properties(), [host], 7411, STORE, loopback=False) is None


@pytest.mark.parametrize("port", [None, 0, 65_536, -1])
def test_a_port_that_no_peer_can_have_is_no_hint(port: int | None) -> None:
    assert read_announcement(_properties(), ["10.0.0.5"], port, STORE, loopback=False) is None


def test_one_record_gives_a_bounded_number_of_addresses() -> None:
    hosts = [f"10.0.{high}.{low}" for high in range(10) for low in range(1, 100)]
    said = read_announcement(_properties(), hosts, 7411, STORE, loopback=False)
    assert said is not None and len(said.addresses) <= 8


@given(
    properties=st.dictionaries(st.sampled_from([b"v", b"s", b"n", b"p"]), st.none() | st.binary(max_size=40)),
    hosts=st.lists(st.text(max_size=20), max_size=4),
    port=st.none() | st.integers(),
)
def test_no_record_breaks_the_reader(properties: dict[bytes, bytes | None], hosts: list[str], port: int | None) -> None:
    said = read_announcement(properties, hosts, port, STORE, loopback=True)
    assert said is None or len(said.node) == 16
