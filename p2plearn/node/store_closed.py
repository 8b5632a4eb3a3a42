"""Which requests nobody waits for any more, so that the open ones are found among ten thousand solved ones. An index behind the records.

Says nothing of its own: a conversation is folded by `learning`, here as everywhere. Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable

from p2plearn.learning.conversation import CLOSED, converse
from p2plearn.node import store_applied
from p2plearn.node.store_reader import said_about
from p2plearn.protocol.kinds import BY, ROOT, Request, Retract, Solve, Withdraw
from p2plearn.protocol.records import Record, parse

_NAME = "closed"
_CLOSING = (Solve.kind, Withdraw.kind, Retract.kind)


def is_behind(db: sqlite3.Connection) -> bool:
    """Whether records wait to be looked at."""
    return store_applied.is_behind(db, _NAME)


def index_some(db: sqlite3.Connection) -> None:
    """Look at the next INDEX_BATCH rows, within the caller's transaction."""
    refold(db, [record for _, record in store_applied.next_rows(db, _NAME)])


def refold(db: sqlite3.Connection, changed: Iterable[Record]) -> None:
    """Judge anew the requests that these records, come or gone, may close or open: of their conversations, and that they solve."""
    roots: set[bytes] = set()
    for record in changed:
        roots.add(record.target(ROOT) or record.id)
        for (raw,) in db.execute("SELECT raw FROM refs JOIN records ON n = source WHERE target = ? AND relation = ?", (record.id, BY)):
            roots.add(parse(raw).target(ROOT) or record.id)
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
