"""Bringing the indexes up to what is committed: in short transactions that let others in between, as far as the disk has room."""

from p2plearn.node.access import Access
from p2plearn.node.store import closed as store_closed
from p2plearn.node.store import concerns as store_concerns
from p2plearn.node.store import words as store_words
from p2plearn.node.store.store import Store


class Indexing(Access):
    """A store's indexes, each of which may lag behind the records until somebody asks. `author`: whose inbox there is."""

    def __init__(self, store: Store, author: bytes) -> None:
        super().__init__(store)
        self.author = author

    async def index_all(self) -> None:
        """All of them."""
        await self.index_words()
        await self.index_closed()
        await self.index_inbox()

    async def index_some(self) -> bool:
        """The next portion of each; whether there was one."""
        found = [await self._index_words(), await self._index_closed(), await self._index_inbox()]
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

    async def _index_words(self) -> bool:
        """What is read and folded for it keeps nobody from writing."""
        portion = await self.read(store_words.gather)
        if portion is None or not await self.in_thread(self.store.has_room_for_own):
            return False
        await self.in_thread(self.put_in, portion)
        return True

    def put_in(self, portion: store_words.Portion) -> None:
        """In two short transactions, off the event loop: live records wait for each."""
        with self.store.writing(derived=True) as db:
            store_words.index(db, portion)
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
        await self.in_thread(self._look_for_concerns)
        return True

    def _look_for_concerns(self) -> None:
        with self.store.writing(derived=True) as db:
            store_concerns.index_some(db, self.author)
