"""Frames: how messages travel on a stream. Each message is compressed as a whole and cut into frames the transport likes.

    frame = length of the rest (u32, big-endian) ‖ flags (1) ‖ part          ≤ MAX_FRAME bytes in all
    flags: bit 0: more frames of this message follow · bit 1: the message is compressed (zstd)

A message is bounded before a byte of it is decompressed. Must not know what a message says.
"""

import struct

import zstandard

from p2plearn import limits
from p2plearn.errors import PeerFault

_HEADER = struct.Struct(">IB")
_MORE = 1
_ZSTD = 2
_PART = limits.MAX_FRAME - _HEADER.size
_WORTH_COMPRESSING = 256  # below this zstd's own header eats the gain


def to_frames(message: bytes) -> list[bytes]:
    """The frames that carry `message` (≤ MAX_MESSAGE bytes), each ≤ MAX_FRAME."""
    if len(message) > limits.MAX_MESSAGE:
        raise ValueError(f"a message of {len(message)} bytes")
    flags, body = 0, message
    if len(message) >= _WORTH_COMPRESSING:
        compressed = zstandard.ZstdCompressor(level=1).compress(message)
        if len(compressed) < len(message):
            flags, body = _ZSTD, compressed
    parts = [body[at : at + _PART] for at in range(0, len(body), _PART)] or [b""]
    last = len(parts) - 1
    return [_HEADER.pack(len(part) + 1, flags | (_MORE if i < last else 0)) + part for i, part in enumerate(parts)]


class FrameReader:
    """Puts messages together again. Holds at most one message and one frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._size = 0
        self._flags: int | None = None

    def __repr__(self) -> str:
        return f"<FrameReader {len(self._buffer)} B waiting, {self._size} B of a message>"

    def receive(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes. Raises PeerFault("frame" | "limit")."""
        self._buffer += data
        messages: list[bytes] = []
        at = 0
        while len(self._buffer) - at >= _HEADER.size:
            length, flags = _HEADER.unpack_from(self._buffer, at)
            if not 1 <= length <= _PART + 1:
                raise PeerFault("frame", f"a frame of {length} bytes")
            end = at + _HEADER.size - 1 + length
            if end > len(self._buffer):
                break
            message = self._take(flags, bytes(self._buffer[at + _HEADER.size : end]))
            if message is not None:
                messages.append(message)
            at = end
        del self._buffer[:at]
        return messages

    def _take(self, flags: int, part: bytes) -> bytes | None:
        kind = flags & ~_MORE
        if kind not in (0, _ZSTD) or (self._flags is not None and kind != self._flags):
            raise PeerFault("frame", f"flags {flags}")
        if flags & _MORE and not part:
            raise PeerFault("frame", "an empty part")  # else a message could go on for ever
        self._size += len(part)
        if self._size > limits.MAX_MESSAGE:
            raise PeerFault("limit", "a message over the limit")
        self._parts.append(part)
        self._flags = kind
        if flags & _MORE:
            return None
        body = b"".join(self._parts)
        self._parts, self._size, self._flags = [], 0, None
        return _decompress(body) if kind == _ZSTD else body


def _decompress(body: bytes) -> bytes:
    """Exactly one zstd frame of declared, bounded size. zstandard ignores `max_output_size` when the size is declared, so look first."""
    try:
        parameters = zstandard.get_frame_parameters(body)
        if parameters.content_size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
            raise PeerFault("frame", "a compressed message of unknown size")
        if parameters.content_size > limits.MAX_MESSAGE or parameters.window_size > limits.MAX_ZSTD_WINDOW:
            raise PeerFault("limit", "a compressed message over the limit")
        reader = zstandard.ZstdDecompressor(max_window_size=limits.MAX_ZSTD_WINDOW).decompressobj()
        message = reader.decompress(body)
        if not reader.eof or reader.unused_data or len(message) != parameters.content_size:
            raise PeerFault("frame", "not exactly one compressed message")
    except zstandard.ZstdError as error:
        raise PeerFault("frame", str(error)[:200]) from None
    return message
