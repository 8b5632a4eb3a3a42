"""What is this node's own business and no record: whom and what it follows or mutes, where peers were met, who was seen and holds what.

Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable
from typing import Literal, NamedTuple

from p2plearn import limits

Attitude = Literal["follow", "mute"]


class Target(NamedTuple):
    """What an attitude is about: kind "author" (key bytes) or "topic" (its text as UTF-8)."""

    kind: Literal["author", "topic"]
    name: bytes


def attitudes(db: sqlite3.Connection, attitude: Attitude) -> list[Target]:
    """Whom and what this node follows, or mutes."""
    return [
        Target(kind, bytes(name))
        for kind, name in db.execute("SELECT kind, target FROM follows WHERE attitude = ? ORDER BY 1, 2", (attitude,))
    ]


def followed(db: sqlite3.Connection) -> set[bytes]:
    """The keys of the authors that this node follows."""
    return {target.name for target in attitudes(db, "follow") if target.kind == "author"}


def set_attitude(db: sqlite3.Connection, attitude: Attitude, target: Target, *, on: bool) -> None:
    """Take up or drop an attitude."""
    sql = "INSERT OR IGNORE INTO follows VALUES (?, ?, ?)" if on else "DELETE FROM follows WHERE (attitude, kind, target) = (?, ?, ?)"
    db.execute(sql, (attitude, *target))


def remember_address(db: sqlite3.Connection, peer: str, address: str, now: int) -> None:
    """Note where a peer was reached or says it listens; the longest unseen make room."""
    db.execute("INSERT OR REPLACE INTO addresses VALUES (?, ?, ?)", (peer, address, now))
    db.execute(
        "DELETE FROM addresses WHERE peer = ? AND address NOT IN (SELECT address FROM addresses WHERE peer = ? ORDER BY seen DESC LIMIT ?)",
        (peer, peer, limits.MAX_ADDRESSES_PER_PEER),
    )
    db.execute(
        "DELETE FROM addresses WHERE peer NOT IN (SELECT peer FROM addresses GROUP BY peer ORDER BY max(seen) DESC LIMIT ?)",
        (limits.MAX_REMEMBERED_PEERS,),
    )


def addresses(db: sqlite3.Connection) -> dict[str, list[str]]:
    """Peer id → addresses, the most recently seen first."""
    found: dict[str, list[str]] = {}
    for peer, address in db.execute("SELECT peer, address FROM addresses ORDER BY seen DESC, address"):
        found.setdefault(peer, []).append(address)
    return found


def note_seen(db: sqlite3.Connection, author: bytes, now: int) -> None:
    """An author's node was connected now (ms since 1970)."""
    db.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (author, now))


def last_seen(db: sqlite3.Connection) -> dict[bytes, int]:
    """Author key → when their node was last connected, or their newest record came (ms since 1970)."""
    found = {bytes(key): int(at) for key, at in db.execute("SELECT key, latest FROM authors WHERE bytes > 0")}
    for author, at in db.execute("SELECT author, at FROM seen"):
        found[bytes(author)] = max(at, found.get(bytes(author), 0))
    return found


def note_agreed(db: sqlite3.Connection, found: Iterable[tuple[bytes, int]]) -> None:
    """(author, row): this author's node was found to hold every record of the commons that is here up to a row.

    Those with whom the least was agreed make room.
    """
    db.executemany("INSERT INTO agreed VALUES (?, ?) ON CONFLICT DO UPDATE SET n = excluded.n WHERE excluded.n > n", found)
    too_many = max(0, db.execute("SELECT count(*) FROM agreed").fetchone()[0] - limits.MAX_HOLDERS)
    db.execute("DELETE FROM agreed WHERE author IN (SELECT author FROM agreed ORDER BY n LIMIT ?)", (too_many,))


def held_by(db: sqlite3.Connection, record_id: bytes) -> int | None:
    """How many other authors' nodes are known to have held a record when they last agreed with this one; None where none is known."""
    held = "SELECT n FROM records WHERE id = ? AND space = 'commons'"
    (count,) = db.execute(f"SELECT count(*) FROM agreed WHERE n >= ({held})", (record_id,)).fetchone()  # noqa: S608  # fixed text
    return count or None
