"""Bringing the indexes up to what is committed: in short transactions that let others in between, as far as the disk has room."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import trio

from p2plearn.ledger.receipts import Receipt
from p2plearn.node.access import Access
from p2plearn.node.store import closed as store_closed
from p2plearn.node.store import concerns as store_concerns
from p2plearn.node.store import counting as store_counting
from p2plearn.node.store import receipts as store_receipts
from p2plearn.node.store import waiting as store_waiting
from p2plearn.node.store import words as store_words
from p2plearn.node.store.store import Store

T = TypeVar("T")


class Indexing(Access):
    """A store's indexes, each of which may lag behind the records until somebody asks. `author`: whose inbox there is."""

    def __init__(self, store: Store, author: bytes) -> None:
        super().__init__(store)
        self.author = author
        self.on_receipts: Callable[[Sequence[Receipt], Sequence[Receipt]], None] = lambda _gone, _new: None
        """Called in the event loop with the receipts that are gone and those that are new, in the order in which that was committed."""
        self._counting = trio.Lock()

    async def index_all(self) -> None:
        """All of them."""
        await self.index_words()
        await self.index_closed()
        await self.index_inbox()
        await self.index_receipts()

    async def index_some(self) -> bool:
        """The next portion of each; whether there was one."""
        found = [await self._index_words(), await self._index_closed(), await self._index_inbox(), await self._index_receipts()]
        return any(found)

    async def index_words(self) -> None:
        """The full-text index alone."""
        while await self._index_words():
            pass

    async def index_closed(self) -> None:
        """The index of closed requests alone."""
        while await self._index_closed():
            pass

    async def index_inbox(self) -> None:
        """The index of what may concern the author alone."""
        while await self._index_inbox():
            pass

    async def index_receipts(self) -> None:
        """The index of who was helped by whom alone."""
        while await self._index_receipts():
            pass

    async def receipts(self) -> list[Receipt]:
        """All of that index as far as it is: whatever `on_receipts` is told of afterwards comes on top."""
        async with self._counting:
            return await self.read(store_receipts.all_receipts)

    async def _index_words(self) -> bool:
        """What is read and folded for it keeps nobody from writing."""
        portion = await self.read(store_words.gather)
        if portion is None or not await self.in_thread(self.store.has_room_for_own):
            return False
        await self.in_thread(self.put_in, portion)
        return True

    def put_in(self, portion: store_words.Portion) -> None:
        """In two short transactions, off the event loop: live records wait for each."""
        self._put(store_words.index, portion)
        with self.store.writing(derived=True) as db:
            store_words.tidy(db)

    async def _index_closed(self) -> bool:
        if not await self.read(store_closed.is_behind) or not await self.in_thread(self.store.has_room_for_own):
            return False
        await self.write(store_closed.index_some)
        return True

    async def _index_inbox(self) -> bool:
        if not await self.read(store_concerns.is_behind, self.author) or not await self.in_thread(self.store.has_room_for_own):
            return False
        await self.in_thread(self._put, store_concerns.index_some, self.author)
        return True

    async def _index_receipts(self) -> bool:
        """What is read and folded for it keeps nobody from writing."""
        async with self._counting:
            scan = await self.read(store_waiting.scan)
            folds = await self.read(store_counting.gather) if scan is None else []
            if not (scan or folds) or not await self.in_thread(self.store.has_room_for_own):
                return False
            if scan is not None:
                await self.in_thread(self._put, store_waiting.mark, scan)
            for portion in store_counting.portions(folds):
                gone, new = await self.seen_through(self._put, store_counting.put_in, portion)
                if gone or new:
                    self.on_receipts(gone, new)
        return True

    def _put(self, function: Callable[..., T], found: object) -> T:
        """One short transaction of an index, which need not reach the disk at once."""
        with self.store.writing(derived=True) as db:
            return function(db, found)
