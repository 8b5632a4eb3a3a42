"""Sides and wires for tests of sessions: sets of records without content, and two sessions over an imagined stream.

Everything a runtime may do at one moment or another is a move: bytes travel, cut anywhere; a batch is committed; a load is fetched; a
round is answered. A test chooses among the moves, by seed or by Hypothesis.
"""

import hashlib
import random
from collections import Counter, deque
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol import messages as m
from p2plearn.protocol.events import Arrived, Event, Heavy, Load, Me, Narrowed, RoundAsked, Settled, Wanted
from p2plearn.protocol.frames import FrameReader, to_frames
from p2plearn.protocol.incoming import Prefer
from p2plearn.protocol.records import COMMONS
from p2plearn.protocol.replica import Head, Replica
from p2plearn.protocol.scope import Filter, Scope
from p2plearn.protocol.signing import HELLO_DOMAIN, sign
from p2plearn.protocol.sync import Session
from p2plearn.testing.authors import Author

SPACE = Scope(COMMONS)
_TOPICS: tuple[tuple[str, ...], ...] = (("maths",), ("maths", "physics"), ("physics",), ())
Move = tuple[str, int]


class Item(NamedTuple):
    """A record as far as sessions and heads look at it. Nothing is signed, so that a test may have a hundred thousand, and choose ids."""

    id: bytes
    author: bytes
    seq: int
    prev: bytes

    @property
    def topics(self) -> tuple[str, ...]:
        """Some of each."""
        return _TOPICS[self.id[0] % len(_TOPICS)]

    @property
    def raw(self) -> bytes:
        return self.id + self.author + self.seq.to_bytes(8, "big") + self.prev

    @classmethod
    def read(cls, raw: bytes) -> "Item":
        return cls(raw[:32], raw[32:64], int.from_bytes(raw[64:72], "big"), raw[72:])


@cache
def key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


@cache
def chain(name: str, length: int, fork_after: int = 0, branch: str = "") -> tuple[Item, ...]:
    """An author's records; those beyond `fork_after` are different for each branch."""
    items: list[Item] = []
    for seq in range(1, length + 1):
        on = branch if seq > fork_after else ""
        record_id = hashlib.sha256(f"{name} {seq} {on}".encode()).digest()
        items.append(Item(record_id, key(name), seq, items[-1].id if items else b""))
    return tuple(items)


class Side:
    """A node reduced to what it holds and what it does not want. With a filter it tells others that it holds no more than that."""

    def __init__(
        self,
        name: str,
        items: Iterable[Item] = (),
        unwanted: Iterable[Item] = (),
        held: Filter | None = None,
        prefer: Prefer = lambda _key, _coming: 0.0,
    ) -> None:
        self.name = name
        self.prefer = prefer
        self.scope = Scope(COMMONS, (held,) if held else ())
        self.replicas = {SPACE: Replica(SPACE)}
        self.held: dict[bytes, Item] = {}
        self.came: list[bytes] = []  # the ids of all that was ever held, as it came; the mark of the replica counts them
        self.unwanted = {item.id for item in unwanted}
        self.received: Counter[bytes] = Counter()
        self._by_author: dict[bytes, dict[bytes, Item]] = {}
        self.take(items)

    def __repr__(self) -> str:
        return f"<{self.name} with {len(self.held)}>"

    @property
    def replica(self) -> Replica:
        """Of everything here."""
        return self.replicas[SPACE]

    def scoped(self, scope: Scope) -> Replica:
        """Of what lies in a scope; it goes with the others from now on."""
        if scope not in self.replicas:
            made = self.replicas[scope] = Replica(scope)
            made.add(item.id for item in self.held.values() if scope.covers(item.author, item.topics))
        return self.replicas[scope]

    def take(self, items: Iterable[Item]) -> None:
        """Commit what is wanted, decline the rest."""
        new = [item for item in items if item.id not in self.held]
        wanted = [item for item in new if item.id not in self.unwanted]
        for item in wanted:
            self.held[item.id] = item
            self.came.append(item.id)
            self._by_author.setdefault(item.author, {})[item.id] = item
        for scope, replica in self.replicas.items():
            replica.add(item.id for item in wanted if scope.covers(item.author, item.topics))
            replica.decline(item.id for item in new if item.id in self.unwanted)
        self.replica.mark = len(self.came)
        self._set_heads({item.author for item in wanted})

    def forget(self, item: Item) -> None:
        """Delete it and want it no more."""
        self.unwanted.add(item.id)
        if self.held.pop(item.id, None):
            del self._by_author[item.author][item.id]
        for replica in self.replicas.values():
            replica.remove([item.id])
            replica.decline([item.id])
        self._set_heads({item.author})

    def load(self, load: Load, most: int = 7) -> tuple[list[bytes], Load]:
        """The first few records of a load, and the rest of it."""
        ids = [item.id for run in load.runs for item in self._run(run.author, run.first, run.last)]
        ids += load.ids
        found = [self.held[record_id].raw for record_id in ids[:most] if record_id in self.held]
        return found, Load(ids=tuple(ids[most:]), live=load.live)

    def session(self, peer: str, *, initiator: bool, nonce: bytes = b"") -> Session:
        return Session(self.scoped(self.scope), me(self.name, nonce), peer.encode(), initiator, self.prefer)

    def _run(self, author: bytes, first: int, last: int) -> list[Item]:
        return sorted((item for item in self._by_author[author].values() if first <= item.seq <= last), key=lambda item: item.seq)

    def _set_heads(self, authors: set[bytes]) -> None:
        for author in authors:
            after = {item.prev: item for item in sorted(self._by_author.get(author, {}).values(), reverse=True)}
            end = b""
            self.replica.heads.pop(author, None)
            while end in after:
                end = after[end].id
                self.replica.heads[author] = Head(self.held[end].seq, end)


