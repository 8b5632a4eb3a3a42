"""Which requests nobody waits for any more, so that the open ones are found among ten thousand solved ones. An index behind the records.

Says nothing of its own: a conversation is folded by `learning`, here as everywhere. Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable

from p2plearn import limits
from p2plearn.learning.conversation import CLOSED, converse
from p2plearn.node.store import applied as store_applied
from p2plearn.node.store.reader import solving
from p2plearn.protocol.kinds import BY, ROOT, Request, Retract, Solve, Withdraw
from p2plearn.protocol.records import Record, parse

_NAME = "closed"
_CLOSING = (Solve.kind, Withdraw.kind, Retract.kind)


def is_behind(db: sqlite3.Connection) -> bool:
    """Whether records wait to be looked at."""
    return store_applied.is_behind(db, _NAME)


def index_some(db: sqlite3.Connection) -> None:
    """Look at the next INDEX_BATCH rows, within the caller's transaction.

    A request may have closed before it came, a reply may be what a record here says has solved one; else only closing words matter.
    """
    rows = store_applied.advance(db, _NAME, limits.INDEX_BATCH)
    arrived = {bytes(row[0]) for row in db.execute("SELECT id FROM records WHERE n > ? AND n <= ? AND kind = ?", (*rows, Request.kind))}
    closing = "SELECT raw FROM records WHERE n > ? AND n <= ? AND kind IN (?, ?, ?)"
    named = (
        "SELECT solve.raw FROM records JOIN refs ON target = records.id AND relation = ? JOIN records AS solve ON solve.n = source "
        "WHERE records.n > ? AND records.n <= ?"
    )
    _judge(db, arrived, (raw for (raw,) in [*db.execute(closing, (*rows, *_CLOSING)), *db.execute(named, (BY, *rows))]))


def refold(db: sqlite3.Connection, gone: Iterable[Record]) -> None:
    """Judge anew the requests that records now deleted had closed, or were said to have solved."""
    named = "SELECT raw FROM refs JOIN records ON n = source WHERE target = ? AND relation = ?"
    words = [raw for record in gone for (raw,) in (*db.execute(named, (record.id, BY)), (record.raw,))]
    _judge(db, (), words)


def _judge(db: sqlite3.Connection, requests: Iterable[bytes], words: Iterable[bytes]) -> None:
    """Judge `requests`, and those that their own askers speak of in `words` (raw records): what others say closes nothing."""
    speaking: dict[bytes, set[bytes]] = {root: set() for root in requests}
    for word in map(parse, words):
        if root := word.target(ROOT):
            speaking.setdefault(root, set()).add(word.author)
    asked = set(requests)
    for root, authors in speaking.items():
        row = db.execute("SELECT n, raw FROM records WHERE id = ? AND kind = ?", (root, Request.kind)).fetchone()
        request = parse(row[1]) if row is not None else None
        if request is not None and (root in asked or request.author in authors):
            sql = "INSERT OR IGNORE INTO closed VALUES (?)" if _is_closed(db, request) else "DELETE FROM closed WHERE request = ?"
            db.execute(sql, (row[0],))


_SAID = """
SELECT raw FROM refs JOIN records ON n = source WHERE target = :root AND relation = 'root' AND kind IN ('solve', 'withdraw', 'retract')
AND author = (SELECT author FROM records WHERE id = :root) ORDER BY kind != 'retract', seq DESC, records.id DESC LIMIT :most
"""


def _is_closed(db: sqlite3.Connection, request: Record) -> bool:
    """By what its asker said of it alone; of a flood of that a view will tell."""
    said = [parse(raw) for (raw,) in db.execute(_SAID, {"root": request.id, "most": limits.MAX_CLOSING})]
    named = [db.execute("SELECT raw FROM records WHERE id = ?", (one,)).fetchone() for one in solving(request, said)]
    conversation = converse(request, [*said, *(parse(row[0]) for row in named if row is not None)]) if said else None
    return conversation is not None and conversation.state in CLOSED
