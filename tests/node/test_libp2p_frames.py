"""Messages with their length before them, however a stream cuts them."""

from itertools import pairwise

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from libp2p.exceptions import ParseError
from libp2p.io.abc import Reader
from libp2p.io.exceptions import IncompleteReadError, MessageTooLarge
from libp2p.utils import encode_varint_prefixed

from p2plearn.node.net.libp2p_frames import Frames


class Pieces(Reader):
    """Gives what it was given, piece by piece, and then the end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)

    async def read(self, n: int | None = None) -> bytes:
        del n
        await trio.lowlevel.checkpoint()
        return next(self._pieces, b"")


async def all_of(*pieces: bytes, limit: int = 100_000) -> list[bytes]:
    frames = Frames(Pieces(list(pieces)), limit)
    read = []
    try:
        while True:
            read.append(await frames.receive())
    except IncompleteReadError:
        return read


sizes = st.sampled_from([0, 1, 127, 128, 300, 16_383, 16_384, 70_000])


@given(st.lists(sizes, max_size=6), st.lists(st.integers(min_value=0), max_size=12))
def test_messages_are_whole_however_they_are_cut(lengths: list[int], places: list[int]) -> None:
    messages = [bytes([number]) * length for number, length in enumerate(lengths)]
    whole = b"".join(map(encode_varint_prefixed, messages))
    edges = [0, *sorted(place % (len(whole) + 1) for place in places), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(edges) if start < end]
    assert trio.run(all_of, *pieces) == messages


@pytest.mark.parametrize(
    "start, error",
    [(b"\xe9\x07", MessageTooLarge), (b"\xff\xff\x7f", MessageTooLarge), (b"\x80\x80\x80", ParseError), (b"\x81\x80\x80\x00", ParseError)],
)
async def test_a_length_beyond_the_bound_or_without_end_is_refused_at_once(start: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await all_of(start, limit=1_000)


async def test_the_largest_that_is_allowed_passes() -> None:
    assert await all_of(encode_varint_prefixed(bytes(1_000)), limit=1_000) == [bytes(1_000)]
