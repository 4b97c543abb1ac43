"""Free text is printable and bounded, and card numbers in it are found; barcodes are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt_models import limits
from crdt_models.errors import InvalidValue
from crdt_models.values.text import check_free_text, check_key, check_names, check_text, holds_card_number

# Published test numbers of the card schemes; none is anybody's.
CARDS = [
    "4111111111111111",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
    "30569309025904",
    "3530111333300000",
    "6200000000000005",
    "6759649826438453",
]


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("dressed", ["{}", "card {} exp 12/27", "no.{}!", "{}\nthanks"])
def test_a_card_number_in_free_text_is_refused_and_not_repeated(card: str, dressed: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_free_text("notes", dressed.format(card))
    assert refused.value.field == "notes"
    assert card not in str(refused.value)


@pytest.mark.parametrize("mark", [" ", "-", ".", "\u00a0", " - "[:2]])
def test_groups_of_digits_are_read_together(mark: str) -> None:
    assert holds_card_number(mark.join(["4111", "1111", "1111", "1111"]))


def test_a_card_number_beside_another_number_is_found() -> None:
    assert holds_card_number("order 17 4111 1111 1111 1111 table 4")


def test_digits_of_other_scripts_are_digits() -> None:
    assert holds_card_number("4111111111111111".translate({ord(str(n)): chr(0x0660 + n) for n in range(10)}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4111111111111112",  # wrong check digit
        "0000000000000000",  # no issuer
        "4006381333931",  # an EAN-13 whose own check digit is right
        "+41 44 668 18 00",
        "************1111",
        "123456789012345678901234567890",
        "2026-11-24 06:50 till-3/S-K7Q2MX/118",
        "99941111111111111111",  # inside a longer number
    ],
)
def test_other_numbers_are_kept(text: str) -> None:
    assert check_free_text("notes", text) == text


@pytest.mark.parametrize(
    "text", ["a\x00b", "\x1b[31m", "\x7f", "\ud800", "x" * (limits.text_characters_max + 1), 5, None, b"x"]
)
def test_text_that_a_printer_or_a_reader_cannot_take_is_refused(text: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_text("notes", text)
    assert refused.value.field == "notes"


@pytest.mark.parametrize("key", ["", " a", "a ", "a\nb", "x" * (limits.key_characters_max + 1), 1, None])
def test_what_cannot_name_a_thing_is_refused(key: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_key("item_id", key)
    assert refused.value.field == "item_id"


@pytest.mark.parametrize("names", [[], "x", {"english": "x"}, {"EN": "x"}, {1: "x"}, {"en": 1}, {"en": "a\nb"}])
def test_names_are_text_by_language(names: object) -> None:
    with pytest.raises(InvalidValue):
        check_names("names", names)
    assert check_names("names", {"en": "Milk", "pt-BR": "Leite"}) == {"en": "Milk", "pt-BR": "Leite"}


@given(st.text(max_size=400))
def test_any_text_is_either_kept_as_it_is_or_refused_by_name(text: str) -> None:
    try:
        assert check_free_text("notes", text) == text
    except InvalidValue as refused:
        assert refused.field == "notes"
