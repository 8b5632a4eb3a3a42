"""The full-text index: which records have which words, filled behind the records and always able to catch up.

Contentless FTS5 that knows of each word the records and nothing else: neither how often nor where (ADR 12). What is found is ranked by
reading it. A row is taken out by giving its words again, which the record has.

The index commits the last row it has applied together with the words. Knows the tables, not the store around them.
"""

import contextlib
import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from p2plearn import limits
from p2plearn.errors import SearchTooBroad
from p2plearn.learning.folding import folded
from p2plearn.learning.ranking import ranked
from p2plearn.node.store import applied as store_applied
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import Check, Correction, Offer, Proof, Reply, Request, Revision, Snippet, Verdict, Wanted
from p2plearn.protocol.records import Record, parse

_NAME = "words3"  # another one for each change of `_MAKE`, `_words_of` or `folded`: an index under a former name is dropped and made anew
_FORMER = ("words", "words2")
# `folded` has cut the text into words; this tokenizer takes all beyond ASCII for letters and does so in every release of SQLite alike
_MAKE = "CREATE VIRTUAL TABLE words3 USING fts5(text, content='', detail=none, columnsize=0, tokenize='ascii')"
_STEPS = 100  # of SQLite's machine, between two looks at the clock: 5 ms at most


class Portion(NamedTuple):
    """Rows ready to be indexed, row → words: all that have words behind the row `after` and up to the row `until`."""

    after: int
    until: int
    words: dict[int, str]


def text_of(record: Record) -> tuple[str, str] | None:
    """(title, text) that people wrote, None for what has nothing to find."""
    match body_of(record):
        case Snippet(_, title, text, steps, done_when, pitfalls) | Revision(text, title, steps, done_when, pitfalls):
            return title, "\n".join(filter(None, (text, *steps, done_when, *pitfalls)))
        case Request(title, text, goal, tried):
            return title, "\n".join(filter(None, (text, goal, tried)))
        case Verdict(_, text, fixes):
            return "", "\n".join(filter(None, (text, *(fix.text for fix in fixes))))
        case Reply(_, text) | Check(text) | Proof(text) | Correction(text) | Offer(text) | Wanted(text):
            return "", text
    return None


def _words_of(record: Record) -> str | None:
    """The words by which a record is found: its topics too, and the names and descriptions of files."""
    written = text_of(record)
    if written is None:
        return None
    beside = [word for item in record.attachments for word in (item.name, item.alt) if word]
    return " ".join([folded("\n".join([*written, *record.topics, *beside])), *map(_topic_word, record.topics)])


def _topic_word(topic: str) -> str:
    """The word that says “carries this topic”: no text has it, since `folded` leaves no such sign in."""
    return "¶" + topic.encode().hex()


# --- filling ---


def gather(db: sqlite3.Connection) -> Portion | None:
    """The next rows to index, None when none wait: read and folded with a reading connection, so that no writer has to wait for it."""
    after = store_applied.last(db, _NAME)
    rows = db.execute("SELECT n, raw FROM records WHERE n > ? ORDER BY n LIMIT ?", (after, limits.INDEX_SLICE)).fetchall()
    words = {n: found for n, raw in rows if (found := _words_of(parse(raw))) is not None}
    return Portion(after, rows[-1][0], words) if rows else None


def index(db: sqlite3.Connection, portion: Portion) -> None:
    """Put a portion in, within the caller's transaction; without those that were deleted meanwhile.

    One statement for all of it: a thread that asks for Python's lock after each row waits for it each time, and a writer with it.
    """
    if store_applied.last(db, _NAME) != portion.after:
        return  # somebody else was quicker
    if not portion.after:
        _make(db)
    rows = "SELECT CAST(key AS INTEGER) AS n, value FROM json_each(?) WHERE n IN (SELECT n FROM records)"
    db.execute("INSERT INTO words3 (rowid, text) " + rows, (json.dumps(portion.words, ensure_ascii=False),))
    db.execute("INSERT OR REPLACE INTO applied VALUES (?, ?)", (_NAME, portion.until))


def _make(db: sqlite3.Connection) -> None:
    for former in _FORMER:
        db.execute(f"DROP TABLE IF EXISTS {former}")
        db.execute("DELETE FROM applied WHERE name = ?", (former,))
    db.execute(_MAKE)
    db.execute("INSERT INTO words3 (words3, rank) VALUES ('automerge', 0)")  # or some portions would bring a long merge with them: `tidy`


def tidy(db: sqlite3.Connection) -> None:
    """Merge a little of what portions left side by side, within the caller's transaction: the fewer pieces, the quicker to search."""
    if store_applied.last(db, _NAME):
        db.execute("INSERT INTO words3 (words3, rank) VALUES ('merge', ?)", (limits.INDEX_MERGE,))


def unindex(db: sqlite3.Connection, n: int, record: Record) -> None:
    """Take one record's words out, if they are in."""
    words = _words_of(record)
    if words is not None and n <= store_applied.last(db, _NAME):
        db.execute("INSERT INTO words3 (words3, rowid, text) VALUES ('delete', ?, ?)", (n, words))


# --- finding ---


class Found(NamedTuple):
    """Records, best first; and whether beginnings were given up, since too much here begins like these words."""

    records: list[Record]
    whole_words_only: bool


