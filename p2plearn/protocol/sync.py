"""The session machine: two replicas of one scope are brought together over one stream. Bytes in, events out; it never waits.

    OPENING    both say how much they hold and its fingerprint (at first within the hello). Equal → SETTLED
    HEADS      both list the ends of unbroken runs, by author
    RUNS       both send what lies beyond the other's heads, in seq order, then Done
    CHECKING   both have committed all of that and compare again. Equal → SETTLED
    SKETCHING  the initiator asks for sketches, sends what only it holds, wants what only the other holds; both say Done
    SETTLED    news is pushed as it is committed, until either side opens the next round (both at once is one round)

Both sides compare the same two states, so they always agree on the step without saying so. Records and acknowledgements may travel at
any time after the hello. At most WINDOW batches are under way each way; a batch is acknowledged when it is committed.

Whoever drives it hands in bytes, what the store gave for a `Wanted`, and word that batches are committed, and does what the events say.
Knows no store, network or clock. An exception other than PeerFault is a bug.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol import messages as m
from p2plearn.protocol.frames import FrameReader, to_frames
from p2plearn.protocol.reconcile import Mirror, Search
from p2plearn.protocol.replica import Head, Replica
from p2plearn.protocol.signing import HELLO_DOMAIN, verify


@dataclass(frozen=True, slots=True)
class Me:
    """This side's author key, its proof (signature over this side's peer id), and 16 fresh random bytes."""

    author: bytes
    proof: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """An author's records first … last, by seq."""

    author: bytes
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Load:
    """Records to fetch from the store: runs in seq order, then single ids; `live` when they are news."""

    runs: tuple[Run, ...] = ()
    ids: tuple[bytes, ...] = ()
    live: bool = False

    def __bool__(self) -> bool:
        return bool(self.runs or self.ids)


@dataclass(frozen=True, slots=True)
class Met:
    """The hello holds: the peer acts for this author."""

    author: bytes


@dataclass(frozen=True, slots=True)
class Arrived:
    """A batch to be verified and committed; then call `committed()`, once for each, in order."""

    raws: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Fetch the first batch of this load and call `supply(raws, rest)`."""

    load: Load


@dataclass(frozen=True, slots=True)
class RoundAsked:
    """The other side opened a round; call `answer_round()` when it suits."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The round is over. `equal`: the fingerprints matched; else what differed is on its way or not to be had."""

    equal: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing to do together, and nobody's fault: another protocol version or scope. Close the stream."""

    reason: str


Event: TypeAlias = Met | Arrived | Wanted | RoundAsked | Settled | Ended


class Phase(Enum):
    """See the table at the top of the module."""

    OPENING = auto()
    HEADS = auto()
    RUNS = auto()
    CHECKING = auto()
    SKETCHING = auto()
    SETTLED = auto()


