"""Who was helped by whom, as `counting` keeps it, and what each author's node gave this one: what the ranking is made of.

Knows the tables, not the store around them.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from p2plearn.ledger.credits import authors_along
from p2plearn.ledger.receipts import Receipt
from p2plearn.protocol.records import Record, parse

Row: TypeAlias = tuple[bytes, bytes, bytes, str, bytes, float, int, str, bytes]

NUMBER = "(SELECT n FROM authors WHERE key = ?)"  # of an author, in the tables
# What `from_rows` takes; a condition may follow.
COLUMNS = """
SELECT root, issuers.key, helpers.key, kind, slot, units, at, topics, record FROM receipts
JOIN authors AS issuers ON issuers.n = issuer JOIN authors AS helpers ON helpers.n = helper
"""


def all_receipts(db: sqlite3.Connection) -> list[Receipt]:
    """All that hold, as far as the index is."""
    return [receipt for _, receipt in from_rows(db.execute(COLUMNS))]


def between(db: sqlite3.Connection, issuer: bytes, helper: bytes) -> list[Receipt]:
    """By which `issuer` was helped by `helper`, the latest first."""
    rows = db.execute(COLUMNS + f"WHERE issuer = {NUMBER} AND helper = {NUMBER} ORDER BY at DESC, record", (issuer, helper))
    return [receipt for _, receipt in from_rows(rows)]


def from_rows(rows: Iterable[Row]) -> Iterator[tuple[bytes, Receipt]]:
    """(root, receipt) of each."""
    known: dict[str, tuple[str, ...]] = {}
    for root, issuer, helper, kind, slot, units, at, topics, record in rows:
        if topics not in known:
            known[topics] = tuple(json.loads(topics))
        yield root, Receipt(issuer, helper, kind, slot or root, units, at, known[topics], record)


def authors_of(db: sqlite3.Connection, snippet: Record) -> list[bytes]:
    """Whose work a snippet is: see `ledger.credits.authors_along`."""
    return authors_if(db, snippet, noted_original(db, snippet.id))


def authors_if(db: sqlite3.Connection, snippet: Record, original: bytes | None) -> list[bytes]:
    """The same, if it has the words of this `original` itself."""

    def held(record_id: bytes) -> Record | None:
        row = db.execute("SELECT raw FROM records WHERE id = ?", (record_id,)).fetchone()
        return parse(row[0]) if row is not None else None

    return authors_along(snippet, held, lambda copy: original if copy == snippet.id else noted_original(db, copy))


def noted_original(db: sqlite3.Connection, copy: bytes) -> bytes | None:
    """The id of the snippet whose words a copy has, as `originals` found; None of what is no copy."""
    row = db.execute("SELECT original FROM copies WHERE copy = ?", (copy,)).fetchone()
    return bytes(row[0]) if row is not None else None


# --- bytes ---


def note_brought(db: sqlite3.Connection, found: Mapping[bytes, int]) -> None:
    """Author → bytes that their node gave this one, beside those noted before. They stay here: no message has them."""
    db.executemany("INSERT INTO brought VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes", found.items())


def brought(db: sqlite3.Connection) -> dict[bytes, int]:
    """Author → all of them."""
    return {bytes(author): int(count) for author, count in db.execute("SELECT author, bytes FROM brought")}
