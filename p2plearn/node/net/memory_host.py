"""The network port without a socket: many hosts in one process, joined by a `MemoryHub` that can lose, delay, cut and partition.

For tests and the simulator. Every choice of chance comes from the hub's seed. Gossip floods hop by hop and asks every hop's
validator, as GossipSub does; scores are a bare count of faults. Knows nothing of libp2p.
"""

import hashlib
import random
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn.clock import Clock, SystemClock
from p2plearn.errors import BadAddress, ConnectionLost, TooLarge, Unreachable
from p2plearn.identity import peer_id_of
from p2plearn.limits import FAULTS_TO_GRAYLIST, MAX_BLOCK, MAX_GOSSIP, SEEN_GOSSIP
from p2plearn.node.net.memory_streams import MemoryStream, Pipe
from p2plearn.node.net.network import BlockSource, Bonus, Handler, PeerCallback, PeerInfo, TakeTurn, Validator, Verdict


@dataclass
class _Link:
    """A connection as one of its two hosts sees it."""

    info: PeerInfo
    streams: list[MemoryStream]


class MemoryHub:
    """The air between memory hosts. `loss` and `cut` are chances per gossip hop and per stream write; latency is in seconds."""

    def __init__(self, seed: int = 0, *, loss: float = 0.0, cut: float = 0.0, latency: tuple[float, float] = (0.0, 0.0)) -> None:
        self.seed = seed
        self.loss = loss
        self.cut = cut
        self.latency = latency
        self.hosts: dict[str, MemoryHost] = {}
        self._randoms: dict[tuple[str, str], random.Random] = {}
        self._island: dict[str, int] = {}
        self._numbers = 0

    def _dice(self, sender: str, receiver: str) -> random.Random:
        """One generator per direction, so that the order in which tasks happen to run changes as little as possible."""
        name = (sender, receiver)
        if name not in self._randoms:
            self._randoms[name] = random.Random(f"{self.seed} {sender} {receiver}")  # noqa: S311 - to be replayed, no secret
        return self._randoms[name]

    def chance(self, probability: float, sender: str, receiver: str) -> bool:
        return probability > 0 and self._dice(sender, receiver).random() < probability

    def delay(self, sender: str, receiver: str) -> float:
        return self._dice(sender, receiver).uniform(*self.latency)

    def next_address(self) -> str:
        """An address that looks like a real one, so that whoever checks addresses is checked too."""
        self._numbers += 1
        return f"/ip4/10.{self._numbers >> 16 & 255}.{self._numbers >> 8 & 255}.{self._numbers & 255}/tcp/4001"

    def reachable(self, one: str, other: str) -> bool:
        """Both are up and no partition lies between them."""
        return one in self.hosts and other in self.hosts and self._island.get(one) == self._island.get(other)

    def partition(self, *groups: Iterable[str]) -> None:
        """Part the network into these groups of peer ids (whoever is in none forms one more); links across are lost."""
        self._island = {peer: number for number, group in enumerate(groups) for peer in group}
        for one in list(self.hosts.values()):
            for other in one.linked():
                if not self.reachable(one.peer_id, other):
                    self.sever(one.peer_id, other)

    def heal(self) -> None:
        """End every partition. Nobody is reconnected: that is the node's work."""
        self._island = {}

    def sever(self, one: str, other: str) -> None:
        """Lose the connection between two hosts, with every stream on it."""
        for here, there in ((one, other), (other, one)):
            if here in self.hosts:
                self.hosts[here].lose(there)

    def __repr__(self) -> str:
        links = sum(len(host.linked()) for host in self.hosts.values()) // 2
        return f"<MemoryHub seed={self.seed} hosts={len(self.hosts)} links={links} islands={len(set(self._island.values())) or 1}>"


