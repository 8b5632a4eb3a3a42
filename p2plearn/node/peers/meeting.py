"""Finding each other again: addresses are remembered, exchanged with connected peers, and redialled until somebody answers.

What a peer says of itself over its authenticated connection is remembered on the disk; what it says of others is hearsay, kept in memory.
Who is not connected is dialled again after 1, 2, 4 … 30 s.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

import structlog
import trio

from p2plearn import limits
from p2plearn.errors import BadAddress, ConnectionLost, PeerFault, Unreachable
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.network import Network, Stream
from p2plearn.node.store import local as store_local
from p2plearn.protocol import addresses
from p2plearn.protocol.addresses import Book

PROTOCOL = "/p2plearn/addresses/1"

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Known:
    """A peer we could dial. `met`: it told us itself, all else is hearsay. `due`: not before this moment (trio time)."""

    addresses: list[str]
    met: bool = False
    pause: float = limits.REDIAL_FIRST
    due: float = 0.0
    spread: float = -math.inf  # when its addresses were last passed on


class Meeting:
    """The address book of one node, and its dialling."""

    def __init__(self, keeper: Keeper, network: Network, nursery: trio.Nursery) -> None:
        self._keeper = keeper
        self._network = network
        self._nursery = nursery
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._dialling: set[str] = set()
        self._changed = trio.Event()
        network.handle(PROTOCOL, self._listen_to)
        network.on_connected(self._on_connected)
        network.on_disconnected(self._on_disconnected)

    async def recall(self) -> None:
        """Take up what is remembered from earlier."""
        for peer, known in (await self._keeper.read(store_local.addresses)).items():
            self.hear(peer, known, met=True)

    def hear(self, peer: str, told: list[str], *, met: bool = False) -> None:
        """Somebody may be at these addresses. Hearsay makes room for who was met, never the other way round."""
        if peer == self._network.peer_id or not told:
            return
        known = self._known.get(peer)
        if known is None:
            if len(self._known) >= limits.MAX_REMEMBERED_PEERS and not self._make_room(met=met):
                return
            known = self._known[peer] = _Known([])
        known.met = known.met or met
        known.addresses = list(dict.fromkeys([*told, *known.addresses]))[: limits.MAX_ADDRESSES_PER_PEER]
        self._wake()

    async def remember(self, peer: str, told: list[str]) -> None:
        """A peer was reached at, or says that it listens on, these addresses."""
        now = self._keeper.clock.now_ms()
        for address in told[: limits.MAX_ADDRESSES_PER_PEER]:
            await self._keeper.note(store_local.remember_address, peer, _without_peer(address), now)
        self.hear(peer, [_without_peer(address) for address in told], met=True)

    def _make_room(self, *, met: bool) -> bool:
        """Drop whoever was heard of first: hearsay, or for somebody we met, one we met."""
        first = next((peer for peer, known in self._known.items() if not known.met), None)
        if first is None and met:
            first = next(iter(self._known))
        if first is not None:
            del self._known[first]
        return first is not None

    async def keep_dialling(self) -> None:
        """For ever: dial whoever is due and not connected."""
        while True:
            connected = {info.peer for info in self._network.peers()}
            now = trio.current_time()
            away = [
                (not known.met, known.due, peer)
                for peer, known in self._known.items()
                if peer not in connected and peer not in self._dialling
            ]
            for hearsay, due, peer in sorted(away):
                slots = limits.DIALS_AT_ONCE // 2 if hearsay else limits.DIALS_AT_ONCE  # invented addresses must not hold up real ones
                if due <= now and len(self._dialling) < slots and len(connected) < limits.MAX_DIALLED:
                    self._dialling.add(peer)
                    self._nursery.start_soon(self._dial, peer)
            later = [due for _, due, _ in away if due > now]
            with trio.move_on_at(min(later, default=now + limits.REDIAL_MAX)):
                await self._changed.wait()

    async def _dial(self, peer: str) -> None:
        known = self._known.get(peer, _Known([]))
        try:
            for address in known.addresses:
                try:
                    await self._network.connect(f"{address}/p2p/{peer}")
                except (Unreachable, BadAddress, ConnectionLost) as error:
                    _log.debug("not reached", peer=peer, address=address, reason=str(error))
                else:
                    known.pause = limits.REDIAL_FIRST
                    break
        finally:
            known.due = trio.current_time() + known.pause
            known.pause = min(known.pause * 2, limits.REDIAL_MAX)
            self._dialling.discard(peer)
            self._wake()

    # --- the exchange ---

    def _on_connected(self, peer: str) -> None:
        if (known := self._known.get(peer)) is not None:
            known.pause = limits.REDIAL_FIRST
        self._nursery.start_soon(self._tell, peer)

    def _on_disconnected(self, peer: str) -> None:
        if (known := self._known.get(peer)) is not None:
            known.due = trio.current_time() + known.pause
        self._wake()

    async def _tell(self, peer: str, news: Book | None = None) -> None:
        """Send `news`, else where those are who are connected to us now, for certain; our own addresses come first."""
        own: Book = {self._network.peer_id: [_without_peer(address) for address in self._network.addresses()]}
        others = news or {other: self._known[other].addresses for other in self._others(peer) if other in self._known}
        try:
            with trio.fail_after(limits.STREAM_TIMEOUT):
                stream = await self._network.open(peer, PROTOCOL)
                message = addresses.write(own | others)
                for at in range(0, len(message), limits.MAX_FRAME):
                    await stream.send(message[at : at + limits.MAX_FRAME])
                await stream.close()
        except (ConnectionLost, trio.TooSlowError) as error:
            _log.debug("could not tell addresses", peer=peer, reason=str(error))

    async def _listen_to(self, stream: Stream) -> None:
        message = bytearray()
        with trio.fail_after(limits.STREAM_TIMEOUT):
            while data := await stream.receive():
                message += data
                if len(message) > limits.MAX_ADDRESS_MESSAGE:
                    raise PeerFault("limit", "addresses without end")
        try:
            book = addresses.read(bytes(message))
        except PeerFault as fault:
            self._network.blame(stream.peer, fault.reason)
            raise
        for peer, told in book.items():
            if peer == stream.peer:
                await self.remember(peer, told)
                self._spread(peer)
            else:
                self.hear(peer, told)

    def _spread(self, peer: str) -> None:
        """Introduce somebody who just said where they are to everybody connected, but not for every word of theirs."""
        known = self._known.get(peer)
        if known is None or trio.current_time() < known.spread + limits.REDIAL_MAX:
            return
        known.spread = trio.current_time()
        for other in self._others(peer):
            self._nursery.start_soon(self._tell, other, {peer: known.addresses})

    def _others(self, peer: str) -> list[str]:
        return [info.peer for info in self._network.peers() if info.peer != peer]

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def _without_peer(address: str) -> str:
    return address.rsplit("/p2p/", 1)[0]


def peer_in(address: str) -> str:
    """The peer id at the end of a multiaddr. Raises BadAddress."""
    _, found, peer = address.rpartition("/p2p/")
    if not found or "/" in peer:
        raise BadAddress(address=address[: limits.MAX_ADDRESS], reason="it does not end in /p2p/ and a peer id")
    return peer
