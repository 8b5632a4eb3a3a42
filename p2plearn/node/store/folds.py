"""Conversations folded from the store, and kept: what has not changed since is not folded again, and of what has only the new is read.

Nothing can be out of date: whether a conversation is the same is asked of the store each time, by the rows that belong to it.
Must not know who is looking.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import NamedTuple

from p2plearn import limits
from p2plearn.learning.conversation import Conversation, converse
from p2plearn.node.store import said as store_said
from p2plearn.node.store.reader import said_about
from p2plearn.node.store.said import Extent
from p2plearn.node.store.store import Store
from p2plearn.protocol.kinds import BY
from p2plearn.protocol.records import Record

_FEW = 500  # roots looked up in one query
_NOTHING = Extent(0, 0)


class _Kept(NamedTuple):
    extent: Extent
    records: list[Record]
    conversation: Conversation | None


class Folds:
    """The conversations of one store, those last asked for kept, of KEPT_RECORDS records in all. For any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[bytes, _Kept] = {}  # the one asked for longest ago first
        self._size = 0
        self._lock = Lock()

    def of(self, roots: Sequence[Record]) -> list[Conversation | None]:
        """Each root's conversation, None where it is no readable original."""
        found: list[Conversation | None] = []
        with self._store.reading() as db:
            for at in range(0, len(roots), _FEW):
                found += self._some(db, roots[at : at + _FEW])
        return found

    def _some(self, db: sqlite3.Connection, roots: Sequence[Record]) -> Iterator[Conversation | None]:
        extents = store_said.extents(db, [root.id for root in roots])
        return (self._one(db, root, extents.get(root.id, _NOTHING)) for root in roots)

    def _one(self, db: sqlite3.Connection, root: Record, extent: Extent) -> Conversation | None:
        kept = self._take(root.id)
        if kept is None or kept.extent != extent:
            records = self._records(db, root, extent, kept)
            kept = _Kept(extent, records, converse(root, records))
            if not _is_whole(kept):
                return kept.conversation
        self._put(root.id, kept)
        return kept.conversation

    def _records(self, db: sqlite3.Connection, root: Record, extent: Extent, kept: _Kept | None) -> list[Record]:
        """All that the conversation is folded from; what was kept of it is not read again, unless some of it was deleted."""
        if kept is not None and kept.extent.last < extent.last:
            new = store_said.since(db, root.id, kept.extent.last)
            if len(kept.records) + len(new) == extent.size:
                return [*kept.records, *new]
        return said_about(db, root.id)

    def _take(self, root: bytes) -> _Kept | None:
        with self._lock:
            kept = self._kept.pop(root, None)
            self._size -= len(kept.records) + 1 if kept is not None else 0
        return kept

    def _put(self, root: bytes, kept: _Kept) -> None:
        with self._lock:
            if root not in self._kept:  # else another thread was quicker
                self._kept[root] = kept
                self._size += len(kept.records) + 1
            while self._size > limits.KEPT_RECORDS:
                oldest = next(iter(self._kept))
                self._size -= len(self._kept.pop(oldest).records) + 1


def _is_whole(kept: _Kept) -> bool:
    """Whether the rows tell all of it: more may have come meanwhile; what a solve names elsewhere, or not yet here, is none of the rows."""
    ids = {record.id for record in kept.records}
    return len(ids) == kept.extent.size and all(target in ids for record in kept.records for target in record.targets(BY))
