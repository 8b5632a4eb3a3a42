"""The node: the façade with a network under it. What needs other laptops is here; everything else it has from `Service`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import trio

from p2plearn import limits
from p2plearn.errors import BadAddress
from p2plearn.learning.notation import iso_time
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.network import Network
from p2plearn.node.peers.attaching import Attaching
from p2plearn.node.peers.meeting import Meeting, peer_in
from p2plearn.node.peers.syncing import Syncing
from p2plearn.node.service.parts import Answer
from p2plearn.node.service.service import Service
from p2plearn.node.store.blocks import BlockStore
from p2plearn.paths import Home


@dataclass(frozen=True, slots=True)
class Works:
    """What is at work between this node and others."""

    network: Network
    syncing: Syncing
    meeting: Meeting
    attaching: Attaching


class Node(Service):
    """A running node, as far as a person deals with it."""

    def __init__(self, home: Home, keeper: Keeper, blocks: BlockStore, works: Works, stop: Callable[[], None]) -> None:
        """`stop` is what `down` calls."""
        super().__init__(home, keeper, blocks)
        self._network = works.network
        self._syncing = works.syncing
        self._meeting = works.meeting
        self._attaching = works.attaching
        self._stop = stop

    def __repr__(self) -> str:
        return f"<Node {self._network.peer_id}, {self._keeper!r}, {self._syncing!r}>"

    async def status(self) -> Answer:
        """What this node is and holds."""
        own = {"running": True, "addresses": self._network.addresses(), "peers": len(self._network.peers())}
        return await super().status() | own

    async def peers(self) -> Answer:
        """Who is connected now."""
        names = await self._lookup.names()
        found = []
        for info in sorted(self._network.peers(), key=lambda info: (info.since_ms, info.peer)):
            link = self._syncing.links.get(info.peer)
            author = link.author if link else None
            found.append(
                {
                    "peer": info.peer,
                    "author": author.hex() if author else None,
                    "name": names.get(author, "") if author else "",
                    "address": info.address,
                    "since": iso_time(info.since_ms),
                    "latency_ms": None if info.latency_ms is None else round(info.latency_ms, 1),
                }
            )
        return {"peers": found}

    async def connect(self, address: str) -> Answer:
        """Connect to another node, now and whenever this one starts; answers like `peers`. Raises BadAddress, Unreachable."""
        peer = peer_in(address)
        if peer == self._network.peer_id:
            raise BadAddress(address=address, reason="it is the address of this node itself")
        await self._network.connect(address)
        await self._meeting.remember(peer, [address])
        with trio.move_on_after(limits.GREETING_TIMEOUT):  # so that the answer says who it is
            await self._syncing.met(peer)
        return await self.peers()

    async def down(self) -> Answer:
        """Stop this node."""
        self._stop()
        return {"stopped": True}

    def _near(self) -> Mapping[bytes, float | None]:
        found: dict[bytes, float | None] = {}
        for info in self._network.peers():
            link = self._syncing.links.get(info.peer)
            if link and link.author:
                found[link.author] = min((ms for ms in (info.latency_ms, found.get(link.author)) if ms is not None), default=None)
        return found

    async def _fetch(self, name: bytes, size: int) -> None:
        if not await self._keeper.in_thread(self._whole, name, size):
            await self._attaching.fetch(name, size)
