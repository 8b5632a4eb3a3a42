"""What a gossip peer is worth: explicit parameters of the GossipSub v1.1 score, and faults that a reconnect does not wash away.

py-libp2p's own weights are zero and its thresholds minus infinity, so that nobody is ever graylisted. Knows no messages.
The score's parts P1…P7 are those of the GossipSub v1.1 specification.
"""

import math
from collections.abc import Callable

from libp2p.peer.id import ID
from libp2p.pubsub.score import PeerScorer, ScoreParams, TopicScoreParams

from p2plearn.limits import FAULT_HALF_LIFE, FAULTS_TO_GRAYLIST, MAX_SCORED_PEERS

_FAULT = 25.0  # what one fault takes off
_BEST = 10.0  # what good deliveries can add: less than half a fault, so that nobody earns the right to misbehave
_FORGIVEN = 0.1  # of a fault that faded: some half an hour after it
_GRAYLIST = -_FAULT * (FAULTS_TO_GRAYLIST - 0.5)

PARAMETERS = {
    "p1_time_in_mesh": TopicScoreParams(weight=0.0, cap=0.0, decay=1.0),  # py-libp2p counts joins, not time
    "p2_first_message_deliveries": TopicScoreParams(weight=1.0, cap=_BEST, decay=0.9),
    "p3_mesh_message_deliveries": TopicScoreParams(weight=0.0, cap=0.0, decay=1.0),  # a quiet café is no offence
    "p4_invalid_messages": TopicScoreParams(weight=0.0, cap=0.0, decay=1.0),  # counted as faults, below
    "p5_behavior_penalty_weight": 1.0,  # floods of IHAVE, IWANT and GRAFT: 5 to 10 points each
    "p5_behavior_penalty_decay": 0.9,
    "p5_behavior_penalty_threshold": 10.0,  # one may be chance
    "p6_appl_slack_weight": 1.0,  # the faults
    "p6_appl_slack_decay": 1.0,  # they fade by themselves
    "p7_ip_colocation_weight": 0.0,  # many honest people sit behind one address
    "p7_ip_colocation_threshold": 1_000_000,
    "gossip_threshold": _GRAYLIST / 4,
    "publish_threshold": _GRAYLIST / 2,
    "graylist_threshold": _GRAYLIST,
    "accept_px_threshold": math.inf,  # whom to dial is not for a gossip peer to say
}


class Faults:
    """Faults per peer, halving every FAULT_HALF_LIFE seconds; at most MAX_SCORED_PEERS are remembered, the smallest forgotten first."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._faults: dict[ID, tuple[float, float]] = {}  # amount at a time

    def __repr__(self) -> str:
        return f"<Faults of {len(self._faults)} peers>"

    def of(self, peer: ID) -> float:
        amount, since = self._faults.get(peer, (0.0, 0.0))
        return amount * 0.5 ** ((self._now() - since) / FAULT_HALF_LIFE) if amount else 0.0

    def add(self, peer: ID) -> None:
        self._faults[peer] = (self.of(peer) + 1.0, self._now())
        if len(self._faults) > MAX_SCORED_PEERS:
            others = (known for known in self._faults if known != peer)
            del self._faults[min(others, key=self.of)]


class Scorer(PeerScorer):
    """py-libp2p's score with every part in every gate: its own leave faults out of two of them.

    A `bonus` is for peers without faults: together with good deliveries it would come to more than half of one.
    """

    def __init__(self, faults: Faults, bonus: Callable[[ID], float]) -> None:
        def conduct(peer: ID) -> float:
            amount = faults.of(peer)
            return -_FAULT * amount if amount >= _FORGIVEN else bonus(peer)

        super().__init__(ScoreParams(**PARAMETERS, app_specific_score_fn=conduct))  # type: ignore[arg-type]

    def allow_publish(self, peer: ID, topics: list[str]) -> bool:
        return self.score(peer, topics) >= self.params.publish_threshold

    def allow_gossip(self, peer: ID, topics: list[str]) -> bool:
        return self.score(peer, topics) >= self.params.gossip_threshold
