"""Messages with their length before them, as many as one read of a stream brings.

py-libp2p asks for the length byte by byte, and takes a lock and a turn of the event loop for each. Knows nothing of what they say.
"""

from libp2p.exceptions import ParseError
from libp2p.io.abc import Reader
from libp2p.io.exceptions import IncompleteReadError, MessageTooLarge

from p2plearn.limits import KiB

_LENGTH = 3  # bytes of a length below 2 MiB
_PORTION = 64 * KiB


class Frames:
    """What comes from `reader`, in messages of at most `limit` bytes (below 2 MiB)."""

    def __init__(self, reader: Reader, limit: int) -> None:
        self._reader = reader
        self._limit = limit
        self._read = bytearray()

    async def receive(self) -> bytes:
        """The next message. Raises MessageTooLarge, ParseError, IncompleteReadError, and what the reader raises at its end."""
        while (frame := self._cut()) is None:
            data = await self._reader.read(_PORTION)
            if not data:
                raise IncompleteReadError("the stream ended")
            self._read += data
        return frame

    def _cut(self) -> bytes | None:
        size = 0
        for place, byte in enumerate(self._read[:_LENGTH]):
            size |= (byte & 0x7F) << 7 * place
            if size > self._limit:
                raise MessageTooLarge(f"{size} bytes or more")
            if byte < 0x80:
                start = place + 1
                if len(self._read) < start + size:
                    return None
                frame = bytes(self._read[start : start + size])
                del self._read[: start + size]
                return frame
        if len(self._read) >= _LENGTH:
            raise ParseError("a length that has no end")
        return None
