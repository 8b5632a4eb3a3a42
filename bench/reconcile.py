"""`reconcile`: what finding out the difference costs by itself: two pure sessions in memory, over ids without texts.

One row for each d, half of it new on each side. `wire` is every byte but those of the records; `cpu` is of the sessions and the sets of ids
(as a running node has them, fingerprint and sketch known before); `trips`: round trips until both have everything.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.meter import Line, show
from bench.shelf import Shelf
from p2plearn import limits
from p2plearn.protocol import messages as m
from p2plearn.protocol.events import Arrived, Event, Heavy, Load, Me, RoundAsked, Wanted
from p2plearn.protocol.frames import FrameReader
from p2plearn.protocol.records import COMMONS
from p2plearn.protocol.replica import Head, Replica
from p2plearn.protocol.scope import Scope
from p2plearn.protocol.signing import HELLO_DOMAIN, sign
from p2plearn.protocol.sync import Session
from p2plearn.testing.authors import Author

_DIFFERENCES = (0, 10, 100, 1_000, 10_000)
_ROUNDS = 8  # at most, until both are equal


def run(shelf: Shelf, directory: Path) -> None:
    """A row for each difference."""
    del directory
    world = World(shelf.authors)
    sides = (Side("one", world), Side("other", world))
    first = [world.next(i % shelf.authors) for i in range(shelf.n)]
    for side in sides:
        side.add(first)
        side.warm_up()
    for number in _DIFFERENCES:
        for parity, side in enumerate(sides):
            side.add([world.next((2 * i + parity) % (shelf.authors // 2 * 2)) for i in range(number // 2)])
        show(_difference(sides, shelf, number))


class World:
    """Every record there is, as (id, author, seq): `chains[author][seq - 1]` is the id."""

    def __init__(self, authors: int) -> None:
        self.keys = [hashlib.sha256(b"author %d" % number).digest() for number in range(authors)]
        self.chains: list[list[bytes]] = [[] for _ in range(authors)]
        self.place: dict[bytes, tuple[int, int]] = {}
        self.number = {key: number for number, key in enumerate(self.keys)}

    def next(self, author: int) -> bytes:
        """The id of an author's next record."""
        chain = self.chains[author]
        record_id = hashlib.sha256(b"%d %d" % (author, len(chain))).digest()
        chain.append(record_id)
        self.place[record_id] = (author, len(chain))
        return record_id


class Side:
    """A node reduced to the ids it holds and the ends of chains; what travels as a record is its id."""

    def __init__(self, name: str, world: World) -> None:
        self.replica = Replica(Scope(COMMONS))
        self.spent = 0.0  # CPU seconds
        self.name = name.encode()
        self._author = Author(name)
        self._world = world
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The one that was begun last."""
        assert self._session is not None
        return self._session

    def add(self, ids: Iterable[bytes]) -> None:
        """Hold these."""
        found = list(ids)
        self.replica.add(found)
        for author in {self._world.place[record_id][0] for record_id in found}:
            self._set_head(author)

    def warm_up(self) -> None:
        """What a node does when it starts."""
        self.replica.sketch(limits.MAX_SKETCH_CELL)
        self.replica.fingerprint()

    def begin(self, peer: bytes, *, initiator: bool) -> None:
        """A new session."""
        proof = sign(self._author.private_key, HELLO_DOMAIN, self.name)
        began = time.process_time()
        self._session = Session(self.replica, Me(self._author.key, proof, self.name.ljust(16, b".")), peer, initiator)
        self.spent += time.process_time() - began

    def receive(self, data: bytes) -> None:
        """Take bytes and do what follows at once."""
        began = time.process_time()
        waiting = self.session.receive(data) if data else []
        while waiting:
            waiting += self._do(waiting.pop(0))
        self.spent += time.process_time() - began

    def _do(self, event: Event) -> list[Event]:
        match event:
            case Arrived(raws):
                self.add(raws)
                return self.session.committed()
            case Wanted(load):
                return self.session.supply(*self._load(load))
            case Heavy(job):
                return self.session.done(job())
            case RoundAsked():
                return self.session.answer_round()
        return []

    def _load(self, load: Load) -> tuple[list[bytes], Load]:
        ids = [record_id for run in load.runs for record_id in self._world.chains[self._world.number[run.author]][run.first - 1 : run.last]]
        ids = list(dict.fromkeys([*ids, *load.ids]))
        return ids[: limits.MAX_BATCH_RECORDS], Load(ids=tuple(ids[limits.MAX_BATCH_RECORDS :]), live=load.live)

    def _set_head(self, author: int) -> None:
        key, chain = self._world.keys[author], self._world.chains[author]
        seq = self.replica.heads[key].seq if key in self.replica.heads else 0
        while seq < len(chain) and chain[seq] in self.replica:
            seq += 1
        if seq:
            self.replica.heads[key] = Head(seq, chain[seq - 1])


def _difference(sides: tuple[Side, Side], shelf: Shelf, number: int) -> Line:
    left, right = sides
    before = [side.spent for side in sides]
    held = len(left.replica)
    began = time.perf_counter()
    left.begin(right.name, initiator=True)
    right.begin(left.name, initiator=False)
    records = wire = flights = rounds = 0
    for size, of_records in _talk(left, right):
        wire, records, flights = wire + size - of_records, records + of_records, flights + 1
    while left.replica.fingerprint() != right.replica.fingerprint():
        rounds += 1
        assert rounds < _ROUNDS, "{left.session!r} and {right.session!r} do not become equal"
        left.session.begin_round()
        for size, of_records in _talk(left, right):
            wire, records, flights = wire + size - of_records, records + of_records, flights + 1
    wall = time.perf_counter() - began
    assert len(left.replica) == held + number // 2
    return {
        "name": f"p2plearn reconcile {shelf.n} {number}",
        "n": shelf.n,
        "wall": round(wall, 3),
        "cpu": [round(side.spent - spent, 3) for side, spent in zip(sides, before, strict=True)],
        "wire": wire,
        "info": {"d": number, "authors": shelf.authors, "trips": (flights + 1) // 2, "more_rounds": rounds},
    }


def _talk(left: Side, right: Side) -> Iterator[tuple[int, int]]:
    """Let all that waits travel one way, then the other, until nobody says anything: (bytes, bytes of records among them) each time."""
    readers = {left: FrameReader(), right: FrameReader()}
    silent = 0
    sender, receiver = left, right
    while silent < 2:
        frames = sender.session.to_send()
        silent = 0 if frames else silent + 1
        if frames:
            yield sum(map(len, frames)), sum(len(frame) for frame in frames if _has_records(frame, readers[sender]))
        receiver.receive(b"".join(frames))
        sender, receiver = receiver, sender


def _has_records(frame: bytes, reader: FrameReader) -> bool:
    return any(isinstance(m.read(message), m.Records) for message in reader.receive(frame))
