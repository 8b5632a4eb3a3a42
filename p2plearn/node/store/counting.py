"""Counting who was helped by whom: an index behind the records, kept up in whatever order they come. `ledger.entries` says what holds.

In two steps. What comes, or goes, makes roots wait (`scan` and `mark`, `refold`): those in which something was said that receipts come of,
and those whose line of authors it may belong to. Then each is judged (`originals`) and folded once, from nothing but what its receipts
depend on, while others write (`gather`), and what differs from before is written and told (`put_in`). So a root on which thousands hang is
folded once in a first sync, and only the receipts that changed are written.

Knows the tables, not the store around them.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from p2plearn import limits
from p2plearn.learning.conversation import converse
from p2plearn.ledger.entries import receipts_of
from p2plearn.ledger.receipts import Receipt
from p2plearn.node.store import applied as store_applied
from p2plearn.node.store import originals as store_originals
from p2plearn.node.store.originals import Sketch
from p2plearn.node.store.receipts import COLUMNS, NUMBER, authors_if, from_rows, noted_original
from p2plearn.protocol.kinds import (
    BY,
    ORIGINALS,
    RE,
    ROOT,
    VARIANTS,
    WITH,
    Adopt,
    Correction,
    Proof,
    Reaction,
    Retract,
    Revision,
    Snippet,
    Solve,
    Thanks,
    Verdict,
)
from p2plearn.protocol.records import Record, parse

_NAME = "receipts"
_FEW = 500  # values in one query


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


_ISSUING = (Solve.kind, Adopt.kind, Thanks.kind, Revision.kind)  # without any of these there is no receipt
_ACTING = _listed([*_ISSUING, Verdict.kind, Retract.kind])
_NAMING = {Solve.kind: BY, Verdict.kind: RE, Proof.kind: RE, Correction.kind: RE, Reaction.kind: RE, Thanks.kind: RE, Revision.kind: WITH}
"""By which relation a record names what decides whether, and for whom, it counts."""


def is_behind(db: sqlite3.Connection) -> bool:
    """Whether records wait to be looked at, or roots to be folded."""
    return store_applied.is_behind(db, _NAME) or db.execute("SELECT 1 FROM waiting LIMIT 1").fetchone() is not None


# --- which roots wait ---


class Scan(NamedTuple):
    """Rows behind `after` and up to `until`, the roots whose receipts may change by what is in them, and the sketches of it."""

    after: int
    until: int
    roots: set[bytes]
    sketches: list[Sketch]


# What nothing names, and is none of the kinds above nor a snippet, changes nothing.
_MATTERING = f"""
SELECT n, raw FROM records
WHERE n > ? AND n <= ? AND (kind IN ({_ACTING}, 'snippet') OR EXISTS (SELECT 1 FROM refs WHERE target = records.id))
"""  # noqa: S608  # fixed text
_BELOW = f"""
WITH RECURSIVE below (id) AS (
    SELECT :id UNION
    SELECT records.id FROM below JOIN refs ON target = below.id AND relation IN ({_listed(VARIANTS)}) JOIN records ON n = source UNION
    SELECT copy FROM below JOIN copies ON original = below.id)
SELECT id FROM below
"""  # noqa: S608  # fixed text


def scan(db: sqlite3.Connection) -> Scan | None:
    """The next rows to look at, None when none wait."""
    after = store_applied.last(db, _NAME)
    batch = "SELECT n FROM records WHERE n > ? ORDER BY n LIMIT ?"
    (until,) = db.execute(f"SELECT max(n) FROM ({batch})", (after, limits.INDEX_RECEIPTS)).fetchone()  # noqa: S608  # fixed text
    if until is None:
        return None
    arrived = [(n, parse(raw)) for n, raw in db.execute(_MATTERING, (after, until)).fetchall()]
    return Scan(after, until, _changed_by(db, [record for _, record in arrived]), store_originals.sketched(db, arrived))


def mark(db: sqlite3.Connection, found: Scan) -> None:
    """Let the roots wait, within the caller's transaction."""
    if store_applied.last(db, _NAME) == found.after:  # else somebody else was quicker
        store_originals.keep(db, found.sketches)
        _wait(db, found.roots)
        db.execute("INSERT OR REPLACE INTO applied VALUES (?, ?)", (_NAME, found.until))


