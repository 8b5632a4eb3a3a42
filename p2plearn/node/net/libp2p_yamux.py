"""Yamux, bounded: a peer that ignores flow control, freezes, or opens streams without end loses its connection, not our memory.

py-libp2p's own reads on whatever a peer sends beyond its window, gives up a write after five seconds without credit, leaves half a
frame on the wire when a writer is cancelled, never notices a frozen peer, and takes ten turns of the event loop for a small message,
each of which waits for whatever thread is busy. This one takes every frame that a read of the socket brought in one go, and answers
them with one write. The wire format is the Yamux specification's (hashicorp/yamux, spec.md); docs/adr/0009-yamux.md has the figures.
"""

import contextlib
from collections.abc import Awaitable, Callable

import structlog
import trio
from libp2p.abc import IMuxedConn
from libp2p.connection_types import ConnectionType
from libp2p.io.exceptions import IOException
from libp2p.peer.id import ID
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable, MuxedStreamError
from libp2p.stream_muxer.yamux.yamux import (
    FLAG_ACK,
    FLAG_FIN,
    FLAG_RST,
    FLAG_SYN,
    GO_AWAY_NORMAL,
    TYPE_DATA,
    TYPE_GO_AWAY,
    TYPE_PING,
    TYPE_WINDOW_UPDATE,
)
from multiaddr import Multiaddr

from p2plearn.limits import (
    GOODBYE_TIMEOUT,
    LINGER,
    MAX_STREAMS_PER_PEER,
    PING_INTERVAL,
    PING_TIMEOUT,
    STREAM_WINDOW,
    WRITE_TIMEOUT,
)
from p2plearn.node.net.libp2p_noise import Sealed
from p2plearn.node.net.libp2p_unread import Unread
from p2plearn.node.net.libp2p_yamux_stream import FRAME, GROWTH, BoundedStream, acquire, shielded

_log = structlog.get_logger(__name__)


class Ended(Exception):
    """The peer said goodbye, or sent what Yamux forbids, or more than it may."""


