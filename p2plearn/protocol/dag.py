"""Files as trees of blocks, the way IPFS nodes lay them out, so that a file has the CID that `ipfs add --cid-version=1` gives it.

A file of at most `CHUNK` bytes is one RAW block. A larger one is cut into RAW leaves of `CHUNK` bytes (the last one shorter) under DAG_PB
nodes of at most `MAX_LINKS` links, all leaves at the same depth (docs/PROTOCOL.md, “Attachments”).

The size of a file thus decides the whole tree but for the CIDs in it. Reading uses that: no field of a node is believed, the one node
that can stand there is written again around the 36-byte names found in it, and must come out the same. Sources: the DAG-PB and UnixFS
specifications (ipld.io, specs.ipfs.tech) and the balanced layout of the kubo implementation. Must not know where blocks come from.
"""

from collections.abc import Sequence
from typing import NamedTuple

from p2plearn import limits
from p2plearn.errors import PeerFault, TooLarge
from p2plearn.protocol import cid as cids


class Block(NamedTuple):
    """Bytes and their name."""

    cid: bytes
    data: bytes


class Piece(NamedTuple):
    """A part of a file: the block `cid` stands for `size` bytes of it. `depth` is 0 for a leaf, which is those bytes."""

    cid: bytes
    size: int
    depth: int


class Builder:
    """Turns a file's bytes, in portions of any size, into its blocks; holds one chunk and 44 bytes a leaf."""

    def __init__(self) -> None:
        self.size = 0
        self._rest = bytearray()
        self._leaves: list[Piece] = []

    def add(self, data: bytes) -> list[Block]:
        """The leaves that are full with `data`. Raises TooLarge beyond MAX_ATTACHMENT bytes."""
        self.size += len(data)
        if self.size > limits.MAX_ATTACHMENT:
            raise TooLarge(what="The file", size=self.size, limit=limits.MAX_ATTACHMENT)
        self._rest += data
        leaves = []
        while len(self._rest) >= limits.CHUNK:
            leaves.append(self._leaf(bytes(self._rest[: limits.CHUNK])))
            del self._rest[: limits.CHUNK]
        return leaves

    def finish(self) -> list[Block]:
        """What is left: the last leaf and the nodes over all of them. The root, whose CID is the file's, is the `root` from then on."""
        blocks = [self._leaf(bytes(self._rest))] if self._rest or not self._leaves else []
        level = self._leaves
        while len(level) > 1:
            groups = [level[at : at + limits.MAX_LINKS] for at in range(0, len(level), limits.MAX_LINKS)]
            nodes = [_node(group) for group in groups]
            level = [
                Piece(cids.name(cids.DAG_PB, node), sum(piece.size for piece in group), group[0].depth + 1)
                for node, group in zip(nodes, groups, strict=True)
            ]
            blocks += [Block(piece.cid, node) for piece, node in zip(level, nodes, strict=True)]
        self.root = level[0]
        return blocks

    def _leaf(self, data: bytes) -> Block:
        block = Block(cids.name(cids.RAW, data), data)
        self._leaves.append(Piece(block.cid, len(data), 0))
        return block


def root(cid: bytes, size: int) -> Piece:
    """The whole file that is called `cid` and has `size` bytes.

    Raises PeerFault("limit") for a size beyond MAX_ATTACHMENT, PeerFault("cid") for a CID that no file of that size has.
    """
    if not 0 <= size <= limits.MAX_ATTACHMENT:
        raise PeerFault("limit", f"a file of {size} bytes")
    depth = 0
    while _span(depth) < size:
        depth += 1
    return _expect(Piece(cid, size, depth))


def children(piece: Piece, block: bytes) -> tuple[Piece, ...]:
    """The pieces that make up `piece`, in order, as its block names them; none for a leaf.

    The caller has checked that `block` has the CID. Raises PeerFault("attachment") when it is not the block of such a piece
    all the same: then whoever made the file is wrong, not the peer that passed it on.
    """
    sizes = _shares(piece)
    blank = [Piece(bytes(cids.SIZE), size, piece.depth - 1) for size in sizes]
    if len(block) != (len(_node(blank)) if sizes else piece.size):
        raise PeerFault("attachment", f"{len(block)} bytes do not fit a piece of {piece.size}")
    found = []
    at = 0
    for each in blank:
        found.append(each._replace(cid=block[at + _CID_AT : at + _CID_AT + cids.SIZE]))
        at += len(_link(each))
    if sizes and _node(found) != block:
        raise PeerFault("attachment", "not the node of such a file")
    return tuple(_expect(each) for each in found)


def file_size(cid: bytes, block: bytes) -> int:
    """The size of the file whose root is `block`, called `cid`. Raises PeerFault when it is no root of a file."""
    if cids.codec_of(cid) == cids.RAW:
        size = len(block)
    else:
        at = 0
        while block[at : at + 1] == _LINK:
            at += 2 + int.from_bytes(block[at + 1 : at + 2])
        size = _read_varint(block, block.find(_FILE_SIZE, at) + len(_FILE_SIZE))
    children(root(cid, size), block)
    return size


# The protobuf fields, each a tag and a value: a node is its links (field 2), then its data (field 1).
_LINK = b"\x12"
_LINK_START = b"\x0a\x24"  # field 1 of a link, the CID: 36 bytes
_LINK_REST = b"\x12\x00\x18"  # field 2, the name: empty; field 3: the bytes of all blocks under it
_CID_AT = 4  # of a link: tag, length, _LINK_START
_DATA = b"\x0a"
_FILE_SIZE = b"\x08\x02\x18"  # of the data, field 1, the type: a file; field 3: its size
_SHARE = b"\x20"  # field 4, once for each link: the bytes of the file under it


def _node(pieces: Sequence[Piece]) -> bytes:
    data = _FILE_SIZE + _varint(sum(piece.size for piece in pieces)) + b"".join(_SHARE + _varint(piece.size) for piece in pieces)
    return b"".join(map(_link, pieces)) + _DATA + _varint(len(data)) + data


def _link(piece: Piece) -> bytes:
    link = _LINK_START + piece.cid + _LINK_REST + _varint(_weight(piece))
    return _LINK + _varint(len(link)) + link


def _weight(piece: Piece) -> int:
    """The bytes of all blocks under a piece, which its size decides."""
    if piece.depth == 0:
        return piece.size
    below = [Piece(bytes(cids.SIZE), size, piece.depth - 1) for size in _shares(piece)]
    return len(_node(below)) + sum(map(_weight, below))


def _shares(piece: Piece) -> list[int]:
    """The sizes of a node's children: all full but the last. None for a leaf."""
    if piece.depth == 0:
        return []
    full, rest = divmod(piece.size, _span(piece.depth - 1))
    return [_span(piece.depth - 1)] * full + [rest] * (rest > 0)


def _span(depth: int) -> int:
    """The most bytes of a file that stand under one block of that depth."""
    return int(limits.CHUNK * limits.MAX_LINKS**depth)


def _expect(piece: Piece) -> Piece:
    if cids.codec_of(piece.cid) != (cids.DAG_PB if piece.depth else cids.RAW):
        raise PeerFault("cid", "a CID of the wrong kind for its place in the file")
    return piece


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> int:
    """The varint at `at`, as far as a size may be; whether it was canonical shows when the node is written again."""
    value = 0
    for place, byte in enumerate(data[at : at + 5]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            break
    return value
