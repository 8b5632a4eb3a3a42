"""What gossip may hold: message ids, queues, a cache and a rate, each with its bound. py-libp2p's own have none, or drop bursts.

Knows nothing of who sends what to whom.
"""

from collections import OrderedDict

import trio
from libp2p.peer.id import ID
from libp2p.pubsub.mcache import MessageCache
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.rpc_queue import RpcQueue

from p2plearn.limits import GOSSIP_PER_SECOND, GOSSIP_QUEUE, MAX_GOSSIP_CACHE, MAX_GOSSIP_QUEUE_BYTES, MAX_GOSSIP_RPC, SEEN_GOSSIP


class SeenMessages:
    """The last SEEN_GOSSIP message ids. py-libp2p's own has no bound and a thread."""

    def __init__(self) -> None:
        self._ids: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ids)

    def has(self, message: bytes) -> bool:
        return message in self._ids

    def add(self, message: bytes) -> None:
        self._ids[message] = None
        self._ids.move_to_end(message)
        if len(self._ids) > SEEN_GOSSIP:
            self._ids.popitem(last=False)


class BoundedQueue(RpcQueue):
    """What waits to be sent to one peer: GOSSIP_QUEUE messages and MAX_GOSSIP_QUEUE_BYTES at most; more is dropped."""

    def __init__(self) -> None:
        super().__init__(GOSSIP_QUEUE, MAX_GOSSIP_RPC)
        self._bytes = 0

    def push(self, rpc: rpc_pb2.RPC, priority: bool = False) -> bool:
        size = rpc.ByteSize()
        if self._bytes + size > MAX_GOSSIP_QUEUE_BYTES or not super().push(rpc, priority):
            return False
        self._bytes += size
        return True

    async def pop(self) -> rpc_pb2.RPC | None:
        rpc = await super().pop()
        if rpc is not None:
            self._bytes -= rpc.ByteSize()
        return rpc


class BoundedCache(MessageCache):
    """Messages to be had again by IWANT, for five heartbeats and MAX_GOSSIP_CACHE bytes at most."""

    def __init__(self) -> None:
        super().__init__(window_size=3, history_size=5)
        self._bytes = 0

    def put(self, msg: rpc_pb2.Message) -> None:
        if self._bytes + msg.ByteSize() <= MAX_GOSSIP_CACHE:
            super().put(msg)
            self._bytes += msg.ByteSize()

    def shift(self) -> None:
        super().shift()
        self._bytes = sum(msg.ByteSize() for msg in self.msgs.values())


class RateLimit:
    """GOSSIP_PER_SECOND messages a second per forwarder, two seconds' worth at once."""

    def __init__(self) -> None:
        self._left: dict[ID, tuple[float, float]] = {}

    def allow(self, peer: ID) -> bool:
        now = trio.current_time()
        left, since = self._left.get(peer, (2.0 * GOSSIP_PER_SECOND, now))
        left = min(2.0 * GOSSIP_PER_SECOND, left + (now - since) * GOSSIP_PER_SECOND)
        self._left[peer] = (max(left - 1.0, 0.0), now)
        return left >= 1.0

    def forget(self, peer: ID) -> None:
        self._left.pop(peer, None)
