"""The shop: the fold of all journals that a node holds. Everything that anyone is told is read from here.

`fold` takes entries one by one. Within one journal they come in order, which the chain enforces at the door; between
journals any order gives the same shop (property: `digest` depends on the set of entries alone). No entry waits for one
of another journal (RULES E4).

Whether an operation *counts* is decided here and nowhere else, by the credential in its own journal's `open` and by what
the operation says, so nodes with the same set of entries agree (RULES O4). What does not count is kept in `refused`;
what this version does not know is counted in `unknown`, and a critical one blocks further steps on its resource.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from crdt_models import limits, operations
from crdt_models.documents.open_sale import OpenSaleView
from crdt_models.documents.shelf import OPEN_SALE, SEATING, SHARED_TYPES, Shelf, Shelved
from crdt_models.errors import InvalidValue, MalformedBytes, UpgradeNeeded
from crdt_models.journal import canonical
from crdt_models.journal.entry import Entry
from crdt_models.journal.operation import Dropped, Operation
from crdt_models.journal.roster import Roster, read_open
from crdt_models.journal.signatures import Verify
from crdt_models.operations import Kind
from crdt_models.reference.record import Record, RecordTable
from crdt_models.reference.tables import AUTHORITY_TABLES, may_write
from crdt_models.rights.claim import Claim, ClaimTable, Standing, TakeOver
from crdt_models.sales.business_day import is_day
from crdt_models.sales.log import SaleFact, SalesLog
from crdt_models.sales.receipt_no import SALE_KINDS
from crdt_models.sales.sale import Sale
from crdt_models.values.identity import ClaimId, JournalId, NodeId, StoreId, node_of
from crdt_models.values.money import check_currency
from crdt_models.values.stamp import Place, Stamp

SALE_ROLES = frozenset({"till", "handheld", "back_office"})
DAY_ROLES = frozenset({"till", "back_office"})
DAY_STATES = frozenset({"open", "close"})
DOCUMENT_BYTES = 16


class Refused(NamedTuple):
    """An operation that counts on no node, and why."""

    place: Place
    position: int
    kind: int
    reason: str


class Answered(NamedTuple):
    """The entry that answered a caller's idempotency key.

    fingerprint: SHA-256 of that request, if it had one; subject: what its first operation concerned, from which the
    answer is made again.
    """

    place: Place
    fingerprint: bytes | None
    subject: str | bytes | None


@dataclass(frozen=True, slots=True)
class Noted:
    """A note: something that was done and belongs in the journal."""

    place: Place
    stamp: Stamp
    kind: str
    text: str


class Shop:
    """What a store knows.

    store, authority_key: whose journals these are; verify: how the authority's signatures on records and revocations
    are checked; chance: source of document client ids, needed only by a node that edits.
    """

    def __init__(self, store: StoreId, authority_key: bytes, verify: Verify, chance: Any = None) -> None:
        self.store, self.authority_key = store, authority_key
        self._verify = verify
        self.folded: dict[JournalId, int] = {}
        self.last_stamps: dict[JournalId, Stamp] = {}
        self.roster = Roster()
        self.sales = SalesLog()
        self.documents = Shelf(chance)
        self.claims = ClaimTable()
        self.records = RecordTable()
        self.unknown: Counter[tuple[int, int]] = Counter()
        self.blocked: set[str | bytes] = set()
        self.refused: dict[tuple[Place, int], Refused] = {}
        self.notes: dict[str | bytes, list[Noted]] = {}
        self.days: dict[Place, tuple[Stamp, str, str]] = {}
        self._answered: dict[tuple[NodeId, str], Answered] = {}

    def fold(self, entry: Entry) -> None:
        """Take in one entry; a repeated one changes nothing. It must be the next of its journal."""
        held = self.folded.get(entry.journal, 0)
        if entry.seq <= held:
            return
        assert entry.seq == held + 1, "the door lets entries of one journal in by their order"
        self.folded[entry.journal] = entry.seq
        self.last_stamps[entry.journal] = entry.stamp
        place = Place(entry.journal, entry.seq)
        for index, operation in enumerate(entry.operations):
            if isinstance(operation, Dropped):
                continue
            if not operations.is_known(operation):
                self._keep_unknown(operation)
                continue
            try:
                reason = self._apply(entry, place, index, operation)
            except MalformedBytes as error:
                reason = str(error)
            if reason is not None:
                self.refused[(place, index)] = Refused(place, index, operation.kind, reason)

    def revoked(self, node: NodeId) -> bool:
        """Whether the authority shut the node out."""
        return self.roster.revoked(node)

    def counts(self, entry: Entry) -> bool:
        """Whether every operation of a folded entry counts."""
        return not any((entry.place, index) in self.refused for index in range(len(entry.operations)))

    def answered(self, node: NodeId, key: str) -> Answered | None:
        """The entry in which `node` answered this idempotency key."""
        return self._answered.get((node, key))

    def check_not_blocked(self, resource: str | bytes) -> None:
        """Raises UpgradeNeeded if a critical operation of an unknown kind rests on the resource."""
        if resource in self.blocked:
            raise UpgradeNeeded(resource if isinstance(resource, str) else resource.hex())

    def business_day_said(self) -> tuple[str, str] | None:
        """(business day, "open" or "close") of the last DAY operation by stamp; None if people never said."""
        if not self.days:
            return None
        place = max(self.days, key=lambda at: (self.days[at][0], at))
        return self.days[place][1:]

    def reprints(self, receipt_no: str) -> int:
        """How often a receipt was printed again, on whichever node."""
        return sum(1 for noted in self.notes.get(receipt_no, ()) if noted.kind == "reprint")

    def open_sale(self, document: bytes) -> OpenSaleView:
        """An open sale as every till shows it; empty once it is finished."""
        chain = self.claims.standing(sale_resource(document)).chain
        shelved = self.documents.get(document)
        return OpenSaleView() if shelved is None else self.documents.open_sale(shelved, tuple(c.id for c in chain))

    def standing(self, document: bytes, here: NodeId) -> Standing:
        """Where an open sale stands for node `here`, as people are to see it.

        Journals arrive in any order: where the sale that ended it is here before all that led there, it is completed all
        the same. A node that holds the sale itself has all that ended its own claim, so for it nothing is ahead.
        """
        resource = sale_resource(document)
        standing = self.claims.standing(resource)
        fact = self.sales.by_document(document)
        own = standing.holder is not None and standing.holder.node == here
        if (
            own
            or fact is None
            or fact.sale.claim is None
            or not self.claims.is_ahead(resource, ClaimId(fact.sale.claim))
        ):
            return standing
        return Standing("completed", None, standing.chain)

    def feature_level(self) -> int:
        """The lowest feature level among the newest journals of unrevoked nodes: what may be written."""
        levels = [o.feature_level for node, o in self.roster.nodes().items() if not self.revoked(node)]
        return min(levels, default=operations.FEATURE_LEVEL)

    def content(self) -> list[object]:
        """All that is known, as plain values in one order: equal wherever the same entries are held."""
        return [
            [[journal, seq] for journal, seq in sorted(self.folded.items())],
            self.roster.content(),
            self.sales.content(),
            self.documents.content(),
            self.claims.content(),
            self.records.content(),
            [[kind, version, count] for (kind, version), count in sorted(self.unknown.items())],
            [[list(r.place), r.position, r.kind, r.reason] for r in sorted(self.refused.values())],
            [
                [str(concerns) if isinstance(concerns, str) else concerns.hex(), noted.kind, noted.text]
                for concerns in sorted(self.notes, key=str)
                for noted in sorted(self.notes[concerns], key=lambda n: n.place)
            ],
            [[list(place), list(stamp), day, state] for place, (stamp, day, state) in sorted(self.days.items())],
            [[node, key, list(answer.place)] for (node, key), answer in sorted(self._answered.items())],
        ]

    def digest(self) -> bytes:
        """32 bytes over `content`: two nodes that hold the same entries have the same digest."""
        return hashlib.sha256(b"tillmesh-shop-1" + canonical.encode(self.content())).digest()

    # --- one operation ---------------------------------------------------------------------------------------------

    def _apply(self, entry: Entry, place: Place, index: int, operation: Operation) -> str | None:
        """Fold one operation of a known kind; returns why it does not count, or None."""
        fields = operation.fields
        match operation.kind:
            case Kind.STEP:
                return self._apply_step(entry, place, index, fields)
            case Kind.SALE:
                return self._apply_sale(entry, place, index, operation)
            case Kind.UPDATE:
                document, body = _typed(fields, 0, bytes), _typed(fields, 1, bytes)
                _claim_or_none(fields, 2)
                self.documents.update(document, body, place, index)
                self._settle(self.documents[document])
            case Kind.BEGIN:
                return self._apply_begin(entry, place, fields)
            case Kind.CLAIM:
                return self._apply_claim(entry, place, index, fields)
            case Kind.RELEASE:
                resource = _typed(fields, 0, str)
                held = ClaimId(_typed(fields, 1, bytes))
                if not self.claims.add_release(resource, held, _typed(fields, 2, str), entry.node):
                    return "only the node that claimed may release, with a known outcome"
                self._settle_resource(resource)
            case Kind.TAKE_OVER:
                taken = TakeOver(entry.stamp, entry.journal, entry.seq, _typed(fields, 2, str))
                self.claims.add_take_over(_typed(fields, 0, str), ClaimId(_typed(fields, 1, bytes)), taken)
            case Kind.RETIRE:
                shelved = self.documents.retire(_typed(fields, 0, bytes), _journal_map(fields, 1), place)
                self._settle(shelved)
            case Kind.LATE:
                self.documents.repeat_late(_typed(fields, 0, bytes), _text_map(fields, 1), place)
            case Kind.RECORD:
                return self._apply_record(entry, operation)
            case Kind.REVOKE:
                if not operations.revoke_verifies(operation, self.store, self.authority_key, self._verify):
                    return "a revocation needs the authority's signature"
                self.roster.revoke(NodeId(fields[0]), _journal_map(fields, 1), fields[2])
            case Kind.OPEN:
                return self._apply_open(entry, index, fields)
            case Kind.DAY:
                if self._role(entry.journal) not in DAY_ROLES:
                    return "this role may not open or close a business day"
                day, state = _typed(fields, 0, str), _typed(fields, 1, str)
                if not is_day(day) or state not in DAY_STATES:
                    return "a business day is a date that is opened or closed"
                self.days[place] = (entry.stamp, day, state)
            case Kind.FISCAL:
                return self._apply_fiscal(entry, place, fields)
            case Kind.NOTE:
                concerns = fields.get(0)
                if not isinstance(concerns, str | bytes):
                    return "a note must say what it concerns"
                noted = Noted(place, entry.stamp, _typed(fields, 1, str), _typed(fields, 2, str))
                self.notes.setdefault(concerns, []).append(noted)
            case _:
                raise AssertionError(f"kind {operation.kind} is known but not folded")
        return None

    def _apply_step(self, entry: Entry, place: Place, index: int, fields: Mapping[int, Any]) -> str | None:
        if index != 0:
            return "a step stands first in its entry"
        key = fields.get(2)
        if key is not None:
            fingerprint = fields.get(3)
            if not isinstance(key, str) or not isinstance(fingerprint, bytes | None):
                return "an idempotency key of the wrong type"
            known = self._answered.get((node_of(place.journal), key))
            if known is None or place < known.place:
                subject = _subject(entry)
                self._answered[(node_of(place.journal), key)] = Answered(place, fingerprint, subject)
        return None

    def _apply_begin(self, entry: Entry, place: Place, fields: Mapping[int, Any]) -> str | None:
        document, type_, attributes = _typed(fields, 0, bytes), _typed(fields, 1, str), _text_map(fields, 2)
        if len(document) != DOCUMENT_BYTES:
            return f"a document's identity has {DOCUMENT_BYTES} bytes"
        if type_ in (OPEN_SALE, SEATING) and not has_money(attributes):
            return "it names no currency and exponent"
        if type_ == OPEN_SALE and attributes.get("kind", "sale") not in SALE_KINDS:
            return "it is of no kind of sale"
        self._settle(self.documents.begin(document, type_, attributes, place, entry.stamp))
        return None

    def _apply_open(self, entry: Entry, index: int, fields: Mapping[int, Any]) -> str | None:
        if entry.seq != 1 or index != 1:
            return "an open stands first in its journal"
        self.roster.add(read_open(entry.journal, entry.stamp, fields))
        return None

    def _apply_sale(self, entry: Entry, place: Place, index: int, operation: Operation) -> str | None:
        opened = self.roster.journals.get(entry.journal)
        if opened is None or opened.credential.role not in SALE_ROLES:
            return "this role may not record sales"
        meaning = operation.meaning
        sale = meaning if isinstance(meaning, Sale) else Sale.from_fields(operation.fields)
        if sale.receipt.store != self.store or sale.receipt.terminal != opened.credential.name:
            return "a sale is recorded by its own terminal only"
        self.sales.add(SaleFact(place, index, entry.stamp, sale, operation.by, operation.via))
        return None

    def _apply_fiscal(self, entry: Entry, place: Place, fields: Mapping[int, Any]) -> str | None:
        receipt = _typed(fields, 1, str)
        opened = self.roster.journals.get(entry.journal)
        if opened is None or receipt.split("/")[0] != opened.credential.name:
            return "a fiscal result is recorded by the sale's own terminal only"
        self.sales.add_fiscal(
            _typed(fields, 0, bytes), place, receipt, _typed(fields, 2, str), dict(_text_map(fields, 3))
        )
        return None

    def _apply_claim(self, entry: Entry, place: Place, index: int, fields: Mapping[int, Any]) -> str | None:
        parent = fields.get(2)
        if parent != operations.ROOT and not isinstance(parent, bytes):
            return "a claim's parent is a claim or the root"
        epoch = _typed(fields, 1, int)
        if epoch < 1 or (epoch == 1) != (parent == operations.ROOT):
            return "the first epoch, and only it, has the root as parent"
        claim = Claim(
            entry.stamp,
            entry.journal,
            entry.seq,
            operations.claim_id(place, index),
            epoch,
            ClaimId(parent) if isinstance(parent, bytes) else operations.ROOT,
            _typed(fields, 3, int),
        )
        self.claims.add_claim(_typed(fields, 0, str), claim)
        return None

    def _apply_record(self, entry: Entry, operation: Operation) -> str | None:
        fields = operation.fields
        table, key, version = _typed(fields, 1, str), _typed(fields, 2, str), _typed(fields, 3, int)
        if not 1 <= version <= limits.record_version_max:
            return "a record's version is a number from 1"
        value = fields.get(4)
        if value is not None and not isinstance(value, dict):
            return "a record's value is a map, or null for a removed one"
        if table in AUTHORITY_TABLES:
            signature = fields.get(5)
            message = operations.record_message(self.store, table, key, version, value)
            if not isinstance(signature, bytes) or not self._verify(self.authority_key, signature, message):
                return f"records of {table} need the authority's signature"
        elif not may_write(table, self._role(entry.journal) or ""):
            return f"this role may not write records of {table}"
        self.records.put(Record(table, key, version, value, entry.stamp, entry.node))
        return None

    # --- what follows from an operation ----------------------------------------------------------------------------

    def _keep_unknown(self, operation: Operation) -> None:
        self.unknown[(operation.kind, operation.version)] += 1
        resource = operation.fields.get(0)
        if operation.critical and isinstance(resource, str | bytes):
            self.blocked.add(resource)

    def _settle_resource(self, resource: str) -> None:
        document = sale_document(resource)
        shelved = None if document is None else self.documents.get(document)
        if shelved is not None:
            self._settle(shelved)

    def _settle(self, shelved: Shelved) -> None:
        """Let a retirement take effect once it may: shared documents at once, others by a node that finished them."""
        if len(shelved.in_force) == len(shelved.retirements):
            return
        for place in sorted(shelved.retirements):
            shared = shelved.type in SHARED_TYPES
            if shared or self.claims.finished_by(sale_resource(shelved.id), node_of(place.journal)):
                self.documents.put_in_force(shelved, place)

    def _role(self, journal: JournalId) -> str | None:
        opened = self.roster.journals.get(journal)
        return None if opened is None else opened.credential.role


def sale_resource(document: bytes) -> str:
    """The exclusive right to work on an open sale."""
    return f"sale/{document.hex()}"


def sale_document(resource: str) -> bytes | None:
    """The open sale that a resource names, if it names one."""
    kind, _, name = resource.partition("/")
    if kind != "sale":
        return None
    try:
        return bytes.fromhex(name)
    except ValueError:
        return None


def has_money(attributes: Mapping[str, str]) -> bool:
    """Whether a document's attributes name a currency and its exponent, which every screen that shows it needs."""
    exponent = attributes.get("exponent", "")
    try:
        check_currency("currency", attributes.get("currency", ""))
    except InvalidValue:
        return False
    return len(exponent) == 1 and exponent in "0123456789"


