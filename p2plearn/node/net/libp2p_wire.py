"""From a TCP connection to an authenticated, multiplexed one: Noise and our Yamux, and a bound on what strangers may say.

py-libp2p also offers plaintext, and reads from strangers whatever they announce. Knows one connection.
"""

from collections.abc import Mapping
from typing import Any

import trio
from libp2p.abc import IMuxedConn, ISecureConn
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair as create_new_x25519_key_pair
from libp2p.custom_types import TProtocol
from libp2p.io.exceptions import ConnectionClosedError, IOException
from libp2p.io.trio import TrioTCPStream
from libp2p.peer.id import ID
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX_ID
from libp2p.transport.upgrader import TransportUpgrader

from p2plearn.limits import MAX_HANDSHAKE_BYTES, STREAM_TIMEOUT
from p2plearn.node.net.libp2p_yamux import BoundedYamux

_READ_AHEAD = 128 * 1024  # two Noise messages


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


def noise_and_yamux(keys: KeyPair) -> TransportUpgrader:
    """The only two protocols by which a connection becomes one; a new Noise key each time, signed by the peer's own."""
    noise = Noise(keys, noise_privkey=create_new_x25519_key_pair().private_key)
    muxers: Mapping[TProtocol, Any] = {TProtocol(YAMUX_ID): BoundedYamux}
    return _Upgrader({NOISE_ID: noise}, muxers)