def refold(db: sqlite3.Connection, gone: Sequence[Record]) -> None:
    """Let those wait that records now deleted had a part in."""
    _wait(db, _changed_by(db, gone) | store_originals.drop(db, gone))


def _wait(db: sqlite3.Connection, roots: Iterable[bytes]) -> None:
    db.executemany("INSERT OR REPLACE INTO waiting (root) VALUES (?)", [(root,) for root in sorted(roots)])


def _changed_by(db: sqlite3.Connection, records: Iterable[Record]) -> set[bytes]:
    """The roots whose receipts may be others with these records than without."""
    roots: set[bytes] = set()
    for record in records:
        if root := record.target(ROOT):
            roots.add(root)
        if record.kind in ORIGINALS:
            roots.add(record.id)
        if record.kind == Snippet.kind and len(below := _below(db, record.id)) > 1:
            roots.update(below, store_originals.sources(db, record))
    return roots


def _below(db: sqlite3.Connection, snippet: bytes) -> set[bytes]:
    """A snippet and what was made from it or copied, one from the other."""
    return {bytes(row[0]) for row in db.execute(_BELOW, {"id": snippet})}


# --- what their receipts are ---


class Fold(NamedTuple):
    """A root that waited as number `n`: which receipts go, and which come. `is_all`: else more of them follow.

    `original`: whose words it has, if it is a copy; `is_other`: not what was noted before.
    """

    n: int
    root: bytes
    gone: Sequence[Receipt] = ()
    new: Sequence[Receipt] = ()
    is_all: bool = True
    is_other: bool = False
    original: bytes | None = None


def gather(db: sqlite3.Connection) -> list[Fold]:
    """What is to be changed for the next roots that wait: FOLD_RECEIPTS records hang on them, or one root; nothing while rows wait."""
    if store_applied.is_behind(db, _NAME):
        return []
    waiting = _next(db)
    roots = list(waiting)
    held = {record.id: record for record in _parsed(db, "SELECT raw FROM records WHERE id IN ({})", roots)}
    said = _acting(db, roots)
    named = _named(db, {record.id: record for records in said.values() for record in records})
    before = _stored(db, roots)

    folds = []
    for root, n in waiting.items():
        original = store_originals.original_of(db, held[root]) if root in held else None
        found: set[Receipt] = set()
        if root in held and any(record.kind in _ISSUING for record in said.get(root, ())):
            conversation = converse(held[root], [*said[root], *(named[one] for one in _names(said[root], named))])
            found = set(receipts_of(conversation, authors_if(db, held[root], original))) if conversation is not None else found
        stored = before.get(root, set())
        is_other = original != noted_original(db, root)
        folds.append(Fold(n, root, sorted(stored - found), sorted(found - stored), is_other=is_other, original=original))
    return folds


def portions(folds: Iterable[Fold]) -> Iterator[list[Fold]]:
    """The same, WRITE_RECEIPTS receipts and roots at the most in one: thousands may hang on one root."""
    portion, size = list[Fold](), 0
    for fold in folds:
        first, changes = 0, len(fold.gone) + len(fold.new)
        while changes - first > limits.WRITE_RECEIPTS:
            yield [_part(fold, first, first + limits.WRITE_RECEIPTS)._replace(is_all=False)]
            first += limits.WRITE_RECEIPTS
        if portion and size + changes - first >= limits.WRITE_RECEIPTS:
            yield portion
            portion, size = [], 0
        portion.append(_part(fold, first, changes))
        size += changes - first + 1
    if portion:
        yield portion


def _part(fold: Fold, first: int, end: int) -> Fold:
    """Those from the place `first` on, those that go counted before those that come."""
    going = len(fold.gone)
    return fold._replace(gone=fold.gone[first:end], new=fold.new[max(0, first - going) : max(0, end - going)])


