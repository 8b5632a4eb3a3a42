"""Reading the store: a few connections, and finding records by what they are and what they are about.

Synchronous and thread-safe; what is read is what is committed. Must not know how records come in (`store`), nor what they add up to.
"""

import contextlib
import heapq
import queue
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from p2plearn import limits
from p2plearn.errors import StoreBroken
from p2plearn.node.store import heads as store_heads
from p2plearn.node.store.schema import connect
from p2plearn.protocol.events import Load
from p2plearn.protocol.kinds import BY, ROOT, Solve
from p2plearn.protocol.records import COMMONS, Record, parse, record_id
from p2plearn.protocol.replica import Replica
from p2plearn.protocol.scope import EVERYTHING, Scope

T = TypeVar("T")

_READERS = 3  # one of them may be folding the log
_FEW = 500  # ids in one query; SQLite's own bound on variables is larger everywhere
_HERE = "space = 'commons'"  # in these words, or SQLite does not see that an index has the rest
_VERIFIED = "NOT EXISTS (SELECT 1 FROM unverified WHERE unverified.n = records.n)"
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR}

# Of more records than are folded into one conversation, those that any node would choose: first what the author of the target said,
# then from each author as many as from any other, retractions first, so that nothing is shown that was taken back, and no flood
# pushes others out.
_FAIR = """
SELECT raw, arrived, shown, n FROM (
    SELECT n, id, own, row_number() OVER (PARTITION BY author ORDER BY kind != 'retract', seq, id) AS place FROM (
        SELECT n, id, author, kind, seq, author IS (SELECT author FROM records WHERE id = :target) AS own
        FROM refs JOIN records ON n = source WHERE target = :target AND relation = :relation))
JOIN records USING (n) ORDER BY own DESC, place, records.id LIMIT :most
"""

_OF_TOPIC = """
WITH carrying AS (SELECT record FROM topics WHERE topic = :topic),
profiles AS (
    SELECT (SELECT n FROM records WHERE author = whose AND kind = 'profile' AND space = 'commons' ORDER BY seq DESC, id DESC LIMIT 1) AS n
    FROM (SELECT DISTINCT author AS whose FROM carrying JOIN records ON n = record))
SELECT record FROM carrying UNION SELECT n FROM profiles
UNION SELECT source FROM profiles JOIN records USING (n) JOIN refs ON target = id AND relation = 'retracts'
"""


class Stored(NamedTuple):
    """A record, when it came here (ms since 1970), and its place (shown, n) in the order of the feed."""

    record: Record
    arrived: int
    place: tuple[int, int]


