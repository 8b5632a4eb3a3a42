"""The store: what this node holds, on disk. One writer, several readers, in one process at a time (the home's lock sees to that).

Acknowledged means committed: a method that changes something returns when it is on the disk. Synchronous and thread-safe; the node calls it
from worker threads. Reading records by what they are about is here too; words are in `store_words`, local matters in `store_local`.

Must not know peers, protocol messages or views.
"""

import contextlib
import queue
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn import limits
from p2plearn.errors import DiskFull, P2plearnError
from p2plearn.node import store_heads
from p2plearn.node.store_schema import connect, open_database
from p2plearn.protocol.admission import Usage
from p2plearn.protocol.authoring import compose
from p2plearn.protocol.records import COMMONS, NO_PREV, Draft, Record, parse
from p2plearn.protocol.replica import Head, Replica, Scope
from p2plearn.protocol.sync import Load

_READERS = 2
_FEW = 500  # ids in one query; SQLite's own bound on variables is larger everywhere


class Stored(NamedTuple):
    """A record and when it came here (ms since 1970)."""

    record: Record
    arrived: int


@dataclass(slots=True)
class Change:
    """What one transaction changed: what replicas, indexes and views apply after it."""

    added: list[Record] = field(default_factory=list)
    removed: list[bytes] = field(default_factory=list)
    declined: list[bytes] = field(default_factory=list)
    heads: dict[tuple[str, bytes], Head | None] = field(default_factory=dict)


