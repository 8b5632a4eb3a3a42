"""The tables, and opening the file they are in. What only this module and its siblings know: SQL.

Truth: `records` (raw bytes), `declined`, `forgotten`, and the local tables (follows, addresses). Everything else is derived and can be rebuilt from `records`.
"""

import sqlite3
from pathlib import Path

from p2plearn.errors import StoreTooNew

FORMAT = 1

_TABLES = """
CREATE TABLE authors (n INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, bytes INTEGER NOT NULL DEFAULT 0);
-- n counts up and is never used twice, so a view that has applied row n resumes behind it
CREATE TABLE records (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, author INTEGER NOT NULL, seq INTEGER NOT NULL,
    space TEXT NOT NULL, kind TEXT NOT NULL, arrived INTEGER NOT NULL, shown INTEGER NOT NULL, raw BLOB NOT NULL
);
CREATE INDEX records_by_author ON records (author, seq);
CREATE INDEX records_by_kind ON records (kind, shown);
CREATE TABLE heads (space TEXT, author INTEGER, seq INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (space, author)) WITHOUT ROWID;
CREATE TABLE refs (target BLOB, relation TEXT, source INTEGER, PRIMARY KEY (target, relation, source)) WITHOUT ROWID;
CREATE TABLE topics (topic TEXT, record INTEGER, PRIMARY KEY (topic, record)) WITHOUT ROWID;
CREATE TABLE attachments (cid BLOB, record INTEGER, PRIMARY KEY (cid, record)) WITHOUT ROWID;
-- lasting: forgotten by a person; else turned away for want of room, and welcome again when there is some
CREATE TABLE declined (n INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, lasting INTEGER NOT NULL);
CREATE TABLE forgotten (author BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE follows (attitude TEXT, kind TEXT, target BLOB, PRIMARY KEY (attitude, kind, target)) WITHOUT ROWID;
CREATE TABLE addresses (peer TEXT, address TEXT, seen INTEGER NOT NULL, PRIMARY KEY (peer, address)) WITHOUT ROWID;
CREATE TABLE seen (author BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
-- the last row each derived index has applied, committed together with its data
CREATE TABLE applied (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(title, text, content='', tokenize="unicode61 remove_diacritics 2");
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open or make the store's file, for the one writer. Raises StoreTooNew; sqlite3.Error when the file is no database."""
    connection = connect(path)
    connection.execute("PRAGMA page_size = 16384")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # acknowledged means committed; nearly free in batches
    connection.execute("BEGIN IMMEDIATE")
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > FORMAT:
        connection.execute("ROLLBACK")
        connection.close()
        raise StoreTooNew(found=found, known=FORMAT)
    if found == 0:
        for statement in _TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """A connection that may move between threads (its owner sees to it that one uses it at a time); transactions are explicit."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
    connection.execute("PRAGMA cache_size = -16384")
    return connection
