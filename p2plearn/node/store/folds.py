"""Conversations folded from the store, and kept: what has not changed since is not folded again, and of what has only the new is read.

Nothing can be out of date: whether a conversation is the same is asked of the store each time, by the rows that belong to it.
However much hangs on the things of one list, MAX_THREAD records at the most are folded for it: floods are cut, what is short stays whole.
Must not know who is looking.
"""

import sqlite3
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from p2plearn import limits
from p2plearn.learning.conversation import Conversation, converse
from p2plearn.node.store import said as store_said
from p2plearn.node.store.reader import said_about, solving
from p2plearn.node.store.said import Extent
from p2plearn.node.store.store import Store
from p2plearn.protocol.records import Record

_FEW = 500  # roots looked up in one query
_NOTHING = Extent(0, 0)
_STEP = 8  # from one size to which conversations are cut to the next


class _Kept(NamedTuple):
    """A fold of at most `most` records of those in `extent`."""

    extent: Extent
    most: int
    records: list[Record]
    conversation: Conversation | None

    def is_of(self, extent: Extent, most: int) -> bool:
        """Whether folding at most `most` of what is here now would give the same."""
        return self.extent == extent and min(self.most, extent.size) == min(most, extent.size)


class Folds:
    """The conversations of one store, those last asked for kept, of KEPT_RECORDS records in all. For any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[bytes, _Kept] = {}  # the one asked for longest ago first
        self._size = 0
        self._lock = Lock()

    def of(self, roots: Sequence[Record]) -> list[Conversation | None]:
        """Each root's conversation, None where it is no readable original."""
        with self._store.reading() as db:
            extents: dict[bytes, Extent] = {}
            for at in range(0, len(roots), _FEW):
                extents |= store_said.extents(db, [root.id for root in roots[at : at + _FEW]])
            most = _share([extent.size for extent in extents.values()])
            return [self._one(db, root, extents.get(root.id, _NOTHING), most) for root in roots]

    def _one(self, db: sqlite3.Connection, root: Record, extent: Extent, most: int) -> Conversation | None:
        kept = self._take(root.id)
        if kept is None or not kept.is_of(extent, most):
            records = self._records(db, root, extent, most, kept)
            kept = _Kept(extent, most, records, converse(root, records))
            if not _is_settled(root, kept):
                return kept.conversation
        self._put(root.id, kept)
        return kept.conversation

    def _records(self, db: sqlite3.Connection, root: Record, extent: Extent, most: int, kept: _Kept | None) -> list[Record]:
        """What the conversation is folded from; what was kept of it is not read again, unless some of it was deleted or cut."""
        if kept is not None and len(kept.records) == kept.extent.size and kept.extent.last < extent.last and extent.size <= most:
            new = store_said.since(db, root.id, kept.extent.last)
            if len(kept.records) + len(new) == extent.size:
                return [*kept.records, *new]
        return said_about(db, root, most)

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


def _share(sizes: Sequence[int]) -> int:
    """How many records each conversation may have so that all have MAX_THREAD at the most: what short ones leave goes to long ones.

    In few steps, or the same conversation would be folded anew for each list that it stands in.
    """
    left, share = limits.MAX_THREAD, limits.MAX_THREAD
    for place, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - place)
        if size > share:
            break
        left -= size
        share = limits.MAX_THREAD
    most = limits.MAX_THREAD
    while most > share:
        most //= _STEP
    return most


def _is_settled(root: Record, kept: _Kept) -> bool:
    """Whether the rows tell all of it: more may have come meanwhile; what a solve names elsewhere, or not yet here, is none of the rows."""
    ids = {record.id for record in kept.records}
    return len(ids) == min(kept.extent.size, kept.most) and solving(root, kept.records) <= ids
