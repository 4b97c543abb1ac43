"""A view that is made when it is asked for, and kept until the document changes.

Applying updates must stay cheap while nobody looks, and looking twice must cost nothing. Nothing is told to the view: it
compares the document's revision, so it can never miss a change.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from crdt_models.documents import limits as document_limits
from crdt_models.documents.document import Document
from crdt_models.documents.facts import Fact

View = TypeVar("View")
Argument = TypeVar("Argument", bound=Hashable)


class KeptView(Generic[View, Argument]):
    """The view of one document, per argument of its reader: `KeptView(document, open_sale_view).of(chain)`.

    read: a pure function of (facts, argument), such as `open_sale_view`.
    """

    __slots__ = ("_document", "_kept", "_read", "_revision")

    def __init__(self, document: Document, read: Callable[[list[tuple[str, Fact]], Argument], View]) -> None:
        self._document = document
        self._read = read
        self._revision = document.revision
        self._kept: dict[Argument, View] = {}

    def of(self, argument: Argument) -> View:
        """The view for `argument` (a chain of claims, as a tuple), as the document stands now."""
        if self._revision != self._document.revision:
            self._kept.clear()
            self._revision = self._document.revision
        view = self._kept.get(argument)
        if view is None:
            if len(self._kept) >= document_limits.views_kept_max:
                self._kept.clear()
            view = self._kept[argument] = self._read(self._document.facts(), argument)
        return view
