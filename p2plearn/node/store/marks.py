"""Reading what the measure of health is made from, in the order in which it came. Knows the tables, not the store around them."""

import sqlite3
from collections.abc import Sequence

from p2plearn import limits
from p2plearn.ledger.evidence import Mark, mark_of
from p2plearn.protocol.records import parse

_ROWS = """
SELECT raw, shown, arrived FROM (
    SELECT n, raw, shown, arrived FROM records WHERE n > ? AND n <= ? AND space = 'commons' AND kind IN ({})
    AND coalesce(nullif(shown, -1), arrived) > ? ORDER BY n DESC LIMIT ?) ORDER BY n
"""
_SEEN = """
SELECT key, coalesce(nullif(shown, -1), arrived) AS at FROM records JOIN authors ON authors.n = author
WHERE records.n > ? AND records.n <= ? AND space = 'commons' AND at > ?
"""


def last_row(db: sqlite3.Connection) -> int:
    """The row of the record that came last."""
    return int(db.execute("SELECT coalesce(max(n), 0) FROM records").fetchone()[0])


def marks(db: sqlite3.Connection, kinds: Sequence[str], rows: tuple[int, int], since: int) -> list[Mark]:
    """Of the records behind one row and up to another that were said since then (ms since 1970); the last MAX_MARKS."""
    sql = _ROWS.format(", ".join("?" * len(kinds)))
    found = db.execute(sql, (*rows, *kinds, since, limits.MAX_MARKS)).fetchall()
    made = (mark_of(parse(raw), arrived if shown < 0 else shown, arrived) for raw, shown, arrived in found)
    return [mark for mark in made if mark is not None]


def seen(db: sqlite3.Connection, rows: tuple[int, int], since: int) -> dict[bytes, list[int]]:
    """Author → when they said anything, in no order."""
    found: dict[bytes, list[int]] = {}
    for key, at in db.execute(_SEEN, (*rows, since)):
        found.setdefault(bytes(key), []).append(at)
    return found
