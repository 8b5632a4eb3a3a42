"""The session machine: two replicas of one scope are brought together over one stream. Bytes in, events out; it never waits.

    OPENING    both say the fingerprint of what they hold (at first within the hello). Equal → SETTLED
    SKETCHING  the initiator asks for a sketch, sends what only it holds, wants what only the other holds; both say Done → SETTLED.
               When much differs and authors are few, it asks for heads instead, once a round →
    HEADS      both list the ends of unbroken runs, by author
    RUNS       both send what lies beyond the other's heads, in seq order, then Done; nothing when that would be more than differs
    CHECKING   both have committed all of that and compare again. Equal → SETTLED, else → SKETCHING
    SETTLED    news is pushed as it is committed, until either side opens the next round (both at once is one round)

Both sides judge by the same messages, so they always agree on the step without saying so. Records and acknowledgements may travel at
any time after the hello. At most WINDOW batches are under way each way; a batch is acknowledged when it is committed.

Whoever drives it hands in bytes, what the store gave for a `Wanted`, and word that batches are committed, and does what the events say.
Knows no store, network or clock. An exception other than PeerFault is a bug.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol import messages as m
from p2plearn.protocol.events import Arrived, Ended, Event, Load, Met, RoundAsked, Run, Settled, Wanted
from p2plearn.protocol.frames import FrameReader, to_frames
from p2plearn.protocol.outgoing import Outgoing
from p2plearn.protocol.reconcile import Answers, Mirror, Search
from p2plearn.protocol.replica import Replica
from p2plearn.protocol.signing import HELLO_DOMAIN, verify

__all__ = ["Arrived", "Ended", "Event", "Load", "Me", "Met", "Phase", "RoundAsked", "Run", "Session", "Settled", "Wanted"]

_SLACK = 1.25  # times what differs that runs may hold: beyond that chains have holes here or there, and much would be sent in vain


@dataclass(frozen=True, slots=True)
class Me:
    """This side's author key, its proof (signature over this side's peer id), and 16 fresh random bytes."""

    author: bytes
    proof: bytes
    nonce: bytes


class Phase(Enum):
    """See the table at the top of the module."""

    OPENING = auto()
    SKETCHING = auto()
    HEADS = auto()
    RUNS = auto()
    CHECKING = auto()
    SETTLED = auto()
    ENDED = auto()


class Session:
    """One side of one session. `peer` is the other side's authenticated peer id, as text bytes."""

    def __init__(self, replica: Replica, me: Me, peer: bytes, initiator: bool) -> None:
        self.phase = Phase.OPENING
        self._replica, self._me, self._peer, self._initiator = replica, me, peer, initiator
        self._reader = FrameReader()
        self._outgoing = Outgoing()
        self._out: list[bytes] = []
        self._salt: bytes | None = None  # known once the hello came
        self._mine: bytes | None = replica.fingerprint()
        self._theirs: bytes | None = None
        self._state_due = False  # ours is to be said as soon as all that came is committed
        self._arrived = self._committed = 0
        self._done_sent = self._done_received = False
        self._search: Search | None = None  # the initiator's
        self._answers: Answers | None = None  # the other side's
        self._answered = False  # a sketch waits to be handed out
        self._heads: dict[bytes, tuple[bytes, int]] = {}  # ours as listed: short key → author, seq
        self._their_heads: dict[bytes, int] = {}
        self._differing: int | None = None  # about how many ids, once heads were asked for in this round
        self._since_thorough = limits.THOROUGH_EVERY
        self._say(m.Hello(*replica.scope, me.author, me.proof, me.nonce, self._mine))

    def __repr__(self) -> str:
        side = "initiator" if self._initiator else "responder"
        return f"<Session {side} {self.phase.name}, {self._outgoing!r}, {self._arrived - self._committed} batches to commit>"

    # --- what the driver calls ---

    def to_send(self) -> list[bytes]:
        """Frames to write, in order. Call after every other method."""
        out, self._out, self._answered = self._out, [], False
        return out

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes from the stream. Raises PeerFault: then nothing of the faulty message was taken, and the session is over."""
        events: list[Event] = []
        for message in self._reader.receive(data):
            if self.phase is Phase.ENDED:
                break
            events += self._on(m.read(message))
            events += self._advance()
        return events

    def supply(self, raws: Iterable[bytes], rest: Load) -> list[Event]:
        """The first batch of the load last wanted (within MAX_BATCH_*, no record twice), and what is left of that load."""
        batch = tuple(raws)
        self._outgoing.supplied(rest, sent=bool(batch))
        if batch:
            self._say(m.Records(batch))
        return self._advance()

    def committed(self) -> list[Event]:
        """The oldest batch not yet committed now is, as far as it was taken."""
        self._committed += 1
        self._say(m.Ack(self._committed))
        return self._advance()

    def push(self, ids: Iterable[bytes]) -> list[Event]:
        """News: send these when there is room. Beyond the bound they are left to the next round."""
        self._outgoing.push(ids)
        return self._advance()

    def begin_round(self) -> list[Event]:
        """Compare again, when SETTLED; otherwise a round is under way and nothing happens."""
        if self.phase is Phase.SETTLED:
            self.phase, self._state_due = Phase.OPENING, True
        return self._advance()

    def answer_round(self) -> list[Event]:
        """Answer a `RoundAsked`; later calls for the same one do nothing."""
        if self.phase is Phase.OPENING and self._mine is None:
            self._state_due = True
        return self._advance()

    # --- what messages do ---

    def _on(self, message: m.Message) -> list[Event]:
        if isinstance(message, m.Hello):
            return self._on_hello(message)
        if self._salt is None:
            raise PeerFault("order", "something before the hello")
        match message:
            case m.State(fingerprint):
                return self._on_state(fingerprint)
            case m.Records(raws):
                self._arrived += 1
                if self._arrived - self._committed > limits.WINDOW:
                    raise PeerFault("window", "more batches than the window lets through")
                return [Arrived(raws)]
            case m.Ack(batches):
                self._outgoing.acknowledge(batches)
            case m.Done():
                if self._done_received or self.phase not in (Phase.RUNS, Phase.SKETCHING):
                    raise PeerFault("order", "done with nothing")
                self._done_received = True
            case m.SketchAsk():
                self._on_ask(message)
            case m.SketchPart():
                self._on_part(message)
            case m.Want(salted, shorts):
                self._outgoing.add(Load(ids=self._asked().wanted(shorts, salted)))
            case m.HeadsAsk(differing):
                self._on_heads_ask(differing)
            case _:
                self._on_heads(message.heads, message.last)
        return []

    def _on_hello(self, hello: m.Hello) -> list[Event]:
        if self._salt is not None:
            raise PeerFault("order", "a second hello")
        if (hello.space, hello.topics) != self._replica.scope:
            self.phase = Phase.ENDED
            return [Ended("scope")]
        if not verify(hello.author, hello.proof, HELLO_DOMAIN, self._peer):
            raise PeerFault("proof", "the author did not sign for this peer id")
        nonces = (self._me.nonce, hello.nonce) if self._initiator else (hello.nonce, self._me.nonce)
        self._salt = b"".join(nonces)
        self._theirs = hello.fingerprint
        return [Met(hello.author)]

    def _on_state(self, fingerprint: bytes) -> list[Event]:
        if self.phase is Phase.SETTLED:
            self.phase, self._theirs = Phase.OPENING, fingerprint
            return [RoundAsked()]
        expected = self.phase in (Phase.CHECKING, Phase.OPENING) or (self.phase is Phase.RUNS and self._done_received)
        if not expected or self._theirs is not None:
            raise PeerFault("order", "a state out of turn")
        self._theirs = fingerprint
        return []

    def _asked(self) -> Answers:
        if self._answers is None or self._done_received:
            raise PeerFault("order", "asked out of turn")
        return self._answers

    def _on_ask(self, ask: m.SketchAsk) -> None:
        answers = self._asked()
        if self._answered:  # nobody can have seen that answer yet: one ask at a time bounds what waits to be written
            raise PeerFault("order", "asked again before the answer")
        self._answered = True
        self._say(answers.symbols(ask))

    def _on_part(self, part: m.SketchPart) -> None:
        if self._search is None:
            raise PeerFault("order", "a sketch out of turn")
        found = self._search.receive(part)
        if found is not None:
            self._outgoing.add(Load(ids=found.ours))
            for at in range(0, len(found.theirs), limits.MAX_WANT):
                self._say(m.Want(found.salted, found.theirs[at : at + limits.MAX_WANT]))
        elif self._differing is None and self._search.differing >= max(1, len(self._replica.heads)):
            self._say(m.HeadsAsk(self._search.differing))
            self._list_heads(self._search.differing)
            return
        self._ask_on(self._search)

    def _ask_on(self, search: Search) -> None:
        ask = search.ask()
        if ask is not None:
            self._say(ask)

    def _on_heads_ask(self, differing: int) -> None:
        self._asked()
        if self._differing is not None:
            raise PeerFault("order", "heads asked for again")
        self._list_heads(differing)

    def _list_heads(self, differing: int) -> None:
        self.phase, self._differing = Phase.HEADS, differing
        self._search = self._answers = None
        by_key = {author[: m.SHORT_KEY]: (author, min(head.seq, m.MAX_SEQ)) for author, head in self._replica.heads.items()}
        self._heads, self._their_heads = dict(sorted(by_key.items())[: limits.MAX_HEADS_TOTAL]), {}
        listed = [(key, seq) for key, (_, seq) in self._heads.items()]
        for at in range(0, max(1, len(listed)), limits.MAX_HEADS):
            end = at + limits.MAX_HEADS
            self._say(m.Heads(tuple(listed[at:end]), last=end >= len(listed)))

    def _on_heads(self, heads: tuple[tuple[bytes, int], ...], last: bool) -> None:
        if self.phase is not Phase.HEADS:
            raise PeerFault("order", "heads out of turn")
        keys = [next(reversed(self._their_heads), b""), *(key for key, _ in heads)]
        if any(key >= after for key, after in pairwise(keys)) or not (heads or last):
            raise PeerFault("order", "heads that are not sorted")
        self._their_heads.update(heads)
        if len(self._their_heads) > limits.MAX_HEADS_TOTAL:
            raise PeerFault("limit", "heads without end")
        if last:
            self.phase = Phase.RUNS
            self._outgoing.add(Load(self._runs()))

    def _runs(self) -> tuple[Run, ...]:
        """What lies beyond the other side's heads; nothing when that is, both ways together, more than differs."""
        ours, theirs = self._heads, self._their_heads
        total = sum(abs((ours[key][1] if key in ours else 0) - theirs.get(key, 0)) for key in ours.keys() | theirs.keys())
        if total > _SLACK * (self._differing or 0):
            return ()
        return tuple(Run(author, theirs.get(key, 0) + 1, seq) for key, (author, seq) in ours.items() if seq > theirs.get(key, 0))

    # --- steps that follow from what has happened so far ---

    def _advance(self) -> list[Event]:
        events: list[Event] = []
        while self._step(events):
            pass
        load = self._outgoing.next() if self._salt is not None else None
        return [*events, Wanted(load)] if load else events

    def _step(self, events: list[Event]) -> bool:
        """Whether something followed, so that something else may."""
        if self._state_due and self._arrived == self._committed:
            self._state_due = False
            self._mine = self._replica.fingerprint()
            self._say(m.State(self._mine))
        if self._mine is not None and self._theirs is not None:
            self._compare(self._mine == self._theirs, events)
            return True
        if self.phase in (Phase.RUNS, Phase.SKETCHING) and self._is_step_sent() and not self._done_sent:
            self._done_sent = True
            self._say(m.Done())
        if self._done_sent and self._done_received:
            self._leave_step(events)
            return True
        return False

    def _is_step_sent(self) -> bool:
        if self.phase is Phase.SKETCHING:
            over = self._search.ask() is None if self._search else self._done_received
            return over and self._outgoing.is_round_sent
        return self._outgoing.is_round_sent

    def _compare(self, equal: bool, events: list[Event]) -> None:
        self._mine = self._theirs = None
        if equal:
            self._settle(events, equal=True)
            return
        self.phase = Phase.SKETCHING
        mirror = Mirror(self._replica, self._salt or b"")
        if self._initiator:
            self._since_thorough += 1
            self._search = Search(mirror, thorough=self._since_thorough > limits.THOROUGH_EVERY)
            self._ask_on(self._search)
        else:
            self._answers = Answers(mirror)

    def _leave_step(self, events: list[Event]) -> None:
        """Both have said Done."""
        self._done_sent = self._done_received = False
        if self.phase is Phase.RUNS:
            self.phase, self._state_due = Phase.CHECKING, True
            return
        if self._search is not None and self._search.was_thorough:
            self._since_thorough = 0
        self._settle(events, equal=False)

    def _settle(self, events: list[Event], *, equal: bool) -> None:
        self.phase = Phase.SETTLED
        self._search = self._answers = self._differing = None
        self._heads, self._their_heads = {}, {}
        events.append(Settled(equal))

    # --- speaking ---

    def _say(self, message: m.Message) -> None:
        self._out += to_frames(m.write(message))
