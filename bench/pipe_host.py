"""The network port over one socket pair: two processes, one stream between them, nothing but the kernel's memory.

It shows what the pipeline above the network costs by itself: no TCP, no encryption, no multiplexing. It carries sessions alone; gossip,
attachments and addresses do not travel.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn.clock import SystemClock
from p2plearn.errors import ConnectionLost
from p2plearn.identity import peer_id_of
from p2plearn.node.net.network import BlockSource, Bonus, Handler, PeerCallback, PeerInfo, TakeTurn, Validator
from p2plearn.node.peers.syncing import PROTOCOL

_ADDRESS = "/ip4/192.0.2.1/tcp/1"  # of the documentation's network: nobody is dialled
_READ = 1 << 18


class PipeHost:
    """A `Network` with one peer at most; made by `open_pipe_host`. `sent`: bytes and writes so far."""

    def __init__(self, key: Ed25519PrivateKey, end: trio.SocketStream, nursery: trio.Nursery) -> None:
        self.sent = [0, 0]
        self._peer_id = peer_id_of(key)
        self._end = end
        self._nursery = nursery
        self._handlers: dict[str, Handler] = {}
        self._connected: list[PeerCallback] = []
        self._peers: list[PeerInfo] = []
        self._greeted = False

    def __repr__(self) -> str:
        return f"<PipeHost {self._peer_id[-6:]} peers={len(self._peers)}>"

    @property
    def peer_id(self) -> str:
        return self._peer_id

    def addresses(self) -> list[str]:
        return [f"{_ADDRESS}/p2p/{self._peer_id}"]

    def peers(self) -> list[PeerInfo]:
        return self._peers

    def on_connected(self, callback: PeerCallback) -> None:
        self._connected.append(callback)

    def on_disconnected(self, callback: PeerCallback) -> None:
        """It never is: the pair ends with the processes."""

    def handle(self, protocol: str, handler: Handler) -> None:
        self._handlers[protocol] = handler

    async def connect(self, address: str) -> str:
        await self._greet()
        return address.rpartition("/")[2]

    async def disconnect(self, peer: str) -> None:
        raise NotImplementedError

    async def open(self, peer: str, protocol: str) -> "PipeStream":
        await trio.lowlevel.checkpoint()
        if protocol != PROTOCOL:
            raise ConnectionLost
        return PipeStream(peer, self._end, self.sent)

    async def publish(self, data: bytes) -> None:
        """Nobody hears it."""

    def validate(self, validator: Validator) -> None:
        """There is no gossip to validate."""

    def serve_blocks(self, source: BlockSource, turn: TakeTurn) -> None:
        """Nobody asks."""

    async def fetch_block(self, peer: str, cid: bytes) -> bytes | None:
        raise ConnectionLost(f"{peer} has no {cid.hex()}")

    def favour(self, bonus: Bonus) -> None:
        """There is no gossip."""

    def blame(self, peer: str, reason: str) -> None:
        raise AssertionError(f"{peer} was blamed: {reason}")

    async def await_peer(self) -> None:
        """Until the other side says who it is; then there is a connection, and the side of the larger id serves its stream."""
        peer = (await self._end.receive_some(len(self._peer_id))).decode()  # peer ids of one kind are equally long
        await self._greet()
        self._peers.append(PeerInfo(peer, f"{_ADDRESS}/p2p/{peer}", SystemClock().now_ms(), None))
        for callback in self._connected:
            callback(peer)
        if peer < self._peer_id:
            self._nursery.start_soon(self._handlers[PROTOCOL], PipeStream(peer, self._end, self.sent))

    async def _greet(self) -> None:
        if not self._greeted:
            self._greeted = True
            await self._end.send_all(self._peer_id.encode())


class PipeStream:
    """The one stream."""

    def __init__(self, peer: str, end: trio.SocketStream, sent: list[int]) -> None:
        self.peer = peer
        self._end = end
        self._sent = sent

    async def send(self, data: bytes) -> None:
        self._sent[0] += len(data)
        self._sent[1] += 1
        try:
            await self._end.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise ConnectionLost from None

    async def receive(self) -> bytes:
        try:
            return bytes(await self._end.receive_some(_READ))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise ConnectionLost from None

    async def close(self) -> None:
        await self._end.send_eof()

    async def reset(self) -> None:
        await trio.aclose_forcefully(self._end)


@asynccontextmanager
async def open_pipe_host(key: Ed25519PrivateKey, descriptor: int) -> AsyncIterator[PipeHost]:
    """A host on one end of a socket pair for as long as the block runs."""
    end = trio.SocketStream(trio.socket.from_stdlib_socket(socket.socket(fileno=descriptor)))
    async with trio.open_nursery() as nursery:
        host = PipeHost(key, end, nursery)
        nursery.start_soon(host.await_peer)
        yield host
        nursery.cancel_scope.cancel()