class MemoryHost:
    """A `Network` of one hub; made by `open_memory_host`."""

    def __init__(self, hub: MemoryHub, key: Ed25519PrivateKey, nursery: trio.Nursery, clock: Clock) -> None:
        self._hub = hub
        self._nursery = nursery
        self._clock = clock
        self._peer_id = peer_id_of(key)
        self._address = hub.next_address()
        self._links: dict[str, _Link] = {}
        self._handlers: dict[str, Handler] = {}
        self._validator: Validator | None = None
        self._blocks: BlockSource | None = None
        self._turn: TakeTurn = lambda _peer: nullcontext()
        self.bonus: Bonus = lambda _peer: 0.0
        self._connected: list[PeerCallback] = []
        self._disconnected: list[PeerCallback] = []
        self._seen: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._published = 0
        self.faults: Counter[str] = Counter()

    def __repr__(self) -> str:
        streams = sum(not stream.over for link in self._links.values() for stream in link.streams)
        return f"<MemoryHost {self._peer_id[-6:]} peers={len(self._links)} streams={streams} seen={len(self._seen)}>"

    # --- the port ---

    @property
    def peer_id(self) -> str:
        return self._peer_id

    def addresses(self) -> list[str]:
        return [f"{self._address}/p2p/{self._peer_id}"]

    def peers(self) -> list[PeerInfo]:
        return [link.info for link in self._links.values()]

    def on_connected(self, callback: PeerCallback) -> None:
        self._connected.append(callback)

    def on_disconnected(self, callback: PeerCallback) -> None:
        self._disconnected.append(callback)

    def handle(self, protocol: str, handler: Handler) -> None:
        self._handlers[protocol] = handler

    async def connect(self, address: str) -> str:
        _, found, peer = address.rpartition("/p2p/")
        if not found or not peer:
            raise BadAddress(address=address, reason="it does not end in /p2p/ and a peer id")
        if peer == self._peer_id:
            raise BadAddress(address=address, reason="it is this node's own")
        await trio.sleep(self._hub.delay(self._peer_id, peer))
        if not self._hub.reachable(self._peer_id, peer) or address not in self._hub.hosts[peer].addresses():
            raise Unreachable(address=address, reason="nobody answers there")
        if peer not in self._links:
            other = self._hub.hosts[peer]
            self.gain(peer, address)
            other.gain(self._peer_id, self.addresses()[0])
        return peer

    async def disconnect(self, peer: str) -> None:
        self._hub.sever(self._peer_id, peer)
        await trio.lowlevel.checkpoint()

    async def open(self, peer: str, protocol: str) -> MemoryStream:
        await trio.sleep(self._hub.delay(self._peer_id, peer))
        other = self._hub.hosts.get(peer)
        if peer not in self._links or other is None or protocol not in other._handlers:  # noqa: SLF001 - the same class
            raise ConnectionLost
        here, there = Pipe(self._hub, peer, self._peer_id), Pipe(self._hub, self._peer_id, peer)
        mine, theirs = MemoryStream(peer, here, there), MemoryStream(self._peer_id, there, here)
        self._keep(peer, mine)
        other._keep(self._peer_id, theirs)  # noqa: SLF001
        other._nursery.start_soon(other._serve, other._handlers[protocol], theirs)  # noqa: SLF001
        return mine

    async def publish(self, data: bytes) -> None:
        if len(data) > MAX_GOSSIP:
            raise TooLarge(what="a gossiped message", size=len(data), limit=MAX_GOSSIP)
        self._published += 1
        message = (self._peer_id, self._published)
        self._note_seen(message)
        self._forward(message, data, None)
        await trio.lowlevel.checkpoint()

    def validate(self, validator: Validator) -> None:
        self._validator = validator

    def serve_blocks(self, source: BlockSource, turn: TakeTurn) -> None:
        self._blocks, self._turn = source, turn

    async def fetch_block(self, peer: str, cid: bytes) -> bytes | None:
        await trio.sleep(self._hub.delay(self._peer_id, peer))
        if peer not in self._links:
            raise ConnectionLost
        other = self._hub.hosts[peer]
        source = other._blocks  # noqa: SLF001
        async with other._turn(self._peer_id):  # noqa: SLF001
            block = await source(self._peer_id, cid) if source else None
            await trio.sleep(self._hub.delay(peer, self._peer_id))
        if peer not in self._links:
            raise ConnectionLost
        whole = block is not None and len(block) <= MAX_BLOCK and hashlib.sha256(block).digest() == cid[-32:]
        return block if whole else None

    def favour(self, bonus: Bonus) -> None:
        self.bonus = bonus  # nobody is chosen here: gossip floods

    def blame(self, peer: str, reason: str) -> None:
        del reason  # counted together, as gossip scores are
        self.faults[peer] += 1

    # --- what the hub and other hosts call ---

    def graylisted(self, peer: str) -> bool:
        return self.faults[peer] >= FAULTS_TO_GRAYLIST

    def linked(self) -> list[str]:
        return list(self._links)

    def gain(self, peer: str, address: str) -> None:
        """A connection to `peer` stands."""
        latency = sum(self._hub.latency) * 1000  # there and back, each half of the two bounds' sum on average
        self._links[peer] = _Link(PeerInfo(peer, address, self._clock.now_ms(), latency), [])
        for callback in self._connected:
            callback(peer)

    def lose(self, peer: str) -> None:
        """The connection to `peer`, if there was one, is gone."""
        link = self._links.pop(peer, None)
        if link is None:
            return
        for stream in link.streams:
            stream.break_off()
        for callback in self._disconnected:
            callback(peer)

    def _keep(self, peer: str, stream: MemoryStream) -> None:
        link = self._links[peer]
        link.streams = [known for known in link.streams if not known.over] + [stream]

    async def _serve(self, handler: Handler, stream: MemoryStream) -> None:
        try:
            await handler(stream)
        except Exception:  # noqa: BLE001 - the port promises that a handler never harms the node
            stream.break_off()

    def _note_seen(self, message: tuple[str, int]) -> None:
        self._seen[message] = None
        while len(self._seen) > SEEN_GOSSIP:
            self._seen.popitem(last=False)

    def _forward(self, message: tuple[str, int], data: bytes, source: str | None) -> None:
        for peer in self._links:
            if peer not in (source, message[0]) and not self._hub.chance(self._hub.loss, self._peer_id, peer):
                other, delay = self._hub.hosts[peer], self._hub.delay(self._peer_id, peer)
                other._nursery.start_soon(other._hear, delay, self._peer_id, message, data)  # noqa: SLF001

    async def _hear(self, delay: float, forwarder: str, message: tuple[str, int], data: bytes) -> None:
        await trio.sleep(delay)
        if message in self._seen or forwarder not in self._links or self.graylisted(forwarder):
            return
        self._note_seen(message)
        verdict = await self._validator(forwarder, data) if self._validator else Verdict.IGNORE
        if verdict is Verdict.REJECT:
            self.blame(forwarder, "gossip")
        if verdict is Verdict.ACCEPT:
            self._forward(message, data, forwarder)


@asynccontextmanager
async def open_memory_host(hub: MemoryHub, key: Ed25519PrivateKey, *, clock: Clock | None = None) -> AsyncIterator[MemoryHost]:
    """A host on `hub` for as long as the block runs; leaving it loses every connection, as a killed process does."""
    async with trio.open_nursery() as nursery:
        host = MemoryHost(hub, key, nursery, clock or SystemClock())
        hub.hosts[host.peer_id] = host
        try:
            yield host
        finally:
            for peer in host.linked():
                hub.sever(host.peer_id, peer)
            del hub.hosts[host.peer_id]
            nursery.cancel_scope.cancel()
