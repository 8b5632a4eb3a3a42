"""The store: what this node holds, on disk. One writer, several readers, in one process at a time (the home's lock sees to that).

Acknowledged means committed: a method that changes something returns when it is on the disk. Synchronous and thread-safe; the node calls it
from worker threads. Reading is in `store_reader`; words, open requests, quota and local matters are in the siblings, as functions over a
connection.

Must not know peers, protocol messages or views.
"""

import contextlib
import os
import shutil
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn import limits
from p2plearn.errors import DiskFull, StoreBroken
from p2plearn.node.store import closed as store_closed
from p2plearn.node.store import concerns as store_concerns
from p2plearn.node.store import evicting as store_evicting
from p2plearn.node.store import heads as store_heads
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store import rows as store_rows
from p2plearn.node.store.reader import Reader, Stored, broken_if_damaged
from p2plearn.node.store.schema import open_database
from p2plearn.protocol.authoring import compose
from p2plearn.protocol.records import NO_PREV, Draft, Record
from p2plearn.protocol.replica import Head

__all__ = ["Change", "Store", "Stored"]

_VACUUM = 256  # pages given back in one transaction: 4 MiB
_SLACK = 64  # free pages that stay for what comes next: 1 MiB


@dataclass(slots=True)
class Change:
    """What one transaction changed: what replicas, indexes and views apply after it.

    `welcome`: ids no longer declined; `row`: that of the last record added, 0 when none was.
    """

    added: list[Record] = field(default_factory=list)
    row: int = 0
    removed: list[bytes] = field(default_factory=list)
    declined: list[bytes] = field(default_factory=list)
    welcome: list[bytes] = field(default_factory=list)
    heads: dict[tuple[str, bytes], Head | None] = field(default_factory=dict)
    files: dict[bytes, int] = field(default_factory=dict)  # CID → size of those whose last record was removed


