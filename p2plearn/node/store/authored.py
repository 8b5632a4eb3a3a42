"""What one author said of a kind, and who wrote about a topic. Knows the tables, not the store around them."""

import sqlite3
from collections.abc import Sequence

from p2plearn import limits
from p2plearn.protocol.kinds import RETRACTS, Retract, Snippet

_BY_AUTHOR = """
SELECT kind, id FROM records INDEXED BY records_by_author
WHERE author = (SELECT n FROM authors WHERE key = ?) AND space = 'commons' AND kind IN ({}) ORDER BY seq DESC, id DESC
"""
_WRITERS = """
SELECT DISTINCT key FROM (SELECT record FROM topics WHERE topic = :topic AND kind = :snippet ORDER BY shown DESC, record DESC LIMIT :most)
JOIN records AS said ON said.n = record JOIN authors ON authors.n = author WHERE space = 'commons' AND NOT EXISTS (
    SELECT 1 FROM refs JOIN records AS taken ON taken.n = source
    WHERE target = said.id AND relation = :retracts AND taken.kind = :retract AND taken.author = said.author)
"""


def newest_by(db: sqlite3.Connection, author: bytes, kinds: Sequence[str], limit: int) -> list[bytes]:
    """The ids of their latest records of these kinds in the commons, at most `limit` of each, by seq, the latest first."""
    found: list[bytes] = []
    left = dict.fromkeys(kinds, limit)
    for kind, record_id in db.execute(_BY_AUTHOR.format(", ".join("?" * len(kinds))), (author, *kinds)):
        if left[kind]:
            left[kind] -= 1
            found.append(bytes(record_id))
            if not any(left.values()):
                break
    return found


def writers(db: sqlite3.Connection, topic: str) -> set[bytes]:
    """Who shared something about a topic that they have not taken back, among the TOPIC_RECORDS newest snippets of it."""
    asked = {"topic": topic, "most": limits.TOPIC_RECORDS, "snippet": Snippet.kind, "retract": Retract.kind, "retracts": RETRACTS}
    return {bytes(row[0]) for row in db.execute(_WRITERS, asked)}
