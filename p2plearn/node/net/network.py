"""The one narrow port between a node and a network. `host` speaks libp2p behind it; `memory_host` needs no socket.

The rest of the node knows only this module, so the simulator runs the same code as a laptop does. Knows no libp2p.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Stream(Protocol):
    """One ordered, authenticated, two-way byte stream to a peer. Every method may raise `ConnectionLost`."""

    @property
    def peer(self) -> str:
        """The authenticated peer id of the other side (base58 text)."""

    async def send(self, data: bytes) -> None:
        """Write all of `data`; callers keep one write ≤ `limits.MAX_FRAME`."""

    async def receive(self) -> bytes:
        """Some bytes as they come, `b""` once the other side has finished."""

    async def close(self) -> None:
        """Finish in peace."""

    async def reset(self) -> None:
        """Finish at once; never raises."""


class Verdict(Enum):
    """What to do with a gossiped message. Only REJECT counts against the peer that forwarded it."""

    ACCEPT = "accept"
    IGNORE = "ignore"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """A connected peer. `since_ms` is wall-clock time; `latency_ms` None until measured."""

    peer: str
    address: str
    since_ms: int
    latency_ms: float | None


Handler = Callable[[Stream], Awaitable[None]]
Validator = Callable[[str, bytes], Awaitable[Verdict]]
PeerCallback = Callable[[str], None]
BlockSource = Callable[[str, bytes], Awaitable[bytes | None]]
TakeTurn = Callable[[str], AbstractAsyncContextManager[None]]  # by peer
Bonus = Callable[[str], float]  # by peer, 0 to 5


class Network(Protocol):
    """What a node can do with a network. Peer ids are base58 text; addresses are multiaddr text."""

    @property
    def peer_id(self) -> str: ...

    def addresses(self) -> list[str]:
        """Where this node listens: concrete addresses with the real port, each ending in /p2p/PEER."""

    def peers(self) -> list[PeerInfo]:
        """Who is connected now."""

    def on_connected(self, callback: PeerCallback) -> None:
        """Call `callback(peer)` from the event loop when a first connection to a peer stands; it must not block."""

    def on_disconnected(self, callback: PeerCallback) -> None:
        """Call `callback(peer)` when the last connection to a peer is gone."""

    def handle(self, protocol: str, handler: Handler) -> None:
        """Serve inbound streams of `protocol`. What a handler raises resets its stream and never harms the node."""

    async def connect(self, address: str) -> str:
        """Dial a multiaddr with /p2p/PEER; returns the peer id. Raises BadAddress or Unreachable."""

    async def disconnect(self, peer: str) -> None:
        """Close every connection to `peer`."""

    async def open(self, peer: str, protocol: str) -> Stream:
        """Open a stream to a connected peer. Raises ConnectionLost."""

    async def publish(self, data: bytes) -> None:
        """Gossip `data` (≤ MAX_GOSSIP) to whoever is there. A hint: it may get lost."""

    def validate(self, validator: Validator) -> None:
        """Ask `validator(forwarder, data)` about every gossiped message before it is forwarded."""

    def serve_blocks(self, source: BlockSource, turn: TakeTurn) -> None:
        """Answer peers' wishes for blocks with `source(peer, cid)`; None means not here, or not for that peer.

        Each is loaded and written in `async with turn(peer)`.
        """

    async def fetch_block(self, peer: str, cid: bytes) -> bytes | None:
        """One block from one peer, ≤ MAX_BLOCK, its hash checked against the CID; None when the peer has it not."""

    def favour(self, bonus: Bonus) -> None:
        """Think the better of a peer in gossip by `bonus(peer)`, as long as it has no faults; it must not raise."""

    def blame(self, peer: str, reason: str) -> None:
        """Count a fault against `peer`; enough of them graylist it in gossip."""
