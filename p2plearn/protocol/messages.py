"""The messages of a sync session: a closed union, each one canonical array `[type, fields…]` (docs/PROTOCOL.md, “Session”).

Only shapes and bounds are judged here; when which message may come is the business of `sync`.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.encoding import Value, decode, encode
from p2plearn.protocol.records import ID_SIZE, KEY_SIZE, SIGNATURE_SIZE
from p2plearn.protocol.sketch import Sketch

NONCE_SIZE = 16
SHORT_KEY = 8  # bytes of an author's key that stand for it in a head
MAX_SEQ = 2**32 - 1  # in a head: nobody holds an unbroken run of so many

_SHORT = struct.Struct(">Q")
_RUN = struct.Struct(f">{SHORT_KEY}sII")
_SYMBOL = np.dtype([("sum", "<u8"), ("check", "<u4"), ("count", "<i4")])
_HEAD = struct.Struct(f">{SHORT_KEY}sI")


@dataclass(frozen=True, slots=True)
class Hello:
    """Who speaks (the author's signature over their peer id), what they hold (no topics and people: everything), and its fingerprint."""

    space: str
    topics: tuple[str, ...]
    people: tuple[bytes, ...]
    author: bytes
    proof: bytes
    nonce: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class State:
    """The fingerprint of what the sender holds at this point of the round."""

    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Heads:
    """(first SHORT_KEY bytes of the author's key, seq at the end of their unbroken run), by key; `last` when no more of them follow."""

    heads: tuple[tuple[bytes, int], ...]
    last: bool


@dataclass(frozen=True, slots=True)
class Records:
    """A batch of raw records, at least one, no two the same."""

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
    """Ask for short ids the sender lacks. Salted ones, as in the sketch they were found in, are answered by an offer first.

    What is not to be had just does not come.
    """

    salted: bool
    shorts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HeadsAsk:
    """Sketches would be long: about `differing` ids differ. The sender's heads follow, and it asks for the receiver's."""

    differing: int


@dataclass(frozen=True, slots=True)
class Offer:
    """Unsalted short ids that the sender has and the other may lack; `salted` when a salted sketch told of them."""

    salted: bool
    shorts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """Ask for those of the oldest offer not yet answered that are marked, in its order."""

    marks: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class WantRuns:
    """Ask for runs: (first SHORT_KEY bytes of the author's key, first seq, last seq)."""

    runs: tuple[tuple[bytes, int, int], ...]


@dataclass(frozen=True, slots=True)
class Served:
    """How many asks (want, pick, want runs) the sender has answered in full in this session."""

    asks: int


Ask: TypeAlias = Want | Pick | WantRuns
Message: TypeAlias = Hello | State | Heads | Records | Ack | Done | SketchAsk | SketchPart | HeadsAsk | Ask | Offer | Served


def write(message: Message) -> bytes:
    """The bytes of one message, before framing."""
    match message:
        case Hello(space, topics, people, author, proof, nonce, fingerprint):
            return encode([0, space, topics, people, author, proof, nonce, fingerprint])
        case State(fingerprint):
            return encode([1, fingerprint])
        case Heads(heads, last):
            return encode([2, b"".join(_HEAD.pack(*head) for head in heads), last])
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
            return encode([8, salted, b"".join(map(_SHORT.pack, shorts))])
        case HeadsAsk(differing):
            return encode([9, differing])
        case Offer(salted, shorts):
            return encode([10, salted, b"".join(map(_SHORT.pack, shorts))])
        case Pick(marks):
            return encode([11, len(marks), np.packbits(marks).tobytes()])
        case WantRuns(runs):
            return encode([12, b"".join(_RUN.pack(*run) for run in runs)])
        case _:
            return encode([13, message.asks])


def read(data: bytes) -> Message:
    """The message in `data`. Raises PeerFault("encoding" | "limit" | "message")."""
    items = decode(data)
    kind, fields = (items[0], items[1:]) if items else (None, [])
    if type(kind) is not int or kind >= len(_READERS):  # True is no 1
        raise PeerFault("message", f"no message is of type {kind!r:.20}")
    message = _READERS[kind](fields)
    if message is None:
        raise PeerFault("message", f"no message of type {kind} looks like this")
    return message


def _hello(fields: list[Value]) -> Hello | None:
    match fields:
        case [str(space), list(topics), list(people), bytes(author), bytes(proof), bytes(nonce), bytes(fingerprint)] if (
            len(author) == KEY_SIZE and len(proof) == SIGNATURE_SIZE and len(nonce) == NONCE_SIZE and len(fingerprint) == ID_SIZE
        ):
            about = [value for value in topics if isinstance(value, str) and 0 < len(value.encode()) <= limits.MAX_TOPIC]
            said_by = [value for value in people if isinstance(value, bytes) and len(value) == KEY_SIZE]
            is_listed = sorted(set(about)) == topics and sorted(set(said_by)) == people
            fits = is_listed and max(len(about), len(said_by)) <= limits.MAX_SCOPE
            return Hello(space, tuple(about), tuple(said_by), author, proof, nonce, fingerprint) if fits else None
    return None


def _state(fields: list[Value]) -> State | None:
    match fields:
        case [bytes(fingerprint)] if len(fingerprint) == ID_SIZE:
            return State(fingerprint)
    return None


def _heads(fields: list[Value]) -> Heads | None:
    match fields:
        case [bytes(packed), bool(last)] if len(packed) % _HEAD.size == 0 and len(packed) <= limits.MAX_HEADS * _HEAD.size:
            return Heads(tuple(_HEAD.iter_unpack(packed)), last)
    return None


def _records(fields: list[Value]) -> Records | None:
    match fields:
        case [list(values)] if values:
            if len(values) > limits.MAX_BATCH_RECORDS:
                raise PeerFault("limit", f"{len(values)} records in a batch")
            raws = {value: None for value in values if isinstance(value, bytes) and len(value) <= limits.MAX_RECORD}
            return Records(tuple(raws)) if len(raws) == len(values) else None
    return None


def _ack(fields: list[Value]) -> Ack | None:
    numbers = _numbers(fields, 1)
    return Ack(*numbers) if numbers else None


def _done(fields: list[Value]) -> Done | None:
    return None if fields else Done()


def _sketch_ask(fields: list[Value]) -> SketchAsk | None:
    numbers = _numbers(fields, 4)
    if numbers is None:
        return None
    ask = SketchAsk(*numbers)
    fits = 1 <= ask.count <= limits.MAX_SKETCH_SYMBOLS and ask.start + ask.count <= limits.MAX_SKETCH_CELL
    if ask.bits > limits.MAX_SPLIT_BITS or ask.part >= 1 << ask.bits or not fits:
        raise PeerFault("limit", "a sketch nobody needs")
    return ask


def _sketch_part(fields: list[Value]) -> SketchPart | None:
    match fields:
        case [bytes(symbols)] if len(symbols) % _SYMBOL.itemsize == 0 and len(symbols) <= limits.MAX_SKETCH_SYMBOLS * _SYMBOL.itemsize:
            return SketchPart(symbols)
    return None


def _want(fields: list[Value]) -> Want | None:
    shorts = _shorts(fields)
    return Want(*shorts) if shorts else None


def _shorts(fields: list[Value]) -> tuple[bool, tuple[int, ...]] | None:
    match fields:
        case [bool(salted), bytes(shorts)] if len(shorts) % _SHORT.size == 0 and 0 < len(shorts) <= limits.ASK_RECORDS * _SHORT.size:
            return salted, tuple(short for (short,) in _SHORT.iter_unpack(shorts))
    return None


def _heads_ask(fields: list[Value]) -> HeadsAsk | None:
    numbers = _numbers(fields, 1)
    return HeadsAsk(*numbers) if numbers else None


def _offer(fields: list[Value]) -> Offer | None:
    shorts = _shorts(fields)
    return Offer(*shorts) if shorts else None


def _pick(fields: list[Value]) -> Pick | None:
    match fields:
        case [int(count), bytes(packed)] if type(count) is int and 0 < count <= limits.ASK_RECORDS and len(packed) == (count + 7) // 8:
            marks = np.unpackbits(np.frombuffer(packed, np.uint8))
            return None if marks[count:].any() else Pick(tuple(marks[:count].astype(bool).tolist()))
    return None


def _want_runs(fields: list[Value]) -> WantRuns | None:
    match fields:
        case [bytes(packed)] if len(packed) % _RUN.size == 0 and 0 < len(packed) <= limits.MAX_RUNS * _RUN.size:
            runs = tuple(_RUN.iter_unpack(packed))
            fits = all(0 < first <= last for _, first, last in runs) and _records_in(runs) <= limits.ASK_RECORDS
            return WantRuns(runs) if fits else None
    return None


def _records_in(runs: tuple[tuple[bytes, int, int], ...]) -> int:
    return sum(last - first + 1 for _, first, last in runs)


def _served(fields: list[Value]) -> Served | None:
    numbers = _numbers(fields, 1)
    return Served(*numbers) if numbers else None


def _numbers(fields: list[Value], count: int) -> list[int] | None:
    numbers = [value for value in fields if type(value) is int]
    return numbers if len(numbers) == len(fields) == count else None


_READERS: tuple[Callable[[list[Value]], Message | None], ...] = (
    _hello,
    _state,
    _heads,
    _records,
    _ack,
    _done,
    _sketch_ask,
    _sketch_part,
    _want,
    _heads_ask,
    _offer,
    _pick,
    _want_runs,
    _served,
)
