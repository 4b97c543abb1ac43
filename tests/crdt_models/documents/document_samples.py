"""What the tests of documents share: a seeded source of chance, ids, lines, and a hand-written Yjs encoding."""

from __future__ import annotations

import random
from collections.abc import Callable

from crdt_models.documents.document import Document
from crdt_models.documents.facts import Fact
from crdt_models.documents.line_fact import LineFact, line_fact
from crdt_models.documents.open_sale import DiscountFact, OpenSaleView, open_sale_view
from crdt_models.values.identity import Chance, ClaimId, uuid7
from crdt_models.values.quantity import Quantity, ScaledPrice

CLAIM_A = ClaimId(b"A" * 33)
CLAIM_B = ClaimId(b"B" * 33)


def chance_of(seed: int) -> Chance:
    """Random bytes that are the same for the same seed."""
    return random.Random(seed).randbytes


def id_of(number: int) -> bytes:
    """A uuid7 that is the same for the same number, and sorts by it."""
    return uuid7(number, random.Random(number).randbytes)


def a_line(number: int, name: str = "Milk", amount_minor: int = 129) -> LineFact:
    """A line of one piece."""
    return LineFact(id_of(number), Quantity(1), ScaledPrice(amount_minor), amount_minor, names={"en": name})


def a_line_fact(number: int, at: int, claim: ClaimId | None = None, name: str = "Milk") -> tuple[str, Fact]:
    """Key and fact of such a line."""
    return line_fact(a_line(number, name), at, claim)


def varint(value: int) -> bytes:
    """A lib0 variable-length integer."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def varbytes(raw: bytes) -> bytes:
    """Bytes with their length before them."""
    return varint(len(raw)) + raw


def struct(key: str, text: str) -> bytes:
    """One fact as Yjs writes it."""
    head = b"\x28\x01" + varbytes(b"facts") + varbytes(key.encode())
    return head + b"\x01\x77" + varbytes(text.encode())


def update_of(*structs: bytes, client: int = 7, clock: int = 0, deletes: bytes = b"\x00") -> bytes:
    """An update of one author."""
    return b"\x01" + varint(len(structs)) + varint(client) + varint(clock) + b"".join(structs) + deletes


class Till:
    """A till with its copy of one open sale; `hear` is the wire."""

    def __init__(self, claim: ClaimId, seed: int) -> None:
        self.document = Document(chance_of(seed))
        self.claim = claim
        self.updates: list[bytes] = []

    def does(self, make: Callable[..., tuple[str, Fact]], *arguments: object) -> None:
        """One step: a fact by `make`, under this till's claim."""
        self.writes(make(*arguments, self.document.next_ordinal, self.claim))

    def writes(self, *facts: tuple[str, Fact]) -> None:
        """One step of ready facts."""
        self.updates += self.document.write(dict(facts))

    def hears(self, *others: Till) -> None:
        """Everything that the others wrote arrives."""
        for other in others:
            for update in other.updates:
                self.document.apply(update)

    def sees(self, *chain: ClaimId) -> OpenSaleView:
        """What its screen shows."""
        return open_sale_view(self.document.facts(), chain)


def a_discount(number: int, line: int | None = None, minor: int | None = None, ppm: int | None = None) -> DiscountFact:
    """A discount of an amount or a rate."""
    return DiscountFact(id_of(number), None if line is None else id_of(line), minor, ppm, "staff")
