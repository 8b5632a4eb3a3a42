"""What goes when the quota is full: of those who count for least here, files before records, what came first before what came later.

Never what is pinned: everything by this home's author and those they follow; what was said in requests of theirs; snippets they took up
and have not dropped, with what these' authors said about them; what else they said something about (itself, not what others did); and files
that any of these name. So that nobody pins a whole disk by talking in a request, of one key no more is pinned than its share
(`Usage.share`), of strangers together no more than theirs, nor of those known through one person only, what came first first.

Knows the tables, not the store around them.
"""

import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from p2plearn import limits
from p2plearn.protocol.admission import Usage
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import RETRACTS, ROOT, Adopt, Request, Retract
from p2plearn.protocol.records import parse

_OWN = "SELECT raw FROM records WHERE author = (SELECT n FROM authors WHERE key = ?) ORDER BY seq, id"
_LAST_OWN = "SELECT count(*), max(n) FROM records WHERE author = (SELECT n FROM authors WHERE key = ?)"
_SAID = (
    "SELECT records.n, key, records.size FROM refs JOIN records ON records.n = source JOIN authors ON authors.n = author "
    "WHERE target = ? AND relation = 'root'"
)
_ROOT = "SELECT records.n, key, size FROM records JOIN authors ON authors.n = author WHERE id = ?"
_FILES = (
    "SELECT kept.cid, records.n, key FROM kept JOIN attachments USING (cid) JOIN records ON records.n = record "
    "JOIN authors ON authors.n = author WHERE kept.bytes > 0"
)
_NAMED_BY = "SELECT records.n, key FROM attachments JOIN records ON records.n = record JOIN authors ON authors.n = author WHERE cid = ?"
_IN_ORDER = (
    "SELECT records.n, key, id, size FROM records JOIN authors ON authors.n = author WHERE records.n > ? AND records.n <= ? "
    "ORDER BY records.n LIMIT ?"
)
_OF_AUTHOR = "SELECT n FROM records INDEXED BY records_by_author WHERE author = (SELECT n FROM authors WHERE key = ?) AND n <= ? ORDER BY n"


class Victims(NamedTuple):
    """What goes: CIDs with the bytes they count for, and ids of records; and whether there may be more."""

    files: dict[bytes, int]
    records: list[bytes]
    more: bool


class Relied(NamedTuple):
    """What this home's author relies on: the ids of their own requests, of snippets they took up, and of all they said something about."""

    requests: set[bytes]
    adopted: set[bytes]
    joined: set[bytes]


def relied_on(db: sqlite3.Connection, me: bytes) -> Relied:
    """From one's own records alone."""
    own = [parse(raw) for (raw,) in db.execute(_OWN, (me,))]
    gone = {record.target(RETRACTS) for record in own if record.kind == Retract.kind}
    stages: dict[bytes, str] = {}
    for record in own:
        body, root = body_of(record), record.target(ROOT)
        if isinstance(body, Adopt) and root and record.id not in gone:
            stages[root] = body.stage
    dropped = {root for root, stage in stages.items() if stage == "dropped"}
    return Relied(
        requests={record.id for record in own if record.kind == Request.kind},
        adopted=stages.keys() - dropped,
        joined={root for record in own for root in record.targets(ROOT) if record.kind not in (Adopt.kind, Retract.kind)},
    )


def pinned_rows(db: sqlite3.Connection, relied: Relied, usage: Usage) -> set[int]:
    """The rows of others' records that are pinned; those of friends go nowhere anyhow."""
    rows = [row for root in relied.requests for row in db.execute(_SAID, (root,))]
    for root in relied.adopted | relied.joined:
        for first in db.execute(_ROOT, (root,)).fetchall():
            rows += [first, *(row for row in db.execute(_SAID, (root,)) if root in relied.adopted and row[1] == first[1])]
    pinned: set[int] = set()
    of, together = Counter[bytes](), Counter[bytes | None]()
    for n, key, size in sorted(set(rows)):
        author = bytes(key)
        company = usage.company(author)
        fits = of[author] + size <= usage.share(author) and (company is None or together[company] + size <= usage.together)
        if author not in usage.friends and fits:
            pinned.add(int(n))
            of[author] += size
            together[company] += size
    return pinned


