"""Making a store, inviting and joining: real files, real TLS on loopback."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models.errors import InvalidValue
from crdt_models.journal.signatures import verify_ed25519
from node.network import limits
from node.network.addresses import Address
from node.network.authority import Authority, init_store
from node.network.certificates import new_tls_key, read_node_certificate, read_request, signing_request
from node.network.credentials import Credentials, own_keys
from node.network.enrolment import Enrolment
from node.network.errors import (
    AlreadyAMember,
    AuthorityNotReached,
    BrokenTrust,
    JoinRefused,
    NameTaken,
    NetworkError,
    NotAMember,
    NotTheAuthority,
    TokenLate,
    TokenMalformed,
    TokenUnknown,
    TokenUsed,
    UnreadableCertificate,
    WrongAuthority,
)
from node.network.invite import Invitations, Token
from node.network.join import join_store
from tests.node.network.store_fixture import LOOPBACK, NOW_MS, TestStore, make_store


def test_init_makes_a_member_whose_parts_fit_and_whose_keys_are_private(tmp_path: Path) -> None:
    made = init_store(tmp_path / "office", "office", "back_office", NOW_MS)
    loaded = Credentials.load(tmp_path / "office")
    assert (loaded.credential, loaded.is_authority) == (made.credential, True)
    assert (loaded.name, loaded.role) == ("office", "back_office")
    assert loaded.expires_ms // 1000 == NOW_MS // 1000 + limits.certificate_days * 86_400
    assert loaded.signer.public_key == loaded.credential.journal_key
    loaded.credential.check(loaded.authority_key, verify_ed25519)
    if os.name == "posix":
        files = [path for path in (tmp_path / "office" / "trust").rglob("*") if path.is_file()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_init_and_join_refuse_a_directory_that_belongs_to_a_store(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    before = (store.directory / "trust" / "authority.key").read_bytes()
    with pytest.raises(AlreadyAMember):
        init_store(store.directory, "other", "till", NOW_MS)
    token = Invitations(store.authority, bytes(32)).invite("till-1", "till", [Address("a", 1)], NOW_MS, os.urandom)
    with pytest.raises(AlreadyAMember):
        asyncio.run(join_store(store.directory, token.token))
    assert (store.directory / "trust" / "authority.key").read_bytes() == before


def test_an_init_that_was_interrupted_can_be_repeated(tmp_path: Path) -> None:
    init_store(tmp_path / "office", "office", "back_office", NOW_MS)
    (tmp_path / "office" / "trust" / "credential").unlink()
    with pytest.raises(NotAMember):
        Credentials.load(tmp_path / "office")
    assert init_store(tmp_path / "office", "office", "back_office", NOW_MS).name == "office"


def test_the_authority_signs_for_its_store_and_a_till_cannot(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    signature = store.authority.sign(b"tillmesh-test" + b"record")
    assert verify_ed25519(store.office.authority_key, signature, b"tillmesh-testrecord")
    store.enrol("till-1")
    with pytest.raises(NotTheAuthority):
        Authority.load(tmp_path / "till-1")


@pytest.mark.parametrize("name", ["", "Till-1", "till 1", "-till", "till-", "a/b", "..", "kasse-ü", "t" * 33, "till\n"])
def test_a_name_that_would_hurt_on_a_receipt_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        init_store(tmp_path / "office", name, "till", NOW_MS)
    assert refusal.value.field == "name"
    assert not (tmp_path / "office").exists()


def test_a_role_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue) as refusal:
        init_store(tmp_path / "office", "office", "owner", NOW_MS)
    assert refusal.value.field == "role"


@pytest.mark.parametrize("file", ["journal.key", "tls.key", "tls.pem", "credential", "authority.pub"])
def test_a_file_of_another_node_is_named(tmp_path: Path, file: str) -> None:
    one, other = make_store(tmp_path / "a"), make_store(tmp_path / "b")
    (one.directory / "trust" / file).write_bytes((other.directory / "trust" / file).read_bytes())
    with pytest.raises(BrokenTrust):
        Credentials.load(one.directory)


@pytest.mark.parametrize("file", ["journal.key", "tls.key", "tls.pem", "credential", "authority.pub", "ca.pem"])
def test_a_garbled_or_missing_file_is_named(tmp_path: Path, file: str) -> None:
    store = make_store(tmp_path)
    path = store.directory / "trust" / file
    if file != "ca.pem":
        path.write_bytes(b"\xff garbage")
        with pytest.raises(BrokenTrust):
            Credentials.load(store.directory)
    path.unlink()
    with pytest.raises(BrokenTrust if file != "credential" else NotAMember):
        Credentials.load(store.directory)


def test_a_signing_request_must_prove_its_p256_key(tmp_path: Path) -> None:
    good = signing_request(new_tls_key(), make_store(tmp_path).office.node)
    read_request(good)
    for bad in (b"", b"nonsense", good[:-1] + bytes([good[-1] ^ 1])):
        with pytest.raises(UnreadableCertificate):
            read_request(bad)


def test_a_certificate_without_a_node_in_it_is_unreadable(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    with pytest.raises(UnreadableCertificate):
        read_node_certificate(store.authority.ca_der)


def test_a_token_survives_capitals_spaces_and_line_breaks() -> None:
    token = Token(b"f" * 16, b"s" * 16, (Address("192.168.1.10", 7412), Address("fd00::1", 7412), Address("bo.lan", 1)))
    text = token.to_text()
    assert Token.from_text(text) == token
    assert Token.from_text("  " + text.upper().replace("-", " \n") + "\n") == token


@given(at=st.integers(4, 90), letter=st.sampled_from("abcdefghijklmnopqrstuvwxyz234567189"))
def test_a_typing_error_in_a_token_is_found(at: int, letter: str) -> None:
    text = Token(b"f" * 16, b"s" * 16, (Address("192.168.1.10", 7412),)).to_text()
    typed = text[:at] + letter + text[at + 1 :]
    if typed != text:
        try:
            assert Token.from_text(typed) == Token.from_text(text)
        except TokenMalformed:
            return


@given(st.text(max_size=200))
def test_no_text_breaks_the_token_reader(text: str) -> None:
    for candidate in (text, "tm1-" + text):
        with pytest.raises(TokenMalformed):
            Token.from_text(candidate)


class _Shop:
    """An authority that answers joiners, and a clock to turn."""

    def __init__(self, store: TestStore) -> None:
        self.store, self.now_ms = store, NOW_MS
        self.joined: list[bytes] = []
        self.enrolment = Enrolment(
            store.authority, store.office, [LOOPBACK], lambda: self.now_ms, lambda raw: self.joined.append(raw)
        )

    def invite(self, name: str) -> str:
        where = self.enrolment.addresses
        return self.enrolment.invitations.invite(name, "till", where, self.now_ms, os.urandom).token


def test_a_till_joins_with_a_token_and_is_a_member_of_the_same_store(tmp_path: Path) -> None:
    async def story() -> None:
        shop = _Shop(make_store(tmp_path))
        async with shop.enrolment:
            till = await join_store(tmp_path / "till-4", shop.invite("till-4"))
        assert (till.name, till.role, till.store) == ("till-4", "till", shop.store.office.store)
        assert till.authority_key == shop.store.authority.public_key
        assert Credentials.load(tmp_path / "till-4").credential == till.credential
        assert shop.joined == [till.credential.to_bytes()]
        assert not till.is_authority

    asyncio.run(story())


def test_a_token_is_used_once_also_after_the_authority_restarted(tmp_path: Path) -> None:
    async def story() -> None:
        store = make_store(tmp_path)
        shop = _Shop(store)
        async with shop.enrolment:
            token = shop.invite("till-4")
            await join_store(tmp_path / "till-4", token)
            with pytest.raises(TokenUsed):
                await join_store(tmp_path / "thief", token)
            port = shop.enrolment.addresses[0].port
        again = Enrolment(Authority.load(store.directory), store.office, [Address("127.0.0.1", port)], lambda: NOW_MS)
        async with again:
            with pytest.raises(TokenUsed):
                await join_store(tmp_path / "thief", token)

    asyncio.run(story())
    with pytest.raises(NotAMember):
        Credentials.load(tmp_path / "thief")


def test_a_joiner_whose_answer_was_lost_may_ask_again_but_nobody_else(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    invitations = Invitations(store.authority, bytes(32))
    token = Token.from_text(invitations.invite("till-4", "till", [Address("a", 1)], NOW_MS, os.urandom).token)
    mine, other = own_keys(tmp_path / "m"), own_keys(tmp_path / "o")
    request = signing_request(mine.tls, store.office.node)
    first = invitations.redeem(token.secret, mine.signer.public_key, request, NOW_MS)
    assert invitations.redeem(token.secret, mine.signer.public_key, request, NOW_MS + 1) == first
    with pytest.raises(TokenUsed):
        invitations.redeem(token.secret, other.signer.public_key, request, NOW_MS + 1)
    with pytest.raises(TokenUsed):
        invitations.redeem(token.secret, mine.signer.public_key, request, NOW_MS + 16 * 60_000)


def test_a_power_cut_after_the_name_was_given_does_not_lock_the_same_joiner_out(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    invitations = Invitations(store.authority, bytes(32))
    token = Token.from_text(invitations.invite("till-4", "till", [Address("a", 1)], NOW_MS, os.urandom).token)
    keys = own_keys(tmp_path / "m")
    request = signing_request(keys.tls, store.office.node)
    store.authority.issue(keys.signer.public_key, request, "till-4", "till", NOW_MS)
    assert len(invitations.redeem(token.secret, keys.signer.public_key, request, NOW_MS)) == 2


def test_a_late_token_is_refused_also_when_the_clock_went_back(tmp_path: Path) -> None:
    async def story() -> None:
        shop = _Shop(make_store(tmp_path))
        async with shop.enrolment:
            token = shop.invite("till-4")
            for shift_ms in (limits.token_minutes * 60_000 + 1, -365 * 86_400_000):
                shop.now_ms = NOW_MS + shift_ms
                with pytest.raises(TokenLate):
                    await join_store(tmp_path / "till-4", token)
            shop.now_ms = NOW_MS + limits.token_minutes * 60_000
            assert (await join_store(tmp_path / "till-4", token)).name == "till-4"

    asyncio.run(story())


def test_a_forged_token_is_unknown_to_the_authority(tmp_path: Path) -> None:
    async def story() -> None:
        shop = _Shop(make_store(tmp_path))
        async with shop.enrolment:
            real = Token.from_text(shop.invite("till-4"))
            forged = Token(real.fingerprint, bytes(16), real.addresses)
            with pytest.raises(TokenUnknown):
                await join_store(tmp_path / "till-4", forged.to_text())

    asyncio.run(story())


def test_a_new_invitation_for_a_name_replaces_the_open_one_and_names_are_unique(tmp_path: Path) -> None:
    async def story() -> None:
        shop = _Shop(make_store(tmp_path))
        async with shop.enrolment:
            first, second = shop.invite("till-4"), shop.invite("till-4")
            with pytest.raises(TokenUnknown):
                await join_store(tmp_path / "till-4", first)
            await join_store(tmp_path / "till-4", second)
            with pytest.raises(NameTaken):
                shop.invite("till-4")
            with pytest.raises(NameTaken):
                shop.invite("office")

    asyncio.run(story())


def test_the_secret_is_not_sent_to_who_does_not_hold_the_tokens_key(tmp_path: Path) -> None:
    async def story() -> None:
        good, evil = _Shop(make_store(tmp_path / "good")), _Shop(make_store(tmp_path / "evil"))
        heard: list[bytes] = []
        async with evil.enrolment:
            evil.enrolment.invitations.redeem = lambda *question: heard.append(question[0])  # type: ignore
            async with good.enrolment:
                real = Token.from_text(good.invite("till-4"))
            token = Token(real.fingerprint, real.secret, tuple(evil.enrolment.addresses))
            with pytest.raises(WrongAuthority):
                await join_store(tmp_path / "till-4", token.to_text())
        assert heard == []

    asyncio.run(story())


def test_the_second_address_is_tried_and_silence_is_named(tmp_path: Path) -> None:
    async def story() -> None:
        shop = _Shop(make_store(tmp_path))
        async with shop.enrolment:
            real = Token.from_text(shop.invite("till-4"))
            nobody = Address("127.0.0.1", 1)
            with pytest.raises(AuthorityNotReached) as failure:
                await join_store(tmp_path / "till-4", Token(real.fingerprint, real.secret, (nobody,)).to_text())
            assert "127.0.0.1:1" in str(failure.value)
            both = Token(real.fingerprint, real.secret, (nobody, *real.addresses))
            assert (await join_store(tmp_path / "till-4", both.to_text())).name == "till-4"

    asyncio.run(story())


def test_garbage_to_the_enrolment_port_is_answered_by_name_and_the_port_goes_on(tmp_path: Path) -> None:
    from node.network.enrolment import read_message
    from node.network.tls import enrolment_client_context

    async def send(address: Address, raw: bytes) -> list[object]:
        reader, writer = await asyncio.open_connection(*address, ssl=enrolment_client_context())
        writer.write(raw)
        try:
            return await read_message(reader, "answer")
        finally:
            writer.close()

    async def story() -> None:
        shop = _Shop(make_store(tmp_path))
        async with shop.enrolment:
            address = shop.enrolment.addresses[0]
            for raw in (b"\xff\xff\xff\xff", b"\0\0\0\1\xff", b"\0\0\0\2\x81\1", b"\0\0\0\2\x81\2"):
                assert (await send(address, raw))[1] in ("malformed_bytes", "limit_exceeded")
            assert (await join_store(tmp_path / "till-4", shop.invite("till-4"))).name == "till-4"

    asyncio.run(story())


def test_every_error_of_the_network_speaks_to_a_person() -> None:
    for kind in (JoinRefused, TokenLate, TokenUsed, TokenUnknown, WrongAuthority, AuthorityNotReached):
        assert str(kind("the reason")).startswith("the reason: ")
        assert issubclass(kind, NetworkError)
