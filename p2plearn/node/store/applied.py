"""What every index behind the records shares: the last row it has applied, committed together with its data."""

import sqlite3


def last(db: sqlite3.Connection, name: str) -> int:
    """The last row that the index `name` has applied, 0 for none."""
    row = db.execute("SELECT n FROM applied WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def is_behind(db: sqlite3.Connection, name: str) -> bool:
    """Whether records wait for the index."""
    return int(db.execute("SELECT coalesce(max(n), 0) FROM records").fetchone()[0]) > last(db, name)


def advance(db: sqlite3.Connection, name: str, most: int) -> tuple[int, int]:
    """(row, row): the index is to apply what lies behind the one up to the other, `most` records at most, in this transaction."""
    before = last(db, name)
    batch = "SELECT n FROM records WHERE n > ? ORDER BY n LIMIT ?"
    (until,) = db.execute(f"SELECT coalesce(max(n), ?) FROM ({batch})", (before, before, most)).fetchone()  # noqa: S608  # fixed text
    db.execute("INSERT OR REPLACE INTO applied VALUES (?, ?)", (name, until))
    return before, int(until)