def _subject(entry: Entry) -> str | bytes | None:
    if len(entry.operations) < 2 or isinstance(entry.operations[1], Dropped):
        return None
    concerned = entry.operations[1].fields.get(0)
    return concerned if isinstance(concerned, str | bytes) else None


def _typed(fields: Mapping[int, Any], number: int, kind: type) -> Any:
    value = fields.get(number)
    if type(value) is not kind:
        raise MalformedBytes("operation", f"field {number} is not of type {kind.__name__}")
    return value


def _claim_or_none(fields: Mapping[int, Any], number: int) -> ClaimId | None:
    return None if fields.get(number) is None else ClaimId(_typed(fields, number, bytes))


def _text_map(fields: Mapping[int, Any], number: int) -> Mapping[str, str]:
    value = _typed(fields, number, dict)
    if not all(isinstance(key, str) and isinstance(text, str) for key, text in value.items()):
        raise MalformedBytes("operation", f"field {number} is not a map of text to text")
    return value  # type: ignore[no-any-return]


def _journal_map(fields: Mapping[int, Any], number: int) -> Mapping[JournalId, int]:
    value = _typed(fields, number, dict)
    if not all(isinstance(journal, bytes) and type(seq) is int for journal, seq in value.items()):
        raise MalformedBytes("operation", f"field {number} is not a map of journal to number")
    return value  # type: ignore[no-any-return]
