"""Files that come by themselves: small ones, within the quota of who names them; a lie about a size keeps nobody from them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from p2plearn import limits
from p2plearn.config import put
from p2plearn.node.net.memory_host import MemoryHub
from p2plearn.node.net.network import Network
from p2plearn.node.node import Node
from p2plearn.node.peers.fetching import Brought, fetch_attachment
from p2plearn.node.store.blocks import BlockStore, walk
from p2plearn.paths import Home
from p2plearn.protocol import cid as cids
from p2plearn.protocol import dag
from p2plearn.protocol.records import Attachment, parse
from p2plearn.testing.authors import Author
from p2plearn.testing.cafe import in_step, meet, open_laptop


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def share_file(node: Node, size: int) -> tuple[str, str]:
    """(snippet, CID) of something with a file."""
    file = await node.put_attachment(pieces(bytes(size)), "zeros")
    attached = [{"cid": file["cid"], "name": "zeros"}]
    return (await node.share(title="Zeros", text="see there", topics=["x"], attachments=attached))["id"], file["cid"]


async def is_here(node: Node, snippet: str) -> bool:
    return bool((await node.show(snippet))["attachments"][0]["here"])


async def comes(node: Node, snippet: str) -> None:
    with trio.fail_after(20):
        while not await is_here(node, snippet):  # noqa: ASYNC110  # as a person looks again
            await trio.sleep(0.05)


async def test_a_file_that_does_not_fit_the_quota_comes_only_when_somebody_looks(tmp_path: Path) -> None:
    (tmp_path / "ben").mkdir()
    put(Home(tmp_path / "ben"), "quota", 50_000)
    hub = MemoryHub(seed=1)
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        large, cid = await share_file(ada, 60_000)
        small, _ = await share_file(ada, 6_000)
        await meet(ada, ben)
        await in_step(ada, ben)
        await comes(ben, small)
        assert not await is_here(ben, large)  # its turn came before
        size, stream = await ben.open_attachment(cid)
        assert (size, sum([len(piece) async for piece in stream])) == (60_000, 60_000)
        assert await is_here(ben, large)
        assert (await ben._keeper.wishes.counted()).by_author[ada._keeper.author] > 66_000


async def test_a_lie_that_came_first_does_not_keep_the_file_away(tmp_path: Path) -> None:
    hub = MemoryHub(seed=2)
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        shared, cid = await share_file(ada, 6_000)
        lie = Author("eve").share("lie", attachments=(Attachment(cids.from_text(cid), 5, "", "", ""),))
        await ben._keeper.take([lie.raw], "somebody")
        await meet(ada, ben)
        await in_step(ada, ben)
        await comes(ben, shared)
        assert (await ben.open_attachment(cid))[0] == 6_000


async def test_the_file_of_a_record_that_nobody_signed_goes_with_it(tmp_path: Path) -> None:
    async with open_laptop(MemoryHub(seed=3), tmp_path / "ada") as ada:
        snippet, _ = await share_file(ada, 6_000)
        assert await is_here(ada, snippet)
        assert ada._blocks.total() == 6_000
        await ada._keeper.refute([parse(raw) for raw in ada._keeper.store.everything()])
        with trio.fail_after(20):
            while ada._blocks.total():  # noqa: ASYNC110  # as a person looks again
                await trio.sleep(0.05)


async def test_a_file_part_of_which_makes_room_while_the_rest_is_fetched_is_not_here_before_that_came_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetches: list[int] = []

    async def robbed(network: Network, blocks: BlockStore, cid: bytes, size: int, peers: list[str], *, brought: Brought) -> None:
        await fetch_attachment(network, blocks, cid, size, peers, brought=brought)
        fetches.append(size)
        if len(fetches) == 1:
            blocks.delete(next(piece.cid for piece, _ in walk(blocks, dag.root(cid, size)) if not piece.depth))

    monkeypatch.setattr("p2plearn.node.peers.attaching.fetch_attachment", robbed)
    hub = MemoryHub(seed=4)
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        large = 2 * limits.UNASKED_ATTACHMENT
        _, cid = await share_file(ada, large)
        await meet(ada, ben)
        await in_step(ada, ben)
        size, stream = await ben.open_attachment(cid)
        assert (size, sum([len(piece) async for piece in stream])) == (large, large)
        assert fetches == [large, large]