def match(
    db: sqlite3.Connection, words: Iterable[str], *, topic: str | None = None, limit: int, boost: Callable[[Record], float] = lambda _: 1.0
) -> Found:
    """The `limit` records with every word, best first (`learning.ranking`). With a topic, those that carry it.

    A word is matched as a beginning, unless it is short or so many records have it as it is that this is what was meant; and unless to
    gather what begins like it takes more than BEGINNINGS_TIME. Of more records than `limit` (at least RANKED) the newest are ranked, with
    `boost` as there. Raises SearchTooBroad.
    """
    tokens = _tokens(words)
    if not tokens or not store_applied.last(db, _NAME):
        return Found([], whole_words_only=False)
    whole = [_whole(token) for token in tokens]
    counts = _counts(db, whole, limits.SEARCH_TIME)
    weights = {token: _weight(count) for token, count in zip(tokens, counts.values(), strict=True)}
    begun = [_beginning(token) if counts[_whole(token)] < limits.COMMON else _whole(token) for token in tokens]
    carried = [_whole(_topic_word(topic))] if topic is not None else []
    most = max(limit, limits.RANKED)
    given_up = False
    try:
        found = _newest(db, begun + carried, most, limits.BEGINNINGS_TIME)
    except SearchTooBroad:
        given_up = begun != whole
        found = _newest(db, whole + carried, most, limits.SEARCH_TIME)
    return Found(ranked(found, lambda record: text_of(record) or ("", ""), weights, boost)[:limit], given_up)


def match_any(db: sqlite3.Connection, words: Iterable[str], *, limit: int) -> list[Record]:
    """The records with the most of these words, rare ones counting more; words that a great many records have say nothing and are left out.

    Words are matched as beginnings as in `match`. Raises SearchTooBroad.
    """
    tokens = _tokens(words)
    if not tokens or not store_applied.last(db, _NAME):
        return []
    try:
        counts = _counts(db, map(_beginning, tokens), limits.BEGINNINGS_TIME)
    except SearchTooBroad:
        counts = _counts(db, map(_whole, tokens), limits.SEARCH_TIME)
    rare = {term: count for term, count in counts.items() if 0 < count < limits.COMMON} or counts
    one = "SELECT * FROM (SELECT rowid AS n, ? AS weight FROM words3 WHERE words3 MATCH ? ORDER BY rowid DESC LIMIT ?)"
    each = " UNION ALL ".join([one] * len(rare))
    best = f"SELECT n, sum(weight) AS score FROM ({each}) GROUP BY n ORDER BY score DESC, n DESC LIMIT ?"  # noqa: S608  # fixed text
    values = [value for term, count in rare.items() for value in (_weight(count), term, limits.COMMON)]
    with _bounded(db, limits.SEARCH_TIME):
        rows = db.execute(f"SELECT raw FROM ({best}) JOIN records USING (n) ORDER BY score DESC, n DESC", (*values, limit))  # noqa: S608
        return [parse(raw) for (raw,) in rows]


def _newest(db: sqlite3.Connection, terms: Sequence[str], most: int, work: float) -> list[Record]:
    """The newest records that every term finds, within `work` s of CPU. Raises SearchTooBroad."""
    newest = "SELECT rowid AS n FROM words3 WHERE words3 MATCH ? ORDER BY rowid DESC LIMIT ?"
    with _bounded(db, work):
        rows = db.execute(f"SELECT raw FROM ({newest}) JOIN records USING (n) ORDER BY n DESC", (" AND ".join(terms), most))  # noqa: S608  # fixed text
        found = rows.fetchall()
    return [parse(raw) for (raw,) in found]


def _counts(db: sqlite3.Connection, terms: Iterable[str], work: float) -> dict[str, int]:
    """How many records each term finds, up to COMMON, within `work` s of CPU. Raises SearchTooBroad."""
    counted = "SELECT count(*) FROM (SELECT 1 FROM words3 WHERE words3 MATCH ? LIMIT ?)"
    with _bounded(db, work):
        return {term: int(db.execute(counted, (term, limits.COMMON)).fetchone()[0]) for term in terms}


def _tokens(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(folded(" ".join(words)).split()))[: limits.MAX_WORDS]


def _weight(count: int) -> float:
    """What a word says that so many records have."""
    return math.log1p(limits.COMMON / max(1, count))


def _whole(token: str) -> str:
    """A word in FTS5's language, in which quoted text is nothing but text."""
    return f'"{token}"'


def _beginning(token: str) -> str:
    return f'"{token}"*' if len(token.encode()) >= limits.MIN_BEGINNING else _whole(token)


@contextlib.contextmanager
def _bounded(db: sqlite3.Connection, work: float) -> Iterator[None]:
    """Within `work` s of this thread's CPU and SEARCH_TIME in all: whatever was asked, the connection is soon there for others.

    CPU, so that a machine busy with something else finds the same. Raises SearchTooBroad.
    """
    deadline, enough = time.monotonic() + limits.SEARCH_TIME, time.thread_time() + work
    db.set_progress_handler(lambda: time.thread_time() > enough or time.monotonic() > deadline, _STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        raise SearchTooBroad from None
    finally:
        db.set_progress_handler(None, 0)