class Store:
    """The records of one home. Close it; a store that was not closed (power cut, kill −9) opens again just so."""

    def __init__(self, directory: Path, min_free: int = limits.MIN_FREE_FOR_PEERS) -> None:
        """Open or make `directory`/store.db. Raises StoreTooNew, DiskFull or P2plearnError."""
        self._directory = directory
        self._min_free = min_free
        self._path = directory / "store.db"
        self._lock = threading.RLock()
        self._authors: dict[bytes, int] = {}
        try:
            self._writer = open_database(self._path)
        except sqlite3.Error as error:
            if self.free_space() < limits.MIN_FREE_FOR_OWN:
                raise DiskFull(free=self.free_space()) from None
            raise P2plearnError(reason=f"the store {self._path} cannot be opened ({error})") from None
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        for _ in range(_READERS):
            self._readers.put(connect(self._path))
        self._authors = dict(self._writer.execute("SELECT key, n FROM authors"))

    def __repr__(self) -> str:
        return f"<Store {self._path}>"

    def close(self) -> None:
        """Finish; folds the write-ahead log into the file."""
        with self._lock:
            for _ in range(_READERS):
                self._readers.get().close()
            self._writer.close()

    # --- transactions, for this module and its siblings ---

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end or not at all. Raises DiskFull when the disk has no room for it."""
        with self._lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                    raise DiskFull(free=self.free_space()) from None
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with, seeing what is committed."""
        connection = self._readers.get()
        try:
            yield connection
        finally:
            self._readers.put(connection)

    # --- writing records ---

    def free_space(self) -> int:
        """Bytes free on the disk that holds the store."""
        return shutil.disk_usage(self._directory).free

    def problem(self) -> str:
        """What SQLite finds wrong with the file, empty when nothing is."""
        try:
            with self.reading() as db:
                (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            return str(error)
        return "" if found == "ok" else str(found)

    def has_room_for_peers(self) -> bool:
        """Whether records from peers may be taken: the last free space is kept for one's own."""
        return self.free_space() >= self._min_free

    def append(self, draft: Draft, key: Ed25519PrivateKey, now: int) -> tuple[Record, Change]:
        """Sign a draft as its author's next record and commit it: head, signature and row in one transaction.

        Raises DiskFull, and ValueError when the draft breaks a limit of the envelope.
        """
        free = self.free_space()
        if free < limits.MIN_FREE_FOR_OWN:
            raise DiskFull(free=free)
        author = key.public_key().public_bytes_raw()
        with self.writing() as db:
            row = db.execute(
                "SELECT seq, id FROM records WHERE author = ? AND space = ? ORDER BY seq DESC, id DESC LIMIT 1",
                (self._author(db, author), draft.space),
            ).fetchone()
            seq, prev = row or (0, NO_PREV)
            record = compose(draft, key, seq + 1, prev, now)
            change = self._insert(db, [record], now)
        return record, change

    def commit(self, records: Sequence[Record], now: int, declined: Iterable[bytes] = ()) -> Change:
        """Commit examined and accepted records in one transaction; those held already are passed over. `declined`: ids not wanted."""
        with self.writing() as db:
            change = self._insert(db, records, now)
            change.declined = _decline(db, declined, lasting=False)
        return change

    def forget(self, ids: Iterable[bytes], author: bytes | None = None) -> Change:
        """Delete records and decline them from now on; with `author`, whatever else comes from them too."""
        from p2plearn.node.store_words import unindex

        change = Change()
        with self.writing() as db:
            if author is not None:
                db.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (author,))
            touched: dict[tuple[str, bytes], int] = {}
            for record_id in ids:
                row = db.execute("SELECT n, author, raw FROM records WHERE id = ?", (record_id,)).fetchone()
                if row is None:
                    continue
                record = parse(row[2])
                unindex(db, row[0], record)
                _delete(db, row[0], row[1], record)
                touched[record.space, record.author] = row[1]
                change.removed.append(record_id)
            change.declined = _decline(db, change.removed, lasting=True)
            for (space, key), n in touched.items():
                change.heads[space, key] = store_heads.recompute(db, space, n)
        return change

    def _author(self, db: sqlite3.Connection, key: bytes) -> int:
        """The small number that stands for an author in the tables; a rolled back one is simply looked up again."""
        known = self._authors.get(key)
        if known is None:
            db.execute("INSERT OR IGNORE INTO authors (key) VALUES (?)", (key,))
            (known,) = db.execute("SELECT n FROM authors WHERE key = ?", (key,)).fetchone()
        return int(known)

    def _insert(self, db: sqlite3.Connection, records: Sequence[Record], now: int) -> Change:
        change = Change()
        numbers: dict[bytes, int] = {}
        sizes: dict[int, int] = {}
        for record in records:
            author = numbers.get(record.author)
            if author is None:
                author = numbers[record.author] = self._author(db, record.author)
            shown = -1 if record.time > now + limits.FUTURE_TOLERANCE_MS else min(record.time, now)
            cursor = db.execute(
                "INSERT OR IGNORE INTO records (id, author, seq, space, kind, arrived, shown, raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (record.id, author, record.seq, record.space, record.kind, now, shown, record.raw),
            )
            if not cursor.rowcount:
                continue
            n = cursor.lastrowid
            db.executemany("INSERT OR IGNORE INTO refs VALUES (?, ?, ?)", [(ref.target, ref.relation, n) for ref in record.refs])
            db.executemany("INSERT OR IGNORE INTO topics VALUES (?, ?)", [(topic, n) for topic in record.topics])
            db.executemany("INSERT OR IGNORE INTO attachments VALUES (?, ?)", [(item.cid, n) for item in record.attachments])
            sizes[author] = sizes.get(author, 0) + len(record.raw)
            change.added.append(record)
        db.executemany("UPDATE authors SET bytes = bytes + ? WHERE n = ?", [(size, n) for n, size in sizes.items()])
        db.executemany("DELETE FROM declined WHERE id = ?", [(record.id,) for record in change.added])
        change.heads = store_heads.extend(db, change.added, numbers)
        return change

    # --- reading records ---

    def get(self, ids: Iterable[bytes]) -> list[Stored]:
        """The records of these ids that are held, in the order asked."""
        wanted = list(ids)
        found: dict[bytes, Stored] = {}
        with self.reading() as db:
            for at in range(0, len(wanted), _FEW):
                part = wanted[at : at + _FEW]
                rows = db.execute(f"SELECT raw, arrived FROM records WHERE id IN ({_marks(part)})", part)  # noqa: S608  # only marks
                found.update((stored.record.id, stored) for stored in map(_stored, rows))
        return [found[record_id] for record_id in wanted if record_id in found]

    def load(self, load: Load) -> tuple[list[bytes], Load]:
        """The first batch of a load as raw records, and what is left of it. Ids that are gone are passed over."""
        with self.reading() as db:
            return store_heads.load_batch(db, load)

    def about(self, targets: Sequence[bytes], relation: str) -> list[Stored]:
        """The records that name any of `targets` in `relation`, at most MAX_THREAD of each."""
        found: list[Stored] = []
        with self.reading() as db:
            for target in targets:
                rows = db.execute(
                    "SELECT raw, arrived FROM refs JOIN records ON n = source WHERE target = ? AND relation = ? ORDER BY n LIMIT ?",
                    (target, relation, limits.MAX_THREAD),
                )
                found += map(_stored, rows)
        return found

    def of_kinds(self, kinds: Sequence[str], topic: str | None = None, *, after: tuple[int, int] | None = None, limit: int) -> list[Stored]:
        """Records of these kinds in the order of the feed, newest first; with a topic, those that carry it.

        `after` (shown, n) continues behind a row given before; see `position`.
        """
        where, values = [f"kind IN ({_marks(kinds)})", "space = ?"], [*kinds, COMMONS]
        if topic is not None:
            where.append("n IN (SELECT record FROM topics WHERE topic = ?)")
            values.append(topic)
        bound: list[object] = list(values)
        if after is not None:
            where.append("(shown, n) < (?, ?)")
            bound += after
        sql = f"SELECT raw, arrived FROM records WHERE {' AND '.join(where)} ORDER BY shown DESC, n DESC LIMIT ?"  # noqa: S608  # fixed text and marks
        with self.reading() as db:
            return [_stored(row) for row in db.execute(sql, (*bound, limit))]

    def position(self, record_id: bytes) -> tuple[int, int]:
        """Where a held record stands in the order of the feed: (shown, n)."""
        with self.reading() as db:
            shown, n = db.execute("SELECT shown, n FROM records WHERE id = ?", (record_id,)).fetchone()
        return int(shown), int(n)

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

    def count(self) -> int:
        """How many records of the commons are held."""
        with self.reading() as db:
            return int(db.execute("SELECT count(*) FROM records WHERE space = ?", (COMMONS,)).fetchone()[0])

    def everything(self, topic: str | None = None) -> Iterator[bytes]:
        """Every raw record in the order of arrival, a few at a time; with a topic, those that carry it."""
        last = 0
        only = "" if topic is None else "AND n IN (SELECT record FROM topics WHERE topic = ?) "
        sql = f"SELECT n, raw FROM records WHERE n > ? {only}ORDER BY n LIMIT {_FEW}"  # noqa: S608  # fixed text and marks
        while True:
            with self.reading() as db:
                rows = db.execute(sql, (last, *([] if topic is None else [topic]))).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield from (bytes(row[1]) for row in rows)

    # --- what peers compare, and what the quota counts ---

    def replica(self, scope: Scope) -> Replica:
        """The index of everything of one space, read from scratch."""
        replica = Replica(scope)
        with self.reading() as db:
            replica.add(bytes(row[0]) for row in db.execute("SELECT id FROM records WHERE space = ? ORDER BY id", (scope.space,)))
            replica.decline(bytes(row[0]) for row in db.execute("SELECT id FROM declined"))
            replica.heads = store_heads.read_all(db, scope.space)
        return replica

    def authors_of_topic(self, topic: str) -> set[bytes]:
        """Who wrote a record that carries the topic."""
        sql = "SELECT DISTINCT key FROM topics JOIN records ON records.n = record JOIN authors ON authors.n = author WHERE topic = ?"
        with self.reading() as db:
            return {bytes(row[0]) for row in db.execute(sql, (topic,))}

    def usage(self, quota: int, friends: Iterable[bytes]) -> Usage:
        """Bytes of records by author."""
        with self.reading() as db:
            by_author = {bytes(key): int(size) for key, size in db.execute("SELECT key, bytes FROM authors WHERE bytes > 0")}
        return Usage(quota, frozenset(friends), sum(by_author.values()), by_author)

    def forgotten_among(self, ids: Sequence[bytes]) -> set[bytes]:
        """Those of these ids that a person told this node to forget."""
        found: set[bytes] = set()
        with self.reading() as db:
            for at in range(0, len(ids), _FEW):
                part = ids[at : at + _FEW]
                rows = db.execute(f"SELECT id FROM declined WHERE lasting AND id IN ({_marks(part)})", part)  # noqa: S608  # only marks
                found.update(bytes(row[0]) for row in rows)
        return found

    def welcome_back(self) -> None:
        """Take what was turned away for want of room off the declined list."""
        with self.writing() as db:
            db.execute("DELETE FROM declined WHERE NOT lasting")

    def holds_attachment(self, cid: bytes) -> int | None:
        """The size that the records here give an attachment, the largest if they differ; None when none names it."""
        with self.reading() as db:
            rows = db.execute("SELECT raw FROM attachments JOIN records ON n = record WHERE cid = ?", (cid,))
            sizes = [item.size for (raw,) in rows for item in parse(raw).attachments if item.cid == cid]
        return max(sizes, default=None)

    def attachments(self, topic: str | None = None) -> list[tuple[bytes, int]]:
        """(CID, size) of every attachment that records here name; with a topic, those of records that carry it."""
        found: dict[bytes, int] = {}
        only = "" if topic is None else "WHERE record IN (SELECT record FROM topics WHERE topic = ?) "
        sql = f"SELECT DISTINCT raw FROM attachments JOIN records ON n = record {only}"  # noqa: S608  # fixed text
        with self.reading() as db:
            for (raw,) in db.execute(sql, [] if topic is None else [topic]):
                found.update((item.cid, item.size) for item in parse(raw).attachments)
        return sorted(found.items())

    def forgotten(self) -> set[bytes]:
        """The authors of whom nothing is wanted."""
        with self.reading() as db:
            return {bytes(row[0]) for row in db.execute("SELECT author FROM forgotten")}


