"""Sessions with real records, three honest laptops and a liar: whatever is lost, doubled, cut, forked or forged, the honest end equal.

The laptops examine and serve as nodes do: of a run the last signature is checked at once and the others later, or before the record is
sent to anybody without the one that vouches for it. Beside the sessions gossip travels, which loses, doubles and reorders. The liar is a
program like ours that somebody tampers with: it says what does not belong, withholds, and its author signs records that vouch for forged
ones.
"""

import random
from collections.abc import Collection, Iterable
from itertools import combinations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.node.examining import Examination
from p2plearn.protocol import messages as m
from p2plearn.protocol.admission import is_signed, sift
from p2plearn.protocol.encoding import encode
from p2plearn.protocol.events import Load, Phase
from p2plearn.protocol.frames import to_frames
from p2plearn.protocol.records import COMMONS, Record, parse, record_id
from p2plearn.protocol.scope import Filter, Scope
from p2plearn.testing.authors import Author
from tests.protocol.sync_driver import Item, Move, Side, Wire, me

TOPICS = (("maths",), ("physics",), ("maths", "physics"), ())


# --- what there is to hold ---


def chain(name: str, length: int, fork_after: int = 0, branch: str = "", forged: tuple[int, ...] = ()) -> tuple[Record, ...]:
    """Records of one author, those beyond `fork_after` different for each branch; the signatures of `forged` ones do not hold."""
    author = Author(name)
    records: list[Record] = []
    for n in range(length):
        record = author.share(f"{n} {branch if n >= fork_after else ''}", topics=TOPICS[n % len(TOPICS)])
        if n in forged:
            record = parse(bytes(64) + record.raw[64:])
            author.prev = record.id  # so that the next one vouches for it
        records.append(record)
    return tuple(records)


HONEST = (*chain("ada", 12), *chain("ben", 12), *chain("eve", 9, 4, "backup")[4:], *chain("eve", 8))  # eve restored an old backup
HOSTILE = (*chain("mallory", 12, forged=(2, 3, 7, 11)), *chain("trudy", 6, forged=(0,)))
NEWS = chain("newsie", 40)
RECORDS = {record.id: record for record in (*HONEST, *HOSTILE, *NEWS)}
FORGED = frozenset(record.id for record in HOSTILE if not is_signed(record))
assert len(FORGED) == 5


class Signed(Item):
    """A record in the driver's dress."""

    @property
    def topics(self) -> tuple[str, ...]:
        return RECORDS[self.id].topics

    @property
    def raw(self) -> bytes:
        return RECORDS[self.id].raw


def signed(record: Record) -> Signed:
    return Signed(record.id, record.author, record.seq, record.prev)


def is_vouched(record: Record, batch: Collection[Record]) -> bool:
    """Whether the author signed, by others of the batch, that these bytes are theirs."""
    after = [one for one in batch if (one.prev, one.author, one.seq) == (record.id, record.author, record.seq + 1)]
    return any(one.id not in FORGED or is_vouched(one, batch) for one in after)


class Laptop(Side):
    """A side that looks at signatures as a node does. `vouched`: ids held whose own signature is yet to be checked."""

    def __init__(self, name: str, records: Iterable[Record] = (), held: Filter | None = None) -> None:
        self.rule = held or Filter()
        self.vouched: set[bytes] = set()
        self.doubted: set[bytes] = set()
        super().__init__(name, held=held)
        self.hold(records)

    def hold(self, records: Iterable[Record]) -> None:
        """Commit what this laptop holds by its own rules."""
        self.take(signed(one) for one in records if not self.rule or self.rule.covers(one.author, one.topics))

    def arrive(self, raws: Iterable[bytes]) -> bool:
        """Examine and commit what came; whether its sender is to blame."""
        batch = {record_id(raw): raw for raw in raws}
        known = [raw for one, raw in batch.items() if one in self.held]
        fresh = {one: raw for one, raw in batch.items() if one not in self.held}
        examined = Examination(len(batch), fresh, known, self.doubted.__contains__).here()
        records = [RECORDS[one] for one in batch if one in RECORDS]
        alone = [one for one in records if one.id in FORGED and one.id in fresh and not is_vouched(one, records)]
        assert bool(alone or len(records) < len(batch)) == bool(examined.rejected)
        assert not {one.id for one in alone} & {one.id for one in examined.records}
        self.hold(examined.records)
        self.vouched |= examined.postponed & self.held.keys()
        self._drop(examined.disowned)
        return bool(examined.rejected)

    def load(self, load: Load, most: int = 7) -> tuple[list[bytes], Load]:
        """As a node: what stands alone in a batch is checked before it goes."""
        while True:
            raws, rest = super().load(load, most)
            records = list(map(parse, raws))
            broken = sift(records, set[bytes]().__contains__, lambda one: one.id not in self.vouched or is_signed(one)).refused
            if not broken:
                return raws, rest
            self._drop(broken)

    def check(self) -> None:
        """What was postponed, now that there is time."""
        self._drop([RECORDS[one] for one in self.vouched if not is_signed(RECORDS[one])])
        self.vouched.clear()

    def _drop(self, records: Iterable[Record]) -> None:
        """Their signatures do not hold, and their authors vouched for them."""
        for record in records:
            self.doubted.add(record.author)
            self.vouched.discard(record.id)
            self.forget(signed(record))