class Search:
    """One search for what goes, in portions. `looked_at`: files that somebody here asked for; they and what names them stay."""

    def __init__(self, me: bytes, looked_at: Collection[bytes]) -> None:
        self._me = me
        self._looked_at = looked_at
        self._by: tuple[
            object, ...
        ] = ()  # by which it is seen that my author said more, somebody looked at more, or people stand otherwise
        self._pinned: set[int] = set()
        self._files: dict[float, deque[bytes]] = {}  # by the highest score of those who name them, what came first at the front
        self._crowding = deque[bytes]()  # strangers who have more than their share, those who have most beyond it first
        self._ranked = deque[bytes]()  # those who have a score, the least first
        self._records: tuple[bytes, deque[int]] = (b"", deque())  # the first of one of these, and the rows of theirs still to be looked at
        self._looks = 0  # in this portion
        self._after = 0  # the row up to which strangers' records were looked at
        self._until = 0  # the last that was here when what is pinned was found

    def next(self, db: sqlite3.Connection, usage: Usage) -> Victims:
        """The next portion of what goes until the quota is kept; it is taken off what its authors have in `usage`.

        In the transaction in which it goes, so that what was just said counts.
        """
        by = (*db.execute(_LAST_OWN, (self._me,)).fetchone(), len(self._looked_at), usage.standing)
        if by != self._by:
            self._prepare(db, usage)
            self._by = by
        self._looks = 0
        files: dict[bytes, int] = {}
        records: list[bytes] = []
        need = usage.total - usage.quota * limits.QUOTA_MADE_ROOM
        for victim in self._in_order(db, usage):
            if need <= 0 or victim is None or len(files) + len(records) >= limits.EVICT_BATCH:
                return Victims(files, records, more=need > 0)
            need -= victim.size
            for author in victim.authors:
                usage.add(author, -victim.size)
            if victim.is_file:
                files[victim.name] = victim.size
            else:
                records.append(victim.name)
        return Victims(files, records, more=False)

    def _prepare(self, db: sqlite3.Connection, usage: Usage) -> None:
        (self._until,) = db.execute("SELECT coalesce(max(n), 0) FROM records").fetchone()
        self._pinned, self._after = pinned_rows(db, relied_on(db, self._me), usage), 0
        for cid in self._looked_at:
            self._pinned.update(n for (n,) in db.execute("SELECT record FROM attachments WHERE cid = ?", (cid,)))
        named: dict[bytes, tuple[float, int]] = {}
        for cid, n, key in db.execute(_FILES):
            score, first = named.get(bytes(cid), (0.0, n))
            named[bytes(cid)] = max(score, usage.score(bytes(key))), min(first, n)
        self._files = {}
        for cid, (score, _) in sorted(named.items(), key=lambda item: item[1][1]):
            self._files.setdefault(score, deque()).append(cid)
        others = [author for author, size in usage.by_author.items() if size > 0 and author not in usage.friends]
        beyond = {author: usage.by_author[author] - usage.share(author) for author in others if usage.is_stranger(author)}
        self._crowding = deque(sorted((one for one, size in beyond.items() if size > 0), key=lambda one: -beyond[one]))
        scores = usage.standing.scores
        self._ranked = deque(sorted((one for one in others if one in scores), key=lambda one: (scores[one], one)))
        self._records = (b"", deque())

    def _in_order(self, db: sqlite3.Connection, usage: Usage) -> Iterator["_Victim | None"]:
        """Who counts for least first; None when so much was looked at that others should have their turn."""
        yield from self._files_of(db, usage, 0.0)
        while self._crowding:
            author = self._crowding[0]
            left = usage.by_author.get(author, 0) - usage.share(author) if usage.is_stranger(author) else 0
            for victim in self._records_of(db, author) if left > 0 else ():
                if left <= 0:
                    break
                left -= victim.size
                yield victim
            self._crowding.popleft()
            yield from self._pause()
        yield from self._records_of_strangers(db, usage)
        while self._ranked:
            author = self._ranked[0]
            yield from self._files_of(db, usage, usage.standing.scores[author])
            yield from self._records_of(db, author)
            self._ranked.popleft()
            yield from self._pause()

    def _pause(self) -> Iterator[None]:
        """Between two authors, if much was looked at."""
        self._looks += 1
        if self._looks >= limits.EVICT_LOOK:
            yield None

    def _files_of(self, db: sqlite3.Connection, usage: Usage, score: float) -> Iterator["_Victim"]:
        waiting = self._files.get(score, deque())
        while waiting:
            cid = waiting[0]
            named_by = [(n, bytes(key)) for n, key in db.execute(_NAMED_BY, (cid,))]
            stays = any(author in usage.friends or n in self._pinned for n, author in named_by)
            better = max((usage.score(author) for _, author in named_by), default=score)
            if better > score and not stays:  # a crowd has no more than its share by now
                self._files.setdefault(better, deque()).append(cid)
                stays = True
            for (size,) in db.execute("SELECT bytes FROM kept WHERE cid = ? AND bytes > 0", (cid,)).fetchall() if not stays else ():
                yield _Victim(cid, int(size), {author for _, author in named_by}, is_file=True)
            waiting.popleft()

    def _records_of(self, db: sqlite3.Connection, author: bytes) -> Iterator["_Victim"]:
        if self._records[0] != author:
            rows = [n for (n,) in db.execute(_OF_AUTHOR, (author, self._until))]
            self._looks += len(rows)
            self._records = author, deque(n for n in rows if n not in self._pinned)
        waiting = self._records[1]
        while waiting:
            for record_id, size in db.execute("SELECT id, size FROM records WHERE n = ?", (waiting[0],)).fetchall():
                yield _Victim(bytes(record_id), int(size), (author,))
            waiting.popleft()

    def _records_of_strangers(self, db: sqlite3.Connection, usage: Usage) -> Iterator["_Victim | None"]:
        rows = db.execute(_IN_ORDER, (self._after, self._until, limits.EVICT_LOOK)).fetchall()
        for n, key, record_id, size in rows:
            if usage.is_stranger(bytes(key)) and bytes(key) not in usage.friends and n not in self._pinned:
                yield _Victim(bytes(record_id), int(size), (bytes(key),))
            self._after = n
        if len(rows) == limits.EVICT_LOOK:
            yield None


