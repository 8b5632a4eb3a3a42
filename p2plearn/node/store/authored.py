"""What one author said of a kind, and who wrote about a topic. Knows the tables, not the store around them."""

import sqlite3
from collections.abc import Sequence

from p2plearn import limits
from p2plearn.protocol.kinds import Learn, Offer, Retract, Teach, Wanted

_DECLARING = (Teach.kind, Learn.kind, Offer.kind, Wanted.kind, Retract.kind)

_BY_AUTHOR = """
SELECT kind, id FROM records INDEXED BY records_by_author
WHERE author = (SELECT n FROM authors WHERE key = ?) AND space = 'commons' ORDER BY seq DESC, id DESC
"""
_WRITERS = """
SELECT DISTINCT key FROM (SELECT record FROM topics WHERE topic = ? ORDER BY kind DESC, shown DESC, record DESC LIMIT ?)
JOIN records ON records.n = record JOIN authors ON authors.n = author WHERE space = 'commons' AND kind NOT IN (?, ?, ?, ?, ?)
"""


def newest_by(db: sqlite3.Connection, author: bytes, kinds: Sequence[str], limit: int) -> list[bytes]:
    """The ids of their latest records of these kinds in the commons, at most `limit` of each, by seq, the latest first."""
    found: list[bytes] = []
    left = dict.fromkeys(kinds, limit)
    for kind, record_id in db.execute(_BY_AUTHOR, (author,)):
        if left.get(kind):
            left[kind] -= 1
            found.append(bytes(record_id))
            if not any(left.values()):
                break
    return found


def writers(db: sqlite3.Connection, topic: str) -> set[bytes]:
    """Who wrote about a topic, in the TOPIC_RECORDS first of it in the feed: more than that they teach or want it."""
    return {bytes(row[0]) for row in db.execute(_WRITERS, (topic, limits.TOPIC_RECORDS, *_DECLARING))}