class Reader:
    """Connections to the file at `path`, which exists."""

    def __init__(self, path: Path, connections: int = _READERS) -> None:
        self._path = path
        self._connections = connections
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        for _ in range(connections):
            self._readers.put(connect(path))

    def close(self) -> None:
        """Finish, when those who read now are done."""
        for _ in range(self._connections):
            self._readers.get().close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with, seeing what is committed. Raises StoreBroken."""
        connection = self._readers.get()
        try:
            with broken_if_damaged(self._path):
                yield connection
        finally:
            self._readers.put(connection)

    def problem(self) -> str:
        """What is wrong with the file, empty when nothing is: its structure, and each record against its id. Reads everything."""
        try:
            with self.reading() as db:
                (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
                damaged = sum(record_id(raw) != known for known, raw in db.execute("SELECT id, raw FROM records")) if found == "ok" else 0
        except StoreBroken as error:
            return str(error.details["reason"])
        if damaged:
            return f"{damaged} of the records are not what was stored"
        return "" if found == "ok" else str(found)

    # --- records ---

    def get(self, ids: Iterable[bytes]) -> list[Stored]:
        """The records of these ids that are held, in the order asked."""
        wanted = list(ids)
        found: dict[bytes, Stored] = {}
        with self.reading() as db:
            for part in _parts(wanted):
                rows = db.execute(f"SELECT raw, arrived, shown, n FROM records WHERE id IN ({_marks(part)})", part)  # noqa: S608  # only marks
                found.update((stored.record.id, stored) for stored in map(stored_of, rows))
        return [found[wanted_id] for wanted_id in wanted if wanted_id in found]

    def held_among(self, ids: Iterable[bytes]) -> set[bytes]:
        """Those of these ids that are held."""
        found: set[bytes] = set()
        with self.reading() as db:
            for part in _parts(list(ids)):
                rows = db.execute(f"SELECT id FROM records WHERE id IN ({_marks(part)})", part)  # noqa: S608  # only marks
                found.update(bytes(row[0]) for row in rows)
        return found

    def load(self, load: Load) -> tuple[list[bytes], Load, set[bytes]]:
        """The first batch of a load as raw records, what is left of it, and which of the batch are unverified.

        Ids that are gone are passed over.
        """
        with self.reading() as db:
            return store_heads.load_batch(db, load)

    def about(self, targets: Sequence[bytes], relation: str, most: int | None = None) -> list[Stored]:
        """The records that name any of `targets` in `relation`: the same on every node that has them.

        At most `most` of each, or MAX_THREAD.
        """
        found: list[Stored] = []
        with self.reading() as db:
            for target in targets:
                found += about(db, target, relation, most)
        return found

    def of_kinds(
        self,
        kinds: Sequence[str],
        topic: str | None = None,
        *,
        after: tuple[int, int] | None = None,
        limit: int,
        only_open: bool = False,
    ) -> list[Stored]:
        """Records of these kinds in the order of the feed, newest first; with a topic, those that carry it.

        `after` continues behind the place of one given before. `only_open` passes over requests that `store_closed` lists.
        """
        with self.reading() as db:
            by_kind = [_of_kind(db, kind, topic, after, limit, only_open=only_open) for kind in kinds]
        return list(heapq.merge(*by_kind, key=lambda stored: stored.place, reverse=True))[:limit]

    def by_author(self, author: bytes) -> list[bytes]:
        """The ids of everything held of one author, by seq."""
        with self.reading() as db:
            rows = db.execute("SELECT id FROM records WHERE author = (SELECT n FROM authors WHERE key = ?) ORDER BY seq", (author,))
            return [bytes(row[0]) for row in rows]

    def starting_with(self, prefix: bytes, odd: str, limit: int) -> list[bytes]:
        """Up to `limit` ids whose hex begins with `prefix` in hex and then the half byte `odd` (one hex digit, or nothing)."""
        return self._prefixed("SELECT id FROM records WHERE id >= ? AND id < ? LIMIT ?", prefix, odd, limit)

    def authors_starting_with(self, prefix: bytes, odd: str, limit: int) -> list[bytes]:
        """The same for authors' keys."""
        return self._prefixed("SELECT key FROM authors WHERE key >= ? AND key < ? LIMIT ?", prefix, odd, limit)

    def _prefixed(self, sql: str, prefix: bytes, odd: str, limit: int) -> list[bytes]:
        low = prefix + (bytes([int(odd, 16) << 4]) if odd else b"")
        high = prefix + (bytes([(int(odd, 16) << 4) | 15]) if odd else b"") + b"\xff" * 33
        with self.reading() as db:
            return [bytes(row[0]) for row in db.execute(sql, (low, high, limit))]

    def everything(self) -> Iterator[bytes]:
        """Every raw record in the order of arrival, a few at a time."""
        with self.reading() as db:
            numbers = [n for (n,) in db.execute("SELECT n FROM records ORDER BY n")]
        return (raw for part in _parts(numbers) for raw in self.at(part))

    def contents(self, topic: str | None = None) -> list[tuple[int, int]]:
        """(row, bytes) of every record whose signature was checked, in the order of arrival.

        With a topic, of those that carry it, and of their authors' newest profiles, or the word that such a one is taken back.
        """
        only = "" if topic is None else f"AND n IN ({_OF_TOPIC})"
        with self.reading() as db:
            return db.execute(f"SELECT n, size FROM records WHERE {_VERIFIED} {only} ORDER BY n", {"topic": topic}).fetchall()  # noqa: S608  # fixed text

    def at(self, numbers: Sequence[int]) -> list[bytes]:
        """The raw records in these rows, in order, without those that are gone."""
        with self.reading() as db:
            rows = [
                row
                for part in _parts(numbers)
                for row in db.execute(f"SELECT raw FROM records WHERE n IN ({_marks(part)}) ORDER BY n", part)  # noqa: S608  # only marks
            ]
        return [bytes(row[0]) for row in rows]

    # --- checks that were postponed ---

    def unverified(self) -> int:
        """How many records wait for the check of their signature."""
        with self.reading() as db:
            return int(db.execute("SELECT count(*) FROM unverified").fetchone()[0])

    def unverified_among(self, ids: Iterable[bytes]) -> set[bytes]:
        """Those of these ids that wait for the check of their signature."""
        found: set[bytes] = set()
        with self.reading() as db:
            for part in _parts(list(ids)):
                sql = f"SELECT id FROM unverified JOIN records USING (n) WHERE id IN ({_marks(part)})"  # noqa: S608  # only marks
                found.update(bytes(row[0]) for row in db.execute(sql, part))
        return found

    def next_unverified(self, limit: int) -> list[tuple[int, bytes]]:
        """(row, raw) of the records that have waited longest."""
        with self.reading() as db:
            return db.execute("SELECT n, raw FROM unverified JOIN records USING (n) ORDER BY n LIMIT ?", (limit,)).fetchall()

    # --- what peers compare ---

    def count(self) -> int:
        """How many records of the commons are held."""
        with self.reading() as db:
            elsewhere = "SELECT count(*) FROM records WHERE space != 'commons'"
            return int(db.execute(f"SELECT count(*) - ({elsewhere}) FROM records").fetchone()[0])  # noqa: S608  # fixed text

    def replica(self, scope: Scope = EVERYTHING) -> Replica:
        """The index of a scope of the commons, read from scratch, without touching the rows.

        Only everything has heads, declined ids, and the last row as its mark.
        """
        replica = Replica(scope)
        with self.reading() as db:
            if scope.filters:
                replica.add(ids_in(db, scope))
                return replica
            (replica.mark,) = db.execute("SELECT coalesce(max(n), 0) FROM records").fetchone()
            elsewhere = {n for (n,) in db.execute("SELECT n FROM records WHERE space != 'commons'")}
            replica.fill([record_id for n, record_id in db.execute("SELECT n, id FROM records ORDER BY id") if n not in elsewhere])
            replica.decline(row[0] for row in db.execute("SELECT id FROM declined"))
            replica.heads = store_heads.read_all(db, COMMONS)
        return replica


