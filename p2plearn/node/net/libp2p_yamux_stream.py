"""One stream of a Yamux connection: what came and was not read, what may still be sent, and how it ends.

Knows its connection, and frames by their headers alone. The connection's reader calls `feed`, `credit`, `finish` and `die`, none of
which waits. The wire format is the Yamux specification's (hashicorp/yamux, spec.md).
"""

import contextlib
import struct
from types import TracebackType
from typing import TYPE_CHECKING, Self

import trio
from libp2p.abc import IMuxedStream
from libp2p.security.noise.io import MAX_PLAINTEXT_LENGTH
from libp2p.stream_muxer.exceptions import MuxedStreamEOF, MuxedStreamError, MuxedStreamReset
from libp2p.stream_muxer.yamux.yamux import DEFAULT_WINDOW_SIZE, FLAG_FIN, FLAG_RST, TYPE_DATA, TYPE_WINDOW_UPDATE, YAMUX_HEADER_FORMAT

from p2plearn.limits import STREAM_TIMEOUT, STREAM_WINDOW, WRITE_TIMEOUT

if TYPE_CHECKING:
    from p2plearn.node.net.libp2p_yamux import BoundedYamux

FRAME = struct.Struct(YAMUX_HEADER_FORMAT)  # version, type, flags, stream, length
GROWTH = STREAM_WINDOW - DEFAULT_WINDOW_SIZE  # credit that goes out with a stream's first frame, beyond the specification's
_BODY = MAX_PLAINTEXT_LENGTH - FRAME.size  # a frame fits into one Noise message
assert GROWTH >= 0


def shielded(seconds: float) -> trio.CancelScope:
    """A scope that outlasts the cancelling of its surroundings, but not by more than `seconds`."""
    return trio.CancelScope(deadline=trio.current_time() + seconds, shield=True)


async def acquire(lock: trio.Lock) -> None:
    """Take `lock`; if it is free, without the turn of the event loop that trio would spend on it: the socket spends one anyway."""
    try:
        lock.acquire_nowait()
    except trio.WouldBlock:
        await lock.acquire()


class BoundedStream(IMuxedStream):
    """Unread bytes and the peer's credit never exceed STREAM_WINDOW together; a writer waits STREAM_TIMEOUT for credit."""

    def __init__(self, stream_id: int, conn: "BoundedYamux", is_initiator: bool) -> None:
        self.stream_id = stream_id
        self.conn = conn
        self.muxed_conn = conn
        self.is_initiator = is_initiator
        self.send_closed = False
        self.recv_closed = False
        self.reset_received = False
        self.touched = trio.current_time()  # when the peer last did something with it
        self._unread = bytearray()
        self._allowed = STREAM_WINDOW  # what the peer may still send
        self._credit = DEFAULT_WINDOW_SIZE  # what we may
        self._changed = trio.Event()
        self._writing = trio.Lock()

    def __repr__(self) -> str:
        return f"<BoundedStream {self.stream_id} unread={len(self._unread)} credit={self._credit}>"

    @property
    def closed(self) -> bool:
        """Nothing more goes either way."""
        return self.send_closed and self.recv_closed

    @property
    def unread(self) -> int:
        """Bytes that came and were not read."""
        return len(self._unread)

    # --- what the peer does; called by the connection's reader ---

    def feed(self, data: memoryview) -> None:
        """Some bytes came, which `expect` allowed."""
        self._unread += data
        self._wake()
        self.conn.unread.add(self.conn, len(data))  # which may end this connection, and so this stream

    def expect(self, size: int) -> bool:
        """A frame with so many bytes begins: whether the peer may send them."""
        self._allowed -= size
        return self._allowed >= 0

    def credit(self, size: int) -> None:
        """The peer takes so many bytes more."""
        self._credit += size
        self._wake()

    def finish(self) -> None:
        """The peer sends no more."""
        self.recv_closed = True
        self._wake()

    def die(self) -> None:
        """The stream is over, and what was not read is lost."""
        self.send_closed = self.recv_closed = self.reset_received = True
        unread, self._unread = len(self._unread), bytearray()
        self.conn.unread.remove(self.conn, unread)
        self._wake()

    def _wake(self) -> None:
        self.touched = trio.current_time()
        self._changed.set()
        self._changed = trio.Event()

    # --- what we do ---

    async def read(self, n: int | None = -1) -> bytes:
        """Some bytes, `n` at most. What is read is returned even when the caller is being cancelled. Raises MuxedStreamEOF or -Reset."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._unread:
            if self.reset_received:
                raise MuxedStreamReset("the stream was reset")
            if self.recv_closed:
                raise MuxedStreamEOF("the peer has finished")
            await self._changed.wait()
        if n is None or n < 0 or n >= len(self._unread):
            data, self._unread = bytes(self._unread), bytearray()
        else:
            data = bytes(self._unread[:n])
            del self._unread[:n]
        self.conn.unread.remove(self.conn, len(data))
        self.conn.forget(self)
        await self._allow_more()
        return data

    async def _allow_more(self) -> None:
        """Give credit in half windows."""
        more = STREAM_WINDOW - self._allowed - len(self._unread)
        if more >= STREAM_WINDOW // 2 and not self.recv_closed:
            self._allowed += more
            with shielded(2 * WRITE_TIMEOUT), contextlib.suppress(Exception):  # a connection that is gone: the next call says so
                await self.conn.write_frame(FRAME.pack(0, TYPE_WINDOW_UPDATE, 0, self.stream_id, more))

    async def write(self, data: bytes) -> None:
        """Send all of `data`, one writer at a time. Raises MuxedStreamError."""
        await acquire(self._writing)
        try:
            sent = 0
            while sent < len(data):
                await self._wait_for_credit()
                size = min(self._credit, _BODY, len(data) - sent)
                self._credit -= size
                await self.conn.write_frame(FRAME.pack(0, TYPE_DATA, 0, self.stream_id, size) + data[sent : sent + size])
                sent += size
        finally:
            self._writing.release()

    async def _wait_for_credit(self) -> None:
        if not self._credit:
            with trio.move_on_after(STREAM_TIMEOUT):
                while not self._is_free():
                    await self._changed.wait()
        if self.send_closed:
            raise MuxedStreamReset("the stream is over")
        if not self._is_free():
            raise MuxedStreamError("the peer does not read")

    def _is_free(self) -> bool:
        return self._credit > 0 or self.send_closed

    async def close(self) -> None:
        """Send no more; what the peer sends can still be read."""
        if not self.send_closed:
            self.send_closed = True
            self.conn.forget(self)
            await self.conn.write_frame(FRAME.pack(0, TYPE_WINDOW_UPDATE, FLAG_FIN, self.stream_id, 0))

    async def reset(self) -> None:
        """End both directions at once."""
        over = self.closed
        self.die()
        self.conn.forget(self)
        if not over:
            await self.conn.write_frame(FRAME.pack(0, TYPE_WINDOW_UPDATE, FLAG_RST, self.stream_id, 0))

    def set_deadline(self, ttl: int) -> None:
        raise NotImplementedError("time is kept by trio's cancel scopes")

    def get_remote_address(self) -> tuple[str, int] | None:
        return self.conn.get_remote_address()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None) -> None:
        await self.close()
