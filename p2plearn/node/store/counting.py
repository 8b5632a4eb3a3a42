"""Counting who was helped by whom: an index behind the records, kept up in whatever order they come. `ledger.entries` says what holds.

Whoever waits on a root (`waiting`) has what their receipts depend on (`acting`) folded once, while others write (`gather`), and what
differs from before is written and told (`put_in`). So a root on which thousands hang is folded once in a first sync, one more word on it
costs a fold of a few words, and only the receipts that changed are written.

Knows the tables, not the store around them.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from p2plearn import limits
from p2plearn.learning.conversation import converse
from p2plearn.learning.opinions import adoptions
from p2plearn.ledger.entries import receipts_of
from p2plearn.ledger.receipts import Receipt
from p2plearn.node.store import acting as store_acting
from p2plearn.node.store import originals as store_originals
from p2plearn.node.store import waiting as store_waiting
from p2plearn.node.store.acting import Folding
from p2plearn.node.store.receipts import COLUMNS, NUMBER, authors_if, from_rows, noted_original
from p2plearn.node.store.waiting import EVERYBODY, ISSUING
from p2plearn.protocol.kinds import Revision

_Taught: TypeAlias = tuple[bytes, bytes]
"""(teacher, adopter)."""


def is_behind(db: sqlite3.Connection) -> bool:
    """Whether records wait to be looked at, or somebody's words to be folded."""
    return store_waiting.is_behind(db) or db.execute("SELECT 1 FROM waiting LIMIT 1").fetchone() is not None


class Fold(NamedTuple):
    """What is to be changed for some who waited on a root, as the numbers `waited`: which receipts go, and which come.

    `left` and `named`: whom adopters no more, or now, name as teachers, as (teacher, adopter). `is_all`: else more of these follow.
    `original`: whose words the root has, if it is a copy; `is_other`: not what was noted before.
    """

    waited: Sequence[int]
    root: bytes
    gone: Sequence[Receipt]
    new: Sequence[Receipt]
    left: Sequence[_Taught]
    named: Sequence[_Taught]
    is_other: bool
    original: bytes | None
    is_all: bool = True

    @property
    def size(self) -> int:
        """How many rows it changes."""
        return len(self.gone) + len(self.new) + len(self.left) + len(self.named)


def gather(db: sqlite3.Connection) -> list[Fold]:
    """What is to be changed for the next who wait: FOLD_RECEIPTS records are folded for it, or one root; nothing while rows wait."""
    if store_waiting.is_behind(db):
        return []
    return [_fold(db, folding) for folding in store_acting.next_foldings(db)]


_HAD = """
SELECT EXISTS (SELECT 1 FROM receipts WHERE root = :root) OR EXISTS (SELECT 1 FROM taught WHERE root = :root)
"""


def _fold(db: sqlite3.Connection, folding: Folding) -> Fold:
    root = folding.record
    noted = noted_original(db, folding.root)
    original = noted if root is not None else None
    if root is not None and folding.issuers & {EVERYBODY, root.author}:
        is_revised = any(record.kind == Revision.kind for record in folding.said)
        original = store_originals.original_of(db, root, is_revised=is_revised)
    found, taught = set[Receipt](), set[_Taught]()
    if root is not None and any(record.kind in ISSUING for record in folding.said):
        conversation = converse(root, folding.said)
        if conversation is not None:
            adopters = adoptions(conversation.standing)
            receipts = receipts_of(conversation, authors_if(db, root, original), adopters)
            found = {one for one in receipts if folding.is_for(one.issuer)}
            taught = {(one.learned_from, adopter) for adopter, one in adopters.items() if one.learned_from and folding.is_for(adopter)}
    (had,) = db.execute(_HAD, {"root": folding.root}).fetchone()
    held, before = (_stored(db, folding), _taught(db, folding)) if had else (set(), set())
    return Fold(
        waited=folding.waited,
        root=folding.root,
        gone=sorted(held - found),
        new=sorted(found - held),
        left=sorted(before - taught),
        named=sorted(taught - before),
        is_other=original != noted,
        original=original,
    )


