"""The session machine: two replicas of one scope are brought together over one stream. Bytes in, events out; it never waits.

    OPENING    both say the fingerprint of what they hold (at first within the hello). Equal → SETTLED
    SKETCHING  the initiator asks for a sketch, offers what only it holds, wants what only the other holds; both say Done → SETTLED.
               When much differs and authors are few, it asks for heads instead, once a round →
    HEADS      both list the ends of unbroken runs, by author
    RUNS       both ask for what lies beyond their own heads, in portions, then Done; for nothing when that would be more than differs
    CHECKING   both have committed all of that and compare again. Equal → SETTLED, else → SKETCHING
    SETTLED    news is pushed as it is committed, until either side opens the next round (both at once is one round)

Both sides judge by the same messages, so they always agree on the step without saying so. Whoever lacks records asks for them, so that
several sessions of one node share the work; only news comes unasked. Records and acknowledgements may travel at any time after the
hello. At most WINDOW batches are under way each way; a batch is acknowledged when it is committed.

Whoever drives it hands in bytes, what the store gave for a `Wanted`, and word that batches are committed, and does what the events say.
Knows no store, network or clock. An exception other than PeerFault is a bug.
"""

from collections.abc import Iterable

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol import greeting
from p2plearn.protocol import messages as m
from p2plearn.protocol.ends import Ends
from p2plearn.protocol.events import Arrived, Ended, Event, Heavy, Load, Me, Met, Narrowed, Phase, RoundAsked, Settled, Wanted
from p2plearn.protocol.frames import FrameReader, to_frames
from p2plearn.protocol.incoming import Incoming, Prefer
from p2plearn.protocol.outgoing import Outgoing
from p2plearn.protocol.reconcile import Answers, Looked, Mirror, Search
from p2plearn.protocol.replica import Replica, short_id


