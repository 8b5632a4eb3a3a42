"""Making room: when the quota is used up, what those said who count for least here goes, a portion at a time (`store.evicting` finds it).

What goes is declined, and asked for again once less than QUOTA_BINDS_AT of the quota is used. That making room stops well above it, and
that no stranger is let in where it begins, is what keeps one and the same thing from going and coming for ever.
A crash between two steps leaves files that count and are not here, of which the next time makes an end. Must not know peers.
"""

from functools import partial

import trio

from p2plearn import limits
from p2plearn.node.keeper import Keeper
from p2plearn.node.store import evicting as store_evicting
from p2plearn.node.store.blocks import BlockStore, drop_files, is_whole
from p2plearn.node.store.evicting import Search


async def make_room(keeper: Keeper, blocks: BlockStore) -> bool:
    """Once more than QUOTA_FULL of the quota is used, evict down to QUOTA_MADE_ROOM. Whether that has been kept. Raises DiskFull."""
    usage = await keeper.wishes.counted()
    if usage.total <= usage.quota * limits.QUOTA_FULL:
        return True
    is_lowered = usage.total > usage.quota  # others want the room on the disk
    search = Search(keeper.author, keeper.looked_at)
    while True:
        victims = await keeper.evict(search)
        if victims.files:
            left = await keeper.read(store_evicting.beside, victims.files)
            await keeper.in_thread(drop_files, blocks, list(victims.files.items()), left)
            await keeper.note_dropped(victims.files, partial(is_whole, blocks))
        if is_lowered:
            await keeper.in_thread(keeper.store.give_back)
        if not victims.more:
            break
        await trio.sleep(limits.EVICT_PAUSE)
    usage = await keeper.wishes.counted()
    return usage.total <= usage.quota * limits.QUOTA_MADE_ROOM