@contextlib.contextmanager
def broken_if_damaged(path: Path) -> Iterator[None]:
    """What SQLite says of a file that it cannot read is StoreBroken."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if _code(error) in _BROKEN:
            raise StoreBroken(path=path, reason=str(error)) from None
        raise


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary error code; Python's own errors of the module have none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def ids_in(db: sqlite3.Connection, scope: Scope) -> Iterator[bytes]:
    """The ids of the commons that a narrower scope covers (`scope.Filter`)."""
    parts, values = [], []
    for topics, authors in scope.filters:
        parts.append(
            f"SELECT * FROM (SELECT record FROM topics WHERE topic IN ({_marks(topics)}) "  # noqa: S608  # fixed text and marks
            f"UNION SELECT n FROM records WHERE author IN (SELECT n FROM authors WHERE key IN ({_marks(authors)})) "
            "UNION SELECT * FROM (SELECT n FROM records EXCEPT SELECT record FROM topics))"
        )
        values += [*topics, *authors]
    sql = f"SELECT id FROM records WHERE space = 'commons' AND n IN ({' INTERSECT '.join(parts)})"  # noqa: S608  # fixed text and marks
    return (bytes(row[0]) for row in db.execute(sql, values))


def about(db: sqlite3.Connection, target: bytes, relation: str, most: int | None = None) -> list[Stored]:
    """The records that name `target` in `relation`, at most `most`, or MAX_THREAD."""
    most = limits.MAX_THREAD if most is None else most
    sql = "SELECT raw, arrived, shown, n FROM refs JOIN records ON n = source WHERE target = ? AND relation = ? LIMIT ?"
    rows = db.execute(sql, (target, relation, most + 1)).fetchall()
    if len(rows) > most:
        rows = db.execute(_FAIR, {"target": target, "relation": relation, "most": most}).fetchall()
    return [stored_of(row) for row in rows]


def said_about(db: sqlite3.Connection, root: Record, most: int) -> list[Record]:
    """What a conversation is folded from: all that hangs on `root`, and what its author says has solved it, wherever that was said.

    Of more than `most` those that any node would choose.
    """
    found = {stored.record.id: stored.record for stored in about(db, root.id, ROOT, most)}
    for wanted in solving(root, found.values()) - found.keys():
        found.update((wanted, parse(raw)) for (raw,) in db.execute("SELECT raw FROM records WHERE id = ?", (wanted,)))
    return list(found.values())


def solving(root: Record, said: Iterable[Record]) -> set[bytes]:
    """What the author of `root` names as what solved it: one thing each time; nobody else has a say, nor costs a look."""
    named = (record.target(BY) for record in said if record.kind == Solve.kind and record.author == root.author)
    return {target for target in named if target is not None}


def _of_kind(
    db: sqlite3.Connection, kind: str, topic: str | None, after: tuple[int, int] | None, limit: int, *, only_open: bool
) -> list[Stored]:
    """One kind's part of the feed, each way along an index that is in its order already."""
    if topic is None:
        where, values = [_HERE, "kind = ?"], [kind]
        found, shown, n = "records", "shown", "n"
    else:
        where, values = ["topic = ?", "topics.kind = ?", _HERE], [topic, kind]
        found, shown, n = "topics JOIN records ON n = record", "topics.shown", "topics.record"
    bound: list[object] = list(values)
    if after is not None:
        where.append(f"({shown}, {n}) < (?, ?)")
        bound += after
    if only_open:
        where.append("NOT EXISTS (SELECT 1 FROM closed WHERE request = n)")
    sql = f"SELECT raw, arrived, records.shown, n FROM {found} WHERE {' AND '.join(where)} ORDER BY {shown} DESC, {n} DESC LIMIT ?"  # noqa: S608  # fixed text and marks
    return [stored_of(row) for row in db.execute(sql, (*bound, limit))]


def stored_of(row: tuple[bytes, int, int, int]) -> Stored:
    """Out of the columns raw, arrived, shown, n."""
    raw, arrived, shown, n = row
    return Stored(parse(raw), arrived, (shown, n))


def _parts(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    return (ids[at : at + _FEW] for at in range(0, len(ids), _FEW))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
