"""Authors' chains in the store: the head of each unbroken run, kept up to date as records come in any order, and reading along runs.

The head is where the records from seq 1 on, each naming the one before, end. Where a chain forks the branch that came first is followed;
either is right, since heads only save bytes, and the head is always the one that a look through all records would find.
Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable, Mapping

from p2plearn import limits
from p2plearn.protocol.events import Load, Run
from p2plearn.protocol.records import NO_PREV, Record, parse
from p2plearn.protocol.replica import Head

_START = Head(0, NO_PREV)


def read_all(db: sqlite3.Connection, space: str) -> dict[bytes, Head]:
    """Author key → head."""
    rows = db.execute("SELECT key, seq, id FROM heads JOIN authors ON n = author WHERE space = ?", (space,))
    return {bytes(key): Head(seq, bytes(record_id)) for key, seq, record_id in rows}


def extend(
    db: sqlite3.Connection, added: Iterable[Record], numbers: Mapping[bytes, int], first: int
) -> dict[tuple[str, bytes], Head | None]:
    """Move heads on over records just inserted; (space, author key) → new head of those that moved.

    `numbers`: author key → row of the author; `first`: the row of the first record inserted.
    """
    by_chain: dict[tuple[str, bytes], list[Record]] = {}
    for record in added:
        by_chain.setdefault((record.space, record.author), []).append(record)
    moved: dict[tuple[str, bytes], Head | None] = {}
    for (space, author), records in by_chain.items():
        n = numbers[author]
        before = head = _head(db, space, n)
        if not _has_older(db, n, head.seq, max(record.seq for record in records), first):
            for record in sorted(records, key=lambda record: record.seq):  # equal ones stay in the order they came
                if record.seq == head.seq + 1 and record.prev == head.id:
                    head = Head(record.seq, record.id)
        if any(record.seq > before.seq for record in records):
            head = _follow(db, space, n, head)
        if head != before:
            _write(db, space, n, head)
            moved[space, author] = head
    return moved


def cut(db: sqlite3.Connection, author: int, lowest: Record) -> Head | None:
    """The head after records were deleted, of which `lowest` has the least seq; None when there is none."""
    space = lowest.space
    head = _head(db, space, author)
    if lowest.seq <= head.seq:
        siblings = db.execute(
            "SELECT 1 FROM records WHERE author = ? AND seq = ? AND space = ? LIMIT 1", (author, lowest.seq, space)
        ).fetchone()
        head = _follow(db, space, author, _START) if siblings else Head(lowest.seq - 1, lowest.prev)
        _write(db, space, author, head)
    return head if head.seq else None


def _has_older(db: sqlite3.Connection, author: int, after: int, last: int, first: int) -> bool:
    """Whether records that were here before row `first` may decide which branch is followed from seq `after` to `last`."""
    sql = "SELECT 1 FROM records WHERE author = ? AND seq > ? AND seq <= ? AND n < ? LIMIT 1"
    return db.execute(sql, (author, after, last, first)).fetchone() is not None


def _head(db: sqlite3.Connection, space: str, author: int) -> Head:
    row = db.execute("SELECT seq, id FROM heads WHERE space = ? AND author = ?", (space, author)).fetchone()
    return Head(row[0], bytes(row[1])) if row else _START


def _follow(db: sqlite3.Connection, space: str, author: int, head: Head) -> Head:
    rows = db.execute("SELECT raw FROM records WHERE author = ? AND space = ? AND seq > ? ORDER BY seq, n", (author, space, head.seq))
    for (raw,) in rows:
        record = parse(raw)
        if record.seq > head.seq + 1:
            break
        if record.seq == head.seq + 1 and record.prev == head.id:
            head = Head(record.seq, record.id)
    rows.close()
    return head


def _write(db: sqlite3.Connection, space: str, author: int, head: Head) -> None:
    if head.seq:
        db.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?)", (space, author, *head))
    else:
        db.execute("DELETE FROM heads WHERE space = ? AND author = ?", (space, author))


def load_batch(db: sqlite3.Connection, load: Load) -> tuple[list[bytes], Load, set[bytes]]:
    """One batch of a load (≤ MAX_BATCH_RECORDS records, ≤ MAX_BATCH_BYTES), the rest, and which of the batch nobody has verified here.

    Of a forked run one record for each seq, the one that came first: so a batch always ends between two of them, however often
    somebody forks at one place. The sketch finds the others.
    """
    raws: list[bytes] = []
    unverified: set[bytes] = set()
    size = 0
    runs = list(load.runs)
    while runs:
        run = runs[0]
        rows = db.execute(
            "SELECT seq, raw, min(records.n), unverified.n FROM records LEFT JOIN unverified USING (n) "
            "WHERE author = (SELECT n FROM authors WHERE key = ?) AND seq BETWEEN ? AND ? GROUP BY seq ORDER BY seq",
            (run.author, run.first, run.last),
        )
        for seq, raw, _, waits in rows:
            if _is_full(raws, size, raw):
                runs[0] = Run(run.author, seq, run.last)
                return raws, Load(tuple(runs), load.ids, load.live), unverified
            raws.append(raw)
            size += len(raw)
            if waits:
                unverified.add(raw)
        runs.pop(0)
    for at, record_id in enumerate(load.ids):
        row = db.execute("SELECT raw, unverified.n FROM records LEFT JOIN unverified USING (n) WHERE id = ?", (record_id,)).fetchone()
        if row is not None and _is_full(raws, size, row[0]):
            return raws, Load((), load.ids[at:], load.live), unverified
        if row is not None:
            raws.append(row[0])
            size += len(row[0])
            if row[1]:
                unverified.add(row[0])
    return raws, Load(live=load.live), unverified


def _is_full(raws: list[bytes], size: int, raw: bytes) -> bool:
    return len(raws) >= limits.MAX_BATCH_RECORDS or (bool(raws) and size + len(raw) > limits.MAX_BATCH_BYTES)
