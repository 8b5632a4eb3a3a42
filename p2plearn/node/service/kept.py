"""What is folded from all records of some kinds, and kept: what comes is folded in, without reading again what was there.

Must not know what the fold is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from p2plearn.node.keeper import Keeper
from p2plearn.node.store.store import Change
from p2plearn.protocol.kinds import RETRACTS, Retract
from p2plearn.protocol.records import COMMONS, Record

T = TypeVar("T")


class Kept(Generic[T]):
    """`fold` of the newest `most` records of `kinds`, and those that come later, with the retractions of them: about 1 KB for each."""

    def __init__(self, keeper: Keeper, kinds: Sequence[str], most: int, fold: Callable[[Iterable[Record]], T]) -> None:
        self._keeper = keeper
        self._kinds = kinds
        self._most = most
        self._fold = fold
        self._records: Mapping[bytes, Record] | None = None  # what was folded
        self._new: dict[bytes, Record] = {}  # what has come since
        self._kept: tuple[T] | None = None  # the fold, while it holds
        self._changes = 0
        keeper.listen(self._on_change)

    async def get(self) -> T:
        """The fold of what is here now."""
        while self._kept is None:
            changes = self._changes
            records, found = await self._keeper.in_thread(self._catch_up, self._records, list(self._new.values()))
            if changes == self._changes:
                self._records, self._new, self._kept = records, {}, (found,)
        return self._kept[0]

    def _catch_up(self, known: Mapping[bytes, Record] | None, new: Sequence[Record]) -> tuple[Mapping[bytes, Record], T]:
        """A retraction may have come before what it is about, so it is looked for with that."""
        store = self._keeper.store
        if known is None:
            known, new = {}, [stored.record for stored in store.of_kinds(self._kinds, limit=self._most)]
        gone = [stored.record for stored in store.about([record.id for record in new], RETRACTS)]
        records = {**known, **{record.id: record for record in (*new, *gone)}}
        return records, self._fold(records.values())

    def _on_change(self, change: Change, _source: str | None) -> None:
        new = {record.id: record for record in change.added if self._matters(record)}
        if change.removed:
            self._records, self._new = None, {}
        else:
            self._new |= new
        if new or change.removed:
            self._kept = None
            self._changes += 1

    def _matters(self, record: Record) -> bool:
        if record.kind == Retract.kind:
            target = record.target(RETRACTS)
            return self._records is None or target in self._records or target in self._new
        return record.kind in self._kinds and record.space == COMMONS
