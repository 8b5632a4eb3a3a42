"""Gossip, hardened: GossipSub v1.1 on one topic, with three verdicts, bounds on everything, and no message that ends the node.

py-libp2p's pubsub dies of 51 garbage bytes, delivers ten messages a second, drops bursts silently, repeats sequence numbers
after a restart, knows only yes and no, and blames the forwarder for a validator's timeout. Message ids, signatures, mesh and
control messages stay py-libp2p's (pubsub specification, gossipsub-v1.1.md). Knows nothing of records.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import structlog
import trio
from libp2p.abc import IHost, INetStream
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.validators import signature_validator
from libp2p.tools.timed_cache.last_seen_cache import LastSeenCache
from libp2p.utils import encode_varint_prefixed

from p2plearn.limits import GOSSIP_AT_ONCE, GOSSIP_PACE, GOSSIP_PER_SECOND, GOSSIP_TIMEOUT, MAX_GOSSIP, MAX_GOSSIP_RPC
from p2plearn.node.net.libp2p_addresses import is_ed25519
from p2plearn.node.net.libp2p_bounds import BoundedQueue, RateLimit, SeenMessages
from p2plearn.node.net.libp2p_frames import Frames
from p2plearn.node.net.libp2p_mesh import TOPIC, GuardedGossipSub
from p2plearn.node.net.libp2p_scoring import Faults, Scorer
from p2plearn.node.net.libp2p_swarm import GuardedManager
from p2plearn.node.net.network import Bonus, Validator, Verdict

log = structlog.get_logger(__name__)
_SEQNO = 8  # bytes of a sequence number


class GuardedPubsub(Pubsub):
    """Messages in and out. `validator` is asked about each before it goes on; `faults` remembers who sent what was rejected.

    `bonus(peer)` is added to the score of a peer without faults.
    """

    router: GuardedGossipSub

    def __init__(self, host: IHost, nursery: trio.Nursery, now: Callable[[], float]) -> None:
        self._nursery = nursery
        self.faults = Faults(now)
        self.bonus: Bonus = lambda _peer: 0.0
        super().__init__(
            host,
            GuardedGossipSub(nursery, Scorer(self.faults, lambda peer: self.bonus(str(peer)))),
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
        """Read one peer's gossip until its stream ends. GOSSIP_AT_ONCE of its messages are judged at a time: whoever sends more waits."""
        peer = stream.muxed_conn.peer_id
        frames = Frames(getattr(stream, "muxed_stream", stream), self.max_inbound_rpc_size)  # past a lock a read
        places = trio.Semaphore(GOSSIP_AT_ONCE)
        async with trio.open_nursery() as nursery:
            while True:
                raw = await frames.receive()
                if self.router.is_graylisted(peer):
                    continue
                with self._blaming(peer):
                    for message in await self._take(peer, rpc_pb2.RPC.FromString(raw)):
                        await places.acquire()
                        nursery.start_soon(self._judge_next, peer, message, places)

    async def stream_handler(self, stream: INetStream) -> None:
        """Whatever goes wrong on a gossip stream ends that stream."""
        try:
            await self.continuously_read_stream(stream)
        except Exception as error:  # noqa: BLE001 - a peer's bytes
            log.debug("gossip stream ended", reason=repr(error))
            await stream.reset()
            self._handle_dead_peer(stream.muxed_conn.peer_id)

    @contextlib.contextmanager
    def _blaming(self, peer: ID) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.blame(peer, f"gossip: {error!r}")
            raise

    async def _take(self, peer: ID, rpc: rpc_pb2.RPC) -> list[rpc_pb2.Message]:
        """Do what a frame says; the messages in it that are new here."""
        rpc.ClearField("senderRecord")  # addresses are exchanged elsewhere; nobody fills our address book here
        for subscription in rpc.subscriptions[: self.max_subscriptions_per_rpc]:
            self.handle_subscription(peer, subscription)
        if rpc.HasField("control"):
            await self.router.handle_rpc(rpc, peer)
        return [message for message in rpc.publish if not self._is_known(message)]

    async def _judge_next(self, peer: ID, message: rpc_pb2.Message, places: trio.Semaphore) -> None:
        try:
            with self._blaming(peer):
                await self.push_msg(peer, message)
        finally:
            places.release()

    def _is_known(self, msg: rpc_pb2.Message) -> bool:
        message = self._msg_id_constructor(msg)
        return self.seen_messages.has(message) or message in self._under_way

    async def push_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        """Judge one message and send it on if it is accepted. Copies that arrive meanwhile are dropped."""
        message = self._msg_id_constructor(msg)
        own = msg_forwarder == self.my_id
        if self._is_known(msg):
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
    if len(msg.data) > MAX_GOSSIP or len(msg.seqno) != _SEQNO or not is_ed25519(ID(msg.from_id)):
        return False
    try:
        return signature_validator(msg)
    except Exception:  # noqa: BLE001 - py-libp2p raises at keys it cannot read
        return False
