"""Finding what differs between two sets, by sketches: first one over everything, and where that is not enough, salted parts of it.

`Mirror` is one side's frozen set. `Search` is the plan of the side that asks: which symbols next, and what they tell. `Answers` is the
side that is asked, and what it lets one round cost. The first sketch is unsalted and so is shared and kept up to date; ids ground to
collide in it are found apart under the session's salt.

With a million ids a sketch takes a second: what takes long is a job, a function that touches nothing which changes, to be run anywhere.

Must not know messages' framing, records or when a search is due.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.messages import SketchAsk, SketchPart
from p2plearn.protocol.replica import Replica, Salted
from p2plearn.protocol.sketch import Sketch, estimate, peel

_FIRST = 32  # symbols of a first ask: a handful of differences for half a kilobyte
_SURE = 128  # symbols that tell how many ids differ within some 13 %
_PER_ID = 1.4  # symbols that a difference takes: 1.35 for large ones, more for small ones, for which _FIRST is enough
_DEPTH = 3  # times a part is split: estimates are good, so once or twice is normal


class Mirror:
    """The symbols of a replica as it was when the search began: asks that follow each other must be about one set."""

    def __init__(self, replica: Replica, salt: bytes) -> None:
        self._replica = replica
        self._salt = salt
        self._plain: Sketch | None = None
        self._ids: list[bytes] | None = None
        self._salted: Salted | None = None
        self._hashed = 0  # ids put into salted sketches: what the search has cost
        self._place = (0, 0)
        self._sketch: Sketch | None = None

    def freeze(self, bits: int) -> None:
        """Before a job that calls `symbols` with these bits."""
        if not bits and self._plain is None:
            self._plain = self._replica.sketch(limits.MAX_SKETCH_CELL).copy()
        if bits and self._ids is None:
            self._ids = self._replica.ids()

    def symbols(self, bits: int, part: int) -> Sketch:
        """The MAX_SKETCH_CELL symbols of a part (bits 0: of everything, unsalted). The last part asked for is kept. Part of a job.

        Raises PeerFault("limit") for more parts than a search goes through.
        """
        if self._sketch is None or self._place != (bits, part):
            self._place, self._sketch = (bits, part), self._make(bits, part)
        return self._sketch

    def find(self, short: int, salted: bool) -> list[bytes]:
        """The ids still held that a short id stands for."""
        found = self._salted_ids().find(short) if salted else self._replica.find(short)
        return [record_id for record_id in found if record_id in self._replica]

    def _make(self, bits: int, part: int) -> Sketch:
        if not bits and self._plain is not None:
            return self._plain
        salted = self._salted_ids()
        shorts = salted.part(bits, part)
        self._hashed += len(shorts)
        if self._hashed > _DEPTH * len(salted):
            raise PeerFault("limit", "the same ids in sketch after sketch")
        sketch = Sketch(limits.MAX_SKETCH_CELL)
        sketch.add(shorts)
        return sketch

    def _salted_ids(self) -> Salted:
        if self._salted is None:
            self._salted = Salted(self._ids or [], self._salt)
        return self._salted


class Answers:
    """What the asked side gives in one round: each part at most once, from left to right, and no more wishes than symbols."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._place = (-1, 0)  # left edge of the part in hand among all 64-bit short ids, and its bits
        self._given = 0  # symbols of that part
        self.given = 0  # symbols, in this round
        self._salted_symbols = 0
        self._wishes = 0

    def job(self, ask: SketchAsk) -> Callable[[], SketchPart]:
        """What gives the answer. Raises PeerFault("order" | "limit") for asks that no search makes; so may the job."""
        place = (ask.part << (64 - ask.bits), ask.bits)
        if place > self._place:
            self._place, self._given = place, 0
        if place != self._place or ask.start != self._given:
            raise PeerFault("order", "a sketch asked for again")
        self._given += ask.count
        self.given += ask.count
        self._salted_symbols += ask.count if ask.bits else 0
        if self.given > limits.MAX_ROUND_SYMBOLS:
            raise PeerFault("limit", "sketches without end")
        self._mirror.freeze(ask.bits)
        return lambda: SketchPart.of(self._mirror.symbols(ask.bits, ask.part), ask.start, ask.count)

    def wanted(self, shorts: tuple[int, ...], salted: bool) -> tuple[bytes, ...]:
        """The ids wished for that are held. Raises PeerFault("limit") for more wishes than a sketch can have told of."""
        self._wishes += len(shorts)
        if self._wishes > (self._salted_symbols if salted else self.given):
            raise PeerFault("limit", "more wishes than symbols")
        return tuple(dict.fromkeys(record_id for short in shorts for record_id in self._mirror.find(short, salted)))


