"""Gossip, hardened: GossipSub v1.1 on one topic, with three verdicts, bounds on everything, and no message that ends the node.

py-libp2p's pubsub dies of 51 garbage bytes, delivers ten messages a second, drops bursts silently, repeats sequence numbers
after a restart, knows only yes and no, and blames the forwarder for a validator's timeout. Message ids, signatures, mesh and
control messages stay py-libp2p's (pubsub specification, gossipsub-v1.1.md). Knows nothing of records.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import structlog
import trio
from libp2p.abc import IHost, INetStream
from libp2p.custom_types import TProtocol
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, GossipSub
from libp2p.pubsub.mcache import MessageCache
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.rpc_queue import RpcQueue
from libp2p.pubsub.validators import signature_validator
from libp2p.tools.timed_cache.last_seen_cache import LastSeenCache
from libp2p.utils import encode_varint_prefixed
from libp2p.utils.varint import read_varint_prefixed_bytes_limited

from p2plearn.limits import (
    GOSSIP_PACE,
    GOSSIP_PER_SECOND,
    GOSSIP_QUEUE,
    GOSSIP_TIMEOUT,
    MAX_GOSSIP,
    MAX_GOSSIP_CACHE,
    MAX_GOSSIP_QUEUE_BYTES,
    MAX_GOSSIP_REPLAY,
    MAX_GOSSIP_RPC,
    SEEN_GOSSIP,
)
from p2plearn.node.libp2p_addresses import is_ed25519
from p2plearn.node.libp2p_scoring import Faults, Scorer
from p2plearn.node.libp2p_swarm import GuardedManager
from p2plearn.node.network import Validator, Verdict

log = structlog.get_logger(__name__)
TOPIC = "p2plearn/news/1"
_MAX_SEQNO = 8


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


class GuardedGossipSub(GossipSub):
    """The mesh. Graylisted peers are neither in it nor sent anything."""

    scorer: Scorer

    def __init__(self, nursery: trio.Nursery, scorer: Scorer) -> None:
        super().__init__(
            protocols=[PROTOCOL_ID_V11, TProtocol("/meshsub/1.0.0")],
            degree=6,
            degree_low=4,
            degree_high=12,
            heartbeat_interval=1,
            adaptive_gossip_enabled=False,
            spam_protection_enabled=False,
            eclipse_protection_enabled=False,
            max_pending_messages_per_peer=1,
        )
        self._nursery = nursery
        self.scorer = scorer
        self.mcache = BoundedCache()

    @property
    def manager(self) -> Any:
        """Where libp2p starts its tasks."""
        return GuardedManager(self._manager, self._nursery)

    def is_graylisted(self, peer: ID) -> bool:
        return self.scorer.is_graylisted(peer, [TOPIC])

    async def heartbeat(self) -> None:
        """The mesh's care, once a second, whatever goes wrong in it."""
        while True:
            try:
                await super().heartbeat()
            except Exception:
                log.exception("gossip heartbeat failed")
                await trio.sleep(self.heartbeat_interval)

    async def publish(self, msg_forwarder: ID, pubsub_msg: rpc_pb2.Message) -> None:
        """Send a message on to the mesh; one's own to every peer on the topic, as v1.1 recommends."""
        assert self.pubsub is not None
        self.mcache.put(pubsub_msg)
        peers: Iterable[ID] = self._get_peers_to_send(pubsub_msg.topicIDs, msg_forwarder, ID(pubsub_msg.from_id))
        if msg_forwarder == self.pubsub.my_id:
            peers = list(self.pubsub.peer_topics.get(TOPIC, ()))
        rpc = rpc_pb2.RPC(publish=[pubsub_msg])
        for peer in peers:
            if self.scorer.allow_publish(peer, [TOPIC]):
                self.send_rpc(peer, rpc)
        await trio.lowlevel.checkpoint()

    async def send_recent_messages(self, peer_id: ID, topic: str) -> None:
        """Not done: whoever subscribes over and over would be sent everything over and over. Sync brings what was missed."""
        del peer_id, topic
        await trio.lowlevel.checkpoint()

    async def handle_iwant(self, iwant_msg: rpc_pb2.ControlIWant, sender_peer_id: ID) -> None:
        """Send what is wanted, each message once, MAX_GOSSIP_REPLAY at most: a request of 64 KiB may name one message 1,000 times."""
        wanted = list(dict.fromkeys(iwant_msg.messageIDs))[:MAX_GOSSIP_REPLAY]
        await super().handle_iwant(rpc_pb2.ControlIWant(messageIDs=wanted), sender_peer_id)

    def _get_in_topic_gossipsub_peers_from_minus(
        self, topic: str, num_to_select: int, minus: Iterable[ID], backoff_check: bool = False
    ) -> list[ID]:
        shunned = {peer for peer in self.peer_protocol if self.is_graylisted(peer)}
        return super()._get_in_topic_gossipsub_peers_from_minus(topic, num_to_select, shunned.union(minus), backoff_check)

    async def shun(self, peer: ID) -> None:
        """Leave no place in the mesh to a peer that was just graylisted."""
        for topic, peers in self.mesh.items():
            if peer in peers:
                peers.discard(peer)
                self._add_back_off(peer, topic, False)
                await self.emit_prune(topic, peer, False, False)


