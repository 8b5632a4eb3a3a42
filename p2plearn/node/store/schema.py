"""The tables, and opening the file they are in. What only this module and its siblings know: SQL.

Truth: `records` (raw bytes), `unverified`, `passed`, `declined`, `forgotten`, `doubted`, `kept`, and what is local (follows, addresses,
seen, agreed, read, answers, brought, an author's `latest`). Everything else is derived and can be rebuilt from `records`.
"""

import contextlib
import os
import sqlite3
from pathlib import Path

from p2plearn import limits
from p2plearn.errors import StoreTooNew
from p2plearn.node.store.packing import COLUMN_TYPE, pack

FORMAT = 4
_PAGE = 16_384

_UNVERIFIED = """
-- records whose own signature is yet to be checked: one of the same author's that was checked names them
CREATE TABLE unverified (n INTEGER PRIMARY KEY);
-- authors of whom such a check failed: theirs are checked before they are stored
CREATE TABLE doubted (n INTEGER PRIMARY KEY AUTOINCREMENT, author BLOB NOT NULL UNIQUE);
"""

_SINCE_3 = """
-- whose node held every record of the commons that is here, up to row n, when the two last agreed
CREATE TABLE agreed (author BLOB PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
-- what may concern this home's author: see `concerns`
CREATE TABLE things (root BLOB, thing BLOB, PRIMARY KEY (root, thing)) WITHOUT ROWID;
CREATE TABLE concerns (seen INTEGER, shown INTEGER, record INTEGER, PRIMARY KEY (seen, shown, record)) WITHOUT ROWID;
CREATE TABLE own (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE adopted (record INTEGER PRIMARY KEY);
-- items of the inbox that were read; mark tells apart those with one id
CREATE TABLE read (id BLOB, mark INTEGER, PRIMARY KEY (id, mark)) WITHOUT ROWID;
-- to the three questions; shared and action: the records that came of one; facts: counts as JSON, of when it was given
CREATE TABLE answers (
    n INTEGER PRIMARY KEY, question INTEGER NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL, shared BLOB, action BLOB, facts TEXT
);
"""

_SINCE_4 = """
-- who was helped by whom, as the record of that id says: see `receipts`; slot: empty where it is the root, topics: as JSON
CREATE TABLE receipts (
    root BLOB, issuer INTEGER, helper INTEGER, kind TEXT, slot BLOB, units REAL NOT NULL, at INTEGER NOT NULL, topics TEXT NOT NULL,
    record BLOB NOT NULL, PRIMARY KEY (root, issuer, helper, kind, slot)
) WITHOUT ROWID;
CREATE INDEX receipts_between ON receipts (issuer, helper);
-- whose receipts for what they said on a root are to be looked at again; issuer: empty for everybody's; n: another one each time
CREATE TABLE waiting (n INTEGER PRIMARY KEY AUTOINCREMENT, root BLOB NOT NULL, issuer BLOB NOT NULL, UNIQUE (root, issuer));
-- of whom adopters of a root say that they learned it from them
CREATE TABLE taught (root BLOB, teacher BLOB, adopter BLOB, PRIMARY KEY (root, teacher, adopter)) WITHOUT ROWID;
-- records deleted that receipts may have come of, by the rows they were in, until that is looked at; sources: ids, one behind the other
CREATE TABLE gone (n INTEGER PRIMARY KEY, id BLOB NOT NULL, author BLOB NOT NULL, kind TEXT NOT NULL, root BLOB, sources BLOB NOT NULL);
-- a few hashes of the words of each wording of a snippet, and since which row that is known; and whose words were taken: see `originals`
CREATE TABLE sketches (hash INTEGER, known INTEGER, wording INTEGER, PRIMARY KEY (hash, known, wording)) WITHOUT ROWID;
CREATE INDEX sketches_of ON sketches (wording);
-- what nobody else knows, so that nobody knows which hashes are kept
INSERT OR REPLACE INTO applied VALUES ('salt of sketches', abs(random() % 1152921504606846976));
CREATE TABLE copies (copy BLOB PRIMARY KEY, original BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX copies_of ON copies (original);
-- bytes that each author's node gave this one
CREATE TABLE brought (author BLOB PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
"""

_RECORDS = f"""
-- n counts up and is never used twice, so a view that has applied row n resumes behind it; size: bytes of the raw record
CREATE TABLE records (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, author INTEGER NOT NULL, seq INTEGER NOT NULL, space TEXT NOT NULL,
    kind TEXT NOT NULL, arrived INTEGER NOT NULL, shown INTEGER NOT NULL, size INTEGER NOT NULL, raw {COLUMN_TYPE} NOT NULL
);
CREATE INDEX records_by_author ON records (author, seq);
CREATE INDEX records_by_kind ON records (kind, shown) WHERE space = 'commons';
CREATE INDEX records_elsewhere ON records (space) WHERE space != 'commons';
"""

