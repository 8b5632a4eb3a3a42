"""Yamux, bounded: a peer that ignores flow control, freezes, or opens streams without end loses its connection, not our memory.

py-libp2p's Yamux reads on whatever a peer sends beyond its window, gives up a write after five seconds without credit, leaves
half a frame on the wire when a writer is cancelled, and never notices a frozen peer. Frames and states stay py-libp2p's;
credit, liveness, writing and closing are done here. The wire format is the Yamux specification's (hashicorp/yamux, spec.md).
"""

import contextlib
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from libp2p.abc import ISecureConn
from libp2p.io.exceptions import IOException
from libp2p.io.utils import read_exactly
from libp2p.peer.id import ID
from libp2p.stream_muxer.exceptions import MuxedStreamError, MuxedStreamReset
from libp2p.stream_muxer.yamux import yamux
from libp2p.stream_muxer.yamux.yamux import (
    DEFAULT_WINDOW_SIZE,
    FLAG_SYN,
    GO_AWAY_NORMAL,
    HEADER_SIZE,
    MAX_MESSAGE_SIZE,
    TYPE_DATA,
    TYPE_GO_AWAY,
    TYPE_PING,
    YAMUX_HEADER_FORMAT,
    Yamux,
    YamuxStream,
)

from p2plearn.limits import (
    GOODBYE_TIMEOUT,
    LINGER,
    MAX_STREAMS_PER_PEER,
    PING_INTERVAL,
    PING_TIMEOUT,
    STREAM_TIMEOUT,
    STREAM_WINDOW,
    WRITE_TIMEOUT,
)

_FRAME = struct.Struct(YAMUX_HEADER_FORMAT)
_BODY = MAX_MESSAGE_SIZE - HEADER_SIZE


def shielded(seconds: float) -> trio.CancelScope:
    """A scope that outlasts the cancelling of its surroundings, but not by more than `seconds`."""
    return trio.CancelScope(deadline=trio.current_time() + seconds, shield=True)


class BoundedStream(YamuxStream):
    """A stream whose reader holds at most STREAM_WINDOW unread bytes and whose writer waits STREAM_TIMEOUT for credit."""

    conn: "BoundedYamux"

    def __init__(self, stream_id: int, conn: Yamux, is_initiator: bool) -> None:
        self._credit = 0
        self._credited = trio.Event()
        self._writing = trio.Lock()
        self.touched = trio.current_time()
        super().__init__(stream_id, conn, is_initiator)

    @property
    def send_window(self) -> int:
        """Bytes the peer still accepts. Yamux's reader adds to it, which wakes the writer."""
        return self._credit

    @send_window.setter
    def send_window(self, value: int) -> None:
        if value > self._credit:
            self._credited.set()
            self.touched = self.conn.heard = trio.current_time()
        self._credit = value

    async def write(self, data: bytes) -> None:
        """Send all of `data`, one writer at a time. Raises MuxedStreamError."""
        async with self._writing:
            sent = 0
            while sent < len(data):
                await self._wait_for_credit()
                size = min(self._credit, _BODY, len(data) - sent)
                self._credit -= size
                await self.conn.write_frame(_FRAME.pack(0, TYPE_DATA, 0, self.stream_id, size) + data[sent : sent + size])
                sent += size

    async def _wait_for_credit(self) -> None:
        deadline = trio.current_time() + STREAM_TIMEOUT
        while True:
            if self.reset_received or self.send_closed or self.closed:
                raise MuxedStreamReset("the stream is over")
            if self._credit > 0:
                return
            if trio.current_time() >= deadline:
                raise MuxedStreamError("the peer does not read")
            self._credited = trio.Event()
            with trio.move_on_after(0.5):  # a reset wakes nobody, so look now and then
                await self._credited.wait()

    async def read(self, n: int | None = -1) -> bytes:
        """Some bytes, `n` at most. What is read is returned even when the caller is being cancelled. Raises MuxedStreamEOF or -Reset."""
        data = await self.conn.read_stream(self.stream_id, -1 if n is None else n)
        with shielded(WRITE_TIMEOUT):
            await self._grant()
        return bytes(data)

    async def _grant(self) -> None:
        """Give credit in half windows: unread bytes and outstanding credit never exceed STREAM_WINDOW."""
        buffered = len(self.conn.stream_buffers.get(self.stream_id, b""))
        grant = STREAM_WINDOW - self.recv_window - buffered
        if grant >= STREAM_WINDOW // 2 and not self.recv_closed:
            self.recv_window += grant
            await self.send_window_update(grant)


def _make_stream(stream_id: int, conn: Yamux, is_initiator: bool) -> YamuxStream:
    kind = BoundedStream if isinstance(conn, BoundedYamux) else YamuxStream
    return kind(stream_id, conn, is_initiator)


# Yamux makes its streams by the name of their class and offers no other way in.
yamux.YamuxStream = _make_stream  # type: ignore[assignment,misc]


