"""Messages into frames and back: cut anywhere, bounded before anything is decompressed."""

import struct
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.frames import FrameReader, to_frames

MORE, ZSTD = 1, 2
MIB = bytes(limits.MAX_MESSAGE)

noise = st.binary(max_size=300) | st.integers(0, 200_000).map(lambda n: zstandard.compress(bytes(n)) + b"x" * n)


def frame(flags: int, part: bytes) -> bytes:
    return struct.pack(">IB", len(part) + 1, flags) + part


def compressed(message: bytes, **parameters: int | bool) -> bytes:
    return zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters.from_level(1, **parameters)).compress(message)


def verdict(data: bytes) -> str:
    """Why the bytes are refused, or "messages"."""
    try:
        return "messages" if all(isinstance(message, bytes) for message in FrameReader().receive(data)) else "something else"
    except PeerFault as fault:
        return fault.reason


@given(st.lists(noise, max_size=4), st.data())
def test_messages_come_out_as_they_went_in_however_the_bytes_are_cut(messages: list[bytes], data: st.DataObject) -> None:
    frames = [part for message in messages for part in to_frames(message)]
    assert all(len(part) <= limits.MAX_FRAME for part in frames)
    stream, reader = b"".join(frames), FrameReader()
    found: list[bytes] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += reader.receive(stream[:size])
        stream = stream[size:]
    assert found == messages
    assert repr(reader) == "<FrameReader 0 B waiting, 0 B of a message>"


@given(st.binary(max_size=200))
def test_bytes_at_random_are_messages_or_the_peers_fault(data: bytes) -> None:
    assert verdict(data) in ("messages", "frame", "limit")


def test_small_messages_and_those_that_do_not_shrink_travel_as_they_are() -> None:
    assert to_frames(b"short") == [frame(0, b"short")]
    assert to_frames(b"") == [frame(0, b"")]
    noise = struct.pack("<100Q", *(pow(3, n, 2**64) for n in range(1000, 1100)))
    assert to_frames(noise) == [frame(0, noise)]
    assert len(to_frames(MIB)[0]) < 100


def test_our_own_message_over_the_limit_is_a_bug() -> None:
    assert len(to_frames(MIB)) == 1
    with pytest.raises(ValueError, match="1048577"):
        to_frames(MIB + b"x")


@pytest.mark.parametrize(
    "reason, data",
    {
        "no flags": ("frame", struct.pack(">IB", 0, 0)),
        "a frame over the limit": ("frame", struct.pack(">IB", limits.MAX_FRAME - 3, 0)),
        "a flag that nobody knows": ("frame", frame(4, b"x")),
        "an empty part, and more to come": ("frame", frame(MORE, b"")),
        "half of it compressed": ("frame", frame(MORE, b"x") + frame(ZSTD, b"x")),
        "a message without end": ("limit", frame(MORE, bytes(65_000)) * 17),
        "nothing, compressed": ("frame", frame(ZSTD, b"")),
        "not zstd": ("frame", frame(ZSTD, b"hello, hello")),
        "a size that is not said": ("frame", frame(ZSTD, compressed(b"x" * 99, write_content_size=False))),
        "a size over the limit": ("limit", frame(ZSTD, compressed(MIB + b"x"))),
        "a size that is not kept": ("frame", frame(ZSTD, compressed(b"x" * 999)[:-3])),
        "a window over the limit": ("limit", frame(ZSTD, b"\x28\xb5\x2f\xfd\x40\x60" + b"\x10\x00" + b"\x01\x00\x00")),
        "two compressed messages": ("frame", frame(ZSTD, compressed(b"x" * 99) * 2)),
        "a damaged one": ("frame", frame(ZSTD, compressed(b"xyz" * 99)[:-4] + b"\xff\xff\xff\xff")),
    }.values(),
    ids=str,
)
def test_what_is_refused(reason: str, data: bytes) -> None:
    assert verdict(data) == reason


def test_a_bomb_costs_one_message_at_a_time() -> None:
    bombs = to_frames(MIB)[0] * 100
    tracemalloc.start()
    count = sum(len(message) == limits.MAX_MESSAGE for message in FrameReader().receive(bombs))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100
    assert peak < 8 * limits.MiB


def test_a_message_in_crumbs_costs_no_more_than_one_in_a_piece() -> None:
    crumbs = frame(MORE, bytes(8)) * (limits.MAX_MESSAGE // 8)
    reader = FrameReader()
    tracemalloc.start()
    for at in range(0, len(crumbs), 1 << 16):
        assert not list(reader.receive(crumbs[at : at + (1 << 16)]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * limits.MiB
    with pytest.raises(PeerFault, match="limit"):
        list(reader.receive(frame(0, b"x")))