class Crook(Side):
    """Holds everything, forged records too, looks at nothing, and gives what it likes."""

    withholds = False

    def arrive(self, raws: Iterable[bytes]) -> bool:
        self.take(signed(RECORDS[record_id(raw)]) for raw in raws)
        return False

    def load(self, load: Load, most: int = 7) -> tuple[list[bytes], Load]:
        return ([], Load(live=load.live)) if self.withholds else super().load(load, most)


# --- who talks to whom ---


class Line(Wire):
    """Between two laptops, or a laptop and a crook. A fault of an honest side fails the test; one of a crook ends the session."""

    def __init__(self, left: Laptop | Crook, right: Laptop | Crook) -> None:
        self.ends = (left, right)
        self.crook = next((i for i in (0, 1) if isinstance(self.ends[i], Crook)), None)
        self.blamed = 0
        self.is_up = True
        super().__init__(left, right)

    def connect(self) -> None:
        self.crimes: list[int] = []  # how much will have been read of the crook when it has said something that is nowhere right
        self.said_by_crook = self.read = 0
        self.is_lost = False  # the crook's own program cannot follow any more
        self.is_up = True
        super().connect()

    def hang_up(self) -> None:
        """The stream is gone."""
        self.is_up = False
        for session in self.sessions:
            session.give_up()

    def moves(self) -> list[Move]:
        return [move for move in super().moves() if not (self.is_lost and move[1] == self.crook)] if self.is_up else []

    def say(self, data: bytes, *, is_crime: bool) -> None:
        """The crook says something beside what its program says."""
        assert self.crook is not None
        if self.is_up:
            self.streams[1 - self.crook].extend(data)
            if is_crime:
                self.crimes.append(self.read + len(self.streams[1 - self.crook]))

    def move(self, move: Move, size: int = 1 << 20) -> None:
        try:
            self._move(move, size)
        except PeerFault:
            if self.crook is None:
                raise
            if move[1] == self.crook:
                self.is_lost = True
                return
            self.blamed += 1
            self.hang_up()
        else:
            assert not any(crime <= self.read for crime in self.crimes), "it got away with it"

    def _move(self, move: Move, size: int) -> None:
        what, i = move
        if what == "commit":
            if self.ends[i].arrive(self.arrived[i].popleft()):
                raise PeerFault("signature")
            self.handle(i, self.sessions[i].committed())
            return
        before = len(self.streams[i])
        if i != self.crook and what == "bytes":
            self.read += min(size, before)
        super().move(move, size)


# --- what a crook may say ---