_TABLES = (
    _RECORDS
    + """
-- bytes: of the records held; latest: when the last record came, ms since 1970
CREATE TABLE authors (n INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, bytes INTEGER NOT NULL DEFAULT 0, latest INTEGER NOT NULL DEFAULT 0);
CREATE TABLE heads (space TEXT, author INTEGER, seq INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (space, author)) WITHOUT ROWID;
-- the greatest (seq, id) of a chain that was deleted here: its author goes on behind it and never uses a seq twice
CREATE TABLE passed (space TEXT, author INTEGER, seq INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (space, author)) WITHOUT ROWID;
CREATE TABLE refs (target BLOB, relation TEXT, source INTEGER, PRIMARY KEY (target, relation, source)) WITHOUT ROWID;
-- kind and shown are those of the feed; empty and 0 for what never stands there
CREATE TABLE topics (topic TEXT, kind TEXT, shown INTEGER, record INTEGER, PRIMARY KEY (topic, kind, shown, record)) WITHOUT ROWID;
CREATE TABLE attachments (cid BLOB, record INTEGER, size INTEGER NOT NULL, PRIMARY KEY (cid, record)) WITHOUT ROWID;
-- files whose blocks are here, or may be in part; bytes count against the quota
CREATE TABLE kept (cid BLOB PRIMARY KEY, bytes INTEGER NOT NULL, whole INTEGER NOT NULL) WITHOUT ROWID;
-- why: "forgotten" by a person; "declined", of a forgotten author; "signature", which is broken; "quota", turned away for want of room
-- and welcome when there is some
CREATE TABLE declined (n INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, why TEXT NOT NULL);
CREATE INDEX declined_why ON declined (why);
CREATE TABLE forgotten (author BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE follows (attitude TEXT, kind TEXT, target BLOB, PRIMARY KEY (attitude, kind, target)) WITHOUT ROWID;
CREATE TABLE addresses (peer TEXT, address TEXT, seen INTEGER NOT NULL, PRIMARY KEY (peer, address)) WITHOUT ROWID;
CREATE TABLE seen (author BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
-- the last row each derived index has applied, committed together with its data
CREATE TABLE applied (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE closed (request INTEGER PRIMARY KEY);
"""
    + _UNVERIFIED
    + _SINCE_3
    + _SINCE_4
)

_PACK = f"""
ALTER TABLE records RENAME TO plain;
DROP INDEX records_by_author;
DROP INDEX records_by_kind;
DROP INDEX records_elsewhere;
{_RECORDS}
INSERT INTO records SELECT n, id, author, seq, space, kind, arrived, shown, length(raw), pack(raw) FROM plain ORDER BY n;
UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'plain') WHERE name = 'records';
DROP TABLE plain;
"""  # noqa: S608  # fixed text

# From each format to the next. Only tables that are no index are ever changed so; an index is made anew.
_MIGRATIONS = {1: _UNVERIFIED + _PACK, 2: _SINCE_3, 3: _SINCE_4}


def open_database(path: Path, *, alone: bool = False) -> sqlite3.Connection:
    """Open or make the store's file, for the one writer; `alone`: no other connection will read.

    Raises StoreTooNew with nothing changed; sqlite3.Error when it is no database.
    """
    connection = connect(path, alone=alone)
    try:
        found = _format(connection)
        if not found:
            _make(connection)
            _flush_names(path.parent)
        elif found < FORMAT:
            _migrate(connection)
        connection.execute("PRAGMA synchronous = FULL")  # acknowledged means committed; nearly free in batches
        connection.execute(f"PRAGMA wal_autocheckpoint = {limits.MAX_LOG // _PAGE}")
        connection.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync does not reach the disk; elsewhere this is nothing
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: Path, *, alone: bool = False) -> sqlite3.Connection:
    """A connection that may move between threads (its owner sees to it that one uses it at a time); transactions are explicit.

    One that is `alone` writes no file to read: what several share in one beside the database it keeps in memory (SQLite, wal.html § 8).
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0, detect_types=sqlite3.PARSE_DECLTYPES)
    try:
        if alone:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -16384")
    except BaseException:
        connection.close()
        raise
    return connection


def _format(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > FORMAT:
        raise StoreTooNew(found=found, known=FORMAT)
    return int(found)


def _make(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size = {_PAGE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # what is forgotten gives its room back to the disk
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    if not _format(connection):  # another process may have been quicker
        _run(connection, _TABLES)
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection) -> None:
    """From an older format to this one, all at once or not at all."""
    connection.create_function("pack", 1, pack, deterministic=True)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    for older in range(_format(connection), FORMAT):
        _run(connection, _MIGRATIONS[older])
    connection.execute("COMMIT")


def _run(connection: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _flush_names(directory: Path) -> None:
    """Files survive a power cut only if the names that lead to them do: the home and the directories above it may be new too."""
    for place in (directory, *directory.parents):
        with contextlib.suppress(OSError):  # somebody else's directory, which was there before
            handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
