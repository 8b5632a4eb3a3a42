"""Two sessions over an imagined wire, driven by a random schedule, each with a store that is a dictionary.

Everything a runtime may do differently is drawn from the seed: how bytes are cut, which side goes first, when a batch is committed.
"""

import random
from dataclasses import dataclass, field

from p2plearn import limits
from p2plearn.protocol.records import COMMONS, Record
from p2plearn.protocol.replica import Head, Replica, Scope
from p2plearn.protocol.signing import HELLO_DOMAIN, sign
from p2plearn.protocol.sync import Arrived, Event, Load, Me, RoundAsked, Session, Settled, Wanted
from p2plearn.testing.authors import Author


@dataclass
class Side:
    """A node reduced to its set of records."""

    name: str
    records: dict[bytes, Record] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.author = Author(self.name)
        self.replica = Replica(Scope(COMMONS))
        self.take(list(self.records.values()))
        self.received = 0
        self.settled: list[bool] = []

    def take(self, records: list[Record]) -> None:
        """Commit records and bring the replica and its heads up to date, the slow and obvious way."""
        self.records |= {record.id: record for record in records}
        self.replica.add(record.id for record in records)
        by_place = {(r.author, r.prev): r for r in sorted(self.records.values(), key=lambda r: r.id, reverse=True)}
        for author in {record.author for record in records}:
            head = b""
            seq = 0
            while (author, head) in by_place:
                seq, head = seq + 1, by_place[author, head].id
            if seq:
                self.replica.heads[author] = Head(seq, head)

    def load(self, load: Load) -> tuple[list[bytes], Load]:
        """The first few records of a load, and the rest of it."""
        run_ids = [
            r.id for run in load.runs for r in sorted(self.records.values(), key=lambda r: r.order) if r.author == run.author and run.first <= r.seq <= run.last
        ]
        ids = [*run_ids, *load.ids]
        held = [self.records[i].raw for i in ids[:7] if i in self.records]
        return held, Load(ids=tuple(ids[7:]), live=load.live)

    def session(self, peer: "Side", initiator: bool) -> Session:
        proof = sign(self.author.private_key, HELLO_DOMAIN, self.name.encode())
        nonce = self.name.encode().ljust(16, b".")[:16]
        return Session(self.replica, Me(self.author.key, proof, nonce), peer.name.encode(), initiator)


class Wire:
    """The two sessions and what is under way between them."""

    def __init__(self, left: Side, right: Side, seed: int) -> None:
        self.random = random.Random(seed)
        self.sides = [left, right]
        self.sessions = [left.session(right, True), right.session(left, False)]
        self.streams = [bytearray(), bytearray()]  # bytes towards side 0, towards side 1
        self.arrived: list[list[tuple[bytes, ...]]] = [[], []]
        self.bytes = 0
        for i in (0, 1):
            self.flush(i)

    def flush(self, i: int) -> None:
        for frame in self.sessions[i].to_send():
            assert len(frame) <= limits.MAX_FRAME
            self.streams[1 - i] += frame
            self.bytes += len(frame)

    def handle(self, i: int, events: list[Event]) -> None:
        for event in events:
            match event:
                case Arrived(raws):
                    self.arrived[i].append(raws)
                case Wanted(load):
                    self.handle(i, self.sessions[i].supply(*self.sides[i].load(load)))
                case RoundAsked():
                    self.handle(i, self.sessions[i].answer_round())
                case Settled(equal):
                    self.sides[i].settled.append(equal)
        self.flush(i)

    def step(self) -> bool:
        """One random thing happens. Whether anything could."""
        moves = [("bytes", i) for i in (0, 1) if self.streams[i]] + [("commit", i) for i in (0, 1) if self.arrived[i]]
        if not moves:
            return False
        what, i = self.random.choice(moves)
        if what == "bytes":
            size = self.random.choice([1, 5, 100, 10_000, 1 << 20])
            data, self.streams[i][:size] = bytes(self.streams[i][:size]), b""
            self.handle(i, self.sessions[i].receive(data))
        else:
            from p2plearn.protocol.records import parse

            raws = self.arrived[i].pop(0)
            self.sides[i].received += len(raws)
            self.sides[i].take([parse(raw) for raw in raws])
            self.handle(i, self.sessions[i].committed())
        return True

    def run(self) -> None:
        """Until nothing is under way. A session that goes on for ever is a failure."""
        for _ in range(200_000):
            if not self.step():
                return
        raise AssertionError(f"never comes to rest: {self.sessions}")
