"""The shop: what tills and waiters do, and that its digest depends on the set of entries alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt_models import operations
from crdt_models.documents.line_fact import LineFact
from crdt_models.errors import HeldElsewhere, InvalidValue, NotInState, UnknownThing, UpgradeNeeded
from crdt_models.freezing import line_of
from crdt_models.journal.operation import Operation
from crdt_models.sales.lines import TenderLine
from crdt_models.sales.pricing import RungUp
from crdt_models.shop import sale_resource
from crdt_models.till import Closing, Moment, Till
from crdt_models.values.quantity import Quantity, ScaledPrice
from crdt_models.waiter import Waiter
from tests.crdt_models.shop_floor import FloorNode, new_shop

EUR = {"currency": "EUR", "exponent": "2"}
NOON = Moment(1_700_000_000_000, 60)


class Worked(FloorNode):
    """A floor node with somebody at it."""

    def __init__(self, name: str, role: str = "till", start: int = 1) -> None:
        super().__init__(name, role, start)
        self.till = Till(self.shop, self.node, name, self.chance, self.next_place, "K7Q2MX")
        self.waiter = Waiter(self.shop, self.chance, self.next_place)

    def line(self, minor: int, name: str = "Milk") -> LineFact:
        """A line of one piece."""
        return LineFact(self.till.new_id(NOON), Quantity(1, 0), ScaledPrice(minor, 2), minor, names={"en": name})

    def open_sale(self, *minors: int) -> bytes:
        """An open sale with these lines."""
        sale, steps = self.till.open_sale(NOON, EUR)
        self.do(*steps)
        for minor in minors:
            self.do(*self.till.add_line(sale, self.line(minor)))
        return sale

    def complete(self, sale: bytes) -> str:
        """Pay it in cash; the receipt number."""
        total = self.shop.open_sale(sale).total_minor
        completed, steps = self.till.complete(sale, Closing((TenderLine("cash", total),)), NOON)
        self.do(*steps)
        return completed.receipt.text


def test_a_sale_rung_up_and_paid_is_one_sale_with_a_receipt_number() -> None:
    till = Worked("till-1")
    sale = till.open_sale(1299, 250)
    assert till.complete(sale) == "till-1/S-K7Q2MX/1"
    (fact,) = till.shop.sales
    assert fact.sale.total_minor == 1549
    assert fact.sale.document == sale
    assert till.shop.claims.standing(sale_resource(sale)).state == "completed"
    with pytest.raises(NotInState):
        till.till.add_line(sale, till.line(1))
    assert till.complete(till.open_sale(100)) == "till-1/S-K7Q2MX/2"


def test_a_suspended_sale_is_retrieved_at_another_till_without_any_server() -> None:
    """FIELD story 12: rescan the goods."""
    one, two = Worked("till-1"), Worked("till-2")
    sale = one.open_sale(500)
    one.do(*one.till.suspend(sale, "wallet", {"who": "Ada"}, None, NOON))
    two.hear(one)
    assert two.shop.claims.standing(sale_resource(sale)).state == "returned"
    two.do(*two.till.retrieve(sale))
    view = two.shop.open_sale(sale)
    assert [line.amount_minor for line in view.lines] == [500]
    assert view.suspension is not None
    assert view.suspension.answers == {"who": "Ada"}
    two.complete(sale)
    one.hear(two)
    with pytest.raises(NotInState):
        one.till.retrieve(sale)
    assert one.shop.digest() == two.shop.digest()


def test_a_sale_held_by_another_till_is_refused_with_its_holder() -> None:
    one, two = Worked("till-1"), Worked("till-2")
    sale = one.open_sale(500)
    two.hear(one)
    with pytest.raises(HeldElsewhere) as refused:
        two.till.add_line(sale, two.line(1))
    assert refused.value.holder == one.node
    with pytest.raises(UnknownThing):
        two.till.retrieve(bytes(16))


def test_lines_of_a_dead_till_written_after_its_take_over_are_amendments_that_the_taker_settles() -> None:
    """FIELD story 11: the check owner's till died."""
    one, two = Worked("till-1"), Worked("till-2")
    sale = one.open_sale(500)
    two.hear(one)
    one.do(*one.till.add_line(sale, one.line(77, "Unseen")))
    two.do(*two.till.take_over(sale, "till-1 does not answer", NOON))
    two.hear(one)
    view = two.shop.open_sale(sale)
    assert [line.amount_minor for line in view.lines] == [500]
    (amendment,) = view.amendments
    assert amendment.line is not None
    assert amendment.line.amount_minor == 77
    one.hear(two)
    with pytest.raises(HeldElsewhere):
        one.till.add_line(sale, one.line(1))
    two.complete(sale)
    one.hear(two)
    assert one.shop.digest() == two.shop.digest()


