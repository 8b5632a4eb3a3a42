"""The export file: records and blocks one after the other, for a stick, an e-mail or a shelf (docs/BUNDLE.md is byte-exact).

Every entry can be found and checked by itself, so what is damaged costs the entries it lies in and nothing else, and the end says
how much there was. The checksum finds accidents. It proves nothing: whoever takes an entry in checks signatures and CIDs as for any peer.

Must not know files, nor what is in a record.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol import cid as cids

MAGIC = b"\x89p2plearn\r\n\x1a\n"  # as in PNG: not text, and a program that translates line ends shows at once
VERSION = 1
MARK = b"\xf7p2p\r\n\x1a\x00"

_HEADER = len(MAGIC) + 1 + 4
_HEAD = len(MARK) + 1 + 4 + 4  # of an entry: mark, kind, length, checksum
_RECORD, _BLOCK, _END = b"R", b"B", b"E"
_COUNT = 8
_SIZES = {  # the least and the most bytes of an entry's content
    _RECORD: (1, limits.MAX_RECORD),
    _BLOCK: (cids.SIZE, cids.SIZE + limits.MAX_BLOCK),
    _END: (2 * _COUNT, 2 * _COUNT),
}


@dataclass(frozen=True, slots=True)
class RecordFound:
    """The raw bytes of what should be a record; nothing is checked but the checksum."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class BlockFound:
    """What should be a block and its CID; nothing is checked but the checksum."""

    cid: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """`size` bytes from `offset` of the file on in which nothing whole was found."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Missing:
    """How many records and blocks the end counts and that were not found whole."""

    records: int
    blocks: int


@dataclass(frozen=True, slots=True)
class CutShort:
    """The file stops before its end, so nobody knows how much is missing."""


Event = RecordFound | BlockFound | Damaged | Missing | CutShort


class BundleWriter:
    """Writes a bundle: `start`, then records and blocks in any order, then `finish`; each gives the next bytes of the file."""

    def __init__(self) -> None:
        self.records = 0
        self.blocks = 0

    def start(self) -> bytes:
        head = MAGIC + bytes([VERSION])
        return head + _checksum(head)

    def record(self, raw: bytes) -> bytes:
        self.records += 1
        return _entry(_RECORD, raw)

    def block(self, cid: bytes, data: bytes) -> bytes:
        self.blocks += 1
        return _entry(_BLOCK, cid + data)

    def finish(self) -> bytes:
        return _entry(_END, self.records.to_bytes(_COUNT) + self.blocks.to_bytes(_COUNT))


def size_of(records: Sequence[int], blocks: Sequence[int]) -> int:
    """The bytes of a bundle with records and blocks of these sizes."""
    entries = len(records) + len(blocks) + 1
    return _HEADER + entries * _HEAD + sum(records) + len(blocks) * cids.SIZE + sum(blocks) + 2 * _COUNT


class BundleReader:
    """Reads a bundle from portions of any size, holding at most one entry beyond the portion.

    `receive` and `finish` raise PeerFault("bundle") when this is no bundle: no header, and no whole entry where the first ones belong.
    The detail completes “is not a p2plearn export: …”; nothing has been found by then.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0  # where in _data the next entry belongs
        self._passed = 0  # bytes of the file before _data
        self._damage: int | None = None  # where in the file the damage began that is not reported yet
        self._in_vain = 0  # bytes whose checksum was wrong
        self._begun = False
        self._is_bundle = False
        self._found = {_RECORD: 0, _BLOCK: 0}
        self._end: bytes | None = None

    def receive(self, data: bytes) -> list[Event]:
        """What `data` completes, in the order of the file."""
        self._data += data
        events = self._read(last=False)
        del self._data[: self._at]
        self._passed += self._at
        self._at = 0
        if not self._is_bundle and self._passed > limits.MAX_BUNDLE_SEARCH:
            raise PeerFault("bundle", "it does not begin like one")
        return events

    def finish(self) -> list[Event]:
        """The file ends here: what the last bytes hold, and what is missing."""
        if not self._passed and not self._data:
            raise PeerFault("bundle", "it is empty")
        events = self._read(last=True)
        if not self._is_bundle:
            raise PeerFault("bundle", "it does not begin like one")
        events += self._damaged()
        if self._end is None:
            return [*events, CutShort()]
        records = int.from_bytes(self._end[:_COUNT]) - self._found[_RECORD]
        blocks = int.from_bytes(self._end[_COUNT:]) - self._found[_BLOCK]
        return [*events, Missing(max(records, 0), max(blocks, 0))] if max(records, blocks) > 0 else events

    def _read(self, *, last: bool) -> list[Event]:
        events: list[Event] = []
        if not self._begun and (last or len(self._data) >= _HEADER):
            self._begin()
        while self._begun and self._at < len(self._data):
            size = self._measure()
            if size is None and not last:
                break
            if size:
                events += self._damaged()
                events += self._take(size)
                self._is_bundle = True
            else:
                self._pass_over()
        return events

    def _begin(self) -> None:
        self._begun = True
        head = bytes(self._data[:_HEADER])
        if not head.startswith(MAGIC) or head[-4:] != _checksum(head[:-4]):
            return  # its entries may still be whole
        if head[len(MAGIC)] != VERSION:
            raise PeerFault("bundle", f"it has version {head[len(MAGIC)]}, and this program reads version {VERSION}")
        self._is_bundle = True
        self._at = _HEADER

    def _measure(self) -> int | None:
        """The size of the whole entry that begins here, 0 when none does, None when more bytes have to tell."""
        left = len(self._data) - self._at
        head = bytes(self._data[self._at : self._at + _HEAD])
        if not head.startswith(MARK[: len(head)]):
            return 0
        if left < _HEAD:
            return None
        least, most = _SIZES.get(head[len(MARK) : len(MARK) + 1], (0, -1))
        length = int.from_bytes(head[len(MARK) + 1 : -4])
        if not least <= length <= most or self._in_vain > limits.MAX_BUNDLE_WASTE * (self._passed + len(self._data)):
            return 0
        size = _HEAD + length
        if left < size:
            return None
        if head[-4:] != _checksum(head[len(MARK) : -4] + self._data[self._at + _HEAD : self._at + size]):
            self._in_vain += size
            return 0
        return size

    def _take(self, size: int) -> list[Event]:
        """The content of the whole entry of `size` bytes that begins here; the place moves behind it."""
        kind = bytes(self._data[self._at + len(MARK) : self._at + len(MARK) + 1])
        content = bytes(self._data[self._at + _HEAD : self._at + size])
        self._at += size
        if kind == _END:
            self._end = content
            return []
        self._found[kind] += 1
        return [RecordFound(content) if kind == _RECORD else BlockFound(content[: cids.SIZE], content[cids.SIZE :])]

    def _pass_over(self) -> None:
        """No entry begins here: the place moves to the next mark, or to where the beginning of one may stand."""
        if self._damage is None:
            self._damage = self._passed + self._at
        found = self._data.find(MARK, self._at + 1)
        self._at = found if found >= 0 else max(self._at + 1, len(self._data) - len(MARK) + 1)

    def _damaged(self) -> list[Event]:
        """The damage that ends here, if there is any."""
        start, self._damage = self._damage, None
        return [] if start is None else [Damaged(start, self._passed + self._at - start)]


def _entry(kind: bytes, content: bytes) -> bytes:
    assert _SIZES[kind][0] <= len(content) <= _SIZES[kind][1]
    head = kind + len(content).to_bytes(4)
    return MARK + head + _checksum(head + content) + content


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4)
