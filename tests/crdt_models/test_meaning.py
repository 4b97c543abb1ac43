"""What a till folds from the sale that it made, and what everybody else reads from the bytes, is one and the same."""

from __future__ import annotations

from crdt_models.journal.entry import decode_entry
from crdt_models.journal.operation import Operation, decode_operation
from crdt_models.sales.lines import TenderLine
from crdt_models.sales.pricing import RungUp
from crdt_models.sales.sale import Sale
from crdt_models.till import Closing, Moment, Till
from crdt_models.values.quantity import Quantity, ScaledPrice
from tests.crdt_models.shop_floor import FloorNode, new_shop

NOON = Moment(1_700_000_000_000, 60)


def sold() -> tuple[FloorNode, Operation]:
    """A till that completed a basket, and the operation of it."""
    floor = FloorNode("till-1")
    till = Till(floor.shop, floor.node, "till-1", floor.chance, floor.next_place, "K7Q2MX")
    basket = till.basket("EUR", 2, NOON)
    for name, minor, rate in (("Milk", 129, 70_000), ("Käse", 1_299, 190_000)):
        basket.ring(
            RungUp(
                names={"en": name, "de": name},
                quantity=Quantity(1_500, 3),
                unit_price=ScaledPrice(minor, 2),
                tax_code="A",
                tax_rate_ppm=rate,
                tax_included=True,
            ),
            None,
            None,
        )
    paid = (TenderLine("card", basket.total_minor - 20), TenderLine("cash", 20))
    _, steps = till.complete_basket(basket, Closing(paid), NOON, notes=("twice",))
    floor.do(*steps)
    return floor, steps[0]


def test_a_sale_folded_where_it_was_made_equals_the_one_that_is_read_from_its_bytes() -> None:
    floor, _ = sold()
    elsewhere = new_shop()
    for entry in floor.entries:
        elsewhere.fold(decode_entry(entry.raw))
    assert list(elsewhere.sales) == list(floor.shop.sales)
    assert len(list(elsewhere.sales)) == 1
    assert elsewhere.digest() == floor.shop.digest()


def test_the_meaning_of_an_operation_is_not_part_of_its_bytes() -> None:
    _, operation = sold()
    assert isinstance(operation.meaning, Sale)
    read = decode_operation(operation.to_bytes())
    assert read.meaning is None
    assert read == operation
    assert Sale.from_fields(read.fields) == operation.meaning
