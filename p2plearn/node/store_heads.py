"""Authors' chains in the store: the head of each unbroken run, kept up to date as records come in any order, and reading along runs.

The head is where the records from seq 1 on, each naming the one before, end. Where a chain forks the branch that came first is followed;
either is right, since heads only save bytes. Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable, Mapping

from p2plearn import limits
from p2plearn.protocol.records import NO_PREV, Record, parse
from p2plearn.protocol.replica import Head
from p2plearn.protocol.sync import Load, Run

_START = Head(0, NO_PREV)


def read_all(db: sqlite3.Connection, space: str) -> dict[bytes, Head]:
    """Author key → head."""
    rows = db.execute("SELECT key, seq, id FROM heads JOIN authors ON n = author WHERE space = ?", (space,))
    return {bytes(key): Head(seq, bytes(record_id)) for key, seq, record_id in rows}


def extend(db: sqlite3.Connection, added: Iterable[Record], numbers: Mapping[bytes, int]) -> dict[tuple[str, bytes], Head | None]:
    """Move heads on over records just inserted; (space, author key) → new head of those that moved. `numbers`: author key → row."""
    by_chain: dict[tuple[str, bytes], list[Record]] = {}
    for record in added:
        by_chain.setdefault((record.space, record.author), []).append(record)
    moved: dict[tuple[str, bytes], Head | None] = {}
    for (space, author), records in by_chain.items():
        n = numbers[author]
        row = db.execute("SELECT seq, id FROM heads WHERE space = ? AND author = ?", (space, n)).fetchone()
        before = head = Head(row[0], bytes(row[1])) if row else _START
        for record in sorted(records, key=lambda record: record.order):
            if record.seq == head.seq + 1 and record.prev == head.id:
                head = Head(record.seq, record.id)
        if head != before:
            head = _follow(db, space, n, head)
            _write(db, space, n, head)
            moved[space, author] = head
    return moved


def recompute(db: sqlite3.Connection, space: str, author: int) -> Head | None:
    """The head after records were deleted; None when there is none."""
    head = _follow(db, space, author, _START)
    _write(db, space, author, head)
    return head if head.seq else None


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


def load_batch(db: sqlite3.Connection, load: Load) -> tuple[list[bytes], Load]:
    """One batch of a load (≤ MAX_BATCH_RECORDS records, ≤ MAX_BATCH_BYTES), and the rest."""
    raws: list[bytes] = []
    size = 0
    runs = list(load.runs)
    while runs:
        run = runs[0]
        rows = db.execute(
            "SELECT seq, raw FROM records WHERE author = (SELECT n FROM authors WHERE key = ?) AND seq BETWEEN ? AND ? ORDER BY seq, n",
            (run.author, run.first, run.last),
        )
        for seq, raw in rows:
            if _is_full(raws, size, raw):
                runs[0] = Run(run.author, seq, run.last)
                return raws, Load(tuple(runs), load.ids, load.live)
            raws.append(bytes(raw))
            size += len(raw)
        runs.pop(0)
    for at, record_id in enumerate(load.ids):
        row = db.execute("SELECT raw FROM records WHERE id = ?", (record_id,)).fetchone()
        if row is not None and _is_full(raws, size, row[0]):
            return raws, Load((), load.ids[at:], load.live)
        if row is not None:
            raws.append(bytes(row[0]))
            size += len(row[0])
    return raws, Load(live=load.live)


def _is_full(raws: list[bytes], size: int, raw: bytes) -> bool:
    return len(raws) >= limits.MAX_BATCH_RECORDS or (bool(raws) and size + len(raw) > limits.MAX_BATCH_BYTES)
