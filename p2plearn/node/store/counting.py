"""Counting who was helped by whom: an index behind the records, kept up in whatever order they come. `ledger.entries` says what holds.

Each root that waits is judged (`originals`) and folded once, from nothing but what its receipts depend on, while others write (`gather`),
and what differs from before is written and told (`put_in`). So a root on which thousands hang is folded once in a first sync, and only the
receipts that changed are written.

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
from p2plearn.node.store import originals as store_originals
from p2plearn.node.store import waiting as store_waiting
from p2plearn.node.store.receipts import COLUMNS, NUMBER, authors_if, from_rows, noted_original
from p2plearn.node.store.waiting import ACTING, ISSUING
from p2plearn.protocol.kinds import (
    BY,
    RE,
    WITH,
    Correction,
    Proof,
    Reaction,
    Revision,
    Solve,
    Thanks,
    Verdict,
)
from p2plearn.protocol.records import Record, parse

_FEW = 500  # values in one query
_NAMING = {Solve.kind: BY, Verdict.kind: RE, Proof.kind: RE, Correction.kind: RE, Reaction.kind: RE, Thanks.kind: RE, Revision.kind: WITH}
"""By which relation a record names what decides whether, and for whom, it counts."""


def is_behind(db: sqlite3.Connection) -> bool:
    """Whether records wait to be looked at, or roots to be folded."""
    return store_waiting.is_behind(db) or db.execute("SELECT 1 FROM waiting LIMIT 1").fetchone() is not None


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


class _Waiting(NamedTuple):
    """A root that waits as number `n`, on which `size` records hang."""

    root: bytes
    n: int
    size: int


def gather(db: sqlite3.Connection) -> list[Fold]:
    """What is to be changed for the next roots that wait: FOLD_RECEIPTS records hang on them, or one root; nothing while rows wait."""
    if store_waiting.is_behind(db):
        return []
    waiting = _next(db)
    roots = [one.root for one in waiting]
    held = {record.id: record for record in _parsed(db, "SELECT raw FROM records WHERE id IN ({})", roots)}
    said = _acting(db, {one.root: one.size for one in waiting})
    named = _named(db, {record.id: record for records in said.values() for record in records})
    before = _stored(db, roots)

    folds = []
    for root, n, _ in waiting:
        original = store_originals.original_of(db, held[root]) if root in held else None
        found: set[Receipt] = set()
        if root in held and any(record.kind in ISSUING for record in said.get(root, ())):
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
    for fold in (fold for fold in still if fold.is_other and fold.is_all):
        db.execute("DELETE FROM copies WHERE copy = ?", (fold.root,))
        db.executemany("INSERT INTO copies VALUES (?, ?)", [(fold.root, fold.original)] if fold.original else [])
        store_waiting.wait(db, store_waiting.below(db, fold.root))  # itself too: in its line others may have changed beside it
    gone = [(fold.root, receipt) for fold in still for receipt in fold.gone]
    new = [(fold.root, receipt) for fold in still for receipt in fold.new]
    db.executemany(_DELETE, [(root, *_key(root, receipt)) for root, receipt in gone])
    db.executemany(_INSERT, [(root, *_key(root, r), r.units, r.at, json.dumps(r.topics, ensure_ascii=False), r.record) for root, r in new])
    return [receipt for _, receipt in gone], [receipt for _, receipt in new]


_DELETE = f"DELETE FROM receipts WHERE (root, issuer, helper, kind, slot) = (?, {NUMBER}, {NUMBER}, ?, ?)"  # noqa: S608  # fixed text
_INSERT = f"INSERT INTO receipts VALUES (?, {NUMBER}, {NUMBER}, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # fixed text


def _key(root: bytes, receipt: Receipt) -> tuple[bytes, bytes, str, bytes]:
    return receipt.issuer, receipt.helper, receipt.kind, b"" if receipt.slot == root else receipt.slot


def _next(db: sqlite3.Connection) -> list[_Waiting]:
    """The next roots to fold."""
    rows = db.execute("SELECT root, n FROM waiting ORDER BY n LIMIT ?", (_FEW,)).fetchall()
    counted = "SELECT target, count(*) FROM refs WHERE target IN ({}) AND relation = 'root' GROUP BY target"
    sizes = dict(_query(db, counted, [root for root, _ in rows]))
    found, whole = list[_Waiting](), 0
    for root, n in rows:
        size = sizes.get(root, 0)
        whole += 1 + size
        if found and whole > limits.FOLD_RECEIPTS:
            break
        found.append(_Waiting(root, n, size))
    return found


_SAID = f"SELECT target, raw FROM refs JOIN records ON n = source WHERE target IN ({{}}) AND relation = 'root' AND kind IN ({ACTING})"  # noqa: S608

# Of more than are folded: what those said who were the first here to say something about it, its own author before all; so a later flood
# hides none of them. Of each the latest words, and whatever takes some back.
_SAID_FIRST = f"""
SELECT raw FROM (
    SELECT n, row_number() OVER (PARTITION BY author ORDER BY kind != 'retract', seq DESC, id DESC) AS place,
        min(n) OVER (PARTITION BY author) AS first,
        author IS (SELECT author FROM records WHERE id = :root) AS own
    FROM refs JOIN records ON n = source WHERE target = :root AND relation = 'root' AND kind IN ({ACTING})) AS words
JOIN records USING (n) WHERE place <= :each ORDER BY own DESC, first, place LIMIT :most
"""  # noqa: S608  # fixed text


def _acting(db: sqlite3.Connection, roots: Mapping[bytes, int]) -> dict[bytes, list[Record]]:
    """Root → what was said on it that receipts may come of, MAX_THREAD at the most. `roots`: each with how many records hang on it."""
    found: dict[bytes, list[Record]] = {}
    for root, raw in _query(db, _SAID, [root for root, size in roots.items() if size <= limits.MAX_THREAD]):
        found.setdefault(root, []).append(parse(raw))
    for root in (root for root, size in roots.items() if size > limits.MAX_THREAD):
        bounds = {"root": root, "each": limits.MAX_CLOSING, "most": limits.MAX_THREAD}
        found[root] = [parse(raw) for (raw,) in db.execute(_SAID_FIRST, bounds)]
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
