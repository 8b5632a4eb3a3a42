"""Which conversations this home's author has a part in, from the index of `concerns`. Knows the tables, not the store around them."""

import sqlite3

from p2plearn.protocol.kinds import Request, Snippet

# CROSS: things first, or SQLite goes through all records for their kind
_MINE = """
SELECT root FROM things CROSS JOIN records ON id = root WHERE root = thing AND kind IN (?, ?)
ORDER BY coalesce((SELECT max(source) FROM refs WHERE target = root AND relation = 'root'), n) DESC LIMIT ?
"""


def roots_of_mine(db: sqlite3.Connection, limit: int) -> list[bytes]:
    """The ids of at most `limit` snippets and requests that are mine or in which I said something: where something came last first."""
    return [bytes(root) for (root,) in db.execute(_MINE, (Snippet.kind, Request.kind, limit))]
