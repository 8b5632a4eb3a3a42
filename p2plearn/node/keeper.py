"""The keeper: the one place through which a node's set of records changes. Decide, commit, then tell.

A change is on the disk before the replica shows it, before anybody is told, and so before anything is acknowledged or passed on.
Those who listen (sessions, gossip, indexes) hear of changes in the order they were committed.

Knows the store and the policy; must not know peers' protocols or views.
"""

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import structlog
import trio

from p2plearn import limits
from p2plearn.clock import Clock
from p2plearn.errors import DiskFull
from p2plearn.identity import Identity
from p2plearn.ledger.standing import NOBODY
from p2plearn.node.checking import Checking
from p2plearn.node.examining import Examination, Examined, Taken, everybody
from p2plearn.node.indexing import Indexing
from p2plearn.node.replicas import Replicas
from p2plearn.node.store import evicting as store_evicting
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store.evicting import Search, Victims
from p2plearn.node.store.store import Change, Store
from p2plearn.node.wishes import Wishes
from p2plearn.protocol.admission import Policy, is_signed, sift
from p2plearn.protocol.events import Load
from p2plearn.protocol.records import COMMONS, Draft, Record, parse, record_id
from p2plearn.protocol.replica import Replica

Listener = Callable[[Change, str | None], None]

_log = structlog.get_logger(__name__)


