"""A TCP stream as py-libp2p wants it, with a bound on what strangers may say.

py-libp2p's reads from strangers whatever they announce. Knows one connection.
"""

import trio
from libp2p.io.exceptions import ConnectionClosedError, IOException
from libp2p.io.trio import TrioTCPStream

from p2plearn.limits import MAX_HANDSHAKE_BYTES

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
