"""Noise transport messages, sealed and opened: all that one read of the socket brings at a time, and one write for what is sent.

py-libp2p reads two bytes, then a message, through five layers and for one frame only; that was half of what a small message cost.
The handshake stays py-libp2p's. A message is a length of two bytes and that many sealed ones (noise/README.md of the libp2p
specification). Knows nothing of streams.
"""

from typing import Any

from libp2p.connection_types import ConnectionType
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.security.noise.io import MAX_PLAINTEXT_LENGTH, NoiseTransportReadWriter
from libp2p.security.secure_session import SecureSession
from multiaddr import Multiaddr

from p2plearn.node.net.libp2p_tcp import WireStream

_LENGTH = 2


class Sealed:
    """Takes over a connection from py-libp2p's session when the handshake is done and the multiplexer agreed on."""

    def __init__(self, session: SecureSession) -> None:
        noise = session.conn
        assert isinstance(noise, NoiseTransportReadWriter)
        raw = noise.read_writer.read_write_closer
        assert isinstance(raw, RawConnection)
        assert isinstance(raw.stream, WireStream)
        protocol: Any = noise.noise_state.noise_protocol
        self._seal = protocol.cipher_state_encrypt.encrypt_with_ad
        self._open = protocol.cipher_state_decrypt.decrypt_with_ad
        self._raw = raw
        self._wire = raw.stream
        self._opened = session.buf.getvalue()[
            session.low_watermark : session.high_watermark
        ]  # it read on beyond the end of the negotiation
        self._part = b""  # the beginning of a message

    async def receive(self) -> bytes:
        """What comes next, b"" at the end. Raises IOException, or cryptography's InvalidTag for what is no message."""
        opened, self._opened = self._opened, b""
        while not opened:
            sealed = await self._wire.read()
            if not sealed:
                return b""
            opened = self._open_all(self._part + sealed)
        return opened

    def _open_all(self, sealed: bytes) -> bytes:
        opened = []
        view = memoryview(sealed)
        at = 0
        while (end := at + _LENGTH + int.from_bytes(view[at : at + _LENGTH], "big")) <= len(sealed):
            opened.append(self._open(None, view[at + _LENGTH : end]))
            at = end
        self._part = sealed[at:]
        return opened[0] if len(opened) == 1 else b"".join(opened)

    async def send(self, data: bytes) -> None:
        """Send all of `data`, as one message if it is no longer than MAX_PLAINTEXT_LENGTH. Not to be cancelled. Raises IOException."""
        sealed = []
        for at in range(0, len(data), MAX_PLAINTEXT_LENGTH):
            part = self._seal(None, data[at : at + MAX_PLAINTEXT_LENGTH])
            sealed += [len(part).to_bytes(_LENGTH, "big"), part]
        await self._wire.write(b"".join(sealed))

    async def close(self) -> None:
        await self._wire.close()

    def get_remote_address(self) -> tuple[str, int] | None:
        return self._wire.get_remote_address()

    def get_transport_addresses(self) -> list[Multiaddr]:
        return self._raw.get_transport_addresses()

    def get_connection_type(self) -> ConnectionType:
        return self._raw.get_connection_type()
