"""Turns at work: whoever loads something for a peer does so in `async with serving.turn(peer)`, until it is written.

A peer that reads slowly keeps its slot for MAX_TURN, and has no other until it has read what it was given. With nobody waiting a turn
begins at once. Those whom this node knows through one and the same person have no more weight together than one of them would: they
may all be made up. Must not know what is loaded, nor how it travels.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager

import trio

from p2plearn import limits
from p2plearn.ledger.serving import Turn, Turns, bucket
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.network import Network

_OWN = 10.0  # another device of this node's own author is served like somebody who helped the most


class Serving:
    """The slots of one node. `author_of(peer)`: whom a peer has proved to act for; all of one author's peers have their turns together."""

    def __init__(self, keeper: Keeper, network: Network, author_of: Callable[[str], bytes | None]) -> None:
        self._keeper = keeper
        self._network = network
        self._author_of = author_of
        self._turns = Turns(limits.SERVING_SLOTS, limits.MAX_TURN, self._weigh)
        self._waiting: dict[Turn, trio.Event] = {}
        self._buckets: dict[str, str] = {}
        self._crowds = Counter[bytes]()  # of those who want turns, how many I know through each person alone
        network.on_disconnected(self._on_disconnected)

    def __repr__(self) -> str:
        return f"<Serving {self._turns!r}>"

    @asynccontextmanager
    async def turn(self, peer: str) -> AsyncIterator[None]:
        """Wait for a turn of this peer's; it lasts as long as the block runs."""
        turn = self._turns.ask(self._author_of(peer) or peer, self._bucket(peer), trio.current_time())
        begins = self._waiting[turn] = trio.Event()
        try:
            self._proceed()
            while not begins.is_set():
                with trio.move_on_at(self._turns.lapse_at):
                    await begins.wait()
                self._proceed()
            yield
        finally:
            self._waiting.pop(turn, None)
            self._turns.end(turn, trio.current_time())
            self._proceed()

    def _on_disconnected(self, peer: str) -> None:
        self._buckets.pop(peer, None)

    def _proceed(self) -> None:
        through = self._keeper.standing.through
        self._crowds = Counter(through[who] for who in self._turns.parties if isinstance(who, bytes) and who in through)
        for turn in self._turns.proceed(trio.current_time()):
            self._waiting.pop(turn).set()

    def _weigh(self, who: Hashable) -> float | None:
        if not isinstance(who, bytes):
            return None
        standing = self._keeper.standing
        if who == self._keeper.author:
            return _OWN
        return standing.multiplier_among(who, self._crowds) if standing.is_ranked(who) else None

    def _bucket(self, peer: str) -> str:
        if peer not in self._buckets:
            address = next((info.address for info in self._network.peers() if info.peer == peer), None)
            if address is None:  # gone already
                return ""
            self._buckets[peer] = bucket(address)
        return self._buckets[peer]
