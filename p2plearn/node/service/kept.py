"""What is folded once from all records of some kinds, and kept until one of them, or the word that one is taken back, comes or goes.

Must not know what the fold is.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from p2plearn.node.keeper import Keeper
from p2plearn.node.store.store import Change
from p2plearn.protocol.kinds import RETRACTS, Retract
from p2plearn.protocol.records import Record

T = TypeVar("T")


class Kept(Generic[T]):
    """`fold` of the newest `most` records of `kinds` with the retractions of them."""

    def __init__(self, keeper: Keeper, kinds: Sequence[str], most: int, fold: Callable[[Iterable[Record]], T]) -> None:
        self._keeper = keeper
        self._kinds = kinds
        self._most = most
        self._fold = fold
        self._kept: tuple[T, set[bytes]] | None = None  # with the ids that were folded
        self._changes = 0
        keeper.listen(self._on_change)

    async def get(self) -> T:
        """The fold of what is here now."""
        while self._kept is None:
            changes = self._changes
            found = await self._keeper.in_thread(self._make)
            if changes == self._changes:
                self._kept = found
        return self._kept[0]

    def _make(self) -> tuple[T, set[bytes]]:
        store = self._keeper.store
        said = store.of_kinds(self._kinds, limit=self._most)
        ids = [stored.record.id for stored in said]
        return self._fold(stored.record for stored in [*said, *store.about(ids, RETRACTS)]), set(ids)

    def _on_change(self, change: Change, _source: str | None) -> None:
        if change.removed or any(self._matters(record) for record in change.added):
            self._kept = None
            self._changes += 1

    def _matters(self, record: Record) -> bool:
        if record.kind == Retract.kind:
            return self._kept is None or record.target(RETRACTS) in self._kept[1]
        return record.kind in self._kinds