class Session:
    """One side of one session. `peer` is the other side's authenticated peer id, as text bytes; `prefer` is that of `Incoming`."""

    def __init__(self, replica: Replica, me: Me, peer: bytes, initiator: bool, prefer: Prefer = lambda _key, _coming: 0.0) -> None:
        self.phase = Phase.OPENING
        self._replica, self._me, self._peer, self._initiator = replica, me, peer, initiator
        self._reader = FrameReader()
        self._incoming = Incoming(replica, prefer)
        self._outgoing = Outgoing()
        self._out: list[bytes] = []
        self._salt: bytes | None = None  # known once the hello came
        self._theirs: bytes | None = None
        self._state_due = False  # ours is to be said as soon as all that came is committed
        self._arrived = self._committed = 0
        self._narrowing = False  # the scope is smaller than the replica's: another one is to come
        self._done_sent = self._done_received = False
        self._search: Search | None = None  # the initiator's
        self._answers: Answers | None = None  # the other side's
        self._is_busy = self._is_answered = False  # with symbols, until they are handed out or looked at; they are said
        self._ends: Ends | None = None  # once heads were asked for in this round
        self._served = 0  # as said
        self._since_thorough = limits.THOROUGH_EVERY
        mine = greeting.hello(me, replica)
        self._mine: bytes | None = mine.fingerprint
        self._mark = replica.mark  # when that was taken
        self._say(mine)

    def __repr__(self) -> str:
        side = "initiator" if self._initiator else "responder"
        here = f"{self._arrived - self._committed} batches to commit"
        return f"<Session {side} {self.phase.name}, {self._incoming!r}, {self._outgoing!r}, {here}>"

    @property
    def owed(self) -> int | None:
        """None while the other side owes nothing but what waits here to be committed; else a number that grows with each answer."""
        is_owed = self._incoming.is_waiting and self._arrived == self._committed
        return self._arrived + self._incoming.served_so_far if is_owed else None

    # --- what the driver calls ---

    def to_send(self) -> list[bytes]:
        """Frames to write, in order. Call after every other method."""
        out, self._out = self._out, []
        self._is_busy, self._is_answered = self._is_busy and not self._is_answered, False
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
        """The first batch of the load last wanted (within MAX_BATCH_*, no record twice), and what is left of it, `live` as that was."""
        batch = tuple(raws)
        self._outgoing.supplied(rest, sent=bool(batch))
        self._say(m.Records(batch) if batch else None)
        return self._advance()

    def done(self, result: m.SketchPart | Looked) -> list[Event]:
        """The result of the `Heavy` job."""
        if isinstance(result, m.SketchPart):
            self._is_answered = True
            self._say(result)
        elif self._search is not None:
            self._is_busy = False
            self._look(self._search, result)
        return self._advance()

    def committed(self) -> list[Event]:
        """The oldest batch not yet committed now is, as far as it was taken."""
        self._committed += 1
        self._say(m.Ack(self._committed))
        return self._advance()

    def push(self, ids: Iterable[bytes]) -> list[Event]:
        """News: send what of these is in the scope, when there is room. Beyond the bound it is left to the next round."""
        if not self._narrowing:
            self._outgoing.push(record_id for record_id in ids if record_id in self._replica)
        return self._advance()

    def narrow(self, replica: Replica) -> list[Event]:
        """The replica that `Narrowed` called for."""
        self._replica, self._incoming = replica, Incoming(replica, self._incoming.prefer)
        self._narrowing, self._state_due = False, self._mine is None
        return self._advance()

    def give_up(self) -> bool:
        """The stream is gone: nothing is fetched any more; whether that leaves something for other sessions to take over."""
        self._search = self._answers = None  # some 30 bytes for each id here
        return self._incoming.give_up()

    def begin_round(self) -> list[Event]:
        """Compare again, when SETTLED; otherwise a round is under way and nothing happens."""
        if self.phase is Phase.SETTLED:
            self.phase, self._state_due = Phase.OPENING, True
        return self._advance()

    def answer_round(self) -> list[Event]:
        """Answer a `RoundAsked`; later calls for the same one do nothing."""
        if self.phase is Phase.OPENING and self._mine is None and not self._narrowing:
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
                self._incoming.came(len(raws))
                return [Arrived(raws)]
            case m.Ack(batches):
                self._outgoing.acknowledge(batches)
            case m.Done():
                self._require(Phase.RUNS if self.phase is Phase.RUNS else Phase.SKETCHING)
                if self._outgoing.unserved:
                    raise PeerFault("order", "done before it was served")
                self._done_received = True
            case m.Served(asks):
                self._incoming.served(asks)
            case m.SketchAsk():
                return self._on_ask(message)
            case m.SketchPart():
                return self._on_part(message)
            case m.Want(salted, shorts):
                self._on_want(self._asked().wanted(shorts, salted), salted)
            case m.Offer():
                self._on_offer(message)
            case m.Pick(marks):
                self._outgoing.pick(marks)
            case m.WantRuns(runs):
                self._on_want_runs(runs)
            case m.HeadsAsk(differing):
                self._on_heads_ask(differing)
            case _:
                self._on_heads(message)
        return []

    def _on_hello(self, hello: m.Hello) -> list[Event]:
        if self._salt is not None:
            raise PeerFault("order", "a second hello")
        greeted = greeting.greet(hello, self._me, self._replica.scope, self._peer, initiator=self._initiator)
        if greeted is None:
            self.phase = Phase.ENDED
            return [Ended("space")]
        self._salt, scope, self._theirs = greeted
        if scope == self._replica.scope:
            return [Met(hello.author)]
        self._narrowing, self._mine = True, None
        self._outgoing.drop_news()
        return [Met(hello.author), Narrowed(scope)]

    def _on_state(self, fingerprint: bytes) -> list[Event]:
        if self.phase is Phase.SETTLED:
            self.phase, self._theirs = Phase.OPENING, fingerprint
            return [RoundAsked()]
        expected = self.phase in (Phase.CHECKING, Phase.OPENING) or (self.phase is Phase.RUNS and self._done_received)
        if not expected or self._theirs is not None:
            raise PeerFault("order", "a state out of turn")
        self._theirs = fingerprint
        return []

    def _require(self, phase: Phase) -> None:
        if self.phase is not phase or self._done_received:
            raise PeerFault("order", "asked or offered out of turn")

    def _asked(self) -> Answers:
        if self._answers is None or self._done_received:
            raise PeerFault("order", "asked out of turn")
        return self._answers

    def _on_ask(self, ask: m.SketchAsk) -> list[Event]:
        answers = self._asked()
        if self._is_busy:  # nobody can have seen that answer yet: one ask at a time bounds what waits to be written
            raise PeerFault("order", "asked again before the answer")
        self._is_busy = True
        return [Heavy(answers.job(ask))]

    def _on_part(self, part: m.SketchPart) -> list[Event]:
        if self._search is None or self._is_busy:
            raise PeerFault("order", "a sketch out of turn")
        self._is_busy = True
        return [Heavy(self._search.job(part))]

    def _look(self, search: Search, looked: Looked) -> None:
        found = search.conclude(looked)
        if found is not None:
            self._offer(found.ours, salted=found.salted)
            self._incoming.wish(found.theirs, salted=found.salted)
        elif self._ends is None and search.differing >= max(1, len(self._replica.heads)):
            self._say(m.HeadsAsk(search.differing))
            self._list_heads(search.differing)
            return
        self._say(search.ask())

    def _offer(self, ids: tuple[bytes, ...], *, salted: bool) -> None:
        for portion in self._outgoing.offer(ids):
            self._say(m.Offer(salted, tuple(map(short_id, portion))))

    def _on_offer(self, offer: m.Offer) -> None:
        self._require(Phase.SKETCHING)
        self._incoming.offered(offer, self._answers.given if self._answers else self._incoming.named)

    def _on_want(self, ids: tuple[bytes, ...], salted: bool) -> None:
        """Salted ones are told by name first: only so the other side sees which of them somebody else brings."""
        if salted:
            self._offer(ids, salted=True)
        self._outgoing.ask(Load() if salted else Load(ids=ids))

    def _on_heads_ask(self, differing: int) -> None:
        self._asked()
        if self._ends is not None:
            raise PeerFault("order", "heads asked for again")
        self._list_heads(differing)

    def _list_heads(self, differing: int) -> None:
        self.phase, self._ends = Phase.HEADS, Ends(self._replica.heads, differing)
        self._search = self._answers = None
        for part in self._ends.messages():
            self._say(part)

    def _on_heads(self, heads: m.Heads) -> None:
        if self.phase is not Phase.HEADS or self._ends is None:
            raise PeerFault("order", "heads out of turn")
        if self._ends.receive(heads):
            self.phase = Phase.RUNS
            if self._ends.pays:
                self._incoming.plan(self._ends.theirs, self._ends.ours)

    def _on_want_runs(self, runs: tuple[tuple[bytes, int, int], ...]) -> None:
        self._require(Phase.RUNS)
        self._outgoing.ask(self._ends.load(runs) if self._ends else Load())

    # --- steps that follow from what has happened so far ---

    def _advance(self) -> list[Event]:
        events: list[Event] = []
        while self._step(events):
            pass
        if self._salt is not None and not self._narrowing:
            events += map(Wanted, self._outgoing.next())
        before, self._served = self._served, self._outgoing.served
        self._say(m.Served(self._served) if self._served > before else None)
        return events

    def _step(self, events: list[Event]) -> bool:
        """Whether something followed, so that something else may."""
        if (self._state_due or self.phase is Phase.SETTLED) and self._arrived == self._committed:
            self._incoming.finish()
        if self._state_due and self._arrived == self._committed:
            self._state_due, self._mine, self._mark = False, self._replica.fingerprint(), self._replica.mark
            self._say(m.State(self._mine))
        if self._mine is not None and self._theirs is not None:
            equal, self._mine, self._theirs = self._mine == self._theirs, None, None
            self._settle(events, equal=True) if equal else self._begin_sketching()
            return True
        if self.phase in (Phase.RUNS, Phase.SKETCHING) and not self._done_sent:
            while (ask := self._incoming.next()) is not None:
                self._say(ask)
            if self._is_step_over():
                self._done_sent = True
                self._say(m.Done())
        if self._done_sent and self._done_received:
            self._leave_step(events)
            return True
        return False

    def _is_step_over(self) -> bool:
        """Whether this side has nothing more to ask or to offer; the one that is asked for sketches waits for the other."""
        if self.phase is Phase.SKETCHING and not (self._search.ask() is None if self._search else self._done_received):
            return False
        return self._incoming.is_over and not self._is_busy

    def _begin_sketching(self) -> None:
        self.phase = Phase.SKETCHING
        mirror = Mirror(self._replica, self._salt or b"")
        if self._initiator:
            self._since_thorough += 1
            self._search = Search(mirror, thorough=self._since_thorough > limits.THOROUGH_EVERY)
            self._say(self._search.ask())
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
        self._search = self._answers = self._ends = None
        self._outgoing.drop_offers()
        self._incoming.rest()
        events.append(Settled(equal, self._mark if equal else 0))

    # --- speaking ---

    def _say(self, message: m.Message | None) -> None:
        self._out += to_frames(m.write(message)) if message else []
