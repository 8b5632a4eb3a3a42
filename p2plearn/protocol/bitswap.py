"""The messages of Bitswap 1.2.0, by which IPFS nodes ask each other for blocks: bytes in, events out, and the other way round.

Written here and not taken from libp2p because what a peer sends must cost no more than its bytes (docs/adr/0001-bitswap.md). As with any
protobuf, unknown fields are skipped. Source: specs.ipfs.tech/bitswap-protocol. Must not know streams, nor who may have which block.
"""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol import cid as cids
from p2plearn.protocol.protobuf import LONGEST, Fields, field, length_prefix, number_field, varint

PROTOCOL = "/ipfs/bitswap/1.2.0"


class Replaced(NamedTuple):
    """What the peer wanted so far it wants no longer."""


class Wanted(NamedTuple):
    """The peer wants the block, or with `block` False to know whether it is here, and an answer in case it is not if `absence`.

    The CID is any bytes up to MAX_CID: IPFS nodes have more kinds than this protocol.
    """

    cid: bytes
    block: bool
    absence: bool


class Cancelled(NamedTuple):
    """The peer does not want that block any longer."""

    cid: bytes


class Given(NamedTuple):
    """A block; the CID is computed from it, so it is right."""

    cid: bytes
    data: bytes


class Absent(NamedTuple):
    """The peer has not that block, or not for us."""

    cid: bytes


Event: TypeAlias = Replaced | Wanted | Cancelled | Given | Absent


class Splitter:
    """Cuts a stream of bytes into messages, each behind its length; holds one message and one portion."""

    def __init__(self) -> None:
        self._data = bytearray()

    def receive(self, data: bytes, most: int) -> list[bytes]:
        """The messages that `data` completes, but for empty ones, which say nothing and cost nobody more than their byte.

        Raises PeerFault("limit") when one is to have more than `most` bytes.
        """
        self._data += data
        messages = []
        at = 0
        while (found := length_prefix(self._data[at : at + LONGEST])) is not None:
            size, start = found
            if size > most:
                raise PeerFault("limit", f"a message of {size} bytes")
            end = at + start + size
            if len(self._data) < end:
                break
            if size:
                messages.append(bytes(self._data[at + start : end]))
            at = end
            while at < len(self._data) and not self._data[at]:
                at += 1
        del self._data[:at]
        return messages


def read(message: bytes) -> list[Event]:
    """What a message says, in its order. Raises PeerFault("encoding" | "limit"), and ("unasked") for a block of a foreign kind."""
    fields = Fields(limits.MAX_BITSWAP_FIELDS)
    events: list[Event] = []
    for number, value in fields.of(message):
        if number == 1:
            events += _wantlist(fields, _bytes(value))
        elif number == 3:
            events.append(_given(dict(fields.of(_bytes(value)))))
        elif number == 4:
            presence = dict(fields.of(_bytes(value)))
            if presence.get(2):
                events.append(Absent(_cid(presence)))
    return events


def ask(wanted: Iterable[bytes], cancelled: Iterable[bytes] = ()) -> bytes:
    """The message, with its length, that wants blocks and wants to hear of those that are not there; and takes back earlier wants."""
    entries = [field(1, cid) + number_field(2, 1) + number_field(5, 1) for cid in wanted] + [
        field(1, cid) + number_field(3, 1) for cid in cancelled
    ]
    return _message(field(1, b"".join(field(1, entry) for entry in entries)))


def give(cid: bytes, data: bytes) -> bytes:
    """The message, with its length, that carries one block."""
    return _message(field(3, field(1, cid[: -cids.DIGEST]) + field(2, data)))


def tell(cid: bytes, *, here: bool) -> bytes:
    """The message, with its length, that says whether a block is here."""
    return _message(field(4, field(1, cid) + (b"" if here else number_field(2, 1))))


def _wantlist(fields: Fields, data: bytes) -> list[Event]:
    events: list[Event] = []
    for number, value in fields.of(data):
        if number == 1:
            entry = dict(fields.of(_bytes(value)))
            events.append(Cancelled(_cid(entry)) if entry.get(3) else Wanted(_cid(entry), not entry.get(4), bool(entry.get(5))))
        elif number == 2 and value:
            events.insert(0, Replaced())
    return events


def _given(block: dict[int, int | bytes]) -> Given:
    prefix, data = _bytes(block.get(1, b"")), _bytes(block.get(2, b""))
    if len(data) > limits.MAX_BLOCK:
        raise PeerFault("limit", f"a block of {len(data)} bytes")
    try:
        codec = cids.codec_of(prefix + bytes(cids.DIGEST))
    except PeerFault:
        raise PeerFault("unasked", "a block of a kind that is never asked for") from None
    return Given(cids.name(codec, data), data)


def _cid(fields: dict[int, int | bytes]) -> bytes:
    cid = _bytes(fields.get(1, b""))
    if not 0 < len(cid) <= limits.MAX_CID:
        raise PeerFault("limit", f"a CID of {len(cid)} bytes")
    return cid


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise PeerFault("encoding", "a number where bytes belong")
    return value


def _message(content: bytes) -> bytes:
    return varint(len(content)) + content