class _Buffer(bytearray):
    """Unread bytes of one stream. Yamux's reader puts them in with `extend`."""

    def __init__(self, stream: YamuxStream) -> None:
        super().__init__()
        self._stream = stream

    def extend(self, data: Any) -> None:
        stream = self._stream
        assert isinstance(stream, BoundedStream)
        stream.touched = stream.conn.heard = trio.current_time()
        if len(data) > stream.recv_window:
            raise trio.TooSlowError("sent beyond its window")  # the one exception at which Yamux's reader ends the connection
        super().extend(data)


class _Buffers(dict[int, bytearray]):
    """Makes Yamux's own empty bytearrays into bounded ones."""

    def __init__(self, streams: dict[int, YamuxStream]) -> None:
        super().__init__()
        self._streams = streams

    def __setitem__(self, stream_id: int, buffer: bytearray) -> None:
        super().__setitem__(stream_id, _Buffer(self._streams[stream_id]))


class BoundedYamux(Yamux):
    """A connection that is alive as long as anything is heard from the peer within PING_TIMEOUT of asking."""

    def __init__(
        self, secured_conn: ISecureConn, peer_id: ID, is_initiator: bool | None = None, on_close: Callable[[], Awaitable[Any]] | None = None
    ) -> None:
        super().__init__(secured_conn, peer_id, is_initiator, on_close)
        self.heard = trio.current_time()
        self.stream_buffers = _Buffers(self.streams)

    def __repr__(self) -> str:
        unread = sum(map(len, self.stream_buffers.values()))
        return f"<BoundedYamux {str(self.peer_id)[-6:]} streams={len(self.streams)} unread={unread} rtt={self._rtt * 1000:.1f}ms>"

    async def start(self) -> None:
        """Run the connection until it ends; whatever goes wrong ends only this connection."""
        try:
            await super().start()
        except Exception:  # noqa: BLE001 - a peer's bytes must not end the node
            await self.hard_close()

    async def write_frame(self, data: bytes) -> None:
        """Write one frame whole: a cancelled caller waits for its end, since half a frame would spoil the connection."""
        async with self._write_lock:
            with shielded(WRITE_TIMEOUT) as scope:
                await self.secured_conn.write(data)
        if scope.cancelled_caught:
            await self.hard_close()
            raise MuxedStreamError("the peer takes nothing off the wire")
        await trio.lowlevel.checkpoint()

    _write_frame = write_frame

    async def _read_data_body(self, length: int) -> bytes:
        if length > STREAM_WINDOW:
            raise trio.TooSlowError("more than any window in one frame")
        return await read_exactly(self.secured_conn, length)  # who stops in the middle is noticed by his silence

    async def accept_stream(self) -> YamuxStream:
        """The next inbound stream; beyond MAX_STREAMS_PER_PEER they are reset."""
        while True:
            stream = await super().accept_stream()
            assert isinstance(stream, YamuxStream)
            if sum(not known.is_initiator and not known.closed for known in self.streams.values()) <= MAX_STREAMS_PER_PEER:
                return stream
            await stream.reset()

    async def _measure_rtt_loop(self) -> None:
        while not self.event_shutting_down.is_set():
            asked = trio.current_time()
            self._ping_id = (self._ping_id + 1) & 0xFFFF_FFFF
            self._ping_event = trio.Event()
            self._ping_sent_time = asked
            with trio.move_on_after(PING_TIMEOUT):
                await self.write_frame(_FRAME.pack(0, TYPE_PING, FLAG_SYN, 0, self._ping_id))
                await self._ping_event.wait()
                self.heard = trio.current_time()
            if self.heard < asked:
                await self.hard_close()
                return
            await trio.sleep(PING_INTERVAL)

    async def _stale_stream_sweeper(self) -> None:
        while not self.event_shutting_down.is_set():
            await trio.sleep(LINGER / 3)
            async with self.streams_lock:
                self._sweep_stale_streams()
            lingering = [stream for stream in self.streams.values() if isinstance(stream, BoundedStream) and stream.send_closed]
            for stream in lingering:
                if not stream.closed and trio.current_time() - stream.touched > LINGER:
                    await stream.reset()

    async def hard_close(self) -> None:
        """End the connection at once, without a farewell."""
        with shielded(1.0):
            await self._cleanup_on_error()

    async def close(self, error_code: int = GO_AWAY_NORMAL) -> None:
        """Say goodbye if the wire takes it within GOODBYE_TIMEOUT, then end the connection."""
        if not self.event_closed.is_set():
            self.event_shutting_down.set()
            with shielded(GOODBYE_TIMEOUT), contextlib.suppress(IOException):
                async with self._write_lock:
                    await self.secured_conn.write(_FRAME.pack(0, TYPE_GO_AWAY, 0, 0, error_code))
            await self.hard_close()


assert DEFAULT_WINDOW_SIZE <= STREAM_WINDOW  # the first credit is the specification's; later ones are ours
