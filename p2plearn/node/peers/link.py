"""A link: one sync session with one peer, run over one stream. Feeds the pure session and does what its events say.

Tasks read, write, examine what arrived, commit what is examined, load what is wanted, and keep time: one batch is examined while the one
before it is committed. What arrived is acknowledged only when it is committed, and the window of the session bounds all that waits here.
What a peer asked for is loaded in a turn of its own, which lasts until it is written; news waits for no turn. Reading pauses while too much
waits to be written, so a peer that asks and never reads costs a bounded amount.

Must not know which peers there are, nor when to sync with whom: that is `syncing`.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import trio

from p2plearn import limits
from p2plearn.errors import ConnectionLost, PeerFault
from p2plearn.node.examining import Examined
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.network import Stream, TakeTurn
from p2plearn.protocol.events import Arrived, Ended, Event, Heavy, Load, Me, Met, Narrowed, Phase, RoundAsked, Settled, Wanted
from p2plearn.protocol.incoming import Prefer
from p2plearn.protocol.records import Record, record_id
from p2plearn.protocol.replica import Replica
from p2plearn.protocol.scope import Scope
from p2plearn.protocol.sync import Session

T = TypeVar("T")


class _Queue(Generic[T]):
    """What one task has for another. The session bounds it: by its window, by its asks, by one job at a time."""

    def __init__(self) -> None:
        self._put, self._get = trio.open_memory_channel[T](math.inf)
        self.put = self._put.send_nowait
        self.get = self._get.receive

    def more(self) -> T | None:
        """The next one, if it is there already."""
        try:
            return self._get.receive_nowait()
        except trio.WouldBlock:
            return None


class Ways(NamedTuple):
    """What the rank decides: `turn(peer)` is when something is loaded for a peer, `prefer` whose records are asked for first."""

    turn: TakeTurn
    prefer: Prefer


class Link:
    """Run it with `run()`; it ends with the stream. `author` is known once the peer's hello held."""

    def __init__(self, keeper: Keeper, replica: Replica, stream: Stream, me: Me, ways: Ways, *, initiator: bool) -> None:
        """`replica`: of what this node holds by its own rules."""
        self.peer = stream.peer
        self.author: bytes | None = None
        self.rounds = 0
        self.received = 0
        self.spent = 0.0  # seconds that this peer's messages kept us busy since the last round
        self.on_new: Callable[[list[Record]], None] = lambda _records: None
        self.on_met: Callable[[], None] = lambda: None
        self.on_agreed: Callable[[int], None] = lambda _row: None  # the peer held all that was here, up to a row that is new
        self.on_left: Callable[[], None] = lambda: None  # it was to bring something that others have to bring now
        self._keeper = keeper
        self._stream = stream
        self._turn = ways.turn
        self._initiator = initiator
        self._session = Session(replica, me, stream.peer.encode(), initiator, ways.prefer)
        self._frames = _Queue[bytes]()
        self._said = 0  # bytes of frames so far
        self._waiting = 0  # of them not yet written
        self._arrived = _Queue[tuple[bytes, ...]]()
        self._examined = _Queue[Examined | tuple[bytes, ...]]()
        self._news: dict[bytes, bytes] = {}  # id → raw of what was just said here: sent without asking the store
        self._wasted = 0  # records that came of late and were here before, or turned away before, or of a space that we do not hold
        self._brought = 0  # and those that were new
        self._counted_from = trio.current_time()
        self._loads = _Queue[Load]()
        self._live = _Queue[Load]()  # of news
        self._jobs = _Queue[Heavy]()
        self._scopes = _Queue[Scope]()  # narrower than that, of which the replica is to be brought: one at the most
        self._nudged = False
        self._agreed = 0
        self._asked = False  # the peer waits for our side of a round
        self._last_round = trio.current_time()
        self._due = trio.Event()  # a round may be opened, or is asked for
        self._written = trio.Event()

    def __repr__(self) -> str:
        return f"<Link with {self.peer}, {self._session!r}, {self._waiting} B to write>"

    async def run(self) -> None:
        """Until the stream ends. Raises PeerFault when the peer broke the protocol, ConnectionLost when it is gone."""
        try:
            self._collect([])
            async with trio.open_nursery() as nursery:
                for task in (self._write, self._examine, self._commit, self._load, self._tell, self._narrow, self._work):
                    nursery.start_soon(task)
                nursery.start_soon(self._keep_time)
                nursery.start_soon(self._watch)
                await self._read()
                nursery.cancel_scope.cancel()
        finally:
            while self._jobs.more():  # each holds a set of ids, and a dead link waits long for the garbage collector
                pass
            if self._session.give_up():
                self.on_left()
            await self._stream.reset()

    def push(self, records: Sequence[Record]) -> None:
        """Send news."""
        self._news = {record.id: record.raw for record in records[: limits.CHECK_FEW]}
        self._collect(self._session.push(record.id for record in records))

    def nudge(self) -> None:
        """Compare soon: the peer seems to have something that is not here, or the other way round."""
        self._nudged = True
        self._due.set()

    # --- tasks ---

    async def _read(self) -> None:
        while True:
            while self._waiting > limits.MAX_UNREAD:
                await self._written.wait()
            data = await self._stream.receive()
            if not data:
                return
            began = trio.current_time()
            self._collect(self._session.receive(data))
            self.spent += trio.current_time() - began

    async def _write(self) -> None:
        while True:
            frame = await self._frames.get()
            await self._stream.send(frame)
            self._waiting -= len(frame)
            self._written.set()
            self._written = trio.Event()

    async def _examine(self) -> None:
        """A few records are examined when they are committed, in one go."""
        while True:
            raws = await self._arrived.get()
            self._examined.put(await self._keeper.examine(raws) if len(raws) > limits.CHECK_FEW else raws)

    async def _commit(self) -> None:
        """Batches that wait together are committed together."""
        after: Examined | tuple[bytes, ...] | None = None
        while True:
            batch, after, count = after or await self._examined.get(), None, 1
            if isinstance(batch, Examined):
                while len(batch.records) < limits.MAX_TOGETHER and isinstance(after := self._examined.more(), Examined):
                    batch.join(after)
                    after, count = None, count + 1
                again = self._turned_away([record.id for record in (*batch.records, *batch.disowned)])
                taken = await self._keeper.commit(batch, self.peer)
            else:
                again = self._turned_away(map(record_id, batch))
                taken = await self._keeper.take(batch, self.peer)
            if taken.rejected:
                raise PeerFault(next(iter(taken.rejected)), "in a record")
            self.received += len(taken.new)
            self._brought += len(taken.new)
            self._wasted += taken.known + taken.ignored.get("space", 0) + again
            if self._wasted > limits.MAX_WASTED + 2 * self._brought:
                raise PeerFault("waste", "records that are of no use, again and again")
            for _ in range(count):
                self._collect(self._session.committed())
            if taken.new:
                self.on_new(taken.new)

    def _turned_away(self, ids: Iterable[bytes]) -> int:
        """How many of these we have declined before."""
        replica = self._keeper.replica
        has_declined = replica.known > len(replica)
        return sum(replica.knows(one) and one not in replica for one in ids) if has_declined else 0

    async def _load(self) -> None:
        """The next load may begin while the one before it is being written."""
        async with trio.open_nursery() as nursery:
            while True:
                await nursery.start(self._serve, await self._loads.get())

    async def _serve(self, load: Load, task_status: Any) -> None:
        async with self._turn(self.peer):
            await self._supply(load)
            task_status.started()
            end = self._said
            while self._said - self._waiting < end:
                await self._written.wait()

    async def _tell(self) -> None:
        while True:
            await self._supply(await self._live.get())

    async def _supply(self, load: Load) -> None:
        raws, rest = await self._keeper.load(load)
        self._collect(self._session.supply(raws, rest))

    async def _work(self) -> None:
        while True:
            heavy = await self._jobs.get()
            began = trio.current_time()
            result = await self._keeper.in_thread(heavy.job)
            self.spent += trio.current_time() - began
            self._collect(self._session.done(result))

    async def _narrow(self) -> None:
        scope = await self._scopes.get()
        began = trio.current_time()
        async with self._keeper.replicas.of(scope) as replica:
            self.spent += trio.current_time() - began
            self._collect(self._session.narrow(replica))
            await trio.sleep_forever()

    async def _watch(self) -> None:
        """A peer that owes records and brings none for so long is as good as gone: others shall bring them."""
        while True:
            before = self._session.owed
            await trio.sleep(limits.STALL_TIMEOUT)
            if before is not None and self._session.owed == before:
                raise ConnectionLost("asked for records, and none came")

    async def _keep_time(self) -> None:
        """Open a round when nudged, and from time to time; answer one, but not more often than is good for us."""
        while True:
            wait = limits.SYNC_INTERVAL if self._initiator else limits.SYNC_INTERVAL * 1.5
            with trio.move_on_at(self._last_round + wait):
                while not (self._asked or (self._nudged and self._session.phase is Phase.SETTLED)):
                    self._due = trio.Event()
                    await self._due.wait()
            await trio.sleep_until(self._last_round + max(limits.ROUND_GAP, self.spent * limits.REST_FACTOR))
            self._last_round = trio.current_time()
            self.spent = 0.0
            if self._session.phase is Phase.SETTLED:
                self._nudged = False  # a nudge during a round is kept for the next: that round may have passed it by
            self._asked = False
            self._collect([*self._session.answer_round(), *self._session.begin_round()])

    # --- events ---

    def _collect(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Met(author):
                    self.author = author
                    self.on_met()
                case Arrived(raws):
                    self._arrived.put(raws)
                case Wanted(load) if load.live and self._news.keys() >= set(load.ids):
                    self._collect(self._session.supply([self._news[record_id] for record_id in load.ids], Load(live=True)))
                case Wanted(load):
                    (self._live if load.live else self._loads).put(load)
                case Heavy():
                    self._jobs.put(event)
                case Narrowed(scope):
                    self._scopes.put(scope)
                case RoundAsked():
                    self._asked = True
                    self._due.set()
                case Settled(_, mark):
                    self.rounds += 1
                    if mark > self._agreed:
                        self._agreed = mark
                        self.on_agreed(mark)
                    self._due.set()
                    self._last_round = trio.current_time()
                    if self._last_round > self._counted_from + limits.SYNC_INTERVAL:
                        self._wasted, self._brought, self._counted_from = 0, 0, self._last_round
                case Ended(reason):
                    raise PeerFault("ended", reason)
        for frame in self._session.to_send():
            self._frames.put(frame)
            self._said += len(frame)
            self._waiting += len(frame)
