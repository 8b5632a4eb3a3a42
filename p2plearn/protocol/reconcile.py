"""Finding what differs between two sets, by sketches: first one over everything, and where that does not decode, salted parts of it.

`Mirror` is one side's frozen set and answers for its symbols; `Search` is the asking side's plan: which symbols to ask for next, what they tell.
The first sketch is unsalted and so is shared and kept up to date; ids ground to collide in it are found apart under the session's salt.

Must not know messages' framing, records or when a search is due.
"""

from collections import deque
from dataclasses import dataclass

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.messages import SketchAsk, SketchPart
from p2plearn.protocol.replica import Replica, Salted
from p2plearn.protocol.sketch import Sketch, peel

_FIRST = 32  # symbols of a first ask: a handful of differences for half a kilobyte
_FIRST_PART = 512  # of a split part: it was split because it differs a lot
_SPLIT = 3  # bits more for a part that does not decode: an eighth of the difference each
_SYMBOLS_PER_ID = 1.5  # 1.35 on average for large differences, more for small ones


class Mirror:
    """The symbols of a replica as it was when the search began: asks that follow each other must be about one set."""

    def __init__(self, replica: Replica, salt: bytes) -> None:
        self._replica = replica
        self._salt = salt
        self._frozen: Sketch | None = None
        self._salted: Salted | None = None

    def symbols(self, bits: int, part: int, count: int) -> Sketch:
        """The first `count` symbols of a part (bits 0: of everything, unsalted)."""
        if bits:
            sketch = Sketch(count)
            sketch.add(self._salted_ids().part(bits, part))
            return sketch
        if self._frozen is None:
            self._frozen = self._replica.sketch(limits.MAX_SKETCH_CELL).copy()
        return self._frozen

    def find(self, short: int, salted: bool) -> list[bytes]:
        """The ids still held that a short id stands for."""
        if salted:
            return [i for i in self._salted_ids().find(short) if i in self._replica]
        return self._replica.find(short)

    def _salted_ids(self) -> Salted:
        if self._salted is None:
            self._salted = self._replica.salted(self._salt)
        return self._salted


@dataclass(frozen=True, slots=True)
class Found:
    """A part that decoded: ids only here (held ones), and short ids only there."""

    ours: list[bytes]
    theirs: list[int]
    salted: bool


@dataclass(slots=True)
class _Part:
    bits: int
    number: int
    first: int
    theirs: Sketch


class Search:
    """Ask, receive, ask on, until every part has decoded or cannot be split further (`incomplete`)."""

    def __init__(self, mirror: Mirror, difference: int) -> None:
        """`difference`: at least how many ids differ, from the two counts."""
        self._mirror = mirror
        self.incomplete = False
        wanted = int(min(difference, limits.MAX_SESSION_SYMBOLS) * _SYMBOLS_PER_ID)  # the other's count is hearsay
        bits = 0
        while wanted >> bits > limits.MAX_SKETCH_CELL // 2:
            bits += 1
        first = min(max(_FIRST, wanted >> bits), limits.MAX_SKETCH_SYMBOLS)
        self._parts = deque(_Part(bits, number, first, Sketch(0)) for number in range(1 << bits))

    def __repr__(self) -> str:
        return f"<Search {len(self._parts)} parts to go>"

    def ask(self) -> SketchAsk | None:
        """The next wish, None when the search is over."""
        if not self._parts:
            return None
        part = self._parts[0]
        have = len(part.theirs)
        count = min(have or part.first, limits.MAX_SKETCH_SYMBOLS, limits.MAX_SKETCH_CELL - have)
        return SketchAsk(part.bits, part.number, have, count)

    def receive(self, answer: SketchPart) -> Found | None:
        """What the answer to the last ask completes. Raises PeerFault("sketch")."""
        ask = self.ask()
        if ask is None:
            raise PeerFault("sketch", "symbols nobody asked for")
        part = self._parts[0]
        part.theirs = part.theirs.copy(ask.start + ask.count)
        answer.into(part.theirs, ask.start)
        mine = self._mirror.symbols(part.bits, part.number, len(part.theirs))
        peeled = peel(mine.minus(part.theirs))
        if peeled is not None:
            self._parts.popleft()
            salted = part.bits > 0
            ours = [record_id for short in peeled[0] for record_id in self._mirror.find(short, salted)]
            return Found(ours, peeled[1], salted)
        if len(part.theirs) >= limits.MAX_SKETCH_CELL:
            self._parts.popleft()
            self._split(part)
        return None

    def _split(self, part: _Part) -> None:
        bits = part.bits + _SPLIT
        if bits > limits.MAX_SPLIT_BITS:
            self.incomplete = True
            return
        first = part.number << _SPLIT
        self._parts.extend(_Part(bits, first + i, _FIRST_PART, Sketch(0)) for i in range(1 << _SPLIT))
