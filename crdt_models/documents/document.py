"""A document: facts that people write together, kept as a genuine Yjs document, read as a set.

The only importer of pycrdt. pycrdt encodes what is written here and holds the same document that a browser's yjs would
hold. What is *read* comes from the register, which collects what the updates say, key by key (`update_reader.py`). Two
things that pycrdt does (0.14.13, measured) are why its map is not read:
* its iteration order differs from process to process, so two tills would print lines in different orders;
* where an author's number and count are used twice (a copied process, a bug, an attack) it keeps the update that came
  first and drops the other for ever, so two nodes that hold the same entries would differ.

Rules, cited by tests:
1. The facts are a function of the *set* of updates applied: not of order, grouping or repetition. A key that was written
   twice with different texts (no honest author can) is `contested`, and reads as the lesser text on every node.
2. A write makes one update per 16 KiB and author's step; it never writes over a key that is held.
3. An update whose predecessor by the same author is missing is shown at once: each fact carries all that it needs. pycrdt
   keeps the gap in mind and closes it when the predecessor comes; until then `has_pending` says so. Nothing waits.
4. An update is refused for its bytes alone, never for the state of the document.
5. No number enters pycrdt (`facts.py`). A panic in pycrdt, which is a `BaseException`, leaves here as our error.

Small and short-lived: one per open sale or seating, dropped when finished. Not for use by two threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pycrdt import Doc, Map, TransactionEvent

from crdt_models import limits
from crdt_models.documents import limits as document_limits
from crdt_models.documents.facts import Fact, check_fact_key, fact_of, ordinal_of, text_of
from crdt_models.documents.update_reader import ROOT_NAME, WrittenFact, read_state_vector, read_update
from crdt_models.errors import InvalidValue, MalformedBytes
from crdt_models.values.identity import Chance

_READER_CLIENT: Final = 1
"""Client id of a document that is only read; no writer draws it (`_draw_client`)."""


class Document:
    """One document, empty at first.

    client_chance: whence the fresh random Yjs client id of this instance; None for a document that is only read. The id
    is never stored: a second writer under one id would make two truths look equal (FIELD story 15).
    """

    __slots__ = (
        "_contested",
        "_doc",
        "_ends",
        "_facts",
        "_map",
        "_ordinal",
        "_sorted",
        "_texts",
        "_writes",
        "revision",
    )

    def __init__(self, client_chance: Chance | None = None) -> None:
        client = _READER_CLIENT if client_chance is None else _draw_client(client_chance)
        self._writes = client_chance is not None
        self._doc: Doc[Map[str]] = Doc(client_id=client, guid=ROOT_NAME)
        self._map: Map[str] = self._doc.get(ROOT_NAME, type=Map)
        self._texts: dict[str, str] = {}
        self._facts: dict[str, Fact] = {}
        self._contested: set[str] = set()
        self._ends: dict[int, int] = {}
        self._ordinal = 0
        self._sorted: list[tuple[str, Fact]] | None = []
        self.revision = 0
        """Grows with every change of the facts: a view made at the same revision is still right."""

    def write(self, facts: Mapping[str, Fact]) -> list[bytes]:
        """The facts are in the document; returns the updates that say so, each of at most `limits.update_bytes_max` bytes.

        Each update is one transaction; a large step makes several, all meant for one entry. Raises InvalidValue and
        writes nothing where a fact is not one, a key is held already, or the document is full.
        """
        assert self._writes, "a document without a source of chance is only read"
        texts = {check_fact_key(key): text_of(fact, key) for key, fact in facts.items()}
        for key in texts:
            if key in self._texts:
                raise InvalidValue(key, "is written already; a fact is written once, and removing is a fact")
        if len(self._texts) + len(texts) > document_limits.document_facts_max:
            raise InvalidValue("document", f"would hold more than {document_limits.document_facts_max} facts")
        return [self._write_update(part) for part in _parts(texts)]

    def apply(self, update: bytes) -> tuple[str, ...]:
        """What another node (or this one) wrote is in the document; returns the keys whose reading changed.

        Applying again is harmless. Raises MalformedBytes or LimitExceeded, the author's fault; nothing is applied then.
        """
        checked = _checked(read_update(update))
        _within_pycrdt(lambda: self._doc.apply_update(update))
        return self._register(checked)

    def facts(self) -> list[tuple[str, Fact]]:
        """All facts with their keys in their one order, (ordinal, id): the same on every node that holds the same updates."""
        if self._sorted is None:
            # sorted_facts() in a form that is cheap for a list which is nearly sorted
            self._sorted = sorted(self._facts.items(), key=lambda row: (ordinal_of(row[1]), row[0][-32:], row[0]))
        return list(self._sorted)

    def get(self, key: str) -> Fact | None:
        """The fact under `key`, or None."""
        return self._facts.get(key)

    def __len__(self) -> int:
        return len(self._facts)

    def __contains__(self, key: str) -> bool:
        return key in self._facts

    @property
    def next_ordinal(self) -> int:
        """The ordinal for what is written next: 1 + the highest held."""
        return min(self._ordinal + 1, document_limits.ordinal_max)

    @property
    def contested(self) -> frozenset[str]:
        """Keys that were written with different texts: somebody's copied process, bug or attack, for people to see."""
        return frozenset(self._contested)

    @property
    def has_pending(self) -> bool:
        """Whether an earlier update of some author is missing here (rule 3); the facts shown are right as far as they go."""
        state = read_state_vector(self._doc.get_state())
        return any(state.get(client, 0) < end for client, end in self._ends.items())

    def _write_update(self, texts: Mapping[str, str]) -> bytes:
        collected: list[bytes] = []

        def collect(event: TransactionEvent) -> None:
            collected.append(event.update)

        def transact() -> None:
            subscription = self._doc.observe(collect)
            try:
                with self._doc.transaction():
                    for key, text in texts.items():
                        self._map[key] = text
            finally:
                self._doc.unobserve(subscription)

        _within_pycrdt(transact)
        (update,) = collected
        self._register(_checked(read_update(update)))
        return update

    def _register(self, checked: list[tuple[WrittenFact, Fact]]) -> tuple[str, ...]:
        changed: list[str] = []
        for written, fact in checked:
            self._ends[written.client] = max(self._ends.get(written.client, 0), written.clock + 1)
            held = self._texts.get(written.key)
            if held == written.text:
                continue
            if held is not None:
                self._contested.add(written.key)
                self.revision += 1
                if held < written.text:
                    continue
            self._texts[written.key] = written.text
            self._facts[written.key] = fact
            self._ordinal = max(self._ordinal, ordinal_of(fact))
            changed.append(written.key)
        if changed:
            self.revision += 1
            self._sorted = None
        return tuple(changed)


