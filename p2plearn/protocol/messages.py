"""The messages of a sync session: a closed union, each one canonical array `[type, fields…]` (docs/PROTOCOL.md, “Session”).

Only shapes and bounds are judged here; when which message may come is the business of `sync`.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.encoding import Value, decode, encode
from p2plearn.protocol.records import ID_SIZE, KEY_SIZE, SIGNATURE_SIZE
from p2plearn.protocol.replica import Head
from p2plearn.protocol.sketch import Sketch

PROTOCOL_VERSION = 1
NONCE_SIZE = 16
_SYMBOL = np.dtype([("sum", "<u8"), ("check", "<u4"), ("count", "<i4")])


@dataclass(frozen=True, slots=True)
class Hello:
    """Who speaks (the author's signature over their peer id), about what, and what they hold."""

    space: str
    topics: tuple[str, ...]
    author: bytes
    proof: bytes
    nonce: bytes
    count: int
    fingerprint: bytes
    version: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class State:
    """What the sender holds at this point of the round: number of records and fingerprint."""

    count: int
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Heads:
    """Ends of unbroken runs, by author; `last` when no more of them follow."""

    heads: tuple[tuple[bytes, Head], ...]
    last: bool


@dataclass(frozen=True, slots=True)
class Records:
    """A batch of raw records."""

    raws: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Ack:
    """How many batches the sender has committed (or turned down for good) in this session."""

    batches: int


@dataclass(frozen=True, slots=True)
class Done:
    """The sender has sent everything it had to in this step of the round."""


@dataclass(frozen=True, slots=True)
class SketchAsk:
    """A wish for `count` symbols from `start` on, of part `part` of 2^bits. bits = 0: unsalted, over everything."""

    bits: int
    part: int
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class SketchPart:
    """The symbols asked for, packed: sum (8), check (4), count (4), little-endian."""

    symbols: bytes

    @classmethod
    def of(cls, sketch: Sketch, start: int, count: int) -> "SketchPart":
        """Symbols start … start + count of `sketch`."""
        packed = np.zeros(count, _SYMBOL)
        packed["sum"] = sketch.sums[start : start + count]
        packed["check"] = sketch.checks[start : start + count] & np.uint64(0xFFFFFFFF)
        packed["count"] = sketch.counts[start : start + count]
        return cls(packed.tobytes())

    def into(self, sketch: Sketch, start: int) -> None:
        """Write them at `start` of `sketch`. Raises PeerFault when their number is not what the room is for."""
        packed = np.frombuffer(self.symbols, _SYMBOL)
        if start + len(packed) != len(sketch):
            raise PeerFault("sketch", f"{len(packed)} symbols")
        sketch.sums[start:] = packed["sum"]
        sketch.checks[start:] = packed["check"]
        sketch.counts[start:] = packed["count"]


@dataclass(frozen=True, slots=True)
class Want:
    """Short ids the sender lacks, salted or not as in the sketch they were found in."""

    salted: bool
    shorts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """How many of the ids last wanted are not to be had here (declined, or gone since): nobody's fault."""

    count: int


Message: TypeAlias = Hello | State | Heads | Records | Ack | Done | SketchAsk | SketchPart | Want | Gone


def write(message: Message) -> bytes:
    """The bytes of one message, before framing."""
    match message:
        case Hello(space, topics, author, proof, nonce, count, fingerprint, version):
            return encode([0, version, space, topics, author, proof, nonce, count, fingerprint])
        case State(count, fingerprint):
            return encode([1, count, fingerprint])
        case Heads(heads, last):
            return encode([2, [[author, head.seq, head.id] for author, head in heads], last])
        case Records(raws):
            return encode([3, raws])
        case Ack(batches):
            return encode([4, batches])
        case Done():
            return encode([5])
        case SketchAsk(bits, part, start, count):
            return encode([6, bits, part, start, count])
        case SketchPart(symbols):
            return encode([7, symbols])
        case Want(salted, shorts):
            return encode([8, salted, b"".join(short.to_bytes(8, "big") for short in shorts)])
        case Gone(count):
            return encode([9, count])


def read(data: bytes) -> Message:
    """The message in `data`. Raises PeerFault("encoding" | "limit" | "message")."""
    items = decode(data)
    match items:
        case [0, int(version), str(space), list(topics), bytes(author), bytes(proof), bytes(nonce), int(count), bytes(fingerprint)] if (
            len(author) == KEY_SIZE and len(proof) == SIGNATURE_SIZE and len(nonce) == NONCE_SIZE and len(fingerprint) == ID_SIZE
        ):
            return Hello(space, _topics(topics), author, proof, nonce, _int(count), fingerprint, _int(version))
        case [1, int(count), bytes(fingerprint)] if len(fingerprint) == ID_SIZE:
            return State(_int(count), fingerprint)
        case [2, list(heads), bool(last)]:
            return Heads(tuple(_head(item) for item in heads), last)
        case [3, list(raws)]:
            return Records(_raws(raws))
        case [4, int(batches)]:
            return Ack(_int(batches))
        case [5]:
            return Done()
        case [6, int(bits), int(part), int(start), int(count)]:
            return _ask(_int(bits), _int(part), _int(start), _int(count))
        case [7, bytes(symbols)] if len(symbols) % _SYMBOL.itemsize == 0 and len(symbols) <= limits.MAX_SKETCH_SYMBOLS * _SYMBOL.itemsize:
            return SketchPart(symbols)
        case [8, bool(salted), bytes(shorts)] if len(shorts) % 8 == 0 and len(shorts) <= limits.MAX_WANT * 8:
            return Want(salted, tuple(int.from_bytes(shorts[at : at + 8], "big") for at in range(0, len(shorts), 8)))
        case [9, int(count)]:
            return Gone(_int(count))
    raise PeerFault("message", f"no message of type {items[0]!r:.20} looks like this" if items else "an empty message")


def _int(value: int) -> int:
    if type(value) is not int:  # True matches int() in a pattern
        raise PeerFault("message", "a truth value where a number belongs")
    return value


def _topics(values: list[Value]) -> tuple[str, ...]:
    topics = tuple(value for value in values if isinstance(value, str) and 0 < len(value.encode()) <= limits.MAX_TOPIC)
    if len(topics) != len(values) or len(topics) > limits.MAX_SCOPE_TOPICS or sorted(set(topics)) != list(topics):
        raise PeerFault("message", "a scope whose topics are not sorted, distinct and short")
    return topics


def _head(value: Value) -> tuple[bytes, Head]:
    match value:
        case [bytes(author), int(seq), bytes(record_id)] if len(author) == KEY_SIZE and len(record_id) == ID_SIZE and _int(seq) >= 1:
            return author, Head(seq, record_id)
    raise PeerFault("message", "not a head")


def _raws(values: list[Value]) -> tuple[bytes, ...]:
    if len(values) > limits.MAX_BATCH_RECORDS:
        raise PeerFault("limit", f"{len(values)} records in a batch")
    raws = tuple(value for value in values if isinstance(value, bytes) and len(value) <= limits.MAX_RECORD)
    if len(raws) != len(values):
        raise PeerFault("message", "not records")
    return raws


def _ask(bits: int, part: int, start: int, count: int) -> SketchAsk:
    if bits > limits.MAX_SPLIT_BITS or part >= 1 << bits or not 1 <= count <= limits.MAX_SKETCH_SYMBOLS or start + count > limits.MAX_SKETCH_CELL:
        raise PeerFault("limit", "a sketch nobody needs")
    return SketchAsk(bits, part, start, count)
