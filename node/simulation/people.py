"""People: who ask a node to do something, wait for its answer, and ask again under the same key when none comes.

Each act becomes one request. It is planned on the shop as its node sees it, by the production till and waiter; where what it
is about does not exist, it is a whole basket instead, so that every schedule sells. A request ends with an answer or with a
refusal. People never change their mind: a repeated request concerns the same sale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crdt_models.documents.facts import Fact
from crdt_models.documents.line_fact import LineFact, line_fact
from crdt_models.errors import StepRefused
from crdt_models.freezing import line_of
from crdt_models.journal.operation import Operation
from crdt_models.sales.basket import Basket
from crdt_models.sales.lines import TenderLine
from crdt_models.sales.pricing import RungUp
from crdt_models.shop import sale_resource
from crdt_models.till import Closing, Moment
from crdt_models.values.identity import ClaimId
from crdt_models.values.quantity import Quantity, ScaledPrice
from crdt_models.values.stamp import Place
from node.simulation import limits
from node.simulation.ledger import Answer, Ledger
from node.simulation.machine import Life, Machine
from node.simulation.schedule import Act
from node.simulation.world import Violation, World

ATTRIBUTES = {"currency": "EUR", "exponent": "2", "kind": "sale", "training": "no"}
GOODS = ("Milk", "Bread", "Butter", "Apples", "Coffee", "Cheese", "Eggs")
TABLES = ("1", "2")
COMPLETING = frozenset({"complete", "basket"})


@dataclass(slots=True)
class Request:
    """One thing that somebody wants. target: what it concerns, once chosen; ended: answered or refused."""

    number: int
    act: Act
    kind: str
    target: bytes | None = None
    tries: int = 0
    ended: bool = False
    refused: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key: the same at every repetition."""
        return f"k{self.number}"

    @property
    def fingerprint(self) -> bytes:
        """The hash of the request."""
        return hashlib.sha256(self.key.encode()).digest()


