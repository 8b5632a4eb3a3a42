"""A link: one sync session with one peer, run over one stream. Feeds the pure session and does what its events say.

Tasks read, write, commit what arrived, load what is wanted, and keep time. What arrived is acknowledged only when it is committed.
Reading pauses while too much waits to be written, so a peer that asks and never reads costs a bounded amount.

Must not know which peers there are, nor when to sync with whom: that is `syncing`.
"""

from collections import deque
from collections.abc import Callable, Iterable

import trio

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.network import Stream
from p2plearn.protocol.records import Record
from p2plearn.protocol.sync import Arrived, Ended, Event, Load, Me, Met, Phase, RoundAsked, Session, Settled, Wanted


class Link:
    """Run it with `run()`; it ends with the stream. `author` is known once the peer's hello held."""

    def __init__(self, keeper: Keeper, stream: Stream, me: Me, *, initiator: bool) -> None:
        self.peer = stream.peer
        self.author: bytes | None = None
        self.rounds = 0
        self.received = 0
        self.spent = 0.0  # seconds that this peer's messages kept us busy since the last round
        self.on_new: Callable[[list[Record]], None] = lambda _records: None
        self.on_met: Callable[[], None] = lambda: None
        self._keeper = keeper
        self._stream = stream
        self._initiator = initiator
        self._session = Session(keeper.replica, me, stream.peer.encode(), initiator)
        self._frames: deque[bytes] = deque()
        self._waiting = 0  # bytes of frames not yet written
        self._arrived: deque[tuple[bytes, ...]] = deque()
        self._loads: deque[Load] = deque()
        self._nudged = False
        self._asked = False  # the peer waits for our side of a round
        self._last_round = trio.current_time()
        self._changed = trio.Event()

    def __repr__(self) -> str:
        return f"<Link with {self.peer}, {self._session!r}, {self._waiting} B to write>"

    async def run(self) -> None:
        """Until the stream ends. Raises PeerFault when the peer broke the protocol, ConnectionLost when it is gone."""
        try:
            self._collect([])
            async with trio.open_nursery() as nursery:
                for task in (self._write, self._commit, self._load, self._keep_time):
                    nursery.start_soon(task)
                await self._read()
                nursery.cancel_scope.cancel()
        finally:
            await self._stream.reset()

    def push(self, ids: Iterable[bytes]) -> None:
        """Send news."""
        self._collect(self._session.push(ids))

    def nudge(self) -> None:
        """Compare soon: the peer seems to have something that is not here, or the other way round."""
        self._nudged = True
        self._wake()

    # --- tasks ---

    async def _read(self) -> None:
        while True:
            while self._waiting > limits.MAX_UNREAD:
                await self._change()
            data = await self._stream.receive()
            if not data:
                return
            began = trio.current_time()
            self._collect(self._session.receive(data))
            self.spent += trio.current_time() - began

    async def _write(self) -> None:
        while True:
            while not self._frames:
                await self._change()
            frame = self._frames.popleft()
            await self._stream.send(frame)
            self._waiting -= len(frame)
            self._wake()

    async def _commit(self) -> None:
        while True:
            while not self._arrived:
                await self._change()
            taken = await self._keeper.take(self._arrived.popleft(), self.peer)
            if taken.rejected:
                raise PeerFault(next(iter(taken.rejected)), "in a record")
            self.received += len(taken.new)
            self._collect(self._session.committed())
            if taken.new:
                self.on_new(taken.new)

    async def _load(self) -> None:
        while True:
            while not self._loads:
                await self._change()
            raws, rest = await self._keeper.load(self._loads.popleft())
            self._collect(self._session.supply(raws, rest))

    async def _keep_time(self) -> None:
        """Open a round when nudged, and from time to time; answer one, but not more often than is good for us."""
        while True:
            wait = limits.SYNC_INTERVAL if self._initiator else limits.SYNC_INTERVAL * 1.5
            with trio.move_on_at(self._last_round + wait):
                while not (self._asked or (self._nudged and self._session.phase is Phase.SETTLED)):
                    await self._change()
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
                    self._arrived.append(raws)
                case Wanted(load):
                    self._loads.append(load)
                case RoundAsked():
                    self._asked = True
                case Settled():
                    self.rounds += 1
                    self._last_round = trio.current_time()
                case Ended(reason):
                    raise PeerFault("ended", reason)
        for frame in self._session.to_send():
            self._frames.append(frame)
            self._waiting += len(frame)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def _change(self) -> None:
        await self._changed.wait()
