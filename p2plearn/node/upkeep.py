"""What a running node does with its store when nobody waits for it: checks that were postponed, indexes, looking after the disk.

Each task is for ever and in small portions, and stands back while records come in. Must not know peers.
"""

import contextlib
import math
from collections.abc import Awaitable, Callable

import trio

from p2plearn import limits
from p2plearn.errors import DiskFull
from p2plearn.ledger.standing import NOBODY
from p2plearn.node.evicting import make_room
from p2plearn.node.keeper import Keeper
from p2plearn.node.store.blocks import BlockStore


async def check_signatures(keeper: Keeper) -> None:
    """Check what was postponed, while nothing comes; a little of it, however much comes."""
    while True:
        with trio.move_on_after(limits.CHECK_AT_LEAST):
            await _quiet(keeper, limits.CHECK_IDLE)
        news = keeper.news
        try:
            found = await keeper.check_some()
        except DiskFull:
            await trio.sleep(limits.DISK_INTERVAL)
            continue
        if not found:
            await news.wait()


async def index(keeper: Keeper) -> None:
    """Index what came, once it is quiet; a portion from time to time, however much comes."""
    while True:
        with trio.move_on_after(limits.INDEX_AT_LEAST):
            await _quiet(keeper, limits.INDEX_IDLE)
        found, news = False, keeper.news
        with contextlib.suppress(DiskFull):
            found = await keeper.index_some()
        if not found:
            await news.wait()


async def fold_log(keeper: Keeper) -> None:
    """Keep the store's log short, so that no commit has to wait for that."""
    while True:
        await keeper.news.wait()
        await trio.sleep(limits.LOG_INTERVAL)
        await keeper.in_thread(keeper.store.checkpoint)


async def watch_disk(keeper: Keeper) -> None:
    """Once there is room on the disk again, let come what had to wait."""
    while True:
        await trio.sleep(limits.DISK_INTERVAL)
        await keeper.let_come()


async def keep_quota(keeper: Keeper, blocks: BlockStore, rank: Callable[[], Awaitable[object]]) -> None:
    """Have those who count for least make room when the quota is used up. `rank` works out how people stand: nobody goes before.

    What was turned away of people who are ranked since then may come, too; with it all else that was, which is turned away once more.
    """
    known, welcomed = NOBODY.scores, -math.inf
    while True:
        has_room = True
        usage = await keeper.wishes.counted()
        if usage.total > usage.quota * limits.QUOTA_BINDS_AT:
            has_room = False
            with contextlib.suppress(DiskFull):
                if known is NOBODY.scores or usage.total > usage.quota * limits.QUOTA_FULL:
                    await rank()
                has_room = await make_room(keeper, blocks)
            scores = keeper.standing.scores
            if trio.current_time() > welcomed + limits.EVICT_AGAIN and scores.keys() - known.keys():
                known, welcomed = scores, trio.current_time()
                await keeper.welcome_back()
        await trio.sleep(limits.EVICT_INTERVAL if has_room else limits.EVICT_AGAIN)


async def _quiet(keeper: Keeper, seconds: float) -> None:
    """Wait until nothing has come for so long."""
    while trio.current_time() < keeper.last_news + seconds:  # noqa: ASYNC110  # each record that comes moves the end of the wait
        await trio.sleep_until(keeper.last_news + seconds)
