"""Connections, bounded: who may connect, how often, from where; and no task of libp2p's that can end the node.

TCP + Noise + Yamux between Ed25519 peers, nothing else. Dialling goes to exactly one address at a time and only when this node
says so; py-libp2p's swarm dials on its own when a stream is wanted, waits 251 ms before each dial, keeps one task and one
place for every connection it ever accepted, and dies with any task. Knows nothing of streams' protocols.
"""

import ipaddress
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
import trio
from libp2p.abc import IListener, IMuxedConn, INetConn, IRawConnection, ISecureConn
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair as create_new_x25519_key_pair
from libp2p.custom_types import TProtocol
from libp2p.io.exceptions import ConnectionClosedError, IOException
from libp2p.io.trio import TrioTCPStream
from libp2p.network.config import ConnectionConfig
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX_ID
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr

from p2plearn.limits import (
    HANDSHAKE_TIMEOUT,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    MAX_CONNECTIONS_PER_PEER,
    MAX_HANDSHAKE_BYTES,
    MAX_HANDSHAKES,
    MAX_INBOUND,
    STREAM_TIMEOUT,
)
from p2plearn.node.libp2p_addresses import Endpoint, is_ed25519
from p2plearn.node.libp2p_yamux import BoundedYamux

log = structlog.get_logger(__name__)
_READ_AHEAD = 128 * 1024  # two Noise messages
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


class WireStream(TrioTCPStream):
    """A TCP stream that takes MAX_HANDSHAKE_BYTES at most until the other side is known.

    It reads ahead, since Noise asks for two bytes and then for a message, and needs no locks, since Yamux has one reader and a
    lock for writers: together a fifth of the time of a bulk transfer.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        super().__init__(stream)
        self.known = False
        self._handed_out = 0
        self._ahead = b""
        self._at = 0

    async def read(self, n: int | None = None) -> bytes:
        if self._at == len(self._ahead):
            try:
                self._ahead = await self.stream.receive_some(_READ_AHEAD)
            except trio.BrokenResourceError as error:
                raise ConnectionClosedError("reset by the peer", transport="tcp") from error
            except trio.ClosedResourceError:
                self._ahead = b""
            self._at = 0
        end = len(self._ahead) if n is None else min(self._at + n, len(self._ahead))
        data = self._ahead[self._at : end]
        self._at = end
        if not self.known:
            self._handed_out += len(data)
            if self._handed_out > MAX_HANDSHAKE_BYTES:
                raise IOException("a handshake is not that long")
        return data

    async def write(self, data: bytes) -> None:
        try:
            await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionClosedError("the connection is gone", transport="tcp") from error


class _Upgrader(TransportUpgrader):
    """Noise and our Yamux. py-libp2p's upgrader makes its own Yamux, whatever class it is given."""

    async def upgrade_connection(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        with trio.fail_after(STREAM_TIMEOUT):
            await self.muxer_multistream.select_transport(conn)
        return BoundedYamux(conn, peer_id, conn.is_initiator)


def _upgrader(keys: KeyPair) -> TransportUpgrader:
    noise = Noise(keys, noise_privkey=create_new_x25519_key_pair().private_key)
    muxers: Mapping[TProtocol, Any] = {TProtocol(YAMUX_ID): BoundedYamux}
    return _Upgrader({NOISE_ID: noise}, muxers)


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
        super().__init__(peer, store, _upgrader(keys), [], connection_config=config)
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
