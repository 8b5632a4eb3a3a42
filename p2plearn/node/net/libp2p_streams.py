"""Streams: the port's `Stream` over one of libp2p's, and a host whose stream handlers can raise what they like.

Every error of libp2p's becomes `ConnectionLost`. Knows no protocol.
"""

import contextlib

import trio
from libp2p.abc import INetStream
from libp2p.host.basic_host import BasicHost
from libp2p.host.ping import ID as PING_ID
from libp2p.host.ping import PingService
from libp2p.identity.identify.identify import ID as IDENTIFY_ID
from libp2p.identity.identify.identify import identify_handler_for
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import IOException
from libp2p.peer.id import ID
from libp2p.protocol_muxer.multiselect import Multiselect
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.stream_muxer.exceptions import MuxedStreamEOF

from p2plearn.errors import ConnectionLost
from p2plearn.limits import IDLE_TIMEOUT, MAX_NEGOTIATION_BYTES, STREAM_TIMEOUT, STREAM_WINDOW
from p2plearn.node.net.libp2p_swarm import GuardedSwarm
from p2plearn.node.net.libp2p_yamux_stream import BoundedStream, shielded


class HostStream:
    """A `Stream` of the port. Writes and reads go straight to the multiplexer, past two locks of libp2p's per call."""

    def __init__(self, raw: INetStream) -> None:
        self._raw = raw
        muxed = getattr(raw, "muxed_stream", None)
        assert isinstance(muxed, BoundedStream)
        self._muxed = muxed
        self._peer = str(muxed.conn.peer_id)

    def __repr__(self) -> str:
        state = "over" if self._muxed.closed else "closing" if self._muxed.send_closed else "open"
        return f"<HostStream {self._muxed.stream_id} to {self._peer[-6:]} {state}>"

    @property
    def peer(self) -> str:
        return self._peer

    async def send(self, data: bytes) -> None:
        try:
            await self._muxed.write(data)
        except Exception as error:
            raise ConnectionLost(str(error)) from error

    async def receive(self) -> bytes:
        with trio.move_on_after(IDLE_TIMEOUT):
            try:
                return await self._muxed.read(STREAM_WINDOW)
            except MuxedStreamEOF:
                return b""
            except Exception as error:
                raise ConnectionLost(str(error)) from error
        raise ConnectionLost("the other side is silent")

    async def close(self) -> None:
        try:
            await self._raw.close()
        except Exception as error:
            raise ConnectionLost(str(error)) from error

    async def reset(self) -> None:
        await reset(self._raw)


async def reset(stream: INetStream) -> None:
    """End a stream at once; never raises, also when the caller is being cancelled."""
    with shielded(STREAM_TIMEOUT), contextlib.suppress(Exception):  # if it is gone already, all is well
        await stream.reset()


class _Brief(ReadWriteCloser):
    """A stream until its protocol is known: MAX_NEGOTIATION_BYTES and no more."""

    def __init__(self, stream: INetStream) -> None:
        self._stream = stream
        self._left = MAX_NEGOTIATION_BYTES

    async def read(self, n: int | None = None) -> bytes:
        if not self._left:
            raise IOException("a protocol's name is not that long")
        data = await self._stream.read(min(self._left, self._left if n is None else n))
        self._left -= len(data)
        return data

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)

    async def close(self) -> None:
        await self._stream.close()

    def get_remote_address(self) -> tuple[str, int] | None:
        return self._stream.get_remote_address()


class GuardedHost(BasicHost):
    """py-libp2p's host. It answers identify and ping, asks nobody to identify themselves, and survives its handlers."""

    def __init__(self, swarm: GuardedSwarm) -> None:
        super().__init__(swarm, disable_identify_address_discovery=True)
        handlers = {IDENTIFY_ID: identify_handler_for(self), PING_ID: PingService(self).handle_ping}
        self.multiselect = Multiselect(handlers)  # type: ignore[arg-type]

    def _schedule_identify(self, peer_id: ID, *, reason: str) -> None:
        """Not done: nothing here needs it, and what strangers say of themselves would pile up."""

    async def _swarm_stream_handler(self, net_stream: INetStream) -> None:
        try:
            with trio.fail_after(STREAM_TIMEOUT):
                protocol, handler = await self.multiselect.negotiate(MultiselectCommunicator(_Brief(net_stream)), int(STREAM_TIMEOUT))
            if protocol is None or handler is None:
                await reset(net_stream)
                return
            net_stream.set_protocol(protocol)
            await handler(net_stream)
        except Exception:  # noqa: BLE001 - a peer's bytes, or a handler's bug: neither may end the node
            await reset(net_stream)
