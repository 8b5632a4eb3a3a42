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
from p2plearn.protocol.protobuf import Fields, field, number_field


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
            raise TooLarge(what="The file", size=self.size, limit=limits.MAX_ATTACHMENT, remedy="Make it smaller, or share it in parts.")
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
    blank = [Piece(bytes(cids.SIZE), size, piece.depth - 1) for size in _shares(piece)]
    expected = bytearray(_node(blank) if blank else block)
    if len(block) != (len(expected) if blank else piece.size):
        raise PeerFault("attachment", f"{len(block)} bytes do not fit a piece of {piece.size}")
    found = []
    at = 0
    for each in blank:
        place = slice(at + _CID_AT, at + _CID_AT + cids.SIZE)
        expected[place] = block[place]
        found.append(_expect(each._replace(cid=block[place])))
        at += 2 + expected[at + 1]
    if expected != block:
        raise PeerFault("attachment", "not the node of such a file")
    return tuple(found)


def file_size(cid: bytes, block: bytes) -> int:
    """The size of the file whose root is `block`, called `cid`. Raises PeerFault when it is no root of a file."""
    size: int | bytes | None = len(block)
    if cids.codec_of(cid) == cids.DAG_PB:
        fields = Fields(4 * limits.MAX_LINKS)
        data = dict(fields.of(block)).get(1)
        size = dict(fields.of(data)).get(3) if isinstance(data, bytes) else None
    if not isinstance(size, int):
        raise PeerFault("attachment", "a node without a size")
    children(root(cid, size), block)
    return size


_FILE = 2  # the UnixFS type
_CID_AT = 4  # in a link, behind its tag and length and those of the CID


def _node(pieces: Sequence[Piece]) -> bytes:
    """The DAG_PB node over `pieces`: its links (field 2), then its data (field 1): the type, the size, and the share of each link."""
    shares = b"".join(number_field(4, piece.size) for piece in pieces)
    data = number_field(1, _FILE) + number_field(3, sum(piece.size for piece in pieces)) + shares
    return b"".join(map(_link, pieces)) + field(1, data)


def _link(piece: Piece) -> bytes:
    """The CID, no name, and the bytes of all blocks under it; less than 128 bytes in all."""
    return field(2, field(1, piece.cid) + field(2, b"") + number_field(3, _weight(piece)))


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
