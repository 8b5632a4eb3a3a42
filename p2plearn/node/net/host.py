"""The network port over libp2p: TCP, Noise, Yamux, GossipSub and Bitswap, each behind the guard in its own `libp2p_*` sibling.

Puts them together, starts them in order and ends them in time. Knows nothing of records; nothing but this module and its
siblings knows libp2p. What each guard is for is in docs/attacks.md.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from libp2p.abc import INetConn, INetStream
from libp2p.crypto.ed25519 import Ed25519PrivateKey as Libp2pKey
from libp2p.crypto.keys import KeyPair
from libp2p.custom_types import TProtocol
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.tools.anyio_service import background_trio_service
from libp2p.transport.exceptions import SecurityUpgradeFailure

from p2plearn.clock import Clock
from p2plearn.errors import BadAddress, ConnectionLost, PeerFault, TooLarge, Unreachable
from p2plearn.limits import DIAL_TIMEOUT, INTERFACES_INTERVAL, MAX_GOSSIP, MDNS_LOOKUPS, MDNS_PATIENCE, SHUTDOWN_TIMEOUT, STREAM_TIMEOUT
from p2plearn.node.net.libp2p_addresses import Endpoint, parse_dialable
from p2plearn.node.net.libp2p_bitswap import BlockExchange
from p2plearn.node.net.libp2p_listen import Listeners
from p2plearn.node.net.libp2p_mdns import announced
from p2plearn.node.net.libp2p_mesh import TOPIC
from p2plearn.node.net.libp2p_pubsub import GuardedPubsub
from p2plearn.node.net.libp2p_streams import GuardedHost, HostStream
from p2plearn.node.net.libp2p_swarm import GuardedSwarm, Listening
from p2plearn.node.net.libp2p_yamux import BoundedYamux
from p2plearn.node.net.libp2p_yamux_stream import shielded
from p2plearn.node.net.network import BlockSource, Bonus, Handler, Network, PeerCallback, PeerInfo, TakeTurn, Validator

log = structlog.get_logger(__name__)


@dataclass
class _Present:
    since_ms: int
    address: str


class Host:
    """A `Network` over libp2p; made by `open_host`."""

    def __init__(self, key: Ed25519PrivateKey, listeners: Listeners, nursery: trio.Nursery, *, lan_only: bool, clock: Clock) -> None:
        private = Libp2pKey.from_bytes(key.private_bytes_raw())
        self.listeners = listeners
        self._lan_only = lan_only
        self._clock = clock
        self._present: dict[ID, _Present] = {}
        self._connected: list[PeerCallback] = []
        self._disconnected: list[PeerCallback] = []
        self.swarm = GuardedSwarm(KeyPair(private, private.get_public_key()), nursery, self._changed)
        self.libp2p = GuardedHost(self.swarm)
        self.pubsub = GuardedPubsub(self.libp2p, nursery, clock.monotonic)
        self.blocks = BlockExchange(self.libp2p, nursery, self.blame)

    def __repr__(self) -> str:
        return f"<Host {self.peer_id[-6:]} peers={len(self._present)} {self.swarm!r} {self.pubsub!r} {self.blocks!r} {self.listeners!r}>"

    @property
    def peer_id(self) -> str:
        return str(self.libp2p.get_id())

    def addresses(self) -> list[str]:
        return [f"{endpoint}/p2p/{self.peer_id}" for endpoint in self.listeners.endpoints()]

    # --- peers ---

    def peers(self) -> list[PeerInfo]:
        return [PeerInfo(str(peer), known.address, known.since_ms, self._latency(peer)) for peer, known in self._present.items()]

    def on_connected(self, callback: PeerCallback) -> None:
        self._connected.append(callback)

    def on_disconnected(self, callback: PeerCallback) -> None:
        self._disconnected.append(callback)

    def _latency(self, peer: ID) -> float | None:
        trips = [muxed.rtt() * 1000 for muxed in self._muxed(peer)]
        return min((trip for trip in trips if trip > 0), default=None)

    def _muxed(self, peer: ID) -> list[BoundedYamux]:
        return [muxed for known in self.swarm.get_connections(peer) if isinstance(muxed := known.muxed_conn, BoundedYamux)]

    def _changed(self, peer: ID) -> None:
        """A connection came or went: tell whoever wants to know about first and last ones."""
        here = any(not muxed.event_shutting_down.is_set() for muxed in self._muxed(peer))
        if here and peer not in self._present:
            self._present[peer] = _Present(self._clock.now_ms(), self._address_of(peer))
            self._tell(self._connected, peer)
        elif not here and peer in self._present:
            del self._present[peer]
            self._tell(self._disconnected, peer)

    def _address_of(self, peer: ID) -> str:
        remote = next((address for muxed in self._muxed(peer) if (address := muxed.get_remote_address())), None)
        return f"{Endpoint(*remote)}/p2p/{peer}" if remote else f"/p2p/{peer}"

    def _tell(self, callbacks: list[PeerCallback], peer: ID) -> None:
        for callback in callbacks:
            try:
                callback(str(peer))
            except Exception:
                log.exception("callback about a peer failed")

    async def connect(self, address: str) -> str:
        endpoint, peer = parse_dialable(address, lan_only=self._lan_only)
        if peer in self._present:
            return str(peer)
        try:
            with trio.fail_after(DIAL_TIMEOUT):
                await self.swarm.dial(endpoint, peer)
        except Exception as error:
            raise Unreachable(address=address, reason=_reason(error)) from error
        return str(peer)

    async def disconnect(self, peer: str) -> None:
        await self._close_all(self.swarm.get_connections(ID.from_string(peer)))

    async def _close_all(self, connections: Sequence[INetConn]) -> None:
        async with trio.open_nursery() as nursery:
            for connection in connections:
                nursery.start_soon(connection.close)

    # --- streams ---

    def handle(self, protocol: str, handler: Handler) -> None:
        async def serve(raw: INetStream) -> None:
            stream = HostStream(raw)
            try:
                await handler(stream)
                await stream.close()
            except (ConnectionLost, PeerFault):
                await stream.reset()
            except Exception:
                log.exception("stream handler failed", protocol=protocol)
                await stream.reset()

        self.libp2p.set_stream_handler(TProtocol(protocol), serve)

    async def open(self, peer: str, protocol: str) -> HostStream:
        try:
            with trio.fail_after(STREAM_TIMEOUT):
                return HostStream(await self.libp2p.new_stream(ID.from_string(peer), [TProtocol(protocol)]))
        except Exception as error:
            raise ConnectionLost(str(error)) from error

    # --- gossip ---

    async def publish(self, data: bytes) -> None:
        if len(data) > MAX_GOSSIP:
            raise TooLarge(what="a gossiped message", size=len(data), limit=MAX_GOSSIP)
        await self.pubsub.send_news(data)

    def validate(self, validator: Validator) -> None:
        self.pubsub.validator = validator

    def favour(self, bonus: Bonus) -> None:
        self.pubsub.bonus = bonus

    def blame(self, peer: str, reason: str) -> None:
        self.pubsub.blame(ID.from_string(peer), reason)

    # --- blocks ---

    def serve_blocks(self, source: BlockSource, turn: TakeTurn) -> None:
        self.blocks.serve(source, turn)

    async def fetch_block(self, peer: str, cid: bytes) -> bytes | None:
        try:
            return await self.blocks.fetch(peer, cid)
        except trio.TooSlowError as error:
            raise ConnectionLost("no block in time") from error

    # --- life ---

    async def follow_interfaces(self, *, mdns: bool) -> None:
        """Listen, and be found, where the machine is reachable now: laptops change networks."""
        while True:
            self.announce()
            async with trio.open_nursery() as nursery:
                if mdns:
                    nursery.start_soon(self._be_found)
                changed = False
                while not changed:
                    await trio.sleep(INTERFACES_INTERVAL)
                    changed = await self.listeners.follow()
                nursery.cancel_scope.cancel()

    async def _be_found(self) -> None:
        async with trio.open_nursery() as nursery:
            busy: set[str] = set()

            def found(addresses: list[str]) -> None:
                peer = addresses[0].rpartition("/p2p/")[2]
                if peer not in busy and len(busy) < MDNS_LOOKUPS:
                    busy.add(peer)
                    nursery.start_soon(self._meet, peer, addresses, busy)

            try:
                async with announced(self.peer_id, self.addresses(), found):
                    await trio.sleep_forever()
            except Exception as error:  # noqa: BLE001 - a node does without it
                log.info("mDNS does not work here", reason=repr(error))

    async def _meet(self, peer: str, addresses: list[str], busy: set[str]) -> None:
        """Dial somebody found: at once if our id is the lower one, else only if they do not."""
        await trio.sleep(0 if self.peer_id < peer else MDNS_PATIENCE)
        for address in addresses:
            try:
                await self.connect(address)
            except (BadAddress, Unreachable) as error:
                log.debug("found but not reached", address=address, reason=str(error))
            else:
                break
        busy.discard(peer)

    def announce(self) -> None:
        """Tell libp2p, which tells others by identify, where we listen."""
        self.swarm.listeners = {str(endpoint): Listening(endpoint) for endpoint in self.listeners.endpoints()}

    async def close(self) -> None:
        """Accept nothing more and close every connection, within half of SHUTDOWN_TIMEOUT."""
        self.listeners.close()
        with shielded(SHUTDOWN_TIMEOUT / 2):
            await self._close_all(self.swarm.get_connections())


@asynccontextmanager
async def open_host(key: Ed25519PrivateKey, listen: list[str], *, mdns: bool, lan_only: bool, clock: Clock) -> AsyncIterator[Network]:
    """A host listening on `listen` (multiaddrs; a wildcard means every interface) while the block runs. Raises CannotListen, BadAddress.

    Leaving takes SHUTDOWN_TIMEOUT at most and leaves no socket. One host per process.
    """
    _silence_libraries()
    listeners = Listeners(listen, lan_only=lan_only)
    await listeners.bind()
    failure = None
    async with trio.open_nursery() as nursery:
        host = Host(key, listeners, nursery, lan_only=lan_only, clock=clock)
        async with (
            background_trio_service(host.swarm),
            background_trio_service(host.pubsub),
            background_trio_service(host.pubsub.router),
        ):
            try:
                await host.pubsub.wait_until_ready()
                await host.pubsub.subscribe(TOPIC)
                listeners.serve(nursery, host.swarm.accept)
                nursery.start_soon(partial(host.follow_interfaces, mdns=mdns))
                yield host
            except Exception as error:  # noqa: BLE001 - the block's own, raised below as it is, not wrapped by four nurseries
                failure = error
            finally:
                await host.close()
        nursery.cancel_scope.cancel()
    if failure:
        raise failure


def _silence_libraries() -> None:
    """libp2p warns of what any stranger sends, in part through the root logger: that would fill a disk. zeroconf does when Wi-Fi goes."""
    for name in ("libp2p", "zeroconf"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # zeroconf sets a level of its own only where none is set
    logging.getLogger().addFilter(_not_of_libp2p)


def _not_of_libp2p(record: logging.LogRecord) -> bool:
    return "libp2p" not in Path(record.pathname).parts


def _reason(error: Exception) -> str:
    """What went wrong with a dial, in words for the person who asked for it."""
    if isinstance(error, trio.TooSlowError):
        return "no answer in time"
    if isinstance(error, SecurityUpgradeFailure) or (isinstance(error, SwarmException) and "mismatch" in str(error)):
        return "somebody else is there, or no p2plearn node"
    if isinstance(error, OSError):
        return (error.strerror or "nobody listens there").lower()
    return "the connection was refused"
