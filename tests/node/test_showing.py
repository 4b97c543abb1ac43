"""What a node shows while journals arrive in any order: a sale that is seen is over, wherever its beginning still is."""

from __future__ import annotations

import itertools

import pytest

from crdt_models.errors import NotInState, UnknownThing
from crdt_models.shop import sale_resource
from crdt_models.till import Till
from node import showing
from tests.crdt_models.shop_floor import FloorNode, new_shop
from tests.crdt_models.test_shop import NOON, Worked


def test_a_sale_is_never_seen_beside_its_open_or_suspended_document_whatever_arrives_first() -> None:
    opener, payer, reader = Worked("till-1"), Worked("till-2"), FloorNode("back-office", "back_office")
    document = opener.open_sale(500, 250)
    opener.do(*opener.till.suspend(document, "wallet", {}, None, NOON))
    for entry in opener.entries:
        payer.shop.fold(entry)
    payer.do(*payer.till.retrieve(document))
    payer.complete(document)
    # Every order in which the entries of two journals can reach a third node.
    total = len(opener.entries) + len(payer.entries)
    for places in itertools.combinations(range(total), len(payer.entries)):
        shop = new_shop(reader.chance)
        mine, others = iter(payer.entries), iter(opener.entries)
        for at in range(total):
            shop.fold(next(mine) if at in places else next(others))
            if not list(shop.sales):
                continue
            view = showing.sale(shop, reader.node, document, lambda place: [])
            assert (view.state, view.total_minor, view.holder) == ("completed", 750, None)
            assert view.receipt_no is not None and view.currency == "EUR"
            assert showing.suspended(shop, reader.node, document, lambda place: []) is None
            assert shop.standing(document, reader.node).state == "completed"
            assert shop.claims.conflicts() == []
            with pytest.raises((NotInState, UnknownThing)):
                Till(shop, reader.node, "till-3", reader.chance, reader.next_place, "K7Q2MX").retrieve(document)
        assert shop.claims.standing(sale_resource(document)).state == "completed"


def test_a_till_that_holds_a_sale_sees_it_open_whatever_others_claim_to_have_completed() -> None:
    holder, liar = Worked("till-1"), Worked("till-2")
    document = holder.open_sale(500)
    for entry in holder.entries:
        liar.shop.fold(entry)
    resource = sale_resource(document)
    claim = holder.shop.claims.standing(resource).chain[0]
    liar.shop.claims.add_release(resource, claim.id, "returned", holder.node)
    liar.do(*liar.till.retrieve(document))
    liar.complete(document)
    for entry in liar.entries:
        holder.shop.fold(entry)
    assert holder.shop.standing(document, holder.node).state == "held"
    assert showing.sale(holder.shop, holder.node, document, lambda place: []).state == "open"


def test_a_document_that_nobody_began_is_unknown() -> None:
    shop = FloorNode("till-1").shop
    with pytest.raises(UnknownThing, match="sale"):
        showing.sale(shop, FloorNode("till-1").node, bytes(16), lambda place: [])
