"""Connections, bounded: who may connect, how often, from where; and no task of libp2p's that can end the node.

TCP + Noise + Yamux between Ed25519 peers, nothing else. Dialling goes to exactly one address at a time and only when this node
says so; py-libp2p's swarm dials on its own when a stream is wanted, waits 251 ms before each dial, keeps one task and one
place for every connection it ever accepted, and dies with any task. Knows nothing of streams' protocols.
"""

import ipaddress
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
import trio
from libp2p.abc import IListener, IMuxedConn, INetConn, IRawConnection
from libp2p.crypto.keys import KeyPair
from libp2p.network.config import ConnectionConfig
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from multiaddr import Multiaddr

from p2plearn.limits import (
    HANDSHAKE_TIMEOUT,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    MAX_CONNECTIONS_PER_PEER,
    MAX_HANDSHAKES,
    MAX_INBOUND,
)
from p2plearn.node.net.libp2p_addresses import Endpoint, is_ed25519
from p2plearn.node.net.libp2p_tcp import WireStream
from p2plearn.node.net.libp2p_wire import noise_and_yamux
from p2plearn.node.net.libp2p_yamux import BoundedYamux

log = structlog.get_logger(__name__)
_NEVER = 1_000_000  # a limit of libp2p's that ours makes void


async def guard(work: Callable[..., Awaitable[object]], *args: object) -> None:
    """Run one task so that whatever it raises is logged and ends nothing else."""
    try:
        await work(*args)
    except Exception:
        log.exception("network task failed", task=getattr(work, "__qualname__", repr(work)))


class GuardedManager:
    """A libp2p service's manager whose `run_task` starts guarded tasks in our nursery. The rest is the real manager's."""

    def __init__(self, manager: Any, nursery: trio.Nursery) -> None:
        self._manager = manager
        self._nursery = nursery

    def run_task(self, work: Callable[..., Awaitable[object]], *args: object, **_options: object) -> None:
        self._nursery.start_soon(guard, work, *args)

    run_daemon_task = run_task

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)


class Listening(IListener):
    """What libp2p is told of a socket that we opened ourselves."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._address = Multiaddr(str(endpoint))

    async def listen(self, maddr: Multiaddr) -> None:
        raise NotImplementedError("the socket is open already")

    def get_addrs(self) -> tuple[Multiaddr, ...]:
        return (self._address,)

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()


class _Idle:
    """Stands where libp2p would dial half its address book on its own, or end connections it finds too many."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def run_background_task(self, nursery: trio.Nursery) -> None: ...

    async def maybe_connect(self) -> None: ...

    async def maybe_prune_connections(self) -> None: ...

    def record_disconnect(self, peer: ID) -> None: ...