@dataclass(frozen=True, slots=True)
class Found:
    """A part that decoded: ids only here (held ones), and short ids only there."""

    ours: tuple[bytes, ...]
    theirs: tuple[int, ...]
    salted: bool


class Looked(NamedTuple):
    """What all symbols of a part so far show: the short ids only here and only there, or about how many differ."""

    peeled: tuple[list[int], list[int]] | None
    differing: int


def _look(difference: Sketch) -> Looked:
    peeled = peel(difference)
    return Looked(peeled, 0 if peeled else min(estimate(difference), limits.MAX_INT))  # hostile counts know no bounds


@dataclass(slots=True)
class _Parts:
    """Parts `number` … `end` of 2^bits, still to be asked for, each expected to need `first` symbols; `depth`: splits behind them."""

    bits: int
    number: int
    end: int
    first: int
    depth: int


class Search:
    """Ask, receive, ask on, until every part has decoded or is given up: then the next round finds the rest."""

    def __init__(self, mirror: Mirror, *, thorough: bool = False) -> None:
        """`thorough`: where the unsalted sketch shows no difference look once more, salted, for ids that collide in it."""
        self.differing = 0  # about so many ids differ; known when _SURE symbols were not enough
        self.was_thorough = False
        self._mirror = mirror
        self._thorough = thorough
        self._pending = deque([_Parts(0, 0, 1, _FIRST, 0)])
        self._theirs = Sketch(0)
        self._next = _FIRST
        self._symbols = 0

    def __repr__(self) -> str:
        return f"<Search, {sum(parts.end - parts.number for parts in self._pending)} parts to go>"

    def ask(self) -> SketchAsk | None:
        """The next wish, None when the search is over."""
        if not self._pending or self._symbols + limits.MAX_SKETCH_SYMBOLS > limits.MAX_ROUND_SYMBOLS:
            return None
        parts, have = self._pending[0], len(self._theirs)
        return SketchAsk(parts.bits, parts.number, have, min(self._next, limits.MAX_SKETCH_SYMBOLS, limits.MAX_SKETCH_CELL - have))

    def job(self, answer: SketchPart) -> Callable[[], Looked]:
        """What looks at the answer to the last ask. Raises PeerFault("sketch"); the job may, too."""
        ask = self.ask()
        if ask is None:
            raise PeerFault("sketch", "symbols nobody asked for")
        theirs = self._theirs.copy(ask.start + ask.count)
        answer.into(theirs, ask.start)
        self._theirs = theirs
        self._symbols += ask.count
        self._mirror.freeze(ask.bits)
        return lambda: _look(self._mirror.symbols(ask.bits, ask.part).minus(theirs))

    def conclude(self, looked: Looked) -> Found | None:
        """What the part in hand comes to, once it decodes; ask on in any case."""
        bits, peeled = self._pending[0].bits, looked.peeled
        if peeled is None:
            self._go_on(looked.differing)
            return None
        self._leave_part()
        if self._thorough and not bits and not any(peeled):
            self.was_thorough = True
            self._expect(_Parts(1, 0, 2, _FIRST, 1))
        salted = bits > 0
        ours = [record_id for short in peeled[0] for record_id in self._mirror.find(short, salted)]
        return Found(tuple(ours), tuple(peeled[1]), salted)

    def _go_on(self, differing: int) -> None:
        """Ask for as much as should do; where that is too much for one part, or was in vain, split it."""
        parts, have = self._pending[0], len(self._theirs)
        wanted = int(min(differing, limits.MAX_ROUND_SYMBOLS) * _PER_ID) + _FIRST
        if not parts.bits and have < _SURE:
            self._next = max(min(wanted, _SURE) - have, have // 2)
            return
        if not parts.bits:
            self.differing = differing
        if have < min(2 * wanted, limits.MAX_SKETCH_CELL) and wanted <= limits.MAX_SKETCH_CELL:
            self._next = max(wanted - have, have // 4)
            return
        number, more = parts.number, 1
        while wanted >> more > limits.MAX_SKETCH_CELL // 2:
            more += 1
        self._leave_part()
        if parts.depth < _DEPTH and parts.bits + more <= limits.MAX_SPLIT_BITS:
            first, end = number << more, (number + 1) << more
            self._expect(_Parts(parts.bits + more, first, end, max(_FIRST, wanted >> more), parts.depth + 1))

    def _leave_part(self) -> None:
        parts = self._pending[0]
        parts.number += 1
        if parts.number == parts.end:
            self._pending.popleft()
        self._begin_part()

    def _expect(self, parts: _Parts) -> None:
        self._pending.appendleft(parts)
        self._begin_part()

    def _begin_part(self) -> None:
        self._theirs = Sketch(0)
        if self._pending:
            self._next = self._pending[0].first