class Store(Reader):
    """The records of one home. Close it; a store that was not closed (power cut, kill −9) opens again just so."""

    def __init__(self, directory: Path, min_free: int = limits.MIN_FREE_FOR_PEERS) -> None:
        """Open or make `directory`/store.db. Raises StoreTooNew, StoreBroken, DiskFull."""
        self._directory = directory
        self._min_free = max(min_free, limits.MIN_FREE_FOR_OWN)
        self._lock = threading.RLock()
        self._reserve = directory / "reserve"
        path = directory / "store.db"
        try:
            self._alone, self._writer = self._open(path)
            super().__init__(path, *([0] if self._alone else []))
        except sqlite3.Error as error:
            if not self.has_room_for_own():
                raise DiskFull(free=self.free_space()) from None
            raise StoreBroken(path=path, reason=str(error)) from None
        self._set_aside()

    def _open(self, path: Path) -> tuple[bool, sqlite3.Connection]:
        """(whether it is the only one, the writing connection): a disk without any room has none for what several connections share."""
        try:
            return False, open_database(path)
        except sqlite3.OperationalError:
            if self.has_room_for_own():
                raise
            return True, open_database(path, alone=True)

    def __repr__(self) -> str:
        return f"<Store {self._path}>"

    def close(self) -> None:
        """Finish; the last connection to go folds the write-ahead log into the file."""
        with self._lock:
            super().close()
            self._writer.close()

    # --- room ---

    def free_space(self) -> int:
        """Bytes free on the disk that holds the store."""
        return shutil.disk_usage(self._directory).free

    def has_room_for_peers(self) -> bool:
        """Whether records from peers may be taken: the last free space is kept for one's own."""
        return self.free_space() >= self._min_free

    def has_room_for_own(self) -> bool:
        """Whether anything may be added: the very last free space is kept for deleting, which needs some too."""
        return self.free_space() >= limits.MIN_FREE_FOR_OWN

    def _set_aside(self) -> None:
        """Where the disk is getting full, hold a little of it by a file: deleting needs room too, and others leave none."""
        if self._reserve.exists() or not limits.MIN_FREE_FOR_OWN <= self.free_space() < limits.RESERVE_BELOW:
            return
        with contextlib.suppress(OSError), self._reserve.open("xb") as file:
            file.write(os.urandom(limits.RESERVE))  # what a disk cannot make smaller

    def give_back(self) -> None:
        """Return to the disk what deleting left free in the file, as far as there is room to do it."""
        with contextlib.suppress(sqlite3.OperationalError), self._lock:
            before = None
            while _SLACK < (free := self._writer.execute("PRAGMA freelist_count").fetchone()[0]) != before:
                self._writer.execute(f"PRAGMA incremental_vacuum({min(free - _SLACK, _VACUUM)})").fetchall()
                before = free
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._set_aside()

    def checkpoint(self) -> None:
        """Fold what is in the write-ahead log into the file, so that a commit need not; others go on meanwhile."""
        if not self._alone:
            with contextlib.suppress(sqlite3.OperationalError), self.reading() as db:
                db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    # --- transactions, for this module and its siblings ---

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """As `Reader.reading`; where there is one connection only, reading and writing take turns."""
        if self._alone:
            with self._lock, broken_if_damaged(self._path):
                yield self._writer
        else:
            with super().reading() as db:
                yield db

    @contextlib.contextmanager
    def writing(self, *, derived: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end or not at all. Raises DiskFull when the disk has no room for it, StoreBroken.

        One of `derived` tables alone does not wait for the disk: after a power cut it may be undone as a whole, and is made again.
        """
        with self._lock, self._full_or_broken(), self._hasty() if derived else contextlib.nullcontext():
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _hasty(self) -> Iterator[None]:
        self._writer.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            self._writer.execute("PRAGMA synchronous = FULL")

    @contextlib.contextmanager
    def _full_or_broken(self) -> Iterator[None]:
        """A disk without room makes SQLite say “full”, or of its log and its shared memory “I/O error”."""
        try:
            with broken_if_damaged(self._path):
                yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
                raise
            raise DiskFull(free=self.free_space()) from None
        except StoreBroken:
            if self.has_room_for_own():
                raise
            raise DiskFull(free=self.free_space()) from None

    # --- writing records ---

    def append(self, draft: Draft, key: Ed25519PrivateKey, now: int) -> tuple[Record, Change]:
        """Sign a draft as its author's next record and commit it: head, signature and row in one transaction.

        Raises DiskFull, and ValueError when the draft breaks a limit of the envelope.
        """
        if not self.has_room_for_own():
            raise DiskFull(free=self.free_space())
        author = key.public_key().public_bytes_raw()
        with self.writing() as db:
            seq, prev = _last(db, store_rows.author(db, author), draft.space)
            record = compose(draft, key, seq + 1, prev, now)
            change = self._insert(db, [record], now)
        return record, change

    def commit(
        self,
        records: Sequence[Record],
        now: int,
        declined: Mapping[bytes, str] = MappingProxyType({}),
        *,
        postponed: Collection[bytes] = (),
        doubted: Iterable[bytes] = (),
    ) -> Change:
        """Commit examined and accepted records in one transaction; those held already are passed over.

        `declined`: ids not wanted and why: the reasons of `admission`. `postponed`: ids whose signature is yet to be checked. `doubted`:
        authors who were found to pass off as theirs what they did not sign.
        """
        with self.writing() as db:
            change = self._insert(db, records, now, postponed)
            change.declined, change.welcome = store_quota.decline(db, declined)
            store_quota.doubt(db, doubted)
        return change

    def note_verified(self, rows: Iterable[int]) -> None:
        """The signatures of the records in these rows were checked, and hold."""
        with self.writing() as db:
            db.executemany("DELETE FROM unverified WHERE n = ?", [(n,) for n in rows])

    def refute(self, records: Sequence[Record]) -> Change:
        """Delete records whose signature turned out to be broken, decline them, and doubt their authors."""
        with self.writing() as db:
            change = _remove(db, [record.id for record in records], "signature")
            store_quota.doubt(db, {record.author for record in records})
        return change

    def forget(self, ids: Iterable[bytes], author: bytes | None = None) -> Change:
        """Delete records and decline them from now on; with `author`, whatever else comes from them too.

        On a full disk it spends what was held back for this. Raises DiskFull when that is not enough.
        """
        wanted = list(ids)
        try:
            return self._forget(wanted, author)
        except DiskFull:
            self._reserve.unlink(missing_ok=True)
            self.give_back()
            change = self._forget(wanted, author)
            self.give_back()
            return change

    def _forget(self, ids: Iterable[bytes], author: bytes | None) -> Change:
        with self.writing() as db:
            if author is not None:
                store_quota.forget_author(db, author)
            return _remove(db, ids, "forgotten")

    def evict(self, find: Callable[[sqlite3.Connection], store_evicting.Victims]) -> tuple[store_evicting.Victims, Change]:
        """Delete what `find` says has to make room, in one transaction with it; declines the records. The files are to be dropped next."""
        with self.writing() as db:
            victims = find(db)
            store_evicting.let_go(db, victims.files)
            return victims, _remove(db, victims.records, "quota")

    def _insert(self, db: sqlite3.Connection, records: Sequence[Record], now: int, postponed: Collection[bytes] = ()) -> Change:
        """Insert those that are new, table by table: a statement for each record and table costs twice as much."""
        change = Change()
        if not records:
            return change
        numbers = {author: store_rows.author(db, author) for author in {record.author for record in records}}
        (first,) = db.execute("SELECT 1 + coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'records'").fetchone()
        rows = store_rows.insert(db, records, numbers, first, now)
        store_rows.insert_derived(db, rows)
        if postponed:
            db.execute("INSERT INTO unverified SELECT n FROM records WHERE n >= ?", (first,))
            db.executemany("DELETE FROM unverified WHERE n = ?", [(n,) for n, record, _ in rows if record.id not in postponed])
        change.added = [record for _, record, _ in rows]
        change.row = max((n for n, _, _ in rows), default=0)
        sizes = Counter[int]()
        for record in change.added:
            sizes[numbers[record.author]] += len(record.raw)
        db.executemany(
            "UPDATE authors SET bytes = bytes + ?, latest = max(latest, ?) WHERE n = ?", [(size, now, n) for n, size in sizes.items()]
        )
        if db.execute("SELECT 1 FROM declined LIMIT 1").fetchone():
            db.executemany("DELETE FROM declined WHERE id = ?", [(record.id,) for record in change.added])
        change.heads = store_heads.extend(db, change.added, numbers, first)
        return change


def _last(db: sqlite3.Connection, author: int, space: str) -> tuple[int, bytes]:
    """The greatest (seq, id) of a chain that was ever here, whether or not it still is; (0, empty) at its beginning."""
    row = db.execute(
        "SELECT * FROM (SELECT seq, id FROM records WHERE author = :author AND space = :space ORDER BY seq DESC, id DESC LIMIT 1) "
        "UNION ALL SELECT seq, id FROM passed WHERE author = :author AND space = :space ORDER BY seq DESC, id DESC LIMIT 1",
        {"author": author, "space": space},
    ).fetchone()
    return (int(row[0]), bytes(row[1])) if row else (0, NO_PREV)


def _remove(db: sqlite3.Connection, ids: Iterable[bytes], why: str) -> Change:
    """Delete records and all that comes of them, and decline them from now on."""
    change = Change()
    removed = [record for record_id in ids if (record := store_rows.delete(db, record_id)) is not None]
    change.removed = [record.id for record in removed]
    change.declined, change.welcome = store_quota.decline(db, dict.fromkeys(change.removed, why))
    change.files = _unnamed_files(db, removed)
    store_closed.refold(db, removed)
    store_concerns.refold(db, removed)
    chains = {(record.space, record.author) for record in removed}
    for space, key in chains:
        lowest = min((record for record in removed if (record.space, record.author) == (space, key)), key=lambda record: record.seq)
        change.heads[space, key] = store_heads.cut(db, store_rows.author(db, key), lowest)
    return change


def _unnamed_files(db: sqlite3.Connection, removed: Iterable[Record]) -> dict[bytes, int]:
    """The files that only these removed records named, with their sizes; they no longer count."""
    files: dict[bytes, int] = {}
    for item in (item for record in removed for item in record.attachments):
        if db.execute("SELECT 1 FROM attachments WHERE cid = ? LIMIT 1", (item.cid,)).fetchone() is None:
            kept = db.execute("DELETE FROM kept WHERE cid = ? RETURNING bytes", (item.cid,)).fetchall()
            files.setdefault(item.cid, int(kept[0][0]) if kept and kept[0][0] else item.size)
    return files
