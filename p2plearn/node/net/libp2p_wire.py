"""From a TCP connection to an authenticated, multiplexed one: py-libp2p's handshakes, then our Noise and our Yamux.

py-libp2p also offers plaintext. Knows one connection.
"""

from collections.abc import Mapping
from typing import Any

import trio
from libp2p.abc import IMuxedConn, ISecureConn
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair as create_new_x25519_key_pair
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
from libp2p.security.noise.transport import Transport as Noise
from libp2p.security.secure_session import SecureSession
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX_ID
from libp2p.transport.upgrader import TransportUpgrader

from p2plearn.limits import STREAM_TIMEOUT
from p2plearn.node.net.libp2p_noise import Sealed
from p2plearn.node.net.libp2p_unread import Unread
from p2plearn.node.net.libp2p_yamux import BoundedYamux


class _Upgrader(TransportUpgrader):
    """Noise and our Yamux. py-libp2p's upgrader makes its own Yamux, whatever class it is given."""

    def __init__(self, secure: Mapping[TProtocol, Any], muxers: Mapping[TProtocol, Any]) -> None:
        super().__init__(secure, muxers)
        self._unread = Unread()

    async def upgrade_connection(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        assert isinstance(conn, SecureSession)
        with trio.fail_after(STREAM_TIMEOUT):
            await self.muxer_multistream.select_transport(conn)
        return BoundedYamux(Sealed(conn), peer_id, conn.is_initiator, self._unread)


def noise_and_yamux(keys: KeyPair) -> TransportUpgrader:
    """The only two protocols by which a connection becomes one; a new Noise key each time, signed by the peer's own."""
    noise = Noise(keys, noise_privkey=create_new_x25519_key_pair().private_key)
    muxers: Mapping[TProtocol, Any] = {TProtocol(YAMUX_ID): BoundedYamux}
    return _Upgrader({NOISE_ID: noise}, muxers)