class Keeper(Indexing):
    """Owns the store of one home while it is open. `replica` must be loaded with `load_replica` before it is looked at."""

    def __init__(
        self, store: Store, identity: Identity, clock: Clock, quota: int, *, hold_all: bool = True, check_each: bool = False
    ) -> None:
        """`quota`: bytes. Not `hold_all`: only followed people and topics are held. `check_each`: no signature's check is postponed."""
        super().__init__(store, identity.author_id)
        self.identity = identity
        self.clock = clock
        self.counts: dict[str, int] = {}  # what was turned away since the start, by reason
        self.wishes = Wishes(self, identity.author_id, quota, lambda: self.standing, hold_all=hold_all)
        self.looked_at: set[bytes] = set()  # CIDs of files that somebody here asked for since the start, which stay
        self.checking = Checking()
        self._check_each = check_each
        self.replicas = Replicas(self)
        self._changing = trio.Lock()
        self.on_scope: Callable[[], None] = lambda: None  # another part of the commons is held from now on
        self.standing = NOBODY  # how people stand with this home's author: whoever orders by rank looks here each time
        self._listeners: list[Listener] = []
        self.news = trio.Event()  # set when something new is here, and replaced: look at it before looking for work
        self.last_news = -math.inf  # when something came, by the event loop's clock
        self._for_later: set[bytes] = set()  # ids that came when the disk was full

    def __repr__(self) -> str:
        return f"<Keeper of {self.store!r}, {self.replicas!r}>"

    @property
    def replica(self) -> Replica:
        """The index of the commons."""
        assert self.replicas.whole is not None, "load_replica() comes first"
        return self.replicas.whole

    async def load_replica(self) -> Replica:
        """Read the index from the store, once."""
        async with self._changing:
            if self.replicas.whole is None:
                await self._welcome_back()
            return await self.replicas.load()

    def listen(self, listener: Listener) -> None:
        """Call `listener(change, source)` from the event loop after each change; it must not block. `source`: the peer it came from."""
        self._listeners.append(listener)

    # --- changes ---

    async def append(self, draft: Draft) -> Record:
        """Say something as this home's author; it is on the disk when this returns. Raises DiskFull, ValueError."""
        async with self._changing:
            record, change = await self.seen_through(self.store.append, draft, self.identity.author, self.clock.now_ms())
            if self.wishes.usage is not None:
                self.wishes.usage.add(record.author, len(record.raw))
            self._apply(change, None)
        return record

    async def take(self, raws: Sequence[bytes], source: str | None) -> Taken:
        """Examine, judge and commit records from outside: a few of them in one go. `source` is the peer that sent them.

        What comes from no peer is all checked at once: nobody may be about later to do it.
        """
        if len(raws) > limits.CHECK_FEW:
            return await self.commit(await self.examine(raws, postpone=source is not None), source)
        async with self._changing:
            examination = await self._examination(raws, postpone=source is not None)
            return await self._commit(examination.here, self._known(examination.fresh), source)

    async def examine(self, raws: Sequence[bytes], *, postpone: bool = True) -> Examined:
        """Look at a batch as it came, whole: what is true of it everywhere. Records held already cost a hash.

        Where one of the batch vouches for another (`admission.sift`), the other's signature is checked later, if that may be postponed.
        """
        return await (await self._examination(raws, postpone=postpone)).off_the_loop(self.checking.check)

    async def commit(self, examined: Examined, source: str | None) -> Taken:
        """Judge and commit what was examined, and tell; the next batch may be examined meanwhile. Several may be joined before.

        Below the reserve of free disk nothing from peers is taken, nobody is blamed; it comes later.
        """
        async with self._changing:
            fresh = {record.id: record for record in examined.records}
            known = self._known(fresh)
            for held in await self._held(known):  # another peer may have been quicker
                del fresh[held]
            examined.records = list(fresh.values())
            return await self._commit(lambda: examined, known, source)

    async def load(self, load: Load) -> tuple[list[bytes], Load]:
        """The first batch of a load as raw records, and what is left of it.

        Whoever gets the batch whole finds each signature checked, or vouched for by a checked one.
        """
        while True:
            raws, rest, broken = await self.in_thread(self._load, load)
            if not broken:
                return raws, rest
            await self.refute(broken)

    def _load(self, load: Load) -> tuple[list[bytes], Load, list[Record]]:
        raws, rest, unverified = self.store.load(load)
        if not unverified:
            return raws, rest, []
        records = list({record.id: record for record in map(parse, raws)}.values())
        sifted = sift(records, set[bytes]().__contains__, lambda record: record.raw not in unverified or is_signed(record))
        return raws, rest, sifted.refused

    async def check_some(self) -> bool:
        """Check a portion of what was postponed; whether there was any."""
        rows = await self.in_thread(self.store.next_unverified, limits.CHECK_BATCH)
        records = await self.in_thread(_parse_all, [raw for _, raw in rows])
        holds = await self.checking.check(records)
        if rows:
            await self.seen_through(self.store.note_verified, [n for (n, _), held in zip(rows, holds, strict=True) if held])
        if not all(holds):
            await self.refute([record for record, held in zip(records, holds, strict=True) if not held])
        return bool(rows)

    async def refute(self, records: Sequence[Record]) -> None:
        """Take back records whose signature turned out to be broken. Their authors vouched for them and are doubted from now on."""
        async with self._changing:
            change = await self.seen_through(self.store.refute, records)
            self.wishes.usage = None
            self.wishes.doubt()
            self._apply(change, None)

    async def forget(self, ids: Sequence[bytes], author: bytes | None = None) -> Change:
        """Delete records here and decline them from now on, some at a time so that others come in between; all that was removed."""
        whole = Change()
        if author is not None:
            self.wishes.forget(author)
        batch = limits.FORGET_BATCH if await self.in_thread(self.store.has_room_for_own) else limits.FORGET_FEW
        for at in range(0, max(len(ids), 1), batch):
            async with self._changing:
                change = await self.seen_through(self.store.forget, ids[at : at + batch], author)
                self.wishes.usage = None
                self._apply(change, None)
            whole.removed += change.removed
            whole.files |= change.files
        await self.in_thread(self.store.give_back)
        async with self._changing:
            await self._welcome_back()
        return whole

    async def set_quota(self, quota: int) -> None:
        """Bind peers' records by another quota (bytes) from now on. What is too much goes in time; with a higher one, more may come."""
        async with self._changing:
            self.wishes.quota = quota
            self.wishes.usage = None
            await self._welcome_back()

    async def set_hold(self, *, everything: bool) -> None:
        """Hold everything, or what is followed, from now on. What is here already stays."""
        self.wishes.hold_all = everything
        await self.forget_friends()

    async def forget_friends(self) -> None:
        """Whom this node follows has changed: count the quota anew, and let come what was turned away of them."""
        async with self._changing:
            before = await self.wishes.scope()
            self.wishes.usage = None
            await self._welcome_back(whatever_room=True)
            if await self.wishes.scope() != before:
                self.on_scope()
        self.on_receipts([], [])  # whom I follow counts like one of mine

    async def _examination(self, raws: Sequence[bytes], *, postpone: bool) -> Examination:
        fresh = {record_id(raw): raw for raw in raws}
        held = [fresh.pop(known) for known in await self._held(list(fresh))]
        at_once = (await self.wishes.doubted()).__contains__ if postpone and not self._check_each else everybody
        return Examination(len(raws), fresh, held, at_once)

    async def _commit(self, examine: Callable[[], Examined], known: Sequence[bytes], source: str | None) -> Taken:
        """Judge and commit what `examine` gives, and tell. `known`: ids that may be declined."""
        policy = await self.wishes.policy(known)
        usage, self.wishes.usage = self.wishes.usage, None  # choosing counts on it; should that break off, it is counted anew
        taken, change, waiting = await self.seen_through(self._decide, examine, policy)
        if waiting:
            self._turn_away(waiting)
        else:
            self.wishes.usage = usage
            self._apply(change, source)
        if "signature" in taken.ignored:
            self.wishes.doubt()
        for reasons in (taken.ignored, taken.rejected):
            for reason, number in reasons.items():
                self.counts[reason] = self.counts.get(reason, 0) + number
        return taken

    def _decide(self, examine: Callable[[], Examined], policy: Policy) -> tuple[Taken, Change, list[bytes]]:
        """(what became of a batch, what changed, ids that the disk has no room for), off the event loop and in one go."""
        examined = examine()
        change, waiting = Change(), list[bytes]()
        accepted, ignored = policy.choose(examined.records)
        reasons = [(item.record, item.reason) for item in ignored] + [(record, "signature") for record in examined.disowned]
        declined = {record.id: reason for record, reason in reasons if record.space == COMMONS and self.wishes.must_be_declined(reason)}
        counts = Counter(reason for _, reason in reasons)
        if accepted or declined:
            try:
                change = self._write(accepted, declined, examined)
            except DiskFull:
                waiting = [record.id for record in accepted]
                counts["disk"] += len(waiting)
        known = examined.given - len(change.added) - counts.total() - sum(examined.rejected.values())
        return Taken(change.added, known, dict(counts), examined.rejected), change, waiting

    def _write(self, accepted: list[Record], declined: dict[bytes, str], examined: Examined) -> Change:
        if not self.store.has_room_for_peers():
            raise DiskFull(free=self.store.free_space())
        return self.store.commit(
            accepted,
            self.clock.now_ms(),
            declined,
            postponed=examined.postponed,
            doubted={record.author for record in examined.disowned},
        )

    def _turn_away(self, ids: Sequence[bytes]) -> None:
        """There is no room on the disk. Until there is, peers are not asked for these again, and are served all the same."""
        places = max(0, limits.MAX_DECLINED - len(self._for_later))
        self._for_later.update(ids[:places])
        self.replicas.apply(Change(declined=list(ids[:places])))

    async def let_come(self) -> None:
        """Once there is room on the disk again, what had to wait may come."""
        has_room = await self.in_thread(self.store.has_room_for_peers)
        if self._for_later and has_room:
            unwanted = await self.read(store_quota.unwanted_among, list(self._for_later))
            self.replicas.apply(Change(welcome=list(self._for_later - unwanted)))
            self._for_later = set()

    def _known(self, ids: Iterable[bytes]) -> list[bytes]:
        """Those of these ids that may be held or declined."""
        whole = self.replicas.whole
        return [one for one in ids if whole is None or whole.knows(one)]

    async def _held(self, ids: Sequence[bytes]) -> set[bytes]:
        if self.replicas.whole is None:
            return await self.in_thread(self.store.held_among, ids)
        return {held for held in ids if held in self.replica}

    async def evict(self, search: Search) -> Victims:
        """Delete the next portion of what has to make room, and decline it until there is some; its files are to be dropped next."""
        async with self._changing:
            usage, self.wishes.usage = await self.wishes.counted(), None  # what goes is taken off it; then it is counted anew
            victims, change = await self.seen_through(self.store.evict, lambda db: search.next(db, usage))
            self.wishes.usage = None
            self._apply(change, None)
        victims.files.update(change.files)
        return victims

    async def welcome_back(self) -> None:
        """Let come what was turned away for want of room or interest, to be judged once more."""
        async with self._changing:
            await self._welcome_back(whatever_room=True)

    async def note_dropped(self, files: Iterable[bytes], is_here: Callable[[bytes, int], bool]) -> None:
        """These files, which had to make room, are gone, if not `is_here(cid, size)` says that they came again meanwhile."""
        async with self._changing:
            await self.write(store_evicting.note_dropped, list(files), is_here)
            self.wishes.usage = None

    async def _welcome_back(self, *, whatever_room: bool = False) -> None:
        """Where there is room again, what was turned away for want of it may come."""
        usage = await self.wishes.counted()
        if whatever_room or usage.total < usage.quota * limits.QUOTA_BINDS_AT:
            with contextlib.suppress(DiskFull), trio.CancelScope(shield=True):
                self._apply(Change(welcome=await self.write(store_quota.welcome_back)), None)

    def _apply(self, change: Change, source: str | None) -> None:
        if any(record.attachments for record in change.added):
            self.wishes.usage = None  # a file that is here already counts for them too
        self.replicas.apply(change)
        if change.added:
            self.last_news = trio.current_time()
            self.news.set()
            self.news = trio.Event()
        for listener in self._listeners:
            listener(change, source)

    # --- attachments and the quota ---

    async def reserve(self, cid: bytes, size: int, *, asked: bool) -> bool:
        """Count a file before it is fetched. Unasked, only if it fits the quota of one of the authors who name it; whether it may come."""
        async with self._changing:
            if asked and len(self.looked_at) < limits.MAX_LOOKED_AT:
                self.looked_at.add(cid)
            if not await self.read(store_quota.is_counted, cid, size):
                usage = await self.wishes.counted()
                authors = await self.read(store_quota.namers, cid)
                if not asked and (await self.read(store_quota.made_room, cid) or not any(usage.has_room(one, size) for one in authors)):
                    return False
                await self.write(partial(store_quota.count_file, whole=False), cid, size)
                self.wishes.usage = None
        return True

    async def count_file(self, cid: bytes, size: int) -> None:
        """A file is here, whole."""
        async with self._changing:
            await self.write(partial(store_quota.count_file, whole=True), cid, size)
            self.wishes.usage = None

    async def uncount_file(self, cid: bytes) -> None:
        """A file is not here after all."""
        async with self._changing:
            await self.write(store_quota.uncount_file, cid)
            self.wishes.usage = None


def _parse_all(raws: Iterable[bytes]) -> list[Record]:
    return [parse(raw) for raw in raws]