def test_lines_written_to_a_sale_that_was_paid_elsewhere_are_late_and_their_author_repeats_them() -> None:
    one, two = Worked("till-1"), Worked("till-2")
    sale = one.open_sale(500)
    two.hear(one)
    two.do(*two.till.take_over(sale, "silent", NOON))
    two.complete(sale)
    one.do(*one.till.add_line(sale, one.line(77)))
    one.hear(two)
    two.hear(one)
    assert two.till.repeat_late() == []
    repeated = one.till.repeat_late()
    assert [[operation.kind for operation in step] for step in repeated] == [[operations.Kind.LATE]]
    one.do(*repeated[0])
    assert one.till.repeat_late() == []
    two.hear(one)
    assert one.shop.digest() == two.shop.digest()
    assert two.shop.claims.standing(sale_resource(sale)).state == "completed"


def test_a_basket_is_suspended_in_one_entry_and_completed_in_one_entry() -> None:
    till = Worked("till-1")
    basket = till.till.basket("EUR", 2, NOON)
    basket.ring(RungUp(item_id="4711", names={"en": "Milk"}, unit_price=ScaledPrice(129, 2), quantity=Quantity(2, 0)))
    before = len(till.entries)
    completed, steps = till.till.complete_basket(basket, Closing((TenderLine("card", 258),)), NOON)
    till.do(*steps)
    assert len(till.entries) == before + 1
    assert completed.receipt.number == 1

    def facts(at: int, claim: object) -> list:  # type: ignore[type-arg]
        from crdt_models.documents.line_fact import line_fact

        return [line_fact(line_of(line), at + index, claim) for index, line in enumerate(basket.lines)]  # type: ignore[arg-type]

    sale, steps = till.till.suspend_basket(NOON, EUR, facts, ("wallet", {}, None))
    till.do(*steps)
    assert till.shop.claims.standing(sale_resource(sale)).state == "returned"
    assert till.shop.open_sale(sale).total_minor == 258


def test_two_waiters_who_seat_one_empty_table_apart_are_in_the_same_document_and_lose_nothing() -> None:
    """FIELD story 1: the beers, and its twin."""
    anna, ben = Worked("tablet-1", "handheld"), Worked("tablet-2", "handheld")
    for waiter, dish in ((anna, "Beer"), (ben, "Burger")):
        waiter.do(*waiter.waiter.seat("7", 2, NOON, EUR))
        waiter.do(*waiter.waiter.add_line("7", waiter.line(500, dish)))
    anna.hear(ben)
    ben.hear(anna)
    for waiter in (anna, ben):
        assert {line.names["en"] for line in waiter.waiter.view("7").lines} == {"Beer", "Burger"}
    assert anna.waiter.view("7") == ben.waiter.view("7")
    anna.do(*anna.waiter.clear("7", NOON))
    ben.do(*ben.waiter.add_line("7", ben.line(300, "Late coffee")))
    anna.hear(ben)
    ben.hear(anna)
    assert not anna.waiter.view("7").seated
    assert len(ben.till.repeat_late()) == 1
    assert anna.waiter.document("7") == ben.waiter.document("7")
    ben.do(*ben.till.repeat_late()[0])
    anna.hear(ben)
    assert anna.shop.digest() == ben.shop.digest()


def test_receipt_numbers_go_on_over_a_proven_restart_and_never_clash_between_tills() -> None:
    """FIELD story 13: the number clash."""
    one, two = Worked("till-1"), Worked("till-2")
    numbers = [one.complete(one.open_sale(1)), two.complete(two.open_sale(1))]
    one.restart()
    numbers += [one.complete(one.open_sale(1)), two.complete(two.open_sale(1))]
    assert sorted(numbers) == ["till-1/S-K7Q2MX/1", "till-1/S-K7Q2MX/2", "till-2/S-K7Q2MX/1", "till-2/S-K7Q2MX/2"]
    one.hear(two)
    assert one.shop.sales.doubles() == []


def test_an_operation_of_an_unknown_kind_is_counted_and_a_critical_one_stops_its_resource_only() -> None:
    till = Worked("till-1")
    sale, other = till.open_sale(100), till.open_sale(100)
    till.do(Operation(99, 1, {0: sale_resource(sale), 1: "new"}, critical=True), Operation(17, 9, {0: "items/1"}))
    assert till.shop.unknown == {(99, 1): 1, (17, 9): 1}
    with pytest.raises(UpgradeNeeded):
        till.till.add_line(sale, till.line(1))
    till.complete(other)


