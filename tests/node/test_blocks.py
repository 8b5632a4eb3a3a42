"""The block store: whole or not there, whatever happens; and files over it."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from p2plearn import limits
from p2plearn.errors import AttachmentAway, AttachmentBroken, DiskFull, PeerFault
from p2plearn.node.store.blocks import BlockStore, drop_file, read_file, walk
from p2plearn.protocol import cid, dag


def raw(data: bytes) -> tuple[bytes, bytes]:
    return cid.name(cid.RAW, data), data


def put_file(blocks: BlockStore, data: bytes) -> dag.Piece:
    builder = dag.Builder()
    for block in builder.add(data) + builder.finish():
        blocks.put(*block)
    return builder.root


@pytest.fixture
def blocks(tmp_path: Path) -> BlockStore:
    return BlockStore(tmp_path / "blocks")


def test_a_block_is_kept_once_and_found_again(blocks: BlockStore, tmp_path: Path) -> None:
    name, data = raw(b"hello")
    assert not blocks.has(name)
    assert blocks.get(name) is None
    assert blocks.put(name, data)
    assert not blocks.put(name, data)
    again = BlockStore(tmp_path / "blocks")
    assert again.has(name)
    assert again.get(name) == data
    assert list(again) == [name]


def test_the_total_follows_what_is_kept(blocks: BlockStore) -> None:
    blocks.put(*raw(b"123"))
    assert blocks.total() == 3
    blocks.put(*raw(b"45678"))
    blocks.put(*raw(b"45678"))
    assert blocks.total() == 8
    assert blocks.delete(raw(b"123")[0])
    assert not blocks.delete(raw(b"123")[0])
    assert blocks.total() == 5
    assert list(blocks) == [raw(b"45678")[0]]


def test_bytes_under_a_wrong_name_are_refused(blocks: BlockStore) -> None:
    with pytest.raises(PeerFault, match="block"):
        blocks.put(raw(b"one")[0], b"two")
    with pytest.raises(PeerFault, match="cid"):
        blocks.put(b"../../../etc/passwd", b"two")
    assert list(blocks) == []


def test_a_block_the_disk_has_spoiled_counts_as_not_here(blocks: BlockStore) -> None:
    name, data = raw(b"precious")
    blocks.put(name, data)
    assert blocks.total() == 8
    blocks._path(name).write_bytes(b"previous")
    assert blocks.get(name) is None
    assert not blocks.has(name)
    assert blocks.total() == 0
    assert blocks.put(name, data)
    assert blocks.get(name) == data


def test_what_a_crash_left_half_written_is_removed(blocks: BlockStore, tmp_path: Path) -> None:
    blocks.put(*raw(b"whole"))
    leftover = tmp_path / "blocks" / "incoming" / "tmpabc"
    leftover.write_bytes(b"half")
    again = BlockStore(tmp_path / "blocks")
    assert not leftover.exists()
    assert list(again) == [raw(b"whole")[0]]


def test_what_a_desktop_leaves_about_is_no_block(blocks: BlockStore, tmp_path: Path) -> None:
    blocks.put(*raw(b"whole"))
    (tmp_path / "blocks" / ".DS_Store").write_bytes(b"icons")
    next((tmp_path / "blocks").glob("??/")).joinpath("Thumbs.db").write_bytes(b"icons")
    assert list(blocks) == [raw(b"whole")[0]]
    assert blocks.total() == 5


def test_nobody_else_may_read_it(blocks: BlockStore, tmp_path: Path) -> None:
    blocks.put(*raw(b"private"))
    for path in (tmp_path / "blocks").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number, error", [(errno.ENOSPC, DiskFull), (errno.EIO, OSError)])
def test_a_full_disk_is_said_and_leaves_nothing(
    blocks: BlockStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    def fail(_: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(error):
            blocks.put(*raw(b"too much"))
    assert list((tmp_path / "blocks" / "incoming").iterdir()) == []
    assert list(blocks) == []


def test_threads_that_bring_the_same_blocks_agree(blocks: BlockStore) -> None:
    blocks.total()
    wanted = [raw(bytes([n]) * 1000) for n in range(40)]
    new: list[bool] = []
    threads = [threading.Thread(target=lambda: new.extend([blocks.put(*block) for block in wanted])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert new.count(True) == 40
    assert blocks.total() == 40_000
    assert sorted(blocks) == sorted(name for name, _ in wanted)


WRITER = """
import sys
from pathlib import Path
from p2plearn.node.store.blocks import BlockStore
from p2plearn.protocol import cid
blocks = BlockStore(Path(sys.argv[1]))
for n in range(100_000):
    data = n.to_bytes(4) * 5_000
    blocks.put(cid.name(cid.RAW, data), data)
    print(n, flush=True)
"""


@pytest.mark.processes
def test_a_killed_writer_loses_nothing_it_had_acknowledged(tmp_path: Path) -> None:
    for moment in (0.05, 0.12, 0.2):
        home = tmp_path / str(moment)
        with subprocess.Popen([sys.executable, "-c", WRITER, str(home)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline()]
            time.sleep(moment)
            writer.send_signal(signal.SIGKILL)
            lines += writer.stdout.read().splitlines()
        acknowledged = len([line for line in lines if line.strip()])
        blocks = BlockStore(home)
        assert len(list(blocks)) - acknowledged in {0, 1}
        assert all(blocks.get(name) is not None for name in blocks)
        assert list((home / "incoming").iterdir()) == []


def test_a_file_is_read_from_its_blocks(blocks: BlockStore) -> None:
    data = os.urandom(3 * limits.CHUNK + 5)
    root = put_file(blocks, data)
    assert b"".join(read_file(blocks, root.cid, len(data))) == data
    assert [(piece.depth, held) for piece, held in walk(blocks, root)] == [(1, True)] + [(0, True)] * 4


def test_a_file_that_is_here_in_part_is_away(blocks: BlockStore) -> None:
    data = os.urandom(2 * limits.CHUNK)
    root = put_file(blocks, data)
    leaf = cid.name(cid.RAW, data[limits.CHUNK :])
    blocks.delete(leaf)
    assert [(piece.cid, held) for piece, held in walk(blocks, root)][-1] == (leaf, False)
    parts = read_file(blocks, root.cid, len(data))
    assert next(parts) == data[: limits.CHUNK]
    with pytest.raises(AttachmentAway):
        next(parts)
    blocks.delete(root.cid)
    assert list(walk(blocks, root)) == [(root, False)]


def test_a_file_of_another_size_than_its_record_says_is_refused(blocks: BlockStore) -> None:
    root = put_file(blocks, b"four")
    for size in (3, 5, limits.CHUNK + 1, limits.MAX_ATTACHMENT + 1):
        with pytest.raises(AttachmentBroken):
            list(read_file(blocks, root.cid, size))


def test_dropping_a_file_spares_the_blocks_of_others(blocks: BlockStore) -> None:
    common, own = os.urandom(limits.CHUNK), os.urandom(limits.CHUNK)
    first, second = put_file(blocks, common + own), put_file(blocks, common + b"!")
    drop_file(blocks, first.cid, first.size, [(second.cid, second.size), (second.cid, 5)])
    assert b"".join(read_file(blocks, second.cid, second.size)) == common + b"!"
    assert not blocks.has(first.cid)
    drop_file(blocks, second.cid, second.size, [])
    assert list(blocks) == []
    assert blocks.total() == 0
