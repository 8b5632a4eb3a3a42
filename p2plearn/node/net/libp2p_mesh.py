"""The GossipSub v1.1 mesh of one topic (gossipsub-v1.1.md): py-libp2p's, at its pace, within bounds, without the graylisted.

Its heartbeat is 120 s by default and ends with the first error; it never looks at scores when it chooses peers, and answers
requests without limit. Knows nothing of what messages say.
"""

from collections.abc import Iterable
from typing import Any

import structlog
import trio
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, GossipSub
from libp2p.pubsub.pb import rpc_pb2

from p2plearn.limits import MAX_GOSSIP_REPLAY
from p2plearn.node.net.libp2p_bounds import BoundedCache
from p2plearn.node.net.libp2p_scoring import Scorer
from p2plearn.node.net.libp2p_swarm import GuardedManager

log = structlog.get_logger(__name__)
TOPIC = "p2plearn/news/1"


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
