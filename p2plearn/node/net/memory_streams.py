"""Streams in memory: two pipes with latency, bounded like Yamux's first window, that can break. Used by `memory_host` alone.

Knows the air they pass through only as something that delays and cuts.
"""

from collections import deque
from typing import Protocol

import trio

from p2plearn.errors import ConnectionLost
from p2plearn.limits import IDLE_TIMEOUT, MEMORY_PIPE, STREAM_TIMEOUT


class Air(Protocol):
    """What lies between two hosts."""

    cut: float

    def chance(self, probability: float, sender: str, receiver: str) -> bool: ...

    def delay(self, sender: str, receiver: str) -> float: ...


class _lost_after:  # noqa: N801 - used like a function
    """`trio.fail_after` that says ConnectionLost."""

    def __init__(self, seconds: float, reason: str) -> None:
        self._scope = trio.move_on_after(seconds)
        self._reason = reason

    def __enter__(self) -> None:
        self._scope.__enter__()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: object) -> bool:
        caught = self._scope.__exit__(kind, value, trace)  # type: ignore[arg-type]
        if self._scope.cancelled_caught:
            raise ConnectionLost(self._reason)
        return bool(caught)


class Pipe:
    """One direction of a stream: chunks under way, at most MEMORY_PIPE bytes of them, each with the moment it arrives."""

    def __init__(self, air: Air, sender: str, receiver: str) -> None:
        self._air = air
        self._sender = sender
        self._receiver = receiver
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._arrival = 0.0
        self._changed = trio.Event()
        self.finished = False
        self.broken = False

    def wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def cut(self) -> bool:
        """Chance has it that the stream breaks with this write."""
        return self._air.chance(self._air.cut, self._sender, self._receiver)

    async def send(self, data: bytes) -> None:
        with _lost_after(STREAM_TIMEOUT, "the other side does not read"):
            while self._size >= MEMORY_PIPE and not self.broken:
                await self._changed.wait()
        if self.broken or self.finished:
            raise ConnectionLost
        self._arrival = max(self._arrival, trio.current_time() + self._air.delay(self._sender, self._receiver))  # a stream keeps its order
        self._chunks.append((self._arrival, data))
        self._size += len(data)
        self.wake()
        await trio.lowlevel.checkpoint()

    async def receive(self) -> bytes:
        await trio.lowlevel.checkpoint()
        with _lost_after(IDLE_TIMEOUT, "the other side is silent"):
            while not (self._chunks or self.broken or self.finished):
                await self._changed.wait()
            if self._chunks and not self.broken:
                await trio.sleep_until(self._chunks[0][0])
        if self.broken:
            raise ConnectionLost
        if not self._chunks:
            return b""
        data = self._chunks.popleft()[1]
        self._size -= len(data)
        self.wake()
        return data


class MemoryStream:
    """One end of a stream between two memory hosts."""

    def __init__(self, peer: str, inbound: Pipe, outbound: Pipe) -> None:
        self._peer = peer
        self._in = inbound
        self._out = outbound

    @property
    def peer(self) -> str:
        return self._peer

    async def send(self, data: bytes) -> None:
        if self._out.cut():
            self.break_off()
        await self._out.send(bytes(data))

    async def receive(self) -> bytes:
        return await self._in.receive()

    async def close(self) -> None:
        self._out.finished = True
        self._out.wake()
        await trio.lowlevel.checkpoint()

    async def reset(self) -> None:
        self.break_off()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def break_off(self) -> None:
        """Lose the stream for both ends, with what was under way."""
        for pipe in (self._in, self._out):
            pipe.broken = True
            pipe.wake()

    @property
    def over(self) -> bool:
        """Nothing more will ever pass, either way."""
        return self._in.broken or (self._in.finished and self._out.finished)

    def __repr__(self) -> str:
        state = "broken" if self._in.broken else "over" if self.over else "open"
        return f"<MemoryStream to {self._peer[-6:]} {state}>"