class GuardedSwarm(Swarm):
    """py-libp2p's swarm within limits. `changed(peer)` is called whenever a connection to `peer` came or went."""

    def __init__(self, keys: KeyPair, nursery: trio.Nursery, changed: Callable[[ID], None]) -> None:
        store = PeerStore()
        peer = ID.from_pubkey(keys.public_key)
        store.add_key_pair(peer, keys)
        config = ConnectionConfig(
            max_connections=_NEVER, min_connections=0, low_watermark=0, high_watermark=_NEVER, max_connections_per_peer=_NEVER
        )
        super().__init__(peer, store, noise_and_yamux(keys), [], connection_config=config)
        self.auto_connector = self.connection_pruner = _Idle()  # type: ignore[assignment]
        self._nursery = nursery
        self._on_change = changed
        self._handshakes: dict[trio.CancelScope, None] = {}  # in order of arrival
        self._inbound: Counter[str] = Counter()  # connections by remote network

    def __repr__(self) -> str:
        inbound = self._inbound.total()
        return f"<GuardedSwarm connections={len(self.get_connections())} inbound={inbound} handshakes={len(self._handshakes)}>"

    @property
    def manager(self) -> Any:
        """Where libp2p starts its tasks."""
        return GuardedManager(self._manager, self._nursery)

    async def accept(self, stream: trio.SocketStream) -> None:
        """Serve one inbound TCP connection until it ends. Handler of our listeners; never raises for the peer's doing."""
        network = _network_of(stream)
        muxed = await self._admit(stream, network)
        if muxed is None:
            await trio.aclose_forcefully(stream)
            return
        try:
            await muxed.event_closed.wait()
        finally:
            self._leave(network)

    async def _admit(self, stream: trio.SocketStream, network: str) -> BoundedYamux | None:
        """Authenticate and register who dialled us, None if that comes to nothing."""
        scope = trio.CancelScope(deadline=trio.current_time() + HANDSHAKE_TIMEOUT)
        self._handshakes[scope] = None
        if len(self._handshakes) > MAX_HANDSHAKES:
            next(iter(self._handshakes)).cancel()  # honest ones take milliseconds, so the oldest is the silent one
        try:
            with scope:
                self._make_sure_of_room(network)
                muxed = await self._upgrade(stream, None)
                self._make_sure_of_room(network)
                self._inbound[network] += 1
                try:
                    await self.add_conn(muxed, "inbound")
                except BaseException:
                    self._leave(network)
                    raise
                return muxed
        except Exception as error:  # noqa: BLE001 - a stranger's bytes
            log.debug("inbound connection refused", network=network, reason=repr(error))
        finally:
            self._handshakes.pop(scope, None)
        return None

    async def dial(self, endpoint: Endpoint, peer: ID) -> SwarmConn:
        """Connect to `peer` at `endpoint`. Raises OSError, SwarmException or whatever the handshake raises."""
        if len(self.get_connections()) >= MAX_CONNECTIONS:
            raise SwarmException("too many connections")
        stream = await trio.open_tcp_stream(endpoint.host, endpoint.port)
        connection = None
        try:
            connection = await self.add_conn(await self._upgrade(stream, peer), "outbound")
        finally:
            if connection is None:
                await trio.aclose_forcefully(stream)
        return connection

    async def _upgrade(self, stream: trio.SocketStream, peer: ID | None) -> BoundedYamux:
        """Authenticate and multiplex; `peer` is who must be there, None when they dialled us."""
        tcp = WireStream(stream)
        raw: IRawConnection = RawConnection(tcp, peer is not None)
        secured = await self.upgrader.upgrade_security(raw, peer is not None, peer)
        remote = secured.get_remote_peer()
        if not is_ed25519(remote) or remote == self.self_id:
            raise SwarmException("not an Ed25519 peer, or ourselves")
        muxed = await self.upgrader.upgrade_connection(secured, remote)
        assert isinstance(muxed, BoundedYamux)
        tcp.known = True
        return muxed

    def _make_sure_of_room(self, network: str) -> None:
        if self._inbound.total() >= MAX_INBOUND or len(self.get_connections()) >= MAX_CONNECTIONS:
            raise SwarmException("too many connections")
        if self._inbound[network] >= MAX_CONNECTIONS_PER_ADDRESS:
            raise SwarmException("too many connections from one network")

    def _leave(self, network: str) -> None:
        self._inbound[network] -= 1
        if self._inbound[network] <= 0:
            del self._inbound[network]

    async def add_conn(self, muxed_conn: IMuxedConn, direction: str = "unknown") -> SwarmConn:
        """Register a connection; beyond MAX_CONNECTIONS_PER_PEER the peer's oldest goes, which may be a dead one it left."""
        connection = await super().add_conn(muxed_conn, direction)
        peer = muxed_conn.peer_id
        for surplus in self.get_connections(peer)[:-MAX_CONNECTIONS_PER_PEER]:
            self.manager.run_task(surplus.close)
        self._on_change(peer)
        return connection

    def remove_conn(self, swarm_conn: SwarmConn) -> None:
        super().remove_conn(swarm_conn)
        self._on_change(swarm_conn.muxed_conn.peer_id)

    async def dial_peer(self, peer_id: ID) -> list[INetConn]:
        """Streams are opened on connections that are there: whom to dial is not for libp2p to decide."""
        raise SwarmException(f"not connected to {peer_id}")


def _network_of(stream: trio.SocketStream) -> str:
    """The address a connection came from; of IPv6 the /64, which one machine has to itself."""
    try:
        ip = ipaddress.ip_address(stream.socket.getpeername()[0].partition("%")[0])
    except (OSError, ValueError):
        return "unknown"
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network(f"{ip}/64", strict=False))