IDS = [int.from_bytes(one.id[:8], "big") for one in (*HONEST[:5], *HOSTILE)]
KEYS = sorted({one.author[: m.SHORT_KEY] for one in RECORDS.values()})
shorts = st.lists(st.sampled_from(IDS) | st.integers(0, 2**64 - 1), min_size=1, max_size=5).map(tuple)
odd = st.one_of(  # what may be right at one moment and wrong at another
    st.builds(m.State, st.sampled_from([bytes(32), b"F" * 32])),
    st.builds(
        lambda seqs, last: m.Heads(tuple(zip(KEYS, seqs, strict=False)), last),
        st.lists(st.integers(1, 2**32 - 1), max_size=4),
        st.booleans(),
    ),
    st.builds(m.HeadsAsk, st.sampled_from([0, 30, limits.MAX_INT])),
    st.builds(m.SketchAsk, st.integers(0, 2), st.just(0), st.sampled_from([0, 32, 64]), st.just(32)),
    st.builds(lambda n, byte: m.SketchPart(bytes([byte]) * 16 * n), st.sampled_from([32, 96]), st.integers(0, 255)),
    st.builds(m.Want, st.booleans(), shorts),
    st.builds(m.Offer, st.booleans(), shorts),
    st.builds(m.Pick, st.lists(st.booleans(), min_size=1, max_size=4).map(tuple)),
    st.builds(
        lambda key, first, more: m.WantRuns(((key, first, first + more),)), st.sampled_from(KEYS), st.integers(1, 9), st.integers(0, 40)
    ),
    st.builds(m.Served, st.integers(0, 4)),
    st.builds(m.Ack, st.integers(0, 4)),
    st.builds(
        lambda ones: m.Records(tuple(one.raw for one in ones)), st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=8, unique=True)
    ),
    st.just(m.Done()),
)
HELLO = m.Hello(COMMONS, (), (), me("crook").author, me("crook").proof, me("crook").nonce, bytes(32))
NOWHERE_RIGHT: tuple[m.Message, ...] = (HELLO, m.Ack(10**6), m.Served(10**6), m.Pick((True,) * 999))
wrong = st.one_of(
    st.just(b"\xff" * 9),
    st.binary(min_size=1, max_size=40).map(lambda data: b"".join(to_frames(b"\x91\x63" + data))),
    st.sampled_from(NOWHERE_RIGHT).map(lambda message: b"".join(to_frames(m.write(message)))),
    st.integers(limits.MAX_SPLIT_BITS + 1, 99).map(lambda bits: b"".join(to_frames(encode([6, bits, 0, 0, 1])))),
)


# --- the café ---


