"""A record's rows: in the table of records, and in those by whose order it is found (refs, topics, attachments).

Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Mapping, Sequence

from p2plearn.learning.items import is_ahead
from p2plearn.node.store import waiting as store_waiting
from p2plearn.node.store import words as store_words
from p2plearn.node.store.packing import pack
from p2plearn.protocol.kinds import ORIGINALS
from p2plearn.protocol.records import Record, parse

_VARIABLES = 900  # in one statement; 999 is the least that any SQLite takes


def author(db: sqlite3.Connection, key: bytes) -> int:
    """The small number that stands for an author in the tables."""
    db.execute("INSERT OR IGNORE INTO authors (key) VALUES (?)", (key,))
    (n,) = db.execute("SELECT n FROM authors WHERE key = ?", (key,)).fetchone()
    return int(n)


def insert(
    db: sqlite3.Connection, records: Sequence[Record], numbers: Mapping[bytes, int], first: int, now: int
) -> list[tuple[int, Record, int]]:
    """(row, record, shown) of those that were not here. `numbers`: author key → row of the author; `first`: the first free row."""
    rows = [(first + at, record, -1 if is_ahead(record.time, now) else min(record.time, now)) for at, record in enumerate(records)]
    values = [(n, r.id, numbers[r.author], r.seq, r.space, r.kind, now, shown, len(r.raw), pack(r.raw)) for n, r, shown in rows]
    if _insert_many(db, "INTO records (n, id, author, seq, space, kind, arrived, shown, size, raw)", values) == len(values):
        return rows
    new = {n for (n,) in db.execute("SELECT n FROM records WHERE n >= ?", (first,))}
    return [row for row in rows if row[0] in new]


def insert_derived(db: sqlite3.Connection, rows: Sequence[tuple[int, Record, int]]) -> None:
    """What is found by the new records' refs, topics and attachments; in the order of each table, which keeps neighbours on one page."""
    _insert_many(db, "INTO refs", sorted((ref.target, ref.relation, n) for n, r, _ in rows for ref in r.refs))
    _insert_many(db, "INTO topics", sorted((topic, *_in_feed(r, shown), n) for n, r, shown in rows for topic in r.topics))
    _insert_many(db, "INTO attachments", sorted((item.cid, n, item.size) for n, r, _ in rows for item in r.attachments))


def _insert_many(db: sqlite3.Connection, where: str, rows: Sequence[tuple[object, ...]]) -> int:
    """Insert rows, but those whose key is there; how many.

    A good many in one statement: for each statement SQLite lets go of Python's lock and must get it back, which takes long while
    another thread computes.
    """
    inserted = 0
    at_once = _VARIABLES // len(rows[0]) if rows else 1
    for at in range(0, len(rows), at_once):
        part = rows[at : at + at_once]
        marks = ", ".join([f"({_marks(len(part[0]))})"] * len(part))
        sql = f"INSERT OR IGNORE {where} VALUES {marks}"  # noqa: S608  # fixed text and marks
        inserted += db.execute(sql, [value for row in part for value in row]).rowcount
    return inserted


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def delete(db: sqlite3.Connection, record_id: bytes) -> Record | None:
    """Take a record and what is derived from it alone out of the tables; None when it is not here."""
    row = db.execute("SELECT n, author, raw FROM records WHERE id = ?", (record_id,)).fetchone()
    if row is None:
        return None
    n, author, raw = row
    record = parse(raw)
    store_words.unindex(db, n, record)
    store_waiting.note_gone(db, n, record)
    db.execute("DELETE FROM closed WHERE request = ?", (n,))
    db.execute("DELETE FROM unverified WHERE n = ?", (n,))
    db.executemany(
        "DELETE FROM refs WHERE target = ? AND relation = ? AND source = ?", [(ref.target, ref.relation, n) for ref in record.refs]
    )
    (shown,) = db.execute("DELETE FROM records WHERE n = ? RETURNING shown", (n,)).fetchall()[0]
    db.executemany(
        "DELETE FROM topics WHERE topic = ? AND kind = ? AND shown = ? AND record = ?",
        [(topic, *_in_feed(record, shown), n) for topic in record.topics],
    )
    db.executemany("DELETE FROM attachments WHERE cid = ? AND record = ?", [(item.cid, n) for item in record.attachments])
    db.execute("UPDATE authors SET bytes = bytes - ? WHERE n = ?", (len(raw), author))
    db.execute(
        "INSERT INTO passed VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq, id = excluded.id "
        "WHERE (excluded.seq, excluded.id) > (seq, id)",
        (record.space, author, record.seq, record.id),
    )
    return record


def _in_feed(record: Record, shown: int) -> tuple[str, int]:
    """What the table of topics says of a record's place in the feed."""
    return (record.kind, shown) if record.kind in ORIGINALS else ("", 0)
