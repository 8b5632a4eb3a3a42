"""The full-text index: titles and texts of what people wrote, filled behind the records and always able to catch up.

Contentless FTS5: the words are not stored twice; a row is taken out by giving its words again, which the record has.
The index commits the last row it has applied together with the words. Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from p2plearn import limits
from p2plearn.node.store import applied as store_applied
from p2plearn.protocol.kinds import Reply, Request, Revision, Snippet, body_of
from p2plearn.protocol.records import Record, parse

_NAME = "words"


def text_of(record: Record) -> tuple[str, str] | None:
    """(title, text) that people wrote, None for what has nothing to find."""
    match body_of(record):
        case Snippet(_, title, text) | Revision(text, title):
            return title, text
        case Request(title, text, goal, tried):
            return title, "\n".join(filter(None, (text, goal, tried)))
        case Reply(_, text):
            return "", text
    return None


def words_of(record: Record) -> tuple[str, str] | None:
    """(title, text) as the index knows it: findable by topics and by the names and descriptions of files too."""
    written = text_of(record)
    if written is None:
        return None
    beside = [word for item in record.attachments for word in (item.name, item.alt) if word]
    return written[0], "\n".join([written[1], " ".join(record.topics), *beside])


def is_behind(db: sqlite3.Connection) -> bool:
    """Whether records wait to be indexed."""
    return store_applied.is_behind(db, _NAME)


def index_some(db: sqlite3.Connection) -> None:
    """Index the next INDEX_BATCH rows, within the caller's transaction."""
    rows = db.execute("SELECT n, raw FROM records WHERE n > ? AND n <= ? ORDER BY n", store_applied.advance(db, _NAME)).fetchall()
    found = ((n, words_of(parse(raw))) for n, raw in rows)
    db.executemany("INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)", [(n, *words) for n, words in found if words])


def unindex(db: sqlite3.Connection, n: int, record: Record) -> None:
    """Take one record's words out, if they are in."""
    words = words_of(record)
    if words and n <= store_applied.last(db, _NAME):
        db.execute("INSERT INTO words (words, rowid, title, text) VALUES ('delete', ?, ?, ?)", (n, *words))


def match(db: sqlite3.Connection, words: Iterable[str], *, topic: str | None = None, limit: int) -> list[Record]:
    """The records with every word, best first: a word in the title counts four times. With a topic, those that carry it.

    Words are matched as beginnings, the shortest as they are. Of more than MAX_RANKED records the newest are ranked, since ranking looks
    at each of them.
    """
    return _ranked(db, " AND ".join(map(_quoted, words)), topic, limit)


def match_any(db: sqlite3.Connection, words: Iterable[str], *, limit: int) -> list[Record]:
    """The records with any of the words, best first; words that a great many records have say nothing and are left out."""
    counted = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
    quoted = [_quoted(word) for word in words]
    rare = [word for word in quoted if 0 < db.execute(counted, (word, limits.MAX_RANKED)).fetchone()[0] < limits.MAX_RANKED]
    return _ranked(db, " OR ".join(rare or quoted), None, limit)


def _ranked(db: sqlite3.Connection, query: str, topic: str | None, limit: int) -> list[Record]:
    if not query:
        return []
    # the plus keeps SQLite from asking the index for each record of the topic by itself
    only, values = ("", []) if topic is None else ("AND +rowid IN (SELECT record FROM topics WHERE topic = ?) ", [topic])
    newest = f"SELECT rowid AS n, bm25(words, 4.0, 1.0) AS score FROM words WHERE words MATCH ? {only}ORDER BY rowid DESC LIMIT ?"  # noqa: S608  # fixed text
    sql = f"SELECT raw FROM (SELECT n, score FROM ({newest}) ORDER BY score, n DESC LIMIT ?) JOIN records USING (n) ORDER BY score, n DESC"  # noqa: S608
    rows = db.execute(sql, (query, *values, limits.MAX_RANKED, limit))
    return [parse(raw) for (raw,) in rows]


def _quoted(word: str) -> str:
    """A word in FTS5's language, in which quoted text is nothing but text."""
    text = '"' + word.replace('"', '""') + '"'
    return text + "*" if len(word.encode()) >= limits.MIN_BEGINNING else text


def distinct(words: Sequence[str]) -> list[str]:
    """Each word once, whatever its case."""
    return list({word.casefold(): word for word in words}.values())
