"""Whose words a snippet has: the first among those with nearly the same that this node knew. `ledger.originality` says what that means.

Claimed times prove nothing, so what counts is which came here first: of two nodes each may take another for the original, and each goes by
what it knows. A wording is known from when both it and its snippet are here. Whoever names the earlier one as what theirs was made from,
at first hand or not, has copied nothing; nor has who was first with it themselves.

Work is bounded: of a great many wordings that share what is looked up, those known first are compared.

Knows the tables, not the store around them.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from p2plearn import limits
from p2plearn.ledger.originality import is_near, shingles, sketch
from p2plearn.node.store.words import text_of
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import ROOT, VARIANTS, Revision, Snippet
from p2plearn.protocol.records import Record, parse


class Wording(NamedTuple):
    """A wording of the snippet `root` and its row, known since the row `known`."""

    root: Record
    record: Record
    row: int
    known: int


class Sketch(NamedTuple):
    """By which of its hashes a wording is found."""

    hash: int
    known: int
    wording: int
    root: bytes


def sketched(db: sqlite3.Connection, arrived: Iterable[tuple[int, Record]]) -> list[Sketch]:
    """What is to be kept of these (row, record), which came after everything that is kept: of each wording that is known with them."""
    found = []
    for row, record in arrived:
        if record.kind == Snippet.kind:
            known = [one for one in _wordings(db, record, row) if one.known == row]
        elif record.kind == Revision.kind:
            root = _snippet(db, _root(record))
            known = [one for one in wordings(db, root) if one.row == one.known == row] if root is not None else []
        else:
            continue
        found += [Sketch(each, one.known, one.row, one.root.id) for one in known for each in sketch(_shingles(one.record))]
    return found


def keep(db: sqlite3.Connection, found: Iterable[Sketch]) -> None:
    """Keep them, within the caller's transaction, but of what was deleted meanwhile."""
    db.executemany(
        "INSERT OR IGNORE INTO sketches SELECT :hash, :known, :wording "
        "WHERE EXISTS (SELECT 1 FROM records WHERE n = :wording) AND EXISTS (SELECT 1 FROM records WHERE id = :root)",
        [one._asdict() for one in found],
    )


def drop(db: sqlite3.Connection, gone: Iterable[Record]) -> set[bytes]:
    """Drop what is kept of records now deleted; the roots of what may have other originals without them."""
    touched: set[int] = set()
    for record in (one for one in gone if one.kind in {Snippet.kind, Revision.kind}):
        orphans = [one for one in _revisions(db, record) if one[1].author == record.author] if record.kind == Snippet.kind else []
        hashes = {each for one in [record, *(one for _, one in orphans)] for each in sketch(_shingles(one))}
        for each in hashes:
            db.execute("DELETE FROM sketches WHERE hash = ? AND wording NOT IN (SELECT n FROM records)", (each,))
            db.executemany("DELETE FROM sketches WHERE hash = ? AND wording = ?", [(each, row) for row, _ in orphans])
            touched.update(row for row, _ in _sharing(db, each, limits.MAX_INT))
    records = (_in_row(db, row) for row in touched)
    return {_root(record) for record in records if record is not None}


def original_of(db: sqlite3.Connection, snippet: Record) -> bytes | None:
    """The id of the snippet whose words this one, which is here, has without naming it; None where they are its own."""
    for wording in wordings(db, snippet) if snippet.kind == Snippet.kind else ():
        first = _first_with_words_of(db, wording)
        if first is None or first.author == snippet.author:
            continue
        if first.id not in sources(db, snippet) and snippet.id not in sources(db, first):
            return first.id
    return None


def wordings(db: sqlite3.Connection, snippet: Record) -> list[Wording]:
    """Those of a snippet that is here, in the order in which they came to be known."""
    found = db.execute("SELECT n FROM records WHERE id = ?", (snippet.id,)).fetchone()
    return _wordings(db, snippet, found[0]) if found is not None else []


def _wordings(db: sqlite3.Connection, snippet: Record, row: int) -> list[Wording]:
    if not isinstance(body_of(snippet), Snippet):
        return []
    own = [(n, record) for n, record in _revisions(db, snippet) if record.author == snippet.author]
    return sorted((Wording(snippet, record, n, max(n, row)) for n, record in [(row, snippet), *own]), key=lambda one: (one.known, one.row))


def _first_with_words_of(db: sqlite3.Connection, wording: Wording) -> Record | None:
    """The snippet of the first wording known before this one with nearly the same words."""
    found = _shingles(wording.record)
    shared = Counter(place for each in sketch(found) for place in _sharing(db, each, wording.known))
    for row, _ in _likely(shared):
        record = _in_row(db, row)
        if record is not None and is_near(found, _shingles(record)):
            return _snippet(db, _root(record))
    return None


def _likely(shared: Mapping[tuple[int, int], int]) -> list[tuple[int, int]]:
    """Those to be compared, known first: some of those that share the most, and of those known first, so that no flood hides these."""
    by_age = sorted(shared, key=lambda place: place[::-1])
    first = [place for place in by_age if shared[place] > 1]
    most = sorted(by_age, key=lambda place: -shared[place])
    return sorted({*first[: limits.MAX_ALIKE], *most[: limits.MAX_ALIKE]}, key=lambda place: place[::-1])


def _sharing(db: sqlite3.Connection, each: int, before: int) -> list[tuple[int, int]]:
    """(row, known since) of the wordings with a hash, those known first."""
    sql = "SELECT wording, known FROM sketches WHERE hash = ? AND known < ? ORDER BY known, wording LIMIT ?"
    return db.execute(sql, (each, before, limits.MAX_SHARING)).fetchall()


def sources(db: sqlite3.Connection, snippet: Record) -> set[bytes]:
    """What a snippet was made from, one from the other, as far as that is here, and MAX_UPSTREAM of it or a few more."""
    seen: set[bytes] = set()
    wave: list[Record] = [snippet]
    while wave and len(seen) < limits.MAX_UPSTREAM:
        named = {ref.target for record in wave for ref in record.refs if ref.relation in VARIANTS} - seen
        seen |= named
        wave = [record for one in sorted(named) if (record := _snippet(db, one)) is not None]
    return seen


def _revisions(db: sqlite3.Connection, root: Record) -> Iterator[tuple[int, Record]]:
    rows = db.execute(
        "SELECT n, raw FROM refs JOIN records ON n = source WHERE target = ? AND relation = ? AND kind = ?", (root.id, ROOT, Revision.kind)
    )
    return ((n, parse(raw)) for n, raw in rows.fetchall())


def _snippet(db: sqlite3.Connection, record_id: bytes | None) -> Record | None:
    row = db.execute("SELECT raw FROM records WHERE id = ? AND kind = ?", (record_id, Snippet.kind)).fetchone()
    return parse(row[0]) if row is not None else None


def _in_row(db: sqlite3.Connection, n: int) -> Record | None:
    row = db.execute("SELECT raw FROM records WHERE n = ?", (n,)).fetchone()
    return parse(row[0]) if row is not None else None


def _root(record: Record) -> bytes:
    return record.id if record.kind == Snippet.kind else record.target(ROOT) or b""


def _shingles(record: Record) -> frozenset[int]:
    _, text = text_of(record) or ("", "")
    return shingles(text)
