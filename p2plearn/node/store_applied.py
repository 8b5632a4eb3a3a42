"""What every index behind the records shares: the last row it has applied, committed together with its data, and the rows after that."""

import sqlite3

from p2plearn import limits
from p2plearn.protocol.records import Record, parse


def last(db: sqlite3.Connection, name: str) -> int:
    """The last row that the index `name` has applied, 0 for none."""
    row = db.execute("SELECT n FROM applied WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def is_behind(db: sqlite3.Connection, name: str) -> bool:
    """Whether records wait for the index."""
    return int(db.execute("SELECT coalesce(max(n), 0) FROM records").fetchone()[0]) > last(db, name)


def next_rows(db: sqlite3.Connection, name: str) -> list[tuple[int, Record]]:
    """The next INDEX_BATCH rows, noted as applied: the caller applies them in this transaction."""
    rows = db.execute("SELECT n, raw FROM records WHERE n > ? ORDER BY n LIMIT ?", (last(db, name), limits.INDEX_BATCH)).fetchall()
    if rows:
        db.execute("INSERT OR REPLACE INTO applied VALUES (?, ?)", (name, rows[-1][0]))
    return [(n, parse(raw)) for n, raw in rows]
