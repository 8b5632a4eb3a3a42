"""The store as the node uses it: off the event loop. What every task may do with it is here; changing the set of records is the keeper's.

Must not know what is asked or why.
"""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio

from p2plearn.errors import DiskFull
from p2plearn.node.store.store import Store

T = TypeVar("T")


class Access:
    """One home's store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a store call off the event loop."""
        return await trio.to_thread.run_sync(partial(function, *arguments))

    async def seen_through(self, function: Callable[..., T], *arguments: object) -> T:
        """The same, whoever is cancelled meanwhile: what has been written is known then."""
        with trio.CancelScope(shield=True):
            return await self.in_thread(function, *arguments)

    async def read(self, function: Callable[..., T], *arguments: object) -> T:
        """Run `function(db, *arguments)` of one of the store's siblings with a reading connection."""

        def work() -> T:
            with self.store.reading() as db:
                return function(db, *arguments)

        return await self.in_thread(work)

    async def write(self, function: Callable[..., T], *arguments: object, **options: object) -> T:
        """The same in a transaction. Raises DiskFull."""

        def work() -> T:
            with self.store.writing() as db:
                return function(db, *arguments, **options)

        return await self.in_thread(work)

    async def note(self, function: Callable[..., object], *arguments: object) -> None:
        """Write what is good to know and can be done without, such as where a peer was met: a full disk is no reason to stop."""
        with contextlib.suppress(DiskFull):
            await self.write(function, *arguments)