def _stored(row: tuple[bytes, int]) -> Stored:
    return Stored(parse(row[0]), row[1])


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _delete(db: sqlite3.Connection, n: int, author: int, record: Record) -> None:
    db.execute("DELETE FROM records WHERE n = ?", (n,))
    db.executemany("DELETE FROM refs WHERE target = ? AND relation = ? AND source = ?", [(ref.target, ref.relation, n) for ref in record.refs])
    db.executemany("DELETE FROM topics WHERE topic = ? AND record = ?", [(topic, n) for topic in record.topics])
    db.executemany("DELETE FROM attachments WHERE cid = ? AND record = ?", [(item.cid, n) for item in record.attachments])
    db.execute("UPDATE authors SET bytes = bytes - ? WHERE n = ?", (len(record.raw), author))


def _decline(db: sqlite3.Connection, ids: Iterable[bytes], *, lasting: bool) -> list[bytes]:
    """Put ids on the declined list, whose oldest entries make room."""
    sql = "INSERT OR IGNORE INTO declined (id, lasting) VALUES (?, ?)"
    added = [record_id for record_id in ids if db.execute(sql, (record_id, lasting)).rowcount]
    if added:
        db.execute("DELETE FROM declined WHERE n <= (SELECT max(n) FROM declined) - ?", (limits.MAX_DECLINED,))
    return added
