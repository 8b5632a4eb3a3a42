"""Frames of a Yamux connection, however the wire cuts them, and the bound on what lies unread on all connections together."""

import struct
from itertools import pairwise
from types import SimpleNamespace

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from libp2p.stream_muxer.exceptions import MuxedStreamReset

from p2plearn.limits import STREAM_WINDOW
from p2plearn.node.net import libp2p_unread
from p2plearn.node.net.libp2p_unread import Unread
from p2plearn.node.net.libp2p_yamux import BoundedYamux
from p2plearn.node.net.libp2p_yamux_stream import BoundedStream
from tests.node.nodes import eventually

DATA, CREDIT, PING, GOODBYE = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8


def frame(kind: int, flags: int, stream: int, length: int, body: bytes = b"") -> bytes:
    return struct.pack("!BBHII", 0, kind, flags, stream, length) + body


def data(stream: int, body: bytes, flags: int = 0) -> bytes:
    return frame(DATA, flags, stream, len(body), body)


class Wire:
    """Where the other side would be: gives what it is told to, and keeps what it is sent."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.sent = b""
        self._more, self._pieces = trio.open_memory_channel[bytes](len(pieces) + 1_000)
        for piece in pieces:
            self.bring(piece)

    def bring(self, piece: bytes) -> None:
        self._more.send_nowait(piece)

    def hang_up(self) -> None:
        self._more.send_nowait(b"")

    async def receive(self) -> bytes:
        return await self._pieces.receive()

    async def send(self, data: bytes) -> None:
        self.sent += data
        await trio.lowlevel.checkpoint()

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()

    def answers(self) -> list[bytes]:
        """Frames without a body that we sent, but for our own pings."""
        frames = [self.sent[at : at + 12] for at in range(0, len(self.sent), 12)]
        return [sent for sent in frames if struct.unpack("!BBHII", sent)[1:3] != (PING, SYN)]


def connection(wire: Wire, unread: Unread, name: str = "peer") -> BoundedYamux:
    return BoundedYamux(wire, SimpleNamespace(name=name), True, unread)  # type: ignore[arg-type]


async def read_all(conn: BoundedYamux, count: int) -> list[bytes]:
    """What comes on the first `count` streams of the peer, to their ends."""
    return [await read_to_end(await conn.accept_stream()) for _ in range(count)]


async def read_to_end(stream: BoundedStream) -> bytes:
    taken = b""
    while not (stream.recv_closed and not stream.unread):
        taken += await stream.read()
    return taken


def cut(whole: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(whole) + 1) for place in places), len(whole)]
    return [whole[start:end] for start, end in pairwise(edges) if start < end]


@given(st.lists(st.integers(min_value=0), max_size=40))
def test_frames_mean_the_same_however_they_are_cut(places: list[int]) -> None:
    whole = b"".join(
        (
            frame(CREDIT, SYN, 2, 1000),
            data(2, b"first "),
            data(4, b"opened with data ", SYN),
            frame(PING, SYN, 0, 77),
            data(9, b"to a stream that nobody opened"),
            data(2, b"x" * 5000),
            data(2, b" last", FIN),
            frame(CREDIT, SYN, 2, 0),
            data(4, b"", FIN),
        )
    )

    async def play() -> tuple[list[bytes], list[bytes], str]:
        wire, unread = Wire(cut(whole, places)), Unread()
        conn = connection(wire, unread)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(conn.start)
            with trio.fail_after(5):
                read = await read_all(conn, 2)
                while len(wire.answers()) < 4:  # noqa: ASYNC110 - what is waited for has no event
                    await trio.sleep(0.001)
            answers = wire.answers()
            await conn.close()
        return read, answers, repr(unread)

    read, answers, unread = trio.run(play)
    assert read == [b"first " + b"x" * 5000 + b" last", b"opened with data "]
    grown = STREAM_WINDOW - 2**18
    assert answers == [
        frame(CREDIT, ACK, 2, grown),
        frame(CREDIT, ACK, 4, grown),
        frame(PING, ACK, 0, 77),
        frame(CREDIT, RST, 2, 0),
    ]
    assert unread == "<Unread 0 B of 0 connections>"


@pytest.mark.parametrize(
    "bad",
    [
        frame(DATA, SYN, 2, STREAM_WINDOW + 1),
        frame(DATA, 0, 2, STREAM_WINDOW + 1),
        frame(4, 0, 0, 0),
        b"\x01" + bytes(11),
        frame(GOODBYE, 0, 0, 0),
    ],
)
async def test_what_is_forbidden_ends_the_connection_and_every_wait_on_it(bad: bytes) -> None:
    wire = Wire([])
    conn = connection(wire, Unread())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conn.start)
        stream = await conn.open_stream()
        wire.bring(bad)
        with trio.fail_after(2), pytest.raises(MuxedStreamReset):
            await stream.read()
        with trio.fail_after(2):
            await conn.event_closed.wait()


async def test_of_many_that_leave_their_streams_full_the_fullest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libp2p_unread, "MAX_UNREAD_BYTES", 1_000_000)
    unread = Unread()
    wires = [Wire([]) for _ in range(3)]
    conns = [connection(wire, unread, str(number)) for number, wire in enumerate(wires)]
    small = data(2, bytes(20_000), SYN)
    async with trio.open_nursery() as nursery:
        for conn in conns:
            nursery.start_soon(conn.start)
        wires[0].bring(small)
        for stream in (2, 4):
            for greedy in (1, 2):
                wires[greedy].bring(data(stream, bytes(200_000 + greedy), SYN))
        await eventually(lambda: repr(unread) == "<Unread 820006 B of 3 connections>")
        assert not any(conn.is_closed for conn in conns), "all within the bound"
        wires[1].bring(data(6, bytes(200_000), SYN))
        await eventually(lambda: conns[1].is_closed)
        assert repr(unread) == "<Unread 420004 B of 2 connections>"
        honest = await conns[0].accept_stream()
        assert await honest.read() == bytes(20_000)
        for wire in wires:
            wire.hang_up()
    assert repr(unread) == "<Unread 0 B of 0 connections>"
