"""Which conversations somebody has a part in. Knows the tables, not the store around them."""

import sqlite3
from collections.abc import Iterable

from p2plearn import limits
from p2plearn.protocol.kinds import ORIGINALS, ROOT
from p2plearn.protocol.records import parse

_FEW = 500  # ids in one query; SQLite's own bound on variables is larger everywhere
_NEWEST = """
SELECT raw FROM records WHERE space = 'commons' AND n IN (
    SELECT n FROM records INDEXED BY records_by_author WHERE author = (SELECT n FROM authors WHERE key = ?) ORDER BY seq DESC LIMIT ?)
"""
_LATEST = "SELECT id, coalesce((SELECT max(source) FROM refs WHERE target = id AND relation = 'root'), n) FROM records WHERE id IN"


def roots_of(db: sqlite3.Connection, author: bytes, kinds: Iterable[str], limit: int) -> list[bytes]:
    """The ids of at most `limit` originals which the author said, or in which they said something of these kinds: those that are here.

    Among their latest MAX_OWN records; first those about which something came last.
    """
    wanted = frozenset(kinds)
    latest = (parse(raw) for (raw,) in db.execute(_NEWEST, (author, limits.MAX_OWN)))
    said = {record.id if record.kind in ORIGINALS else record.target(ROOT) for record in latest if record.kind in wanted}
    roots = sorted(root for root in said if root is not None)
    found: list[tuple[int, bytes]] = []
    for at in range(0, len(roots), _FEW):
        part = roots[at : at + _FEW]
        rows = db.execute(f"{_LATEST} ({', '.join('?' * len(part))})", part)
        found += [(came, bytes(root)) for root, came in rows]
    return [root for _, root in sorted(found, reverse=True)[:limit]]