def _draw_client(chance: Chance) -> int:
    """A random Yjs client id of 53 bits, above the reader's."""
    return _READER_CLIENT + 1 + int.from_bytes(chance(7), "big") % (document_limits.client_id_max - _READER_CLIENT)


def _checked(written: list[WrittenFact]) -> list[tuple[WrittenFact, Fact]]:
    checked = []
    for fact in written:
        try:
            check_fact_key(fact.key)
        except InvalidValue as error:
            raise MalformedBytes(error.field, error.reason) from error
        checked.append((fact, fact_of(fact.text)))
    return checked


def _parts(texts: Mapping[str, str]) -> list[dict[str, str]]:
    """The facts of one write, split so that each part is an update within the limit; in the writer's order."""
    parts: list[dict[str, str]] = []
    room = 0
    for key, text in texts.items():
        size = len(key) + len(text.encode()) + document_limits.struct_overhead_bytes
        if size > room or len(parts[-1]) == document_limits.structs_max:
            parts.append({})
            room = limits.update_bytes_max - document_limits.update_overhead_bytes
        parts[-1][key] = text
        room -= size
    return parts


def _within_pycrdt(action: Callable[[], None]) -> None:
    """Do it, and turn pycrdt's refusals and panics into our error. A panic is a BaseException that has no name to import."""
    try:
        action()
    except (ValueError, RuntimeError) as error:
        raise MalformedBytes("document update", f"pycrdt refuses it: {str(error)[:200]}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise MalformedBytes("document update", f"pycrdt panicked: {str(error)[:200]}") from error
