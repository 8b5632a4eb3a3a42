"""Which requests nobody waits for any more, so that the open ones are found among ten thousand solved ones. An index behind the records.

Says nothing of its own: a conversation is folded by `learning`, here as everywhere. Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable

from p2plearn import limits
from p2plearn.learning.conversation import CLOSED, converse
from p2plearn.node.store import applied as store_applied
from p2plearn.node.store.reader import said_about
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
    roots = {bytes(row[0]) for row in db.execute("SELECT id FROM records WHERE n > ? AND n <= ? AND kind = ?", (*rows, Request.kind))}
    closing = "SELECT raw FROM records WHERE n > ? AND n <= ? AND kind IN (?, ?, ?)"
    named = (
        "SELECT solve.raw FROM records JOIN refs ON target = records.id AND relation = ? JOIN records AS solve ON solve.n = source "
        "WHERE records.n > ? AND records.n <= ?"
    )
    for (raw,) in [*db.execute(closing, (*rows, *_CLOSING)), *db.execute(named, (BY, *rows))]:
        roots.update(parse(raw).targets(ROOT))
    _judge(db, roots)


def refold(db: sqlite3.Connection, gone: Iterable[Record]) -> None:
    """Judge anew the requests that records now deleted had closed, or were said to have solved."""
    roots: set[bytes] = set()
    for record in gone:
        roots.update(record.targets(ROOT))
        for (raw,) in db.execute("SELECT raw FROM refs JOIN records ON n = source WHERE target = ? AND relation = ?", (record.id, BY)):
            roots.update(parse(raw).targets(ROOT))
    _judge(db, roots)


def _judge(db: sqlite3.Connection, roots: Iterable[bytes]) -> None:
    for root in roots:
        row = db.execute("SELECT n, raw FROM records WHERE id = ? AND kind = ?", (root, Request.kind)).fetchone()
        if row is not None:
            sql = "INSERT OR IGNORE INTO closed VALUES (?)" if _is_closed(db, parse(row[1])) else "DELETE FROM closed WHERE request = ?"
            db.execute(sql, (row[0],))


def _is_closed(db: sqlite3.Connection, request: Record) -> bool:
    sql = "SELECT 1 FROM refs JOIN records ON n = source WHERE target = ? AND relation = ? AND kind IN (?, ?, ?) LIMIT 1"
    if db.execute(sql, (request.id, ROOT, *_CLOSING)).fetchone() is None:
        return False
    conversation = converse(request, said_about(db, request.id))
    return conversation is not None and conversation.state in CLOSED