class GuardedPubsub(Pubsub):
    """Messages in and out. `validator` is asked about each before it goes on; `faults` remembers who sent what was rejected."""

    router: GuardedGossipSub

    def __init__(self, host: IHost, nursery: trio.Nursery, now: Callable[[], float]) -> None:
        self._nursery = nursery
        self.faults = Faults(now)
        super().__init__(
            host,
            GuardedGossipSub(nursery, Scorer(self.faults)),
            max_subscriptions_per_rpc=8,
            max_subscriptions_per_peer=1,
            max_inbound_rpc_size=MAX_GOSSIP_RPC,
            allowed_topics={TOPIC},
        )
        if isinstance(self.seen_messages, LastSeenCache):
            self.seen_messages.stop()
        self.seen_messages = SeenMessages()  # type: ignore[assignment]
        self.counter = time.time_ns()  # sequence numbers go on after a restart
        self.validator: Validator | None = None
        self._under_way: set[bytes] = set()
        self._rate = RateLimit()
        self._turn = 0.0

    def __repr__(self) -> str:
        waiting = sum(map(len, self.peer_queues.values()))
        return f"<GuardedPubsub peers={len(self.peers)} seen={len(self.seen_messages)} waiting={waiting} {self.faults!r}>"  # type: ignore[arg-type]

    @property
    def manager(self) -> Any:
        """Where libp2p starts its tasks."""
        return GuardedManager(self._manager, self._nursery)

    async def send_news(self, data: bytes) -> None:
        """Publish, at half of what a forwarder may send, and waiting while every peer has GOSSIP_PACE messages to take already."""
        now = trio.current_time()
        self._turn = max(self._turn + 2 / GOSSIP_PER_SECOND, now - 0.5)  # after a pause, half a second's worth goes at once
        await trio.sleep_until(self._turn)
        while self.peer_queues and min(map(len, self.peer_queues.values())) >= GOSSIP_PACE:  # noqa: ASYNC110 - queues have no event
            await trio.sleep(0.01)
        await self.publish(TOPIC, data)

    def blame(self, peer: ID, reason: str) -> None:
        """Count a fault against `peer`; FAULTS_TO_GRAYLIST of them within FAULT_HALF_LIFE or so graylist it."""
        self.faults.add(peer)
        graylisted = self.router.is_graylisted(peer)
        log.info("peer blamed", peer=str(peer), reason=reason, graylisted=graylisted)
        if graylisted:
            self.manager.run_task(self.router.shun, peer)

    # --- inbound ---

    async def continuously_read_stream(self, stream: INetStream) -> None:
        """Read one peer's gossip until its stream ends. Validation is awaited, which slows down whoever sends too much."""
        peer = stream.muxed_conn.peer_id
        while True:
            raw = await read_varint_prefixed_bytes_limited(stream, self.max_inbound_rpc_size)
            if self.router.is_graylisted(peer):
                continue
            rpc = rpc_pb2.RPC()
            try:
                rpc.ParseFromString(raw)
                await self._take(peer, rpc)
            except Exception as error:
                self.blame(peer, f"gossip: {error!r}")
                raise

    async def stream_handler(self, stream: INetStream) -> None:
        """Whatever goes wrong on a gossip stream ends that stream."""
        try:
            await self.continuously_read_stream(stream)
        except Exception as error:  # noqa: BLE001 - a peer's bytes
            log.debug("gossip stream ended", reason=repr(error))
            await stream.reset()
            self._handle_dead_peer(stream.muxed_conn.peer_id)

    async def _take(self, peer: ID, rpc: rpc_pb2.RPC) -> None:
        rpc.ClearField("senderRecord")  # addresses are exchanged elsewhere; nobody fills our address book here
        for subscription in rpc.subscriptions[: self.max_subscriptions_per_rpc]:
            self.handle_subscription(peer, subscription)
        for message in rpc.publish:
            await self.push_msg(peer, message)
            await trio.lowlevel.checkpoint()  # one frame may hold a thousand; others want their turn
        if rpc.HasField("control"):
            await self.router.handle_rpc(rpc, peer)

    async def push_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        """Judge one message and send it on if it is accepted. Copies that arrive meanwhile are dropped."""
        message = self._msg_id_constructor(msg)
        own = msg_forwarder == self.my_id
        if self.seen_messages.has(message) or message in self._under_way:
            return
        if not own and not self._rate.allow(msg_forwarder):
            return
        self._under_way.add(message)
        try:
            verdict = Verdict.ACCEPT if own else await self._judge(msg_forwarder, msg)
        finally:
            self._under_way.discard(message)
        self.seen_messages.add(message)
        if verdict is Verdict.REJECT:
            self.blame(msg_forwarder, "gossip: rejected")
        if verdict is Verdict.ACCEPT:
            self.router.scorer.on_first_delivery(msg_forwarder, TOPIC)
            await self.router.publish(msg_forwarder, msg)

    async def _judge(self, forwarder: ID, msg: rpc_pb2.Message) -> Verdict:
        if ID(msg.from_id) == self.my_id or list(msg.topicIDs) != [TOPIC] or self.validator is None:
            return Verdict.IGNORE
        if not _is_sound(msg):
            return Verdict.REJECT
        try:
            with trio.move_on_after(GOSSIP_TIMEOUT):
                return await self.validator(str(forwarder), msg.data)
        except Exception:
            log.exception("gossip validator failed")
        return Verdict.IGNORE  # ours to answer for, not the forwarder's

    # --- outbound ---

    async def _handle_new_peer(self, peer_id: ID) -> None:
        if peer_id in self.peers:
            return
        try:
            stream = await self.host.new_stream(peer_id, self.protocols)
            await stream.write(encode_varint_prefixed(self._hello()))
        except Exception as error:
            raise SwarmException("no gossip stream yet") from error  # what libp2p tries again, while the peer is connected
        if peer_id in self.peers:  # meanwhile another connection brought one
            await stream.reset()
            return
        self.router.add_peer(peer_id, stream.get_protocol())
        self.peers[peer_id] = stream
        self.peer_queues[peer_id] = queue = BoundedQueue()
        self.manager.run_task(self.handle_sending_messages, peer_id, stream, queue)
        if peer_id in self.peer_topics.get(TOPIC, ()):
            await self.router.on_peer_subscribed(peer_id, TOPIC)

    def _hello(self) -> bytes:
        subscriptions = [rpc_pb2.RPC.SubOpts(subscribe=True, topicid=topic) for topic in self.topic_ids]
        return bytes(rpc_pb2.RPC(subscriptions=subscriptions).SerializeToString())

    def _handle_dead_peer(self, peer_id: ID) -> None:
        self._rate.forget(peer_id)
        super()._handle_dead_peer(peer_id)


def _is_sound(msg: rpc_pb2.Message) -> bool:
    """Bounds, form and signature; the checks every forwarder was to make too."""
    if len(msg.data) > MAX_GOSSIP or len(msg.seqno) != _MAX_SEQNO or not is_ed25519(ID(msg.from_id)):
        return False
    try:
        return signature_validator(msg)
    except Exception:  # noqa: BLE001 - py-libp2p raises at keys it cannot read
        return False
