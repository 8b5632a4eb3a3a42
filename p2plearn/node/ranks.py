"""How people stand with this home's author, kept up to date from the store's receipts. `keeper.standing` is what comes of it.

Numbers are worked out in a worker thread, one thing at a time; while nobody was ever helped, none are. Must not know what a standing is
used for.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import trio

from p2plearn import limits
from p2plearn.ledger.receipts import Receipt
from p2plearn.node.keeper import Keeper
from p2plearn.node.store import local as store_local
from p2plearn.node.store import receipts as store_receipts

if TYPE_CHECKING:  # importing what ranks takes 0.3 s
    from p2plearn.ledger.books import Books
    from p2plearn.ledger.explaining import Explanation

T = TypeVar("T")


class _Change(NamedTuple):
    gone: Sequence[Receipt]
    new: Sequence[Receipt]


class Ranks:
    """The ranks of one home. They are worked out when somebody asks and, while `run` runs, by themselves."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._books: Books | None = None  # until there is something to write in them
        self._listens = self._is_read = False  # to changes, and what was in the store before
        self._changes: list[_Change] = []  # that the books do not show yet
        self._follows: frozenset[bytes] = frozenset()
        self._ranked_at = -math.inf  # by the event loop's clock
        self._news = trio.Event()
        self._working = trio.Lock()
        self.is_whole = True  # whether the last to ask were told by all that was here
        keeper.on_receipts = self._on_receipts

    def __repr__(self) -> str:
        return f"<Ranks by {self._books!r}>"

    async def run(self) -> None:
        """For ever: let the standing follow what comes within RANK_PAUSE, nearly, and exactly within RANK_INTERVAL; and let it age.

        Where that takes long, as of a flood or of a graph made for it, less often: others need the processor too.
        """
        took = 0.0
        while True:
            await trio.sleep(max(limits.RANK_PAUSE, limits.RANK_REST * took))
            news, began = self._news, trio.current_time()
            is_exact = await self._bring_up(_is_exact, exactly=trio.current_time() > self._ranked_at + limits.RANK_INTERVAL)
            took = trio.current_time() - began
            with trio.move_on_after(limits.RANK_AGEING if is_exact else limits.RANK_INTERVAL):
                await news.wait()

    async def scores(self, topic: str | None = None) -> Mapping[bytes, float]:
        """Author key → score > 0, overall or in a topic, by what is here now, as far as it can be indexed in INDEX_WAIT."""
        await self._index()
        return await self._bring_up(lambda books: books.scores(topic) if books else {}, exactly=True)

    async def explain(self, author: bytes, topic: str | None = None) -> "Explanation | None":
        """Why somebody has their score, by the same; None of whom nothing was ever said."""
        await self._index()
        return await self._bring_up(lambda books: books.explain(author, topic) if books else None, exactly=True)

    async def stand(self) -> None:
        """Let the standing show all that is here now, however long that takes."""
        await self._keeper.index_receipts()
        await self._bring_up(_is_exact, exactly=True)

    async def _index(self) -> None:
        with trio.move_on_after(limits.INDEX_WAIT) as patience:
            await self._keeper.index_receipts()
        self.is_whole = not patience.cancelled_caught

    def _on_receipts(self, gone: Sequence[Receipt], new: Sequence[Receipt]) -> None:
        """Also called without any, when it is known otherwise that something has changed."""
        if self._listens:
            self._changes.append(_Change(gone, new))
        self._news.set()
        self._news = trio.Event()

    async def _bring_up(self, use: "Callable[[Books | None], T]", *, exactly: bool) -> T:
        """Let the books and the standing show what has come, and `use` them."""
        async with self._working:
            if not self._is_read:
                self._listens, self._changes = True, []  # what comes while the store is read is entered again: that changes nothing
                self._changes.insert(0, _Change([], await self._keeper.receipts()))
                self._is_read = True
            follows = frozenset(await self._keeper.read(store_local.followed))
            changes, following = self._changes, partial(self._following, self._follows - follows, follows - self._follows)
            self._follows, self._changes = follows, []
            is_old = trio.current_time() > self._ranked_at + limits.RANK_AGEING
            work = partial(self._work, changes, following, use, exactly=exactly, is_old=is_old)
            try:
                result, ranked = await self._keeper.seen_through(work)
            except BaseException:  # nobody knows what the books show by now: they are begun again
                self._books, self._is_read, self._follows = None, False, frozenset()
                raise
            if ranked:
                self._ranked_at = trio.current_time()
            return result

    def _work(
        self,
        changes: Iterable[_Change],
        following: Callable[[], _Change],
        use: "Callable[[Books | None], T]",
        *,
        exactly: bool,
        is_old: bool,
    ) -> tuple[T, bool]:
        """(what it is used for, whether it was ranked in full), in a worker thread."""
        changes = [change for change in [*changes, following()] if change.gone or change.new]
        if self._books is None:
            if not changes:
                return use(None), False
            from p2plearn.ledger.books import Books

            self._books = Books(self._keeper.author)
        books = self._books
        for change in changes:
            books.take(change.gone, change.new)
        ranks = books.must_rank or is_old or (exactly and not books.is_exact)
        if ranks:
            with self._keeper.store.reading() as db:
                brought = store_receipts.brought(db)
            books.rank(self._keeper.clock.now_ms(), brought)
        if changes or ranks:
            self._keeper.standing = books.standing()
        return use(books), ranks

    def _following(self, left: Collection[bytes], joined: Collection[bytes]) -> _Change:
        """What it counts that I follow these no longer, and these from now on."""
        if not left and not joined:
            return _Change([], [])
        from p2plearn.ledger.accounts import followed

        gone, new = ([followed(self._keeper.author, person) for person in people] for people in (left, joined))
        return _Change(gone, new)


def _is_exact(books: "Books | None") -> bool:
    return books is None or books.is_exact
