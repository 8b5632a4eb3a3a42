"""Fetching an attachment: from several peers, past liars, sleepers and leavers, and on from where it stopped."""

import os
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
import trio

from p2plearn import limits
from p2plearn.errors import AttachmentAway, AttachmentBroken, ConnectionLost, DiskFull, PeerFault
from p2plearn.node.net.network import Network
from p2plearn.node.peers.fetching import fetch_attachment
from p2plearn.node.store.blocks import BlockStore, read_file
from p2plearn.protocol import cid, dag

Answer = Callable[[bytes], Awaitable[bytes | None]]


class FakeNetwork:
    """Peers that are functions from CID to block; counts who was asked for what, and who was blamed."""

    def __init__(self, **peers: Answer) -> None:
        self.peers = peers
        self.asked: Counter[tuple[str, bytes]] = Counter()
        self.blamed: list[tuple[str, str]] = []
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    async def fetch_block(self, peer: str, name: bytes) -> bytes | None:
        self.asked[peer, name] += 1
        for who in (peer, "all"):
            self.under_way[who] += 1
            self.most[who] = max(self.most[who], self.under_way[who])
        try:
            await trio.sleep(0.001)
            return await self.peers[peer](name)
        finally:
            self.under_way.subtract([peer, "all"])

    def blame(self, peer: str, reason: str) -> None:
        self.blamed.append((peer, reason))


class File:
    """A file somebody has, as its blocks."""

    def __init__(self, data: bytes) -> None:
        builder = dag.Builder()
        self.data = data
        self.blocks = dict(builder.add(data) + builder.finish())
        self.cid = builder.root.cid
        self.size = len(data)

    async def whole(self, name: bytes) -> bytes | None:
        return self.blocks.get(name)

    def but(self, *names: bytes) -> Answer:
        async def answer(name: bytes) -> bytes | None:
            return None if name in names else self.blocks.get(name)

        return answer


async def nothing(_: bytes) -> bytes | None:
    return None


async def gone(_: bytes) -> bytes | None:
    raise ConnectionLost


async def silent(_: bytes) -> bytes | None:
    await trio.sleep_forever()
    return None


async def lying(_: bytes) -> bytes | None:
    return b"something else"


async def caught_lying(_: bytes) -> bytes | None:
    raise PeerFault("unasked", "a block nobody asked for")


@pytest.fixture
def blocks(tmp_path: Path) -> BlockStore:
    return BlockStore(tmp_path / "blocks")


@pytest.fixture
def file() -> File:
    return File(os.urandom(6 * limits.CHUNK + 77))


async def fetch(network: FakeNetwork, blocks: BlockStore, file: File, progress: Callable[[int, int], None] | None = None) -> None:
    with trio.fail_after(20):
        await fetch_attachment(cast(Network, network), blocks, file.cid, file.size, list(network.peers), progress=progress)


@pytest.mark.parametrize("size", [0, 5, limits.CHUNK, limits.CHUNK + 1, 5 * limits.CHUNK])
async def test_a_file_of_any_size_comes_whole(blocks: BlockStore, size: int) -> None:
    file = File(os.urandom(size))
    network = FakeNetwork(maria=file.whole)
    await fetch(network, blocks, file)
    assert b"".join(read_file(blocks, file.cid, size)) == file.data
    assert sorted(blocks) == sorted(file.blocks)
    assert network.blamed == []


async def test_each_block_is_asked_for_once_and_several_at_once(blocks: BlockStore, file: File) -> None:
    network = FakeNetwork(maria=file.whole, jonas=file.whole)
    await fetch(network, blocks, file)
    assert sum(network.asked.values()) == len(file.blocks)
    assert {peer for peer, _ in network.asked} == {"maria", "jonas"}
    assert 1 < network.most["maria"] <= limits.FETCH_PER_PEER


async def test_many_peers_do_not_mean_much_memory(blocks: BlockStore) -> None:
    file = File(os.urandom(30 * limits.CHUNK))
    network = FakeNetwork(**{f"peer{n}": file.whole for n in range(20)})
    await fetch(network, blocks, file)
    assert 4 < network.most["all"] <= limits.FETCH_AT_ONCE


async def test_what_one_peer_lacks_another_gives(blocks: BlockStore, file: File) -> None:
    names = list(file.blocks)
    network = FakeNetwork(maria=file.but(*names[:4]), nobody=nothing, jonas=file.but(*names[4:]))
    await fetch(network, blocks, file)
    assert b"".join(read_file(blocks, file.cid, file.size)) == file.data
    assert max(network.asked.values()) == 1  # nobody is asked twice for what they do not have


