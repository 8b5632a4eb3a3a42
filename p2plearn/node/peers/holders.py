"""Writing down what was found of others' nodes, from time to time and all in one transaction.

That is which hold what is here, as rounds that ended equal have shown, and how many bytes each has given. What a crash undoes the next
round finds again, and a few bytes are no matter. Must not know how it was found out, nor what is told of it.
"""

import contextlib
from collections import Counter

import trio

from p2plearn import limits
from p2plearn.errors import DiskFull
from p2plearn.node.keeper import Keeper
from p2plearn.node.store import local as store_local
from p2plearn.node.store import receipts as store_receipts


class Holders:
    """What was found since it was last written: author → row of the store up to which their node held all that is here, and → bytes."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._found: dict[bytes, int] = {}
        self._brought = Counter[bytes]()
        self._some = trio.Event()

    def __repr__(self) -> str:
        return f"<Holders, {len(self._found)} and {len(self._brought)} to be written>"

    def note(self, author: bytes | None, row: int) -> None:
        """Soon `write` writes it. Another node of our own author is nobody else."""
        if author is not None and author != self._keeper.author:
            self._found[author] = row
            self._some.set()

    def brought(self, author: bytes | None, size: int) -> None:
        """So many bytes that were not here came from an author's node."""
        if author is not None and author != self._keeper.author:
            self._brought[author] += size
            self._some.set()

    async def write(self) -> None:
        """For ever. A full disk is no reason to stop: it is only good to know."""
        while True:
            await self._some.wait()
            found, brought = self._found, self._brought
            self._found, self._brought, self._some = {}, Counter(), trio.Event()
            with contextlib.suppress(DiskFull):
                await self._keeper.in_thread(self._write, found, brought)
            await trio.sleep(limits.HOLDERS_INTERVAL)

    def _write(self, found: dict[bytes, int], brought: dict[bytes, int]) -> None:
        with self._keeper.store.writing(derived=True) as db:
            store_local.note_agreed(db, found.items())
            store_receipts.note_brought(db, brought)