class _Victim(NamedTuple):
    """A file (by its CID) or a record (by its id), and the bytes it counts for, of whom."""

    name: bytes
    size: int
    authors: Collection[bytes]
    is_file: bool = False


def let_go(db: sqlite3.Connection, files: Iterable[bytes]) -> None:
    """These files are about to be dropped. Until `note_dropped` they count as if they were here in part."""
    db.executemany("UPDATE kept SET whole = 0 WHERE cid = ?", [(cid,) for cid in files])


def note_dropped(db: sqlite3.Connection, files: Iterable[bytes], is_here: Callable[[bytes, int], bool]) -> None:
    """These files are gone, and not wanted before there is room again or somebody looks: what is left of them takes no bytes.

    But for what came again meanwhile. Who fetched it may have seen blocks that were about to go, so it is looked at: `is_here(cid, size)`.
    """
    for cid in files:
        again = db.execute("SELECT bytes FROM kept WHERE cid = ? AND whole", (cid,)).fetchone()
        if again is None or not is_here(cid, again[0]):
            db.execute("UPDATE kept SET bytes = 0, whole = 0 WHERE cid = ?", (cid,))


def beside(db: sqlite3.Connection, files: Collection[bytes]) -> list[tuple[bytes, int]]:
    """(CID, size) of the files that are here, besides these."""
    return [(bytes(cid), int(size)) for cid, size in db.execute("SELECT cid, bytes FROM kept WHERE bytes > 0") if cid not in files]
