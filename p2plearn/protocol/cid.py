"""CIDs: the names of blocks. A name says what the bytes are (`RAW` or `DAG_PB`) and what their SHA-256 is, nothing else.

CIDv1 knows many codecs and hashes; this protocol knows the two codecs and the one hash that files need, in one spelling each
(36 bytes; as text base32 lower case behind a “b”). So a CID in a record has no second form and no peer makes us run another hash.
Source: github.com/multiformats/cid. Must not know what is in a block.
"""

import base64
import hashlib

from p2plearn.errors import PeerFault

RAW = 0x55
DAG_PB = 0x70
DIGEST = 32
SIZE = 4 + DIGEST

_SHA256 = b"\x12\x20"  # multihash: function 0x12, 32 bytes of digest
_PREFIXES = {bytes([1, codec]) + _SHA256: codec for codec in (RAW, DAG_PB)}
_PADDING = "======"  # 36 bytes are 58 characters of base32, whose groups are of 8


def name(codec: int, data: bytes) -> bytes:
    """The CID (36 bytes) of `data` as a block of `codec`, RAW or DAG_PB."""
    return bytes([1, codec]) + _SHA256 + hashlib.sha256(data).digest()


def codec_of(cid: bytes) -> int:
    """RAW or DAG_PB. Raises PeerFault("cid") unless `cid` is a CIDv1 as this protocol spells it."""
    if not is_ours(cid):
        raise PeerFault("cid", f"no CID of this protocol: {cid[:SIZE].hex()}")
    return _PREFIXES[cid[:4]]


def is_ours(cid: bytes) -> bool:
    """Whether `cid` is a CIDv1 as this protocol spells it."""
    return cid[:4] in _PREFIXES and len(cid) == SIZE


def matches(cid: bytes, data: bytes) -> bool:
    """Whether `data` is the block called `cid`. Raises PeerFault("cid") as `codec_of` does."""
    return name(codec_of(cid), data) == cid


def to_text(cid: bytes) -> str:
    """The base32 text of a CID, 59 characters: “bafk…” for RAW, “bafy…” for DAG_PB."""
    return "b" + base64.b32encode(cid).decode().lower().rstrip("=")


def from_text(text: str) -> bytes:
    """The CID that `text` spells. Raises PeerFault("cid") for anything that `to_text` does not write."""
    try:
        cid = base64.b32decode(text[1:].upper() + _PADDING)
    except ValueError:
        raise PeerFault("cid", "not base32") from None
    codec_of(cid)
    if to_text(cid) != text:
        raise PeerFault("cid", "not the one spelling")
    return cid