def portions(folds: Iterable[Fold]) -> Iterator[list[Fold]]:
    """The same, WRITE_RECEIPTS receipts and roots at the most in one: thousands may hang on one root."""
    portion, size = list[Fold](), 0
    for fold in folds:
        first = 0
        while fold.size - first > limits.WRITE_RECEIPTS:
            yield [_part(fold, first, first + limits.WRITE_RECEIPTS)._replace(is_all=False)]
            first += limits.WRITE_RECEIPTS
        if portion and size + fold.size - first >= limits.WRITE_RECEIPTS:
            yield portion
            portion, size = [], 0
        portion.append(_part(fold, first, fold.size))
        size += fold.size - first + 1
    if portion:
        yield portion


def _part(fold: Fold, first: int, end: int) -> Fold:
    """Those from the place `first` on, in the order in which they are written."""
    starts = list(accumulate(map(len, (fold.gone, fold.new, fold.left, fold.named)), initial=0))
    gone, new, left, named = (slice(max(0, first - start), max(0, end - start)) for start in starts[:-1])
    return fold._replace(gone=fold.gone[gone], new=fold.new[new], left=fold.left[left], named=fold.named[named])


def put_in(db: sqlite3.Connection, folds: Iterable[Fold]) -> tuple[list[Receipt], list[Receipt]]:
    """Write what changed, within the caller's transaction; (receipts that are gone, receipts that are new).

    Who was made to wait anew meanwhile is passed over, and everybody where something was deleted: they are folded again.
    """
    still = [] if store_waiting.is_less(db) else [fold for fold in folds if _still_waits(db, fold)]
    db.executemany("DELETE FROM waiting WHERE n = ?", [(n,) for fold in still if fold.is_all for n in fold.waited])
    for fold in (fold for fold in still if fold.is_other and fold.is_all):
        db.execute("DELETE FROM copies WHERE copy = ?", (fold.root,))
        db.executemany("INSERT INTO copies VALUES (?, ?)", [(fold.root, fold.original)] if fold.original else [])
        store_waiting.wait(db, {(root, EVERYBODY) for root in store_waiting.below(db, fold.root)})  # itself too: its line may be another
    gone = [(fold.root, receipt) for fold in still for receipt in fold.gone]
    new = [(fold.root, receipt) for fold in still for receipt in fold.new]
    db.executemany(_DELETE, [(root, *_key(root, receipt)) for root, receipt in gone])
    db.executemany(_INSERT, [(root, *_key(root, r), r.units, r.at, json.dumps(r.topics, ensure_ascii=False), r.record) for root, r in new])
    left = [(fold.root, *pair) for fold in still for pair in fold.left]
    db.executemany("DELETE FROM taught WHERE (root, teacher, adopter) = (?, ?, ?)", left)
    db.executemany("INSERT INTO taught VALUES (?, ?, ?)", [(fold.root, *pair) for fold in still for pair in fold.named])
    return [receipt for _, receipt in gone], [receipt for _, receipt in new]


def _still_waits(db: sqlite3.Connection, fold: Fold) -> bool:
    return all(db.execute("SELECT 1 FROM waiting WHERE n = ?", (n,)).fetchone() for n in fold.waited)


_DELETE = f"DELETE FROM receipts WHERE (root, issuer, helper, kind, slot) = (?, {NUMBER}, {NUMBER}, ?, ?)"  # noqa: S608  # fixed text
_INSERT = f"INSERT INTO receipts VALUES (?, {NUMBER}, {NUMBER}, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # fixed text


def _key(root: bytes, receipt: Receipt) -> tuple[bytes, bytes, str, bytes]:
    return receipt.issuer, receipt.helper, receipt.kind, b"" if receipt.slot == root else receipt.slot


def _stored(db: sqlite3.Connection, folding: Folding) -> set[Receipt]:
    if folding.is_whole:
        return {receipt for _, receipt in from_rows(db.execute(COLUMNS + "WHERE root = ?", (folding.root,)))}
    sql = COLUMNS + f"WHERE root = ? AND issuer = {NUMBER}"
    return {receipt for one in folding.issuers for _, receipt in from_rows(db.execute(sql, (folding.root, one)))}


def _taught(db: sqlite3.Connection, folding: Folding) -> set[_Taught]:
    pairs = db.execute("SELECT teacher, adopter FROM taught WHERE root = ?", (folding.root,))
    return {(bytes(teacher), bytes(adopter)) for teacher, adopter in pairs if folding.is_for(adopter)}