async def test_a_fetch_that_was_cut_off_goes_on_where_it_stopped(blocks: BlockStore, file: File) -> None:
    last = list(file.blocks)[-2]
    with pytest.raises(AttachmentAway):
        await fetch(FakeNetwork(maria=file.but(last)), blocks, file)
    network = FakeNetwork(jonas=file.whole)
    seen: list[tuple[int, int]] = []
    await fetch(network, blocks, file, lambda done, total: seen.append((done, total)))
    assert list(network.asked) == [("jonas", last)]
    assert seen == [(file.size - len(file.blocks[last]), file.size), (file.size, file.size)]


async def test_a_file_that_is_here_asks_nobody(blocks: BlockStore, file: File) -> None:
    await fetch(FakeNetwork(maria=file.whole), blocks, file)
    network = FakeNetwork(maria=file.whole)
    await fetch(network, blocks, file)
    assert not network.asked


@pytest.mark.parametrize("liar", [lying, caught_lying])
async def test_who_sends_wrong_bytes_is_blamed_and_not_asked_again(blocks: BlockStore, file: File, liar: Answer) -> None:
    network = FakeNetwork(mallory=liar, maria=file.whole)
    await fetch(network, blocks, file)
    assert b"".join(read_file(blocks, file.cid, file.size)) == file.data
    assert [peer for peer, _ in network.blamed] == ["mallory"]


async def test_one_lie_counts_once_however_much_was_asked(blocks: BlockStore) -> None:
    file = File(os.urandom(8 * limits.CHUNK))
    lies = trio.Event()

    async def turn_liar(name: bytes) -> bytes | None:
        if name == file.cid:
            return file.blocks[name]
        if network.under_way["mallory"] == limits.FETCH_PER_PEER:
            lies.set()
        await lies.wait()
        return b"something else"

    network = FakeNetwork(mallory=turn_liar)
    with pytest.raises(AttachmentAway):
        await fetch(network, blocks, file)
    assert len(network.blamed) == 1


async def test_who_leaves_is_not_blamed(blocks: BlockStore, file: File) -> None:
    network = FakeNetwork(leaver=gone, maria=file.whole)
    await fetch(network, blocks, file)
    assert b"".join(read_file(blocks, file.cid, file.size)) == file.data
    assert network.blamed == []


async def test_who_does_not_answer_delays_and_does_not_stop_it(blocks: BlockStore, file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BLOCK_TIMEOUT", 0.5)
    network = FakeNetwork(sleeper=silent, maria=file.whole)
    await fetch(network, blocks, file)
    assert b"".join(read_file(blocks, file.cid, file.size)) == file.data
    assert network.blamed == []


@pytest.mark.parametrize("peers", [{}, {"nobody": nothing}, {"leaver": gone, "nobody": nothing}, {"sleeper": silent}])
async def test_a_file_nobody_gives_is_away(
    blocks: BlockStore, file: File, monkeypatch: pytest.MonkeyPatch, peers: dict[str, Answer]
) -> None:
    monkeypatch.setattr(limits, "BLOCK_TIMEOUT", 0.1)
    with pytest.raises(AttachmentAway):
        await fetch(FakeNetwork(**peers), blocks, file)


async def test_a_file_of_one_byte_over_and_over_is_fetched_once_and_counted_whole(blocks: BlockStore) -> None:
    file = File(bytes(5 * limits.CHUNK))
    network = FakeNetwork(maria=file.whole)
    seen: list[int] = []
    await fetch(network, blocks, file, lambda done, _: seen.append(done))
    assert sum(network.asked.values()) == 2
    assert seen[-1] == file.size
    assert b"".join(read_file(blocks, file.cid, file.size)) == file.data


@pytest.mark.parametrize("size", [3, 5, limits.CHUNK + 1, limits.MAX_ATTACHMENT + 1, -1])
async def test_a_file_that_is_not_what_its_record_says_is_broken_and_nobody_is_blamed(blocks: BlockStore, size: int) -> None:
    file = File(b"four")
    file.size = size
    network = FakeNetwork(maria=file.whole)
    with pytest.raises(AttachmentBroken):
        await fetch(network, blocks, file)
    assert list(blocks) == []
    assert network.blamed == []


async def test_a_root_that_is_no_file_is_broken_and_not_kept(blocks: BlockStore) -> None:
    file = File(bytes(limits.CHUNK + 1))
    bomb = b"\x12\x2c" * 1000
    file.cid = cid.name(cid.DAG_PB, bomb)
    file.blocks[file.cid] = bomb
    with pytest.raises(AttachmentBroken):
        await fetch(FakeNetwork(maria=file.whole, jonas=file.whole), blocks, file)
    assert list(blocks) == []


async def test_a_full_disk_ends_it(blocks: BlockStore, file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bool:
        raise DiskFull(free=0)

    monkeypatch.setattr(blocks, "put", full)
    with pytest.raises(DiskFull):
        await fetch(FakeNetwork(maria=file.whole), blocks, file)
