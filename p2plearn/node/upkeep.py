"""What a running node does with its store when nobody waits for it: checks that were postponed, indexes, looking after the disk.

Each task is for ever and in small portions, and stands back while records come in. Must not know peers.
"""

import contextlib

import trio

from p2plearn import limits
from p2plearn.errors import DiskFull
from p2plearn.node.keeper import Keeper


async def check_signatures(keeper: Keeper) -> None:
    """Check what was postponed, while nothing comes; a little of it, however much comes."""
    while True:
        with trio.move_on_after(limits.CHECK_AT_LEAST):
            await _quiet(keeper, limits.CHECK_IDLE)
        try:
            found = await keeper.check_some()
        except DiskFull:
            await trio.sleep(limits.DISK_INTERVAL)
            continue
        if not found:
            await keeper.change()


async def index(keeper: Keeper) -> None:
    """Index what came, in large portions while much comes, and soon once it is quiet."""
    while True:
        with contextlib.suppress(DiskFull):
            await keeper.index_all()
        await keeper.change()
        await trio.sleep(limits.INDEX_IDLE)


async def watch_disk(keeper: Keeper) -> None:
    """Once there is room on the disk again, let come what had to wait."""
    while True:
        await trio.sleep(limits.DISK_INTERVAL)
        await keeper.let_come()


async def _quiet(keeper: Keeper, seconds: float) -> None:
    """Wait until nothing has come for so long."""
    while trio.current_time() < keeper.last_news + seconds:  # noqa: ASYNC110  # each record that comes moves the end of the wait
        await trio.sleep_until(keeper.last_news + seconds)
