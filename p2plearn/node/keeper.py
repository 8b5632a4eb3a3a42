"""The keeper: the one place through which a node's set of records changes. Decide, commit, then tell.

A change is on the disk before the replica shows it, before anybody is told, and so before anything is acknowledged or passed on.
Those who listen (sessions, gossip, indexes) hear of changes in the order they were committed.

Knows the store and the policy; must not know peers' protocols or views.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import structlog
import trio

from p2plearn import limits
from p2plearn.clock import Clock
from p2plearn.identity import Identity
from p2plearn.node import store_local, store_words
from p2plearn.node.store import Change, Store
from p2plearn.protocol.admission import Accept, Ignore, Policy, Reject, Usage, examine
from p2plearn.protocol.records import COMMONS, Draft, Record, record_id
from p2plearn.protocol.replica import Replica, Scope

T = TypeVar("T")
Listener = Callable[[Change, str | None], None]

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Taken:
    """What became of a batch from outside: how many were new and known, refusals by reason, and whether the sender is to blame."""

    new: list[Record] = field(default_factory=list)
    known: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)


class Keeper:
    """Owns the store of one home while it is open. `replica` must be loaded with `load_replica` before it is looked at."""

    def __init__(self, store: Store, identity: Identity, clock: Clock, quota: int) -> None:
        self.store = store
        self.identity = identity
        self.clock = clock
        self.counts: dict[str, int] = {}  # what was turned away since the start, by reason
        self._quota = quota
        self._replica: Replica | None = None
        self._usage: Usage | None = None
        self._forgotten: set[bytes] | None = None
        self._changing = trio.Lock()
        self._listeners: list[Listener] = []
        self._unindexed = trio.Event()

    def __repr__(self) -> str:
        return f"<Keeper of {self.store!r}, {self._replica!r}>"

    @property
    def author(self) -> bytes:
        """Our own author key."""
        return self.identity.author_id

    @property
    def replica(self) -> Replica:
        """The index of the commons."""
        assert self._replica is not None, "load_replica() comes first"
        return self._replica

    async def load_replica(self) -> Replica:
        """Read the index from the store, once."""
        if self._replica is None:
            async with self._changing:
                usage = (await self._policy()).usage
                if usage.total < usage.quota * limits.QUOTA_BINDS_AT:
                    await self.in_thread(self.store.welcome_back)
                self._replica = await self.in_thread(self.store.replica, Scope(COMMONS))
        return self._replica

    def listen(self, listener: Listener) -> None:
        """Call `listener(change, source)` from the event loop after each change; it must not block. `source`: the peer it came from."""
        self._listeners.append(listener)

    async def in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a store call off the event loop."""
        return await trio.to_thread.run_sync(partial(function, *arguments))

    async def read(self, function: Callable[..., T], *arguments: object) -> T:
        """Run `function(db, *arguments)` of one of the store's siblings with a reading connection."""

        def work() -> T:
            with self.store.reading() as db:
                return function(db, *arguments)

        return await self.in_thread(work)

    async def write(self, function: Callable[..., T], *arguments: object, **options: object) -> T:
        """The same in a transaction."""

        def work() -> T:
            with self.store.writing() as db:
                return function(db, *arguments, **options)

        return await self.in_thread(work)

    # --- changes ---

    async def append(self, draft: Draft) -> Record:
        """Say something as this home's author; it is on the disk when this returns. Raises DiskFull, ValueError."""
        async with self._changing:
            record, change = await self._finish(self.store.append, draft, self.identity.author, self.clock.now_ms())
            self._apply(change, None)
        return record

    async def take(self, raws: Sequence[bytes], source: str | None) -> Taken:
        """Examine, judge and commit records from outside. `source` is the peer that sent them.

        Records held already cost a hash. Below the reserve of free disk nothing from peers is taken, and nobody is blamed.
        """
        taken = Taken()
        ids = [record_id(raw) for raw in raws]
        fresh = dict(zip(ids, raws, strict=True))
        if self._replica is not None:
            fresh = {i: raw for i, raw in fresh.items() if i not in self._replica}
        if fresh and not await self.in_thread(self.store.has_room_for_peers):
            self._count(taken.ignored, "disk", len(fresh))
            return taken
        examined = await self.in_thread(_examine_all, list(fresh.values()))
        for verdict in examined:
            if isinstance(verdict, Reject):
                self._count(taken.rejected, verdict.reason, 1)
        good = [verdict for verdict in examined if not isinstance(verdict, Reject)]
        async with self._changing:
            accepted, ignored = await self._judge(good, taken)
            if accepted or ignored:
                change = await self._finish(self.store.commit, accepted, self.clock.now_ms(), ignored)
                self._apply(change, source)
                taken.new = change.added
        taken.known = len(raws) - len(taken.new) - sum(taken.ignored.values()) - sum(taken.rejected.values())
        return taken

    async def forget(self, ids: Iterable[bytes], author: bytes | None = None) -> int:
        """Delete records here and decline them from now on; how many there were."""
        async with self._changing:
            change = await self._finish(self.store.forget, list(ids), author)
            if author is not None and self._forgotten is not None:
                self._forgotten.add(author)
            self._usage = None
            self._apply(change, None)
        return len(change.removed)

    def set_quota(self, quota: int) -> None:
        """Bind peers' records by another quota (bytes) from now on."""
        self._quota = quota
        self._usage = None

    def forget_friends(self) -> None:
        """Whom this node follows has changed: count the quota anew."""
        self._usage = None

    async def _finish(self, function: Callable[..., T], *arguments: object) -> T:
        """A commit that has begun is seen through, so that the replica always learns what is on the disk."""
        with trio.CancelScope(shield=True):
            return await self.in_thread(function, *arguments)

    async def _judge(self, records: list[Record], taken: Taken) -> tuple[list[Record], list[bytes]]:
        policy = await self._policy([record.id for record in records])
        accepted: list[Record] = []
        declined: list[bytes] = []
        for record in records:
            verdict = policy.judge(record)
            if isinstance(verdict, Accept):
                policy.usage.add(record.author, len(record.raw))
                accepted.append(record)
            else:
                self._decline(verdict, taken, declined)
        return accepted, declined

    def _decline(self, verdict: Ignore, taken: Taken, declined: list[bytes]) -> None:
        self._count(taken.ignored, verdict.reason, 1)
        if verdict.record.space == COMMONS:
            declined.append(verdict.record.id)

    async def _policy(self, ids: Sequence[bytes] = ()) -> Policy:
        if self._usage is None:
            followed = await self.read(store_local.attitudes, "follow")
            friends = {self.author, *(target.name for target in followed if target.kind == "author")}
            self._usage = await self.in_thread(self.store.usage, self._quota, friends)
        if self._forgotten is None:
            self._forgotten = await self.in_thread(self.store.forgotten)
        declined = await self.in_thread(self.store.forgotten_among, ids) if ids else set()
        return Policy(self._usage, declined=declined, forgotten=self._forgotten)

    def _apply(self, change: Change, source: str | None) -> None:
        if self._replica is not None:
            self._replica.remove(change.removed)
            self._replica.add(record.id for record in change.added)
            self._replica.decline(change.declined)
            for (_, author), head in change.heads.items():
                if head is None:
                    self._replica.heads.pop(author, None)
                else:
                    self._replica.heads[author] = head
        if change.added:
            self._unindexed.set()
        for listener in self._listeners:
            listener(change, source)

    def _count(self, reasons: dict[str, int], reason: str, number: int) -> None:
        reasons[reason] = reasons.get(reason, 0) + number
        self.counts[reason] = self.counts.get(reason, 0) + number

    # --- the full-text index ---

    async def index_all(self) -> None:
        """Bring the index up to what is committed, in transactions that let others in between."""
        while await self.read(store_words.is_behind):
            await self.write(store_words.index_some)

    async def index_in_background(self) -> None:
        """For ever: index what came, in large portions while much comes, and soon once it is quiet."""
        while True:
            await self.index_all()
            self._unindexed = trio.Event()
            await self._unindexed.wait()
            await trio.sleep(limits.INDEX_IDLE)


def _examine_all(raws: list[bytes]) -> list[Record | Reject]:
    return [examine(raw) for raw in raws]


