"""The full-text index: titles and texts of what people wrote, filled behind the records and always able to catch up.

Contentless FTS5: the words are not stored twice; a row is taken out by giving its words again, which the record has.
The index commits the last row it has applied together with the words. Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable

from p2plearn import limits
from p2plearn.protocol.kinds import Reply, Request, Revision, Snippet, body_of
from p2plearn.protocol.records import Record, parse

_NAME = "words"


def words_of(record: Record) -> tuple[str, str] | None:
    """(title, text) as the index knows it, None for what has nothing to find."""
    match body_of(record):
        case Snippet(_, title, text) | Revision(text, title):
            found = text
        case Request(title, text, goal, tried):
            found = "\n".join(filter(None, (text, goal, tried)))
        case Reply(_, found):
            title = ""
        case _:
            return None
    alts = [word for item in record.attachments for word in (item.name, item.alt) if word]
    return title, "\n".join([found, " ".join(record.topics), *alts])


def is_behind(db: sqlite3.Connection) -> bool:
    """Whether records wait to be indexed."""
    return _last_row(db) > _applied(db)


def index_some(db: sqlite3.Connection) -> bool:
    """Index the next INDEX_BATCH rows, within the caller's transaction. Whether more wait."""
    after = _applied(db)
    rows = db.execute("SELECT n, raw FROM records WHERE n > ? ORDER BY n LIMIT ?", (after, limits.INDEX_BATCH)).fetchall()
    if not rows:
        return False
    found = ((n, words_of(parse(raw))) for n, raw in rows)
    db.executemany("INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)", [(n, *words) for n, words in found if words])
    db.execute("INSERT OR REPLACE INTO applied VALUES (?, ?)", (_NAME, rows[-1][0]))
    return len(rows) == limits.INDEX_BATCH


def unindex(db: sqlite3.Connection, n: int, record: Record) -> None:
    """Take one record's words out, if they are in."""
    words = words_of(record)
    if words and n <= _applied(db):
        db.execute("INSERT INTO words (words, rowid, title, text) VALUES ('delete', ?, ?, ?)", (n, *words))


def match(db: sqlite3.Connection, words: Iterable[str], *, every: bool, limit: int) -> list[tuple[bytes, float]]:
    """Raw records with their text score (greater is better), best first: those with every word, or with any. Words are matched as beginnings."""
    quoted = ['"' + word.replace('"', '""') + '"*' for word in words]
    if not quoted:
        return []
    query = (" AND " if every else " OR ").join(quoted)
    rows = db.execute(
        "SELECT raw, score FROM (SELECT rowid AS n, bm25(words, 4.0, 1.0) AS score FROM words WHERE words MATCH ? ORDER BY score LIMIT ?) "
        "JOIN records USING (n) ORDER BY score",
        (query, limit),
    )
    return [(bytes(raw), -score) for raw, score in rows]


def _applied(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT n FROM applied WHERE name = ?", (_NAME,)).fetchone()
    return int(row[0]) if row else 0


def _last_row(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(n), 0) FROM records").fetchone()[0])
