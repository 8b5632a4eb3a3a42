"""What is not wanted and what takes room: the declined list, forgotten authors, attachments and what counts against the quota.

An attachment that is here counts once in all and for every author who names it. Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from p2plearn import limits
from p2plearn.protocol.admission import Usage

_FEW = 500


# --- not wanted ---


def decline(db: sqlite3.Connection, ids: Mapping[bytes, str]) -> tuple[list[bytes], list[bytes]]:
    """Put ids on the declined list, each with why; (those new on it, those that had to leave it for them).

    What a person forgot and what was turned away have MAX_DECLINED places each: no flood of strangers brings back what was forgotten.
    """
    sql = "INSERT OR IGNORE INTO declined (id, why) VALUES (?, ?)"
    added = [record_id for record_id, why in ids.items() if db.execute(sql, (record_id, why)).rowcount]
    left: list[bytes] = []
    for sort in ("= 'forgotten'", "!= 'forgotten'") if added else ():
        (count,) = db.execute(f"SELECT count(*) FROM declined WHERE why {sort}").fetchone()  # noqa: S608  # fixed text
        oldest = f"SELECT n FROM declined WHERE why {sort} ORDER BY n LIMIT ?"  # noqa: S608  # fixed text
        rows = db.execute(f"DELETE FROM declined WHERE n IN ({oldest}) RETURNING id", (max(0, count - limits.MAX_DECLINED),))  # noqa: S608
        left += [bytes(row[0]) for row in rows]
    passing = set(added) & set(left)  # more at once than there are places
    return [one for one in added if one not in passing], [one for one in left if one not in passing]


def unwanted_among(db: sqlite3.Connection, ids: Sequence[bytes]) -> set[bytes]:
    """Those of these ids that are never to come back: a person told this node to forget them, or their signature is broken."""
    found: set[bytes] = set()
    for at in range(0, len(ids), _FEW):
        part = ids[at : at + _FEW]
        marks = ", ".join("?" * len(part))
        rows = db.execute(f"SELECT id FROM declined WHERE why IN ('forgotten', 'signature') AND id IN ({marks})", part)  # noqa: S608  # only marks
        found.update(bytes(row[0]) for row in rows)
    return found


def welcome_back(db: sqlite3.Connection) -> list[bytes]:
    """Take what was turned away for want of room or interest off the declined list; the ids. Files that made room may come again, too."""
    db.execute("DELETE FROM kept WHERE bytes = 0 AND NOT whole")
    return [bytes(row[0]) for row in db.execute("DELETE FROM declined WHERE why IN ('quota', 'interest') RETURNING id")]


def forget_author(db: sqlite3.Connection, author: bytes) -> None:
    """Want nothing of an author from now on."""
    db.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (author,))


def doubt(db: sqlite3.Connection, authors: Iterable[bytes]) -> None:
    """Check what these authors say before it is stored, from now on. Of too many the first are believed again."""
    db.executemany("INSERT OR IGNORE INTO doubted (author) VALUES (?)", [(author,) for author in authors])
    db.execute("DELETE FROM doubted WHERE n NOT IN (SELECT n FROM doubted ORDER BY n DESC LIMIT ?)", (limits.MAX_DOUBTED,))


def doubted(db: sqlite3.Connection) -> set[bytes]:
    """The authors of whom a postponed check failed."""
    return {bytes(row[0]) for row in db.execute("SELECT author FROM doubted")}


def forgotten_authors(db: sqlite3.Connection) -> set[bytes]:
    """The authors of whom nothing is wanted."""
    return {bytes(row[0]) for row in db.execute("SELECT author FROM forgotten")}


# --- what takes room ---


def usage(db: sqlite3.Connection, quota: int, friends: Iterable[bytes]) -> Usage:
    """Bytes of records and attachments by author."""
    by_author = {bytes(key): int(size) for key, size in db.execute("SELECT key, bytes FROM authors WHERE bytes > 0")}
    total = sum(by_author.values())
    for key, size in db.execute(
        "SELECT key, sum(size) FROM (SELECT DISTINCT author, cid, kept.bytes AS size FROM kept JOIN attachments USING (cid) "
        "JOIN records ON records.n = record) JOIN authors ON authors.n = author GROUP BY author"
    ):
        by_author[bytes(key)] = by_author.get(bytes(key), 0) + int(size)
    (files,) = db.execute("SELECT coalesce(sum(bytes), 0) FROM kept").fetchone()
    return Usage(quota, frozenset(friends), total + int(files), by_author)


def attachments(db: sqlite3.Connection, topic: str | None = None) -> list[tuple[bytes, int]]:
    """(CID, size) of every attachment that records here name; with a topic, those of records that carry it.

    Where records differ about the size, the first to come is believed until the file is here.
    """
    only = "" if topic is None else "WHERE record IN (SELECT record FROM topics WHERE topic = ?) "
    sql = (
        "SELECT cid, coalesce((SELECT bytes FROM kept WHERE kept.cid = attachments.cid AND whole), size), min(record) "  # noqa: S608  # fixed text
        f"FROM attachments {only}GROUP BY cid ORDER BY cid"
    )
    return [(bytes(cid), int(size)) for cid, size, _ in db.execute(sql, [] if topic is None else [topic])]


def sizes(db: sqlite3.Connection, cid: bytes) -> list[int]:
    """The sizes that an attachment may have: the right one if it is here, else what records say, first come first, at most MAX_SIZES."""
    named = db.execute(
        "SELECT size FROM attachments WHERE cid = ? GROUP BY size ORDER BY min(record) LIMIT ?", (cid, limits.MAX_SIZES)
    ).fetchall()
    known = db.execute("SELECT bytes FROM kept WHERE cid = ? AND whole", (cid,)).fetchall()
    return [int(size) for (size,) in (known or named)] if named else []


def namers(db: sqlite3.Connection, cid: bytes) -> list[bytes]:
    """The authors of the records here that name an attachment."""
    sql = "SELECT DISTINCT key FROM attachments JOIN records ON records.n = record JOIN authors ON authors.n = author WHERE cid = ?"
    return [bytes(row[0]) for row in db.execute(sql, (cid,))]


def is_counted(db: sqlite3.Connection, cid: bytes, size: int) -> bool:
    """Whether a file of this size, or a larger one, counts already."""
    return db.execute("SELECT 1 FROM kept WHERE cid = ? AND bytes >= ?", (cid, size)).fetchone() is not None


def made_room(db: sqlite3.Connection, cid: bytes) -> bool:
    """Whether a file had to go for want of room, and comes only when somebody looks (`evicting.note_dropped`)."""
    return db.execute("SELECT 1 FROM kept WHERE cid = ? AND bytes = 0", (cid,)).fetchone() is not None


def count_file(db: sqlite3.Connection, cid: bytes, size: int, *, whole: bool) -> None:
    """The blocks of a file are here; not `whole`: are about to come, perhaps not all of them."""
    if whole:
        db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, 1)", (cid, size))
    else:
        db.execute(
            "INSERT INTO kept VALUES (?, ?, 0) ON CONFLICT DO UPDATE SET bytes = max(bytes, excluded.bytes) WHERE NOT whole", (cid, size)
        )


def uncount_file(db: sqlite3.Connection, cid: bytes) -> None:
    """The blocks of a file are not here."""
    db.execute("DELETE FROM kept WHERE cid = ?", (cid,))
