"""Writing down whose node holds what is here, as rounds that ended equal have shown: from time to time, all of them in one transaction.

What a crash undoes the next round finds again. Must not know how it was found out, nor what is told of it.
"""

import contextlib

import trio

from p2plearn import limits
from p2plearn.errors import DiskFull
from p2plearn.node.keeper import Keeper
from p2plearn.node.store import local as store_local


class Holders:
    """What was found since it was last written: author → row of the store up to which their node held all that is here."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._found: dict[bytes, int] = {}
        self._some = trio.Event()

    def __repr__(self) -> str:
        return f"<Holders, {len(self._found)} to be written>"

    def note(self, author: bytes | None, row: int) -> None:
        """Soon `write` writes it. Another node of our own author is nobody else."""
        if author not in (None, self._keeper.author):
            self._found[author] = row
            self._some.set()

    async def write(self) -> None:
        """For ever. A full disk is no reason to stop: it is only good to know."""
        while True:
            await self._some.wait()
            found, self._found, self._some = self._found, {}, trio.Event()
            with contextlib.suppress(DiskFull):
                await self._keeper.in_thread(self._write, found)
            await trio.sleep(limits.HOLDERS_INTERVAL)

    def _write(self, found: dict[bytes, int]) -> None:
        with self._keeper.store.writing(derived=True) as db:
            store_local.note_agreed(db, found.items())
