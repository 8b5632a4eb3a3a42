"""Whom to sync with, and when: a link with every connected peer, opened by the side of smaller peer id, and again when it breaks.

News of our own is pushed to all links; what a link brought in makes the others compare soon. Faults are blamed on the peer.
"""

import os
from collections.abc import Callable

import structlog
import trio

from p2plearn import limits
from p2plearn.errors import ConnectionLost, PeerFault
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.network import Network, Stream
from p2plearn.node.peers.frontier import Frontier
from p2plearn.node.peers.holders import Holders
from p2plearn.node.peers.link import Link, Ways
from p2plearn.node.peers.serving import Serving
from p2plearn.node.store.store import Change
from p2plearn.protocol.events import Me
from p2plearn.protocol.messages import NONCE_SIZE
from p2plearn.protocol.records import Record
from p2plearn.protocol.signing import HELLO_DOMAIN, sign

PROTOCOL = "/p2plearn/sync/1"

_log = structlog.get_logger(__name__)


class Syncing:
    """All links of one node. `on_met(link)` is called when a peer has proved its author."""

    def __init__(self, keeper: Keeper, network: Network, nursery: trio.Nursery) -> None:
        self.links: dict[str, Link] = {}
        self.on_met: Callable[[Link], None] = lambda _link: None
        self._keeper = keeper
        self._network = network
        self._nursery = nursery
        self._proof = sign(keeper.identity.author, HELLO_DOMAIN, network.peer_id.encode())
        self._holders = Holders(keeper)
        self._frontier = Frontier(keeper)
        self.serving = Serving(keeper, network, self._author_of)
        self._met = trio.Event()
        self._rest_until: dict[str, float] = {}  # peers whose last link was dear wait for the next
        self._running: dict[str, trio.CancelScope] = {}
        self._connected: dict[str, trio.CancelScope] = {}
        network.handle(PROTOCOL, self._accept)
        network.favour(lambda peer: keeper.standing.gossip(self._author_of(peer)))
        network.on_connected(self._on_connected)
        network.on_disconnected(self._on_disconnected)
        keeper.listen(self._on_change)
        keeper.on_scope = self._on_scope
        nursery.start_soon(self._holders.write)

    def __repr__(self) -> str:
        return f"<Syncing {list(self.links.values())}>"

    def nudge(self, peer: str | None = None) -> None:
        """Compare soon with one peer, or with all."""
        for link in list(self.links.values()):
            if peer in (None, link.peer):
                link.nudge()

    async def met(self, peer: str) -> None:
        """Wait until a peer has proved its author."""
        while peer not in self.links:
            await self._met.wait()

    def _author_of(self, peer: str) -> bytes | None:
        link = self.links.get(peer)
        return link.author if link else None

    # --- opening links ---

    def _on_connected(self, peer: str) -> None:
        if self._network.peer_id < peer:
            scope = self._connected[peer] = trio.CancelScope()
            self._nursery.start_soon(self._keep_link, peer, scope)

    def _on_disconnected(self, peer: str) -> None:
        scope = self._connected.pop(peer, None)
        if scope is not None:
            scope.cancel()

    async def _keep_link(self, peer: str, scope: trio.CancelScope) -> None:
        """While the peer is connected: open a link, and another when it breaks, ever more patiently."""
        with scope:
            pause = limits.REDIAL_FIRST
            while True:
                started = trio.current_time()
                try:
                    stream = await self._network.open(peer, PROTOCOL)
                    await self._run(stream, initiator=True)
                except ConnectionLost as error:
                    _log.debug("no link", peer=peer, reason=str(error))
                if trio.current_time() - started > limits.REDIAL_MAX:
                    pause = limits.REDIAL_FIRST
                await trio.sleep(pause)
                pause = min(pause * 2, limits.REDIAL_MAX)

    async def _accept(self, stream: Stream) -> None:
        if stream.peer >= self._network.peer_id:
            raise PeerFault("order", "this side opens the link")
        await self._run(stream, initiator=False)

    async def _run(self, stream: Stream, *, initiator: bool) -> None:
        """One link from hello to end. A newer stream of the same peer ends the link on the older one: there is never a second."""
        before = self._running.pop(stream.peer, None)
        if before is not None:
            before.cancel()
        scope = self._running[stream.peer] = trio.CancelScope()
        try:
            with scope:
                await trio.sleep_until(self._rest_until.get(stream.peer, 0.0))
                await self._hold_link(stream, initiator=initiator)
        finally:
            if self._running.get(stream.peer) is scope:
                del self._running[stream.peer]
            await stream.reset()

    async def _hold_link(self, stream: Stream, *, initiator: bool) -> None:
        me = Me(self._keeper.author, self._proof, os.urandom(NONCE_SIZE))
        await self._frontier.look()
        async with self._keeper.replicas.of(await self._keeper.wishes.scope()) as replica:
            ways = Ways(self.serving.turn, self._frontier.prefer)
            link = Link(self._keeper, replica, stream, me, ways, initiator=initiator)
            link.on_new = lambda records: self._on_new(link, records)
            link.on_met = lambda: self._on_link_met(link)
            link.on_left = self.nudge
            link.on_agreed = lambda row: self._holders.note(link.author, row)
            await self._see_through(link)

    async def _see_through(self, link: Link) -> None:
        """One link until it ends, for whatever reason."""
        try:
            await link.run()
        except* ConnectionLost:
            pass
        except* PeerFault as faults:
            self._blame(link.peer, faults)
        except* Exception:  # noqa: BLE001  # a bug of ours: it must cost this link, not the node; it is logged in full
            _log.exception("a link broke on an unforeseen error", peer=link.peer)
        finally:
            self._rest_until[link.peer] = trio.current_time() + link.spent * limits.REST_FACTOR
            while len(self._rest_until) > limits.MAX_SCORED_PEERS:
                del self._rest_until[next(iter(self._rest_until))]
            if self.links.get(link.peer) is link:
                del self.links[link.peer]

    def _blame(self, peer: str, faults: BaseExceptionGroup[PeerFault]) -> None:
        fault = _first(faults)
        if fault.reason == "ended":
            _log.info("nothing to sync with this peer", peer=peer, reason=fault.detail)
            return
        _log.warning("a peer broke the protocol", peer=peer, reason=fault.reason, detail=fault.detail)
        self._network.blame(peer, fault.reason)

    # --- what travels ---

    def _on_link_met(self, link: Link) -> None:
        self.links[link.peer] = link
        self._met.set()
        self._met = trio.Event()
        self.on_met(link)

    def _on_new(self, link: Link, _records: list[Record]) -> None:
        for other in list(self.links.values()):
            if other is not link:
                other.nudge()

    def _on_scope(self) -> None:
        """Another part of the commons is held: links to come are about that, and those on the old one end."""
        for scope in list(self._running.values()):
            scope.cancel()

    def brought(self, peer: str, size: int) -> None:
        """Count bytes that a peer gave and that were not here: of an author whom it has proved."""
        if peer in self.links:
            self._holders.brought(self.links[peer].author, size)

    def _on_change(self, change: Change, source: str | None) -> None:
        if source is not None and change.added:
            self.brought(source, sum(len(record.raw) for record in change.added))
        elif change.added:
            for link in list(self.links.values()):
                link.push(change.added)


def _first(group: BaseException) -> PeerFault:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    assert isinstance(group, PeerFault)
    return group