class BoundedYamux(IMuxedConn):
    """A connection that is alive as long as anything is heard from the peer within PING_TIMEOUT of asking."""

    def __init__(self, channel: Sealed, peer_id: ID, is_initiator: bool, unread: Unread) -> None:
        self.peer_id = peer_id
        self.unread = unread
        self.on_close: Callable[[], Awaitable[None]] | None = None  # set by py-libp2p's SwarmConn
        self.event_started = trio.Event()
        self.event_shutting_down = trio.Event()
        self.event_closed = trio.Event()
        self.streams: dict[int, BoundedStream] = {}
        self._channel = channel
        self._is_initiator = is_initiator
        self._next_id = 1 if is_initiator else 2
        self._writing = trio.Lock()
        self._arrived, self._arrivals = trio.open_memory_channel[BoundedStream](MAX_STREAMS_PER_PEER)
        self._running = trio.CancelScope()
        self._heard = trio.current_time()
        self._rtt = 0.0  # seconds
        self._ping = 0
        self._pong = trio.Event()
        self._header = b""  # of a frame whose rest is still to come
        self._body = 0  # bytes of a frame's body still to come, of what the next two say
        self._body_of: BoundedStream | None = None
        self._body_flags = 0

    def __repr__(self) -> str:
        unread = self.unread.of(self)
        return f"<BoundedYamux {str(self.peer_id)[-6:]} streams={len(self.streams)} unread={unread} rtt={self._rtt * 1000:.1f}ms>"

    @property
    def is_initiator(self) -> bool:
        return self._is_initiator

    @property
    def is_established(self) -> bool:
        return self.event_started.is_set() and not self.event_shutting_down.is_set()

    @property
    def is_closed(self) -> bool:
        return self.event_closed.is_set()

    def rtt(self) -> float:
        """Smoothed round-trip time in seconds, 0.0 until measured."""
        return self._rtt

    def get_remote_address(self) -> tuple[str, int] | None:
        return self._channel.get_remote_address()

    def get_transport_addresses(self) -> list[Multiaddr]:
        return self._channel.get_transport_addresses()

    def get_connection_type(self) -> ConnectionType:
        return self._channel.get_connection_type()

    # --- life ---

    async def start(self) -> None:
        """Run the connection until it ends; whatever goes wrong ends only this connection."""
        try:
            with self._running:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._watch)
                    nursery.start_soon(self._sweep)
                    self.event_started.set()
                    await self._read()
                    nursery.cancel_scope.cancel()
        except Exception as error:  # noqa: BLE001 - a peer's bytes must not end the node
            _log.debug("connection ended", peer=str(self.peer_id), reason=repr(error))
        finally:
            await self.hard_close()

    def abort(self) -> None:
        """End the connection without waiting for anything: every stream is over, and `start` cleans up."""
        self.event_shutting_down.set()
        self._running.cancel()
        self._arrived.close()
        for stream in self.streams.values():
            stream.die()
        self.streams.clear()

    async def hard_close(self) -> None:
        """End the connection at once, without a farewell."""
        self.abort()
        if not self.event_closed.is_set():
            with shielded(1.0):
                await self._channel.close()
                self.event_closed.set()
                if self.on_close:
                    await self.on_close()

    async def close(self, error_code: int = GO_AWAY_NORMAL) -> None:
        """Say goodbye if the wire takes it within GOODBYE_TIMEOUT, then end the connection."""
        if not self.event_closed.is_set():
            self.event_shutting_down.set()
            with shielded(GOODBYE_TIMEOUT), contextlib.suppress(IOException):
                async with self._writing:
                    await self._channel.send(FRAME.pack(0, TYPE_GO_AWAY, 0, 0, error_code))
            await self.hard_close()

    async def _watch(self) -> None:
        """Measure the round trip, and end the connection when nothing at all is heard in time."""
        while True:
            asked = trio.current_time()
            self._ping = (self._ping + 1) & 0xFFFF_FFFF
            self._pong = trio.Event()
            with trio.move_on_after(PING_TIMEOUT):
                await self.write_frame(FRAME.pack(0, TYPE_PING, FLAG_SYN, 0, self._ping))
                await self._pong.wait()
                trip = trio.current_time() - asked
                self._rtt = (self._rtt + trip) / 2 if self._rtt else trip
            if self._heard < asked:
                raise Ended("silent")
            await trio.sleep(PING_INTERVAL)

    async def _sweep(self) -> None:
        """Reset streams that we closed, and that the peer leaves open or nobody reads to the end."""
        while True:
            await trio.sleep(LINGER / 3)
            for stream in list(self.streams.values()):
                if stream.send_closed and trio.current_time() - stream.touched > LINGER:
                    await stream.reset()

    # --- streams ---

    async def open_stream(self) -> BoundedStream:
        """A new stream to the peer. Raises MuxedStreamError."""
        if self.event_shutting_down.is_set():
            raise MuxedStreamError("the connection is gone")
        stream = self.streams[self._next_id] = BoundedStream(self._next_id, self, is_initiator=True)
        self._next_id += 2
        await self.write_frame(FRAME.pack(0, TYPE_WINDOW_UPDATE, FLAG_SYN, stream.stream_id, GROWTH))
        return stream

    async def accept_stream(self) -> BoundedStream:
        """The next stream that the peer opened. Raises MuxedConnUnavailable."""
        try:
            return await self._arrivals.receive()
        except trio.EndOfChannel:
            raise MuxedConnUnavailable("the connection is gone") from None

    def forget(self, stream: BoundedStream) -> None:
        """Give up a stream's place if it is closed both ways and read to its end."""
        if stream.closed and not stream.unread:
            self.streams.pop(stream.stream_id, None)

    # --- writing ---

    async def write_frame(self, data: bytes) -> None:
        """Write whole frames: a cancelled caller waits for their end, since half of one would spoil the connection."""
        await acquire(self._writing)
        try:
            with shielded(WRITE_TIMEOUT) as scope:
                await self._channel.send(data)
        finally:
            self._writing.release()
        if scope.cancelled_caught:
            self.abort()
            raise MuxedStreamError("the peer takes nothing off the wire")
        await trio.lowlevel.checkpoint_if_cancelled()

    # --- reading ---

    async def _read(self) -> None:
        """Take frames until the connection ends. Nobody else reads, and nothing is read while answers cannot be written."""
        while data := await self._channel.receive():
            self._heard = trio.current_time()
            if answers := self._take(memoryview(data)):
                await self.write_frame(answers)

    def _take(self, data: memoryview) -> bytes:
        """Take what came; the frames that answer it. Raises Ended."""
        answers = []
        at = 0
        while at < len(data) and not self.event_shutting_down.is_set():
            if self._body:
                part = data[at : at + self._body]
                at += len(part)
                self._take_body(part)
            else:
                header = self._header + data[at : at + FRAME.size - len(self._header)]
                at += len(header) - len(self._header)
                self._header = header if len(header) < FRAME.size else b""
                if not self._header:
                    answers.append(self._take_header(*FRAME.unpack(header)))
        return b"".join(answers)

    def _take_body(self, part: memoryview) -> None:
        self._body -= len(part)
        stream = self._body_of
        if stream is not None and not stream.recv_closed:
            stream.feed(part)
            if not self._body:
                self._take_end(stream, self._body_flags)

    def _take_header(self, version: int, kind: int, flags: int, stream_id: int, length: int) -> bytes:
        """Do what a frame without a body says, or get ready for the body; the frame that answers it, if one does."""
        if version or kind > TYPE_GO_AWAY:
            raise Ended("unknown version or type")
        if kind == TYPE_GO_AWAY:
            raise Ended("goodbye")
        if kind == TYPE_PING:
            if flags & FLAG_SYN:
                return FRAME.pack(0, TYPE_PING, FLAG_ACK, 0, length)
            if length == self._ping:
                self._pong.set()
            return b""
        answer = self._take_new(stream_id) if flags & FLAG_SYN else b""
        stream = self.streams.get(stream_id)
        if kind == TYPE_DATA:
            if not (stream.expect(length) if stream else length <= STREAM_WINDOW):
                raise Ended("more than the window")
            self._body, self._body_of, self._body_flags = length, stream, flags
        elif stream:
            stream.credit(length)
        if stream and not self._body:
            self._take_end(stream, flags)
        return answer

    def _take_new(self, stream_id: int) -> bytes:
        """A stream that the peer opens; beyond MAX_STREAMS_PER_PEER it is refused."""
        inbound = sum(not stream.is_initiator for stream in self.streams.values())
        if stream_id % 2 != self._next_id % 2 and stream_id not in self.streams and inbound < MAX_STREAMS_PER_PEER:
            stream = BoundedStream(stream_id, self, is_initiator=False)
            with contextlib.suppress(trio.WouldBlock):
                self._arrived.send_nowait(stream)
                self.streams[stream_id] = stream
                return FRAME.pack(0, TYPE_WINDOW_UPDATE, FLAG_ACK, stream_id, GROWTH)
        return FRAME.pack(0, TYPE_WINDOW_UPDATE, FLAG_RST, stream_id, 0)

    def _take_end(self, stream: BoundedStream, flags: int) -> None:
        if flags & FLAG_RST:
            stream.die()
        elif flags & FLAG_FIN:
            stream.finish()
        self.forget(stream)