class People:
    """All who work in the shop, and their clients."""

    def __init__(self, world: World, machines: Sequence[Machine], ledger: Ledger) -> None:
        self._world, self._machines, self._ledger = world, machines, ledger
        self.on_answer: Callable[[Answer], None] = lambda answer: None
        self.requests: list[Request] = []

    def ask(self, act: Act) -> None:
        """Somebody wants something."""
        request = Request(len(self.requests) + 1, act, act.kind)
        self.requests.append(request)
        self._try(request)

    @property
    def waiting(self) -> list[Request]:
        """Requests that have no answer yet."""
        return [request for request in self.requests if not request.ended]

    # --- one request -----------------------------------------------------------------------------------------------

    def _try(self, request: Request) -> None:
        if request.ended:
            return
        request.tries += 1
        machine = self._machines[request.act.who]
        life = machine.life
        if life is None or life.failed is not None:
            self._world.after(limits.retry_s, self._try, request)
            return
        known = life.shop.answered(machine.node, request.key)
        if known is not None:
            self._wait(machine, life, request, known.place)
            return
        try:
            steps = self._plan(machine, life, request)
        except StepRefused as refused:
            request.ended, request.refused = True, refused.code
            return
        place = machine.record(
            life, steps, request.key, lambda at: self._durable(machine, life, request, at), request.fingerprint
        )
        self._world.after(limits.retry_s if place is None else limits.patience_s, self._try, request)
        if place is not None and request.act.pick % 8 == 0:
            self._world.after(limits.impatience_s, self._try, request)

    def _wait(self, machine: Machine, life: Life, request: Request, place: Place) -> None:
        """The step is known already: answer as soon as it is durable; the first try answers if it still lives."""
        if machine.disk.held(place.journal) >= place.seq:
            self._answer(machine, life, request, place)
        else:
            self._world.after(limits.retry_s, self._try, request)

    def _durable(self, machine: Machine, life: Life, request: Request, place: Place) -> None:
        if machine.life is not life:
            self._world.after(limits.retry_s, self._try, request)
        elif request.kind in ("retrieve", "take_over") and not life.replica.settled(place):
            self._world.after(limits.claim_wait_s, self._answer, machine, life, request, place)
        else:
            self._answer(machine, life, request, place)

    def _answer(self, machine: Machine, life: Life, request: Request, place: Place) -> None:
        if request.ended or machine.life is not life:
            return
        request.ended = True
        receipt, total_minor = None, 0
        if request.kind in COMPLETING:
            facts = life.shop.sales.at(place)
            if not facts:
                text = f"{machine.name} answered {request.key} with {place.seq}, where no sale stands"
                raise Violation("anytime_acked_is_on_some_disk", text, self._world.now_s)
            receipt, total_minor = facts[0].sale.receipt.text, facts[0].sale.total_minor
        answer = Answer(machine.index, request.key, place, self._world.now_s, receipt, total_minor)
        self._ledger.answers.append(answer)
        self.on_answer(answer)

    # --- what people do --------------------------------------------------------------------------------------------

    def _plan(self, machine: Machine, life: Life, request: Request) -> Sequence[Operation]:
        at, till, pick = machine.moment(life), life.till, request.act.pick
        match request.kind:
            case "open":
                return till.open_sale(at, ATTRIBUTES)[1]
            case "suspend_basket":
                return till.suspend_basket(at, ATTRIBUTES, self._facts(life, at, pick), ("wallet", {}, None))[1]
            case "seat":
                return life.waiter.seat(TABLES[pick % 2], 2 + pick % 3, at, ATTRIBUTES)
            case "order" | "clear":
                return self._at_a_table(life, at, request)
            case "record":
                key, minor = str(1 + pick % 3), pick % 1000
                value = {"names": {"en": GOODS[pick % 7]}, "unit_price": f"{minor // 100}.{minor % 100:02d}"}
                return [till.put_record("items", key, value)]
            case "reprint":
                receipts = sorted({str(fact.sale.receipt) for fact in life.shop.sales})
                if receipts:
                    return till.reprint(receipts[pick % len(receipts)])
            case "retrieve" | "take_over" | "line" | "complete" | "suspend" | "void" | "void_line":
                steps = self._with_a_sale(machine, life, at, request)
                if steps is not None:
                    return steps
            case _:
                pass
        request.kind = "basket"
        basket = self._basket(life, at, pick)
        return till.complete_basket(basket, Closing((TenderLine("cash", basket.total_minor),)), at)[1]

    def _with_a_sale(self, machine: Machine, life: Life, at: Moment, request: Request) -> Sequence[Operation] | None:
        till, pick = life.till, request.act.pick
        if request.target is None:
            request.target = self._choose(machine, life, request)
        sale = request.target
        if sale is None:
            return None
        view = life.shop.open_sale(sale)
        match request.kind:
            case "retrieve":
                return till.retrieve(sale)
            case "take_over":
                return till.take_over(sale, "does not answer", at)
            case "suspend":
                return till.suspend(sale, "wallet", {"who": "Ada"}, None, at)
            case "void":
                return till.void_sale(sale, "changed their mind")
            case "void_line" if view.lines:
                return till.void_line(sale, view.lines[pick % len(view.lines)].line_id, "wrong", at)
            case "complete" if view.lines:
                return till.complete(sale, Closing((TenderLine("cash", view.total_minor),)), at)[1]
            case _:
                request.kind = "line"
                return till.add_line(sale, _line(till.new_id(at), pick))

    def _choose(self, machine: Machine, life: Life, request: Request) -> bytes | None:
        """A sale that the act can be about, as this node sees it."""
        shop = life.shop
        found: list[bytes] = []
        for document in sorted(shop.documents.of_type["open_sale"]):
            standing = shop.claims.standing(sale_resource(document))
            here = standing.holder is not None and standing.holder.node == machine.node
            if request.kind == "retrieve":
                suits = standing.state == "returned"
            elif request.kind == "take_over":
                suits = standing.state == "held" and not here
            else:
                suits = here
            if suits:
                found.append(document)
        return found[request.act.pick % min(len(found), 3)] if found else None

    def _at_a_table(self, life: Life, at: Moment, request: Request) -> Sequence[Operation]:
        table = TABLES[request.act.pick % 2]
        if not life.waiter.view(table).seated:
            return life.waiter.seat(table, 2, at, ATTRIBUTES)
        if request.kind == "clear":
            return life.waiter.clear(table, at)
        return life.waiter.add_line(table, _line(life.waiter.new_id(at), request.act.pick))

    def _basket(self, life: Life, at: Moment, pick: int) -> Basket:
        basket = life.till.basket("EUR", 2, at)
        for number in range(1 + pick % 3):
            name = GOODS[(pick + number) % len(GOODS)]
            price = ScaledPrice(50 + (pick // 7 + 131 * number) % 900, 2)
            basket.ring(RungUp(names={"en": name}, unit_price=price, quantity=Quantity(1 + pick % 2, 0)))
        return basket

    def _facts(self, life: Life, at: Moment, pick: int) -> Callable[[int, ClaimId], list[tuple[str, Fact]]]:
        lines = self._basket(life, at, pick).lines

        def facts(first: int, claim: ClaimId) -> list[tuple[str, Fact]]:
            return [line_fact(line_of(line), first + number, claim) for number, line in enumerate(lines)]

        return facts


def _line(line_id: bytes, pick: int) -> LineFact:
    minor = 20 + pick % 2_000
    return LineFact(line_id, Quantity(1, 0), ScaledPrice(minor, 2), minor, names={"en": GOODS[pick % len(GOODS)]})