class Session:
    """One side of one session. `peer` is the other side's authenticated peer id, as text bytes."""

    def __init__(self, replica: Replica, me: Me, peer: bytes, initiator: bool) -> None:
        self.phase = Phase.OPENING
        self._replica, self._me, self._peer, self._initiator = replica, me, peer, initiator
        self._reader = FrameReader()
        self._out: list[bytes] = []
        self._salt: bytes | None = None  # known once the hello came
        self._mine: m.State | None = None
        self._theirs: m.State | None = None
        self._their_heads: dict[bytes, Head] = {}
        self._queue: deque[Load] = deque()  # this round's records to send
        self._news: deque[bytes] = deque()  # ids to push
        self._loading: Load | None = None
        self._sent = self._acked = self._arrived = self._committed = 0
        self._done_sent = self._done_received = False
        self._mirror: Mirror | None = None
        self._search: Search | None = None
        self._symbols = 0
        self._say(m.Hello(*replica.scope, me.author, me.proof, me.nonce, *self._open_round()))

    def __repr__(self) -> str:
        side = "initiator" if self._initiator else "responder"
        return f"<Session {side} {self.phase.name}, {self._sent - self._acked} batches out, {self._arrived - self._committed} in>"

    # --- what the driver calls ---

    def to_send(self) -> list[bytes]:
        """Frames to write, in order. Call after every other method."""
        out, self._out = self._out, []
        return out

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes from the stream. Raises PeerFault: then nothing of the faulty message was taken, and the session is over."""
        events: list[Event] = []
        for message in self._reader.receive(data):
            events += self._on(m.read(message))
            events += self._advance()
        return events

    def supply(self, raws: Iterable[bytes], rest: Load) -> list[Event]:
        """The first batch of the load last wanted (within MAX_BATCH_*), and what is left of that load."""
        batch = tuple(raws)
        loaded, self._loading = self._loading, None
        if rest and loaded is not None:
            if loaded.live:
                self._news.extendleft(reversed(rest.ids))
            else:
                self._queue.appendleft(rest)
        if batch:
            self._sent += 1
            self._say(m.Records(batch))
        return self._advance()

    def committed(self) -> list[Event]:
        """The oldest batch not yet committed now is, as far as it was taken."""
        self._committed += 1
        self._say(m.Ack(self._committed))
        return self._advance()

    def push(self, ids: Iterable[bytes]) -> list[Event]:
        """News: send these when there is room. Beyond the bound they are left to the next round."""
        if self._salt is not None:
            room = limits.MAX_NEWS - len(self._news)
            self._news.extend(list(ids)[:room])
        return self._advance()

    def begin_round(self) -> list[Event]:
        """Compare again, when SETTLED; otherwise a round is under way and nothing happens."""
        if self.phase is Phase.SETTLED:
            self.phase = Phase.OPENING
            self._theirs = None
            self._say(m.State(*self._open_round()))
        return []

    def answer_round(self) -> list[Event]:
        """Answer a `RoundAsked`; later calls for the same one do nothing."""
        if self.phase is not Phase.OPENING or self._mine is not None:
            return []
        self._say(m.State(*self._open_round()))
        return self._advance()

    # --- what messages do ---

    def _on(self, message: m.Message) -> list[Event]:
        if isinstance(message, m.Hello):
            return self._on_hello(message)
        if self._salt is None:
            raise PeerFault("order", "something before the hello")
        match message:
            case m.State():
                return self._on_state(message)
            case m.Heads(heads, last):
                self._on_heads(heads, last)
            case m.Records(raws):
                self._arrived += 1
                if self._arrived - self._committed > limits.WINDOW:
                    raise PeerFault("window", "more batches than the window lets through")
                return [Arrived(raws)]
            case m.Ack(batches):
                if not self._acked < batches <= self._sent:
                    raise PeerFault("order", "an acknowledgement of nothing")
                self._acked = batches
            case m.Done():
                if self._done_received or self.phase not in (Phase.RUNS, Phase.SKETCHING):
                    raise PeerFault("order", "done with nothing")
                self._done_received = True
            case m.SketchAsk():
                self._on_ask(message)
            case m.SketchPart():
                self._on_part(message)
            case m.Want(salted, shorts):
                self._on_want(salted, shorts)
            case m.Gone():
                if self._search is None:
                    raise PeerFault("order", "gone, but nothing was wanted")
        return []

    def _on_hello(self, hello: m.Hello) -> list[Event]:
        if self._salt is not None:
            raise PeerFault("order", "a second hello")
        if hello.version != m.PROTOCOL_VERSION:
            return [Ended("version")]
        if (hello.space, hello.topics) != self._replica.scope:
            return [Ended("scope")]
        if not verify(hello.author, hello.proof, HELLO_DOMAIN, self._peer):
            raise PeerFault("proof", "the author did not sign for this peer id")
        nonces = (self._me.nonce, hello.nonce) if self._initiator else (hello.nonce, self._me.nonce)
        self._salt = b"".join(nonces)
        self._theirs = m.State(hello.count, hello.fingerprint)
        return [Met(hello.author)]

    def _on_state(self, state: m.State) -> list[Event]:
        if self.phase is Phase.SETTLED:
            self.phase, self._theirs, self._mine = Phase.OPENING, state, None
            return [RoundAsked()]
        expected = self.phase in (Phase.CHECKING, Phase.OPENING) or (self.phase is Phase.RUNS and self._done_received)
        if not expected or self._theirs is not None:
            raise PeerFault("order", "a state out of turn")
        self._theirs = state
        return []

    def _on_heads(self, heads: tuple[tuple[bytes, Head], ...], last: bool) -> None:
        if self.phase is not Phase.HEADS:
            raise PeerFault("order", "heads out of turn")
        self._their_heads.update(heads)
        if len(self._their_heads) > limits.MAX_HEADS_TOTAL or not (heads or last):
            raise PeerFault("limit", "heads without end")
        if last:
            runs = tuple(self._runs_beyond(self._their_heads))
            self._their_heads = {}
            self._queue.append(Load(runs))
            self.phase = Phase.RUNS

    def _runs_beyond(self, theirs: dict[bytes, Head]) -> Iterable[Run]:
        for author, head in sorted(self._replica.heads.items()):
            known = theirs[author].seq if author in theirs else 0
            if known < head.seq:
                yield Run(author, known + 1, head.seq)

    def _on_ask(self, ask: m.SketchAsk) -> None:
        if self.phase is not Phase.SKETCHING or self._initiator or self._mirror is None or self._done_received:
            raise PeerFault("order", "a sketch asked for out of turn")
        self._symbols += ask.start + ask.count
        if self._symbols > limits.MAX_SESSION_SYMBOLS:
            raise PeerFault("limit", "sketches without end")
        sketch = self._mirror.symbols(ask.bits, ask.part, ask.start + ask.count)
        self._say(m.SketchPart.of(sketch, ask.start, ask.count))

    def _on_part(self, part: m.SketchPart) -> None:
        if self._search is None or self._done_sent:
            raise PeerFault("order", "a sketch out of turn")
        found = self._search.receive(part)
        if found is not None:
            self._queue.append(Load(ids=tuple(found.ours)))
            for at in range(0, len(found.theirs), limits.MAX_WANT):
                self._say(m.Want(found.salted, tuple(found.theirs[at : at + limits.MAX_WANT])))
        self._ask_on()

    def _ask_on(self) -> None:
        ask = self._search.ask() if self._search else None
        if ask is not None:
            self._say(ask)

    def _on_want(self, salted: bool, shorts: tuple[int, ...]) -> None:
        if self.phase is not Phase.SKETCHING or self._initiator or self._mirror is None or self._done_received:
            raise PeerFault("order", "a wish out of turn")
        found = [self._mirror.find(short, salted) for short in shorts]
        self._queue.append(Load(ids=tuple(record_id for ids in found for record_id in ids)))
        if sum(map(len, self._queue_ids())) > limits.MAX_WANTED_TOTAL:
            raise PeerFault("limit", "wishes without end")
        gone = sum(not ids for ids in found)
        if gone:
            self._say(m.Gone(gone))

    def _queue_ids(self) -> Iterable[tuple[bytes, ...]]:
        return (load.ids for load in self._queue)

    # --- steps that follow from what has happened so far ---

    def _advance(self) -> list[Event]:
        events: list[Event] = []
        step = True
        while step:
            step = False
            if self.phase in (Phase.OPENING, Phase.CHECKING) and self._mine is not None and self._theirs is not None:
                events += self._compare(self._mine, self._theirs)
                step = True
            elif self.phase in (Phase.RUNS, Phase.SKETCHING):
                step = self._finish_step(events)
        return events + self._next_load()

    def _compare(self, mine: m.State, theirs: m.State) -> list[Event]:
        self._done_sent = self._done_received = False
        opening = self.phase is Phase.OPENING
        self._mine = self._theirs = None
        if mine.fingerprint == theirs.fingerprint:
            self.phase = Phase.SETTLED
            return [Settled(equal=True)]
        if opening:
            self.phase = Phase.HEADS
            self._say_heads()
            return []
        self.phase = Phase.SKETCHING
        self._symbols = 0
        self._mirror = Mirror(self._replica, self._salt or b"")
        if self._initiator:
            self._search = Search(self._mirror, abs(mine.count - theirs.count))
            self._ask_on()
        return []

    def _finish_step(self, events: list[Event]) -> bool:
        """Say Done when everything of this step is sent; go on when both have said so. Whether the phase changed."""
        sent_all = not any(self._queue) and (self._loading is None or self._loading.live)
        if self.phase is Phase.RUNS:
            ready = sent_all
        elif self._initiator:
            ready = sent_all and self._search is not None and self._search.ask() is None
        else:
            ready = sent_all and self._done_received
        if ready and not self._done_sent:
            self._queue.clear()
            self._done_sent = True
            self._say(m.Done())
        if not (self._done_sent and self._done_received):
            return False
        if self.phase is Phase.SKETCHING:
            self._mirror = self._search = None
            self.phase = Phase.SETTLED
            self._theirs = None
            events.append(Settled(equal=False))
            return True
        if self._arrived > self._committed:
            return False
        self.phase = Phase.CHECKING
        self._say(m.State(*self._open_round()))
        return True

    def _next_load(self) -> list[Event]:
        if self._loading is not None or self._sent - self._acked >= limits.WINDOW:
            return []
        if self._news:
            self._loading = Load(ids=tuple(self._news), live=True)
            self._news.clear()
            return [Wanted(self._loading)]
        while self._queue:
            load = self._queue.popleft()
            if load:
                self._loading = load
                return [Wanted(load)]
        return []

    # --- speaking ---

    def _open_round(self) -> tuple[int, bytes]:
        self._mine = m.State(len(self._replica), self._replica.fingerprint())
        return self._mine.count, self._mine.fingerprint

    def _say_heads(self) -> None:
        heads = list(self._replica.heads.items())[: limits.MAX_HEADS_TOTAL]
        at = 0
        while True:
            part, at = heads[at : at + limits.MAX_HEADS], at + limits.MAX_HEADS
            self._say(m.Heads(tuple(part), last=at >= len(heads)))
            if at >= len(heads):
                return

    def _say(self, message: m.Message) -> None:
        self._out += to_frames(m.write(message))
