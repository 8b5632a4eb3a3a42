"""What each author's node gave this one is counted, in bytes: records that were new, and pieces of files. It never leaves this machine."""

from collections.abc import AsyncIterator
from pathlib import Path

import trio

from p2plearn.node.net.memory_host import MemoryHub
from p2plearn.node.node import Node
from p2plearn.node.peers.holders import Holders
from p2plearn.node.store import receipts as store_receipts
from p2plearn.testing.cafe import in_step, meet, open_laptop, until
from tests.node.test_holders import home_with_a_record


async def test_new_records_and_the_blocks_of_files_count_once(tmp_path: Path) -> None:
    hub = MemoryHub(seed=1)
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        file = await ada.put_attachment(zeros(6_000), "zeros")
        attached = [{"cid": file["cid"], "name": "zeros"}]
        await ada.share(title="Zeros", text="see there", topics=["x"], attachments=attached)
        await meet(ada, ben)
        await in_step(ada, ben)
        await until(lambda: has_brought(ben, {ada._keeper.author: said(ada) + 6_000}))
        assert await brought(ada) == ({ben._keeper.author: said(ben)} if said(ben) else {})
        await ada.share(title="More", text="Said while ben listens.", topics=["x"])
        await in_step(ada, ben)
        await until(lambda: has_brought(ben, {ada._keeper.author: said(ada) + 6_000}))


async def test_from_whom_it_comes_counts_and_not_who_said_it(tmp_path: Path) -> None:
    hub = MemoryHub(seed=2)
    async with open_laptop(hub, tmp_path / "ben") as ben:
        async with open_laptop(hub, tmp_path / "ada") as ada:
            await ada.share(title="Rye", text="Sour.", topics=["bread"])
            await meet(ada, ben)
            await in_step(ada, ben)
            size = said(ada)
        async with open_laptop(hub, tmp_path / "eve") as eve:
            await meet(eve, ben)
            await in_step(ben, eve)
            await until(lambda: has_brought(eve, {ben._keeper.author: size + said(ben)}))


async def test_another_node_of_our_own_has_brought_nothing(tmp_path: Path) -> None:
    store, keeper, _ = await home_with_a_record(tmp_path)
    holders = Holders(keeper)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(holders.write)
        for author, size in ((keeper.author, 7), (None, 7), (b"ben", 7), (b"ben", 5)):
            holders.brought(author, size)

        async def written() -> bool:
            return await keeper.read(store_receipts.brought) == {b"ben": 12}

        await until(written)
        nursery.cancel_scope.cancel()
    store.close()


async def zeros(size: int) -> AsyncIterator[bytes]:
    yield bytes(size)


def said(node: Node) -> int:
    """The bytes of all records of this node's author."""
    store = node._keeper.store
    return sum(len(stored.record.raw) for stored in store.get(store.by_author(node._keeper.author)))


async def brought(node: Node) -> dict[bytes, int]:
    return await node._keeper.read(store_receipts.brought)


async def has_brought(node: Node, expected: dict[bytes, int]) -> bool:
    return await brought(node) == expected