def put_in(db: sqlite3.Connection, folds: Iterable[Fold]) -> tuple[list[Receipt], list[Receipt]]:
    """Write what changed, within the caller's transaction; (receipts that are gone, receipts that are new).

    A root that was made to wait anew since it was folded is passed over: it is folded again.
    """
    still = [fold for fold in folds if db.execute("SELECT 1 FROM waiting WHERE n = ?", (fold.n,)).fetchone()]
    db.executemany("DELETE FROM waiting WHERE n = ?", [(fold.n,) for fold in still if fold.is_all])
    for fold in (fold for fold in still if fold.is_other):
        db.execute("DELETE FROM copies WHERE copy = ?", (fold.root,))
        db.executemany("INSERT INTO copies VALUES (?, ?)", [(fold.root, fold.original)] if fold.original else [])
        _wait(db, _below(db, fold.root) - {fold.root})
    gone = [(fold.root, receipt) for fold in still for receipt in fold.gone]
    new = [(fold.root, receipt) for fold in still for receipt in fold.new]
    db.executemany(_DELETE, [(root, *_key(root, receipt)) for root, receipt in gone])
    db.executemany(_INSERT, [(root, *_key(root, r), r.units, r.at, json.dumps(r.topics, ensure_ascii=False), r.record) for root, r in new])
    return [receipt for _, receipt in gone], [receipt for _, receipt in new]


_DELETE = f"DELETE FROM receipts WHERE (root, issuer, helper, kind, slot) = (?, {NUMBER}, {NUMBER}, ?, ?)"  # noqa: S608  # fixed text
_INSERT = f"INSERT INTO receipts VALUES (?, {NUMBER}, {NUMBER}, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # fixed text


def _key(root: bytes, receipt: Receipt) -> tuple[bytes, bytes, str, bytes]:
    return receipt.issuer, receipt.helper, receipt.kind, b"" if receipt.slot == root else receipt.slot


def _next(db: sqlite3.Connection) -> dict[bytes, int]:
    """The next roots to fold and the number as which each waits."""
    rows = db.execute("SELECT root, n FROM waiting ORDER BY n LIMIT ?", (_FEW,)).fetchall()
    counted = "SELECT target, count(*) FROM refs WHERE target IN ({}) AND relation = 'root' GROUP BY target"
    sizes = dict(_query(db, counted, [root for root, _ in rows]))
    found: dict[bytes, int] = {}
    size = 0
    for root, n in rows:
        size += 1 + sizes.get(root, 0)
        if found and size > limits.FOLD_RECEIPTS:
            break
        found[root] = n
    return found


_SAID = f"SELECT target, raw FROM refs JOIN records ON n = source WHERE target IN ({{}}) AND relation = 'root' AND kind IN ({_ACTING})"  # noqa: S608


def _acting(db: sqlite3.Connection, roots: Sequence[bytes]) -> dict[bytes, list[Record]]:
    """Root → what was said on it that receipts may come of."""
    found: dict[bytes, list[Record]] = {}
    for root, raw in _query(db, _SAID, roots):
        found.setdefault(root, []).append(parse(raw))
    return found


def _named(db: sqlite3.Connection, held: dict[bytes, Record]) -> dict[bytes, Record]:
    """`held` and what is named in it, and so on, by id, as far as it decides whether something counts."""
    wanted = {target for record in held.values() for target in _targets(record)} - held.keys()
    while wanted:
        new = {record.id: record for record in _parsed(db, "SELECT raw FROM records WHERE id IN ({})", wanted)}
        held |= new
        wanted = {target for record in new.values() for target in _targets(record)} - held.keys()
    return held


def _names(said: Iterable[Record], held: Mapping[bytes, Record]) -> set[bytes]:
    """What these name and so on, as far as it is held."""
    found: set[bytes] = set()
    waiting = {target for record in said for target in _targets(record)}
    while waiting := {target for target in waiting if target in held} - found:
        found |= waiting
        waiting = {target for one in waiting for target in _targets(held[one])}
    return found


def _targets(record: Record) -> list[bytes]:
    relation = _NAMING.get(record.kind)
    return record.targets(relation) if relation else []


def _stored(db: sqlite3.Connection, roots: Sequence[bytes]) -> dict[bytes, set[Receipt]]:
    found: dict[bytes, set[Receipt]] = {}
    for root, receipt in from_rows(_query(db, COLUMNS + "WHERE root IN ({})", roots)):
        found.setdefault(root, set()).add(receipt)
    return found


def _parsed(db: sqlite3.Connection, sql: str, values: Iterable[bytes]) -> Iterator[Record]:
    return (parse(raw) for (raw,) in _query(db, sql, values))


def _query(db: sqlite3.Connection, sql: str, values: Iterable[bytes]) -> Iterator[tuple[Any, ...]]:
    """The rows that `sql` finds for `values`, a few at a time."""
    every = list(values)
    for at in range(0, len(every), _FEW):
        part = every[at : at + _FEW]
        yield from db.execute(sql.format(", ".join("?" * len(part))), part)