@cache
def me(name: str, nonce: bytes = b"") -> Me:
    author = Author(name)
    return Me(author.key, sign(author.private_key, HELLO_DOMAIN, name.encode()), (nonce + name.encode()).ljust(16, b".")[:16])


class Wire:
    """Two sessions and what is under way between them. The left side is the initiator."""

    sessions: tuple[Session, ...] = ()

    def __init__(self, left: Side, right: Side) -> None:
        self.sides = (left, right)
        self.scope = left.scope.meet(right.scope)
        self.bytes = 0
        self.overhead = 0  # of them, but for records
        self.said: Counter[str] = Counter()
        self.settled: list[bool] = []  # of the left side
        self.marks: list[int] = []  # of the left side too
        self._number = 0
        self.connect()

    def __repr__(self) -> str:
        return f"<{self.sessions[0]!r} and {self.sessions[1]!r}>"

    def connect(self) -> None:
        """(Re)connect: what was under way is lost."""
        for session in self.sessions:
            session.give_up()
        left, right = self.sides
        self._number += 1
        nonce = str(self._number).encode()
        self.sessions = (left.session(right.name, initiator=True, nonce=nonce), right.session(left.name, initiator=False, nonce=nonce))
        self.streams = (bytearray(), bytearray())  # towards the left, towards the right
        self.arrived: tuple[deque[tuple[bytes, ...]], ...] = (deque(), deque())
        self.loads: tuple[deque[Load], ...] = (deque(), deque())
        self.narrowed: tuple[deque[Scope], ...] = (deque(), deque())
        self.jobs: tuple[deque[Heavy], ...] = (deque(), deque())
        self.asked = [False, False]
        self._readers = (FrameReader(), FrameReader())
        for i in (0, 1):
            self.handle(i, [])

    def handle(self, i: int, events: list[Event]) -> None:
        """Do what a session's events say, or keep it for a later move; then hand its frames to the stream."""
        for event in events:
            match event:
                case Arrived(raws):
                    self.arrived[i].append(raws)
                    assert len(self.arrived[i]) <= limits.WINDOW
                case Wanted(load):
                    self.loads[i].append(load)
                    assert Counter(one.live for one in self.loads[i])[load.live] == 1
                case Narrowed(scope):
                    self.narrowed[i].append(scope)
                case Heavy():
                    self.jobs[i].append(event)
                    assert len(self.jobs[i]) == 1
                case RoundAsked():
                    self.asked[i] = True
                case Settled(equal, mark):
                    self.settled += [equal] * (i == 0)
                    self.marks += [mark] * (i == 0)
                    self._check_mark(i, mark)
        for frame in self.sessions[i].to_send():
            assert len(frame) <= limits.MAX_FRAME
            self.streams[1 - i].extend(frame)
            self.bytes += len(frame)
            messages = [m.read(message) for message in self._readers[i].receive(frame)]
            self.said.update(type(message).__name__ for message in messages)
            self.overhead += len(frame) * all(not isinstance(message, m.Records) for message in messages)

    def _check_mark(self, i: int, mark: int) -> None:
        """Whatever a side still holds of what came up to the mark, the other side has had too."""
        side, other = self.sides[i], self.sides[1 - i]
        assert not mark or self.scope == SPACE
        assert side.held.keys() & side.came[:mark] <= set(other.came)

    def moves(self) -> list[Move]:
        """What could happen next."""
        return [
            *(("bytes", i) for i in (0, 1) if self.streams[i]),
            *(("commit", i) for i in (0, 1) if self.arrived[i]),
            *(("tell", i) for i in (0, 1) if any(load.live for load in self.loads[i])),
            *(("load", i) for i in (0, 1) if any(not load.live for load in self.loads[i])),
            *(("narrow", i) for i in (0, 1) if self.narrowed[i]),
            *(("work", i) for i in (0, 1) if self.jobs[i]),
            *(("answer", i) for i in (0, 1) if self.asked[i]),
        ]

    def move(self, move: Move, size: int = 1 << 20) -> None:
        """Let it happen; `size`: how many bytes travel."""
        what, i = move
        side, session = self.sides[i], self.sessions[i]
        if what == "bytes":
            data, self.streams[i][:size] = bytes(self.streams[i][:size]), b""
            self.handle(i, session.receive(data))
        elif what == "commit":
            items = [Item.read(raw) for raw in self.arrived[i].popleft()]
            side.received.update(item.id for item in items)
            side.take(items)
            self.handle(i, session.committed())
        elif what in ("load", "tell"):
            load = next(load for load in self.loads[i] if load.live is (what == "tell"))
            self.loads[i].remove(load)
            self.handle(i, session.supply(*side.load(load)))
        elif what == "work":
            self.handle(i, session.done(self.jobs[i].popleft().job()))
        elif what == "narrow":
            self.handle(i, session.narrow(side.scoped(self.narrowed[i].popleft())))
        else:
            self.asked[i] = False
            self.handle(i, session.answer_round())

    def begin_round(self, i: int = 0) -> None:
        self.handle(i, self.sessions[i].begin_round())

    def push(self, i: int, ids: Iterable[bytes]) -> None:
        self.handle(i, self.sessions[i].push(ids))

    def run(self, seed: int | None = None) -> "Wire":
        """Until nothing is under way, in the order of a seed or as fast as can be. Going on for ever is a failure."""
        chance = random.Random(seed)
        for _ in range(100_000):
            moves = self.moves()
            if not moves:
                return self
            if seed is None:
                self.move(moves[0])
            else:
                self.move(chance.choice(moves), chance.choice([1, 5, 100, 10_000, 1 << 20]))
        raise AssertionError(f"never comes to rest: {self}")

    def sync(self, seed: int | None = None, rounds: int = 4) -> "Wire":
        """Run, and open up to so many rounds more until both want nothing more of each other."""
        self.run(seed)
        while self.lacking() and rounds:
            rounds -= 1
            self.begin_round()
            self.run(seed)
        assert not self.lacking(), f"{self.lacking()} records still missing: {self}"
        return self

    def lacking(self) -> int:
        """How many records one side holds and the other would take."""
        left, right = self.sides
        return sum(
            item.id not in there.held and item.id not in there.unwanted and self.scope.covers(item.author, item.topics)
            for here, there in ((left, right), (right, left))
            for item in here.held.values()
        )

    def received(self) -> int:
        return sum(side.received.total() for side in self.sides)