def test_a_sale_by_another_terminal_or_role_counts_nowhere() -> None:
    one, two, archive = Worked("till-1"), Worked("till-2"), Worked("archive", "archive")
    one.complete(one.open_sale(100))
    forged = next(iter(one.shop.sales)).sale.to_fields()
    two.do(operations.sale(forged))
    archive.do(operations.sale(forged))
    one.hear(two, archive)
    assert len(one.shop.sales) == 1
    assert {refused.reason for refused in one.shop.refused.values()} == {
        "a sale is recorded by its own terminal only",
        "this role may not record sales",
    }


def test_a_record_by_a_till_that_may_not_write_it_is_kept_out_and_the_office_s_counts() -> None:
    office, till = Worked("office", "back_office"), Worked("till-1")
    office.do(office.till.put_record("items", "4711", {"names": {"en": "Milk"}, "unit_price": "1.29"}))
    till.hear(office)
    till.do(till.till.put_record("items", "4711", {"names": {"en": "Free milk"}, "unit_price": "0.00"}))
    office.hear(till)
    assert office.shop.records.value("items", "4711") == {"names": {"en": "Milk"}, "unit_price": "1.29"}
    assert len(office.shop.refused) == 1


def test_the_answer_to_an_idempotency_key_is_found_in_the_entry_after_a_restart() -> None:
    """FIELD story 5: twice after a time-out."""
    till = Worked("till-1")
    entry = till.write([operations.step(key="k-1", fingerprint=b"f" * 32), operations.note("x", "test", "done")])
    again = new_shop()
    for each in till.entries:
        again.fold(each)
    answered = again.answered(till.node, "k-1")
    assert answered is not None
    assert answered.place == entry.place
    assert again.answered(till.node, "k-2") is None


def test_a_suspension_type_of_the_store_asks_its_questions() -> None:
    office, till = Worked("office", "back_office"), Worked("till-1")
    question = {"id": "who", "prompt": {"en": "Who?"}, "required": True, "choices": ["guest", "staff"]}
    office.do(office.till.put_record("suspension_types", "tab", {"names": {"en": "Tab"}, "questions": [question]}))
    till.hear(office)
    sale = till.open_sale(100)
    for type_, answers in (("tab", {}), ("tab", {"who": "ghost"}), ("other", {})):
        with pytest.raises(InvalidValue):
            till.till.suspend(sale, type_, answers, None, NOON)
    till.do(*till.till.suspend(sale, "tab", {"who": "guest"}, None, NOON))


ACTIONS = [
    "open",
    "line",
    "suspend",
    "retrieve",
    "take_over",
    "complete",
    "void",
    "seat",
    "order",
    "clear",
    "hear",
    "restart",
]


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.lists(st.tuples(st.integers(0, 2), st.sampled_from(ACTIONS)), max_size=40))
def test_the_digest_depends_on_the_set_of_entries_alone(seed: int, actions: list[tuple[int, str]]) -> None:
    """Any order between journals, any grouping, any repetition."""
    chance = random.Random(seed)
    nodes = [Worked("till-1", start=seed), Worked("till-2", start=seed), Worked("office", "back_office", start=seed)]
    sales: list[bytes] = []
    for which, action in actions:
        node = nodes[which]
        sale = chance.choice(sales) if sales else bytes(16)
        try:
            match action:
                case "open":
                    sales.append(node.open_sale(chance.randrange(1, 999)))
                case "line":
                    node.do(*node.till.add_line(sale, node.line(chance.randrange(1, 999))))
                case "suspend":
                    node.do(*node.till.suspend(sale, "wallet", {}, None, NOON))
                case "retrieve":
                    node.do(*node.till.retrieve(sale))
                case "take_over":
                    node.do(*node.till.take_over(sale, "silent", NOON))
                case "complete":
                    node.complete(sale)
                case "void":
                    node.do(*node.till.void_sale(sale, "changed mind"))
                case "seat":
                    node.do(*node.waiter.seat("7", 2, NOON, EUR))
                case "order":
                    node.do(*node.waiter.add_line("7", node.line(300)))
                case "clear":
                    node.do(*node.waiter.clear("7", NOON))
                case "hear":
                    node.hear(chance.choice(nodes))
                case "restart":
                    node.restart()
        except (NotInState, HeldElsewhere, UnknownThing):
            continue
    digests = set()
    for _ in range(3):
        shop = new_shop()
        queues = [list(node.entries) for node in nodes]
        while any(queues):
            queue = chance.choice([q for q in queues if q])
            for entry in queue[: chance.randrange(1, 4)]:
                shop.fold(entry)
                shop.fold(entry)
                queue.pop(0)
        digests.add(shop.digest())
    assert len(digests) == 1
    for node in nodes:
        node.hear(*nodes)
        digests.add(node.shop.digest())
    assert len(digests) == 1
    total = sum(fact.sale.total_minor for fact in nodes[0].shop.sales)
    assert total == sum(tender.amount_minor for fact in nodes[1].shop.sales for tender in fact.sale.tenders)
