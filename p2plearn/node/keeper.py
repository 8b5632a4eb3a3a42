"""The keeper: the one place through which a node's set of records changes. Decide, commit, then tell.

A change is on the disk before the replica shows it, before anybody is told, and so before anything is acknowledged or passed on.
Those who listen (sessions, gossip, indexes) hear of changes in the order they were committed.

Knows the store and the policy; must not know peers' protocols or views.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import structlog
import trio

from p2plearn import limits
from p2plearn.clock import Clock
from p2plearn.errors import DiskFull
from p2plearn.identity import Identity
from p2plearn.node.store import closed as store_closed
from p2plearn.node.store import local as store_local
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store import words as store_words
from p2plearn.node.store.store import Change, Store
from p2plearn.protocol.admission import Accept, Interests, Policy, Reject, Usage, examine
from p2plearn.protocol.records import COMMONS, Draft, Record, record_id
from p2plearn.protocol.replica import Replica

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

    def __init__(self, store: Store, identity: Identity, clock: Clock, quota: int, *, hold_all: bool = True) -> None:
        """`quota`: bytes. Not `hold_all`: only followed people and topics are held."""
        self.store = store
        self.identity = identity
        self.clock = clock
        self.counts: dict[str, int] = {}  # what was turned away since the start, by reason
        self._quota = quota
        self._hold_all = hold_all
        self._interests: Interests | None = None
        self._replica: Replica | None = None
        self._usage: Usage | None = None
        self._forgotten: set[bytes] | None = None
        self._changing = trio.Lock()
        self._listeners: list[Listener] = []
        self._unindexed = trio.Event()
        self._for_later: set[bytes] = set()  # ids that came when the disk was full

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
        async with self._changing:
            if self._replica is None:
                await self._welcome_back()
                self._replica = await self.in_thread(self.store.replica)
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
        """The same in a transaction. Raises DiskFull."""

        def work() -> T:
            with self.store.writing() as db:
                return function(db, *arguments, **options)

        return await self.in_thread(work)

    async def note(self, function: Callable[..., object], *arguments: object) -> None:
        """Write what is good to know and can be done without, such as where a peer was met: a full disk is no reason to stop."""
        with contextlib.suppress(DiskFull):
            await self.write(function, *arguments)

    # --- changes ---

    async def append(self, draft: Draft) -> Record:
        """Say something as this home's author; it is on the disk when this returns. Raises DiskFull, ValueError."""
        async with self._changing:
            record, change = await self._finish(self.store.append, draft, self.identity.author, self.clock.now_ms())
            self._apply(change, None)
        return record

    async def take(self, raws: Sequence[bytes], source: str | None) -> Taken:
        """Examine, judge and commit records from outside. `source` is the peer that sent them.

        Records held already cost a hash. Below the reserve of free disk nothing from peers is taken, nobody is blamed; it comes later.
        """
        taken = Taken()
        fresh = {record_id(raw): raw for raw in raws}
        for held in await self._held(fresh):
            del fresh[held]
        if fresh and not await self.in_thread(self.store.has_room_for_peers):
            self._turn_away(list(fresh), taken)
        elif fresh:
            examined = await self.in_thread(_examine_all, list(fresh.values()))
            for verdict in examined:
                if isinstance(verdict, Reject):
                    self._count(taken.rejected, verdict.reason, 1)
            await self._commit([verdict for verdict in examined if not isinstance(verdict, Reject)], source, taken)
        taken.known = len(raws) - len(taken.new) - sum(taken.ignored.values()) - sum(taken.rejected.values())
        return taken

    async def forget(self, ids: Sequence[bytes], author: bytes | None = None) -> Change:
        """Delete records here and decline them from now on, some at a time so that others come in between; all that was removed."""
        whole = Change()
        if author is not None and self._forgotten is not None:
            self._forgotten.add(author)
        batch = limits.FORGET_BATCH if await self.in_thread(self.store.has_room_for_own) else limits.FORGET_FEW
        for at in range(0, max(len(ids), 1), batch):
            async with self._changing:
                change = await self._finish(self.store.forget, ids[at : at + batch], author)
                self._usage = None
                self._apply(change, None)
            whole.removed += change.removed
            whole.files |= change.files
        await self.in_thread(self.store.give_back)
        async with self._changing:
            await self._welcome_back()
        return whole

    async def set_quota(self, quota: int) -> None:
        """Bind peers' records by another quota (bytes) from now on. A lower one deletes nothing; with a higher one, more may come."""
        async with self._changing:
            self._quota = quota
            self._usage = None
            await self._welcome_back()

    async def set_hold(self, *, everything: bool) -> None:
        """Hold everything, or what is followed, from now on. What is here already stays."""
        self._hold_all = everything
        await self.forget_friends()

    async def forget_friends(self) -> None:
        """Whom this node follows has changed: count the quota anew, and let come what was turned away of them."""
        async with self._changing:
            self._usage = None
            await self._welcome_back(whatever_room=True)

    async def _commit(self, records: Sequence[Record], source: str | None, taken: Taken) -> None:
        """Judge and commit examined records, and tell."""
        async with self._changing:
            held = await self._held([record.id for record in records])  # another peer may have been quicker
            records = [record for record in records if record.id not in held]
            accepted, declined = await self._judge(records, taken)
            if not accepted and not declined:
                return
            try:
                change = await self._finish(self.store.commit, accepted, self.clock.now_ms(), declined)
            except DiskFull:
                self._usage = None
                self._turn_away([record.id for record in accepted], taken)
                return
            self._apply(change, source)
            taken.new = change.added

    def _turn_away(self, ids: Sequence[bytes], taken: Taken) -> None:
        """There is no room on the disk. Until there is, peers are not asked for these again, and are served all the same."""
        self._count(taken.ignored, "disk", len(ids))
        places = max(0, limits.MAX_DECLINED - len(self._for_later))
        self._for_later.update(ids[:places])
        if self._replica is not None:
            self._replica.decline(ids[:places])

    async def watch_disk(self) -> None:
        """For ever: once there is room on the disk again, let come what had to wait."""
        while True:
            await trio.sleep(limits.DISK_INTERVAL)
            has_room = await self.in_thread(self.store.has_room_for_peers)
            if self._for_later and has_room:
                self.replica.welcome(self._for_later - await self.read(store_quota.forgotten_among, list(self._for_later)))
                self._for_later = set()

    async def _held(self, ids: Iterable[bytes]) -> set[bytes]:
        if self._replica is None:
            return await self.in_thread(self.store.held_among, ids)
        return {held for held in ids if held in self._replica}

    async def _finish(self, function: Callable[..., T], *arguments: object) -> T:
        """A commit that has begun is seen through, so that the replica always learns what is on the disk."""
        with trio.CancelScope(shield=True):
            return await self.in_thread(function, *arguments)

    async def _judge(self, records: Iterable[Record], taken: Taken) -> tuple[list[Record], dict[bytes, str]]:
        records = list(records)
        policy = await self._policy([record.id for record in records])
        room = Usage(policy.usage.quota, policy.usage.friends, policy.usage.total, dict(policy.usage.by_author))
        policy.usage = room
        accepted: list[Record] = []
        declined: dict[bytes, str] = {}
        for record in records:
            verdict = policy.judge(record)
            if isinstance(verdict, Accept):
                room.add(record.author, len(record.raw))
                accepted.append(record)
            else:
                self._count(taken.ignored, verdict.reason, 1)
                if record.space == COMMONS:
                    declined[record.id] = verdict.reason
        return accepted, declined

    async def _policy(self, ids: Sequence[bytes] = ()) -> Policy:
        usage = await self._counted()
        if self._forgotten is None:
            self._forgotten = await self.read(store_quota.forgotten_authors)
        declined = await self.read(store_quota.forgotten_among, ids) if ids else set()
        return Policy(usage, self._interests, declined=declined, forgotten=self._forgotten)

    async def _counted(self) -> Usage:
        if self._usage is None:
            followed = await self.read(store_local.attitudes, "follow")
            friends = {self.author, *(target.name for target in followed if target.kind == "author")}
            topics = {target.name.decode() for target in followed if target.kind == "topic"}
            self._interests = None if self._hold_all else Interests(friends, topics)
            self._usage = await self.read(store_quota.usage, self._quota, friends)
        return self._usage

    async def _welcome_back(self, *, whatever_room: bool = False) -> None:
        """Where there is room again, what was turned away for want of it may come."""
        usage = await self._counted()
        if whatever_room or usage.total < usage.quota * limits.QUOTA_BINDS_AT:
            with contextlib.suppress(DiskFull), trio.CancelScope(shield=True):
                self._apply(Change(welcome=await self.write(store_quota.welcome_back)), None)

    def _apply(self, change: Change, source: str | None) -> None:
        if self._usage is not None:
            for record in change.added:
                self._usage.add(record.author, len(record.raw))
            if any(record.attachments for record in change.added):
                self._usage = None  # a file that is here already counts for them too
        if self._replica is not None:
            self._replica.remove(change.removed)
            self._replica.add(record.id for record in change.added)
            self._replica.welcome(change.welcome)
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

    # --- attachments and the quota ---

    async def reserve(self, cid: bytes, size: int, *, asked: bool) -> bool:
        """Count a file before it is fetched. Unasked, only if it fits the quota of one of the authors who name it; whether it may come."""
        async with self._changing:
            if not await self.read(store_quota.is_counted, cid, size):
                usage = await self._counted()
                authors = await self.read(store_quota.namers, cid)
                if not asked and not any(usage.has_room(author, size) for author in authors):
                    return False
                await self.write(partial(store_quota.count_file, whole=False), cid, size)
                self._usage = None
        return True

    async def count_file(self, cid: bytes, size: int) -> None:
        """A file is here, whole."""
        async with self._changing:
            await self.write(partial(store_quota.count_file, whole=True), cid, size)
            self._usage = None

    async def uncount_file(self, cid: bytes) -> None:
        """A file is not here after all."""
        async with self._changing:
            await self.write(store_quota.uncount_file, cid)
            self._usage = None

    # --- indexes behind the records ---

    async def index_all(self) -> None:
        """Bring the indexes up to what is committed, in transactions that let others in between; as far as the disk has room."""
        await self.index_words()
        await self.index_closed()

    async def index_words(self) -> None:
        """The same for the full-text index alone."""
        while await self.read(store_words.is_behind) and await self.in_thread(self.store.has_room_for_own):
            await self.write(store_words.index_some)

    async def index_closed(self) -> None:
        """The same for the index of closed requests."""
        while await self.read(store_closed.is_behind) and await self.in_thread(self.store.has_room_for_own):
            await self.write(store_closed.index_some)

    async def index_in_background(self) -> None:
        """For ever: index what came, in large portions while much comes, and soon once it is quiet."""
        while True:
            with contextlib.suppress(DiskFull):
                await self.index_all()
            self._unindexed = trio.Event()
            await self._unindexed.wait()
            await trio.sleep(limits.INDEX_IDLE)


def _examine_all(raws: list[bytes]) -> list[Record | Reject]:
    return [examine(raw) for raw in raws]