class Liar:
    """The other end of one session, which may say any message in any order. The session's own batches and loads are seen to at once."""

    def __init__(self, side: Side, *, initiator: bool, hello: m.Hello | None = None) -> None:
        """`initiator`: whether the honest side is."""
        self.side = side
        self.session = side.session("liar", initiator=initiator)
        self.events: list[Event] = []
        self._reader = FrameReader()
        mine = me("liar")
        self.hello = hello or m.Hello(COMMONS, (), (), mine.author, mine.proof, mine.nonce, b"F" * 32)

    def say(self, *messages: m.Message) -> list[m.Message]:
        """What the honest side answers. Raises PeerFault."""
        answers: list[m.Message] = []
        for message in messages:
            for frame in to_frames(m.write(message)):
                self._handle(self.session.receive(frame))
            answers += self.heard()
        return answers

    def say_at_once(self, *messages: m.Message) -> None:
        """All in one piece, before anything of the answers is read."""
        data = b"".join(frame for message in messages for frame in to_frames(m.write(message)))
        self._handle(self.session.receive(data))

    def meet(self) -> list[m.Message]:
        return self.say(self.hello)

    def heard(self) -> list[m.Message]:
        return [m.read(message) for frame in self.session.to_send() for message in self._reader.receive(frame)]

    def _handle(self, events: list[Event]) -> None:
        while events:
            event = events.pop(0)
            self.events.append(event)
            match event:
                case Arrived():
                    events += self.session.committed()
                case Wanted(load):
                    events += self.session.supply(*self.side.load(load))
                case Heavy(job):
                    events += self.session.done(job())
                case Narrowed(scope):
                    events += self.session.narrow(self.side.scoped(scope))
                case RoundAsked():
                    events += self.session.answer_round()


def fault(liar: Liar, *messages: m.Message) -> str:
    """The reason these messages are refused for."""
    try:
        liar.say(*messages)
    except PeerFault as peer_fault:
        return peer_fault.reason
    return "nothing"