class Cafe(RuleBasedStateMachine):
    """Three laptops, each linked with each, and a crook linked to two of them."""

    def __init__(self) -> None:
        super().__init__()
        self.before = limits.ASK_RECORDS
        limits.ASK_RECORDS = 5  # so that they share work, and asks follow asks
        self.laptops: list[Laptop] = []
        self.lines: list[Line] = []
        self.hostile: list[Line] = []
        self.gossip: list[tuple[int, Record]] = []
        self.news = list(NEWS)

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        some = st.sets(st.sampled_from(HONEST)) | st.just(set(HONEST)) | st.just(set[Record]())
        rules = st.sampled_from([None, None, Filter(("maths",)), Filter(("physics",), (HOSTILE[0].author,))])
        self.laptops = [Laptop(name, data.draw(some), data.draw(rules)) for name in ("left", "middle", "right")]
        for laptop in self.laptops:  # some of what the crook's friends say is here already, vouched for and unchecked
            begin, end = data.draw(st.tuples(st.integers(0, 9), st.integers(0, 12)))
            laptop.arrive([one.raw for one in HOSTILE[begin:end]])
        self.crook = Crook("crook", map(signed, (*HOSTILE, *data.draw(some))))
        left, _, right = self.laptops
        self.hostile = [Line(self.crook, left), Line(right, self.crook)]
        self.lines = [*(Line(*two) for two in combinations(self.laptops, 2)), *self.hostile]

    line = st.integers(0, 4)
    laptop = st.integers(0, 2)
    hostile_line = st.integers(0, 1)
    pace = st.tuples(st.integers(0, 2**32), st.sampled_from([10, 50, 250]))

    @rule(line=line, choice=st.integers(0, 7), size=st.sampled_from([1, 7, 300, 1 << 20]), times=st.integers(1, 12))
    def move(self, line: int, choice: int, size: int, times: int) -> None:
        for _ in range(times):
            moves = self.lines[line].moves()
            if moves:
                self.lines[line].move(moves[choice % len(moves)], size)

    @rule(pace=pace)
    def much_happens(self, pace: tuple[int, int]) -> None:
        seed, times = pace
        chance = random.Random(seed)
        for _ in range(times):
            line = chance.choice(self.lines)
            moves = line.moves()
            if moves:
                line.move(chance.choice(moves), chance.choice([1, 100, 10_000, 1 << 20]))

    @rule(line=line, sides=st.sampled_from([(0,), (1,), (0, 1)]))
    def open_a_round(self, line: int, sides: tuple[int, ...]) -> None:
        for i in sides:
            self.lines[line].begin_round(i)

    @rule(line=line, pace=pace)
    def cut_a_connection(self, line: int, pace: tuple[int, int]) -> None:
        self.much_happens(pace)
        self.lines[line].connect()

    @rule(laptop=laptop, pace=pace)
    def say_something_new(self, laptop: int, pace: tuple[int, int]) -> None:
        self.much_happens(pace)
        if self.news:
            record = self.news.pop(0)
            self.laptops[laptop].hold([record])
            for line in self.lines:
                if self.laptops[laptop] in line.ends and line.is_up:
                    line.push(line.ends.index(self.laptops[laptop]), [record.id])
            self.gossip += [(other, record) for other in range(3) if other != laptop]

    @rule(at=st.integers(0, 99), fate=st.sampled_from(["lost", "doubled", "delivered"]))
    def gossip_travels(self, at: int, fate: str) -> None:
        if self.gossip:
            to, record = self.gossip[at % len(self.gossip)]
            if fate != "doubled":
                self.gossip.remove((to, record))
            if fate != "lost":
                assert not self.laptops[to].arrive([record.raw])

    @rule(laptop=laptop, record=st.sampled_from(HOSTILE))
    def the_crook_gossips(self, laptop: int, record: Record) -> None:
        there = self.laptops[laptop]
        is_new = record.id not in there.held
        assert there.arrive([record.raw]) == (is_new and record.id in FORGED)

    @rule(laptop=laptop)
    def there_is_time_for_checks(self, laptop: int) -> None:
        self.laptops[laptop].check()

    @rule(line=hostile_line, message=odd, pace=pace)
    def the_crook_says_something_odd(self, line: int, message: m.Message, pace: tuple[int, int]) -> None:
        self.much_happens(pace)
        self.hostile[line].say(b"".join(to_frames(m.write(message))), is_crime=False)

    @rule(line=hostile_line, data=wrong, pace=pace)
    def the_crook_says_something_wrong(self, line: int, data: bytes, pace: tuple[int, int]) -> None:
        self.much_happens(pace)
        self.hostile[line].say(data, is_crime=True)

    @rule(withholds=st.booleans(), topics=st.sampled_from([(), ("maths",), ("chess",)]))
    def the_crook_changes_its_mind(self, withholds: bool, topics: tuple[str, ...]) -> None:
        self.crook.withholds = withholds
        self.crook.scope = Scope(COMMONS, (Filter(topics),) if topics else ())

    @invariant()
    def nothing_counts_as_checked_that_is_not(self) -> None:
        for laptop in self.laptops:
            assert laptop.held.keys() & FORGED <= laptop.vouched

    def teardown(self) -> None:
        try:
            self.calm_down()
        finally:
            limits.ASK_RECORDS = self.before

    def calm_down(self) -> None:
        """The crook is gone; what was under way arrives, checks are made, and a few rounds later all hold the same."""
        for line in self.hostile:
            line.hang_up()
        honest = [line for line in self.lines if line not in self.hostile]
        for _ in range(4):  # two hops, and rounds that were under way already
            for line in honest:
                line.run(seed=1)
                line.begin_round()
                line.run(seed=1)
            for laptop in self.laptops:
                laptop.check()
        for line in honest:
            assert not line.lacking(), line
            assert all(session.phase is Phase.SETTLED for session in line.sessions)
            before = line.received()
            line.begin_round(1)
            line.run()
            assert line.received() == before
            assert line.settled[-1]
        for laptop in self.laptops:
            assert not laptop.held.keys() & FORGED
            assert {repr(replica.claims) for replica in laptop.replicas.values()} == {"<Claims on 0 ids and runs of 0 authors>"}


TestCafe = Cafe.TestCase
TestCafe.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
