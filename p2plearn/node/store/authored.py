"""What one author said of a kind, and who wrote about a topic. Knows the tables, not the store around them."""

import sqlite3

from p2plearn import limits
from p2plearn.protocol.kinds import Learn, Offer, Retract, Teach, Wanted

_DECLARING = (Teach.kind, Learn.kind, Offer.kind, Wanted.kind, Retract.kind)

_WRITERS = """
SELECT DISTINCT key FROM (SELECT record FROM topics WHERE topic = ? ORDER BY kind DESC, shown DESC, record DESC LIMIT ?)
JOIN records ON records.n = record JOIN authors ON authors.n = author WHERE space = 'commons' AND kind NOT IN (?, ?, ?, ?, ?)
"""


def newest_by(db: sqlite3.Connection, author: bytes, kind: str, limit: int) -> list[bytes]:
    """The ids of their latest records of a kind in the commons, at most `limit`, by seq, the latest first."""
    sql = (
        "SELECT id FROM records INDEXED BY records_by_author WHERE author = (SELECT n FROM authors WHERE key = ?) "
        "AND kind = ? AND space = 'commons' ORDER BY seq DESC, id DESC LIMIT ?"
    )
    return [bytes(row[0]) for row in db.execute(sql, (author, kind, limit))]


def writers(db: sqlite3.Connection, topic: str) -> set[bytes]:
    """Who wrote about a topic, in the TOPIC_RECORDS first of it in the feed: more than that they teach or want it."""
    return {bytes(row[0]) for row in db.execute(_WRITERS, (topic, limits.TOPIC_RECORDS, *_DECLARING))}
