"""Frames: how messages travel on a stream. Each message is compressed as a whole and cut into frames the transport likes.

    frame = length of the rest (u32, big-endian) ‖ flags (1) ‖ part          ≤ MAX_FRAME bytes in all
    flags: bit 0: more frames of this message follow · bit 1: the message is compressed (zstd)

A message is bounded before a byte of it is decompressed. Must not know what a message says.
"""

import struct
from collections.abc import Iterator

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
    """Puts messages together again. Holds at most one message and what was handed in last."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._body = bytearray()  # of the message under way
        self._kind: int | None = None  # its flags but for _MORE

    def __repr__(self) -> str:
        return f"<FrameReader {len(self._buffer)} B waiting, {len(self._body)} B of a message>"

    def receive(self, data: bytes) -> Iterator[bytes]:
        """The messages that `data` completes, one at a time: use each before taking the next, for 60 bytes may become a MiB.

        Raises PeerFault("frame" | "limit").
        """
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            length, flags = _HEADER.unpack_from(self._buffer)
            if not 1 <= length <= _PART + 1:
                raise PeerFault("frame", f"a frame of {length} bytes")
            end = _HEADER.size - 1 + length
            if end > len(self._buffer):
                return
            part = self._buffer[_HEADER.size : end]
            del self._buffer[:end]
            message = self._take(flags, part)
            if message is not None:
                yield message

    def _take(self, flags: int, part: bytearray) -> bytes | None:
        kind = flags & ~_MORE
        if kind not in (0, _ZSTD) or self._kind not in (None, kind):
            raise PeerFault("frame", f"flags {flags}")
        if flags & _MORE and not part:
            raise PeerFault("frame", "an empty part")  # else a message could go on for ever
        self._body += part
        if len(self._body) > limits.MAX_MESSAGE:
            raise PeerFault("limit", "a message over the limit")
        self._kind = kind
        if flags & _MORE:
            return None
        body = bytes(self._body)
        self._body, self._kind = bytearray(), None
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
