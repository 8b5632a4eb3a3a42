"""Whose words a snippet has: the first among those with nearly the same that this node knew. `ledger.originality` says what that means.

Claimed times prove nothing, so what counts is which came here first: of two nodes each may take another for the original, and each goes by
what it knows. In a first sync that is the order of arrival, and it stays so: the earlier claimed time among what came together would be no
better, since a copier may claim any time and would always win by it, while who was copied has long signed theirs. A wording is
known from when both it and its snippet are here. Whoever names the earlier one as what theirs was made from,
at first hand or not, has copied nothing; nor has who was first with it themselves.

Work is bounded: of a great many wordings that share what is looked up, those known first are compared.

Knows the tables, not the store around them.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from p2plearn import limits
from p2plearn.ledger.originality import is_near, shingles, sketch
from p2plearn.node.store import applied as store_applied
from p2plearn.node.store.words import text_of
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import ROOT, VARIANTS, Revision, Snippet
from p2plearn.protocol.records import Record, parse

SALT = "salt of sketches"
"""By which name it is kept; see `schema`."""


class Sketch(NamedTuple):
    """By which of its hashes the wording in a row is found, known since the row `known`."""

    hash: int
    known: int
    wording: int


def sketched(db: sqlite3.Connection, arrived: Iterable[tuple[int, Record]]) -> list[Sketch]:
    """What is to be kept of these (row, record), which came after everything that is kept: of each wording that is known with them."""
    found: list[Sketch] = []
    salt = store_applied.last(db, SALT)
    for row, record in arrived:
        if record.kind == Snippet.kind and isinstance(body_of(record), Snippet):
            known = {row: record} | {before: one for before in revisions(db, record.id, record.author) if (one := _in_row(db, before))}
            found += [Sketch(each, row, n) for n, one in known.items() if n <= row for each in sketch(_shingles(one), salt)]
        elif record.kind == Revision.kind and (root := _snippet(db, root_of(record))) is not None:
            is_known = root.author == record.author and isinstance(body_of(root), Snippet) and _row(db, root.id) < row
            found += [Sketch(each, row, row) for each in sketch(_shingles(record), salt)] if is_known else []
    return found


def keep(db: sqlite3.Connection, found: Iterable[Sketch]) -> None:
    """Keep them, within the caller's transaction."""
    db.executemany("INSERT OR IGNORE INTO sketches VALUES (:hash, :known, :wording)", [one._asdict() for one in found])


def drop(db: sqlite3.Connection, rows: Iterable[int]) -> None:
    """Drop what is kept of the wordings in these rows."""
    db.executemany("DELETE FROM sketches WHERE wording = ?", [(row,) for row in rows])


def like(db: sqlite3.Connection, rows: Iterable[int]) -> set[int]:
    """The rows of what may have other originals without the wordings in these."""
    return {row for each in _hashes(db, rows) for row, _ in _sharing(db, each, limits.MAX_INT)}


def original_of(db: sqlite3.Connection, snippet: Record, *, is_revised: bool) -> bytes | None:
    """The id of the snippet whose words this one, which is here, has without naming it; None where they are its own."""
    if snippet.kind != Snippet.kind:
        return None
    rows = [_row(db, snippet.id), *(revisions(db, snippet.id, snippet.author) if is_revised else ())]
    shared = sorted((known, row) for row in rows for (known,) in db.execute(_SHARED, (row,)))
    for known, row in shared:
        first = _first_with_words_of(db, row, known)
        if first is None or first.author == snippet.author:
            continue
        if first.id not in sources(db, _made_from(snippet)) and snippet.id not in sources(db, _made_from(first)):
            return first.id
    return None


# Since when a wording is known, if some hash of it is that of one known before.
_SHARED = """
SELECT known FROM sketches AS mine WHERE wording = ? AND EXISTS (
    SELECT 1 FROM sketches AS other WHERE other.hash = mine.hash AND other.known < mine.known) LIMIT 1
"""


def _first_with_words_of(db: sqlite3.Connection, row: int, known: int) -> Record | None:
    """The snippet of the first wording known before this one with nearly the same words."""
    shared = Counter(place for each in _hashes(db, [row]) for place in _sharing(db, each, known))
    wording = _in_row(db, row)
    for other, _ in _likely(shared) if wording is not None else ():
        record = _in_row(db, other)
        if record is not None and is_near(_shingles(wording), _shingles(record)):
            return _snippet(db, root_of(record))
    return None


def _likely(shared: Mapping[tuple[int, int], int]) -> list[tuple[int, int]]:
    """Those to be compared, known first: some of those that share the most, and of those known first, so that no flood hides these."""
    by_age = sorted(shared, key=lambda place: place[::-1])
    first = [place for place in by_age if shared[place] > 1]
    most = sorted(by_age, key=lambda place: -shared[place])
    return sorted({*first[: limits.MAX_ALIKE], *most[: limits.MAX_ALIKE]}, key=lambda place: place[::-1])


def _hashes(db: sqlite3.Connection, rows: Iterable[int]) -> set[int]:
    return {each for row in rows for (each,) in db.execute("SELECT hash FROM sketches WHERE wording = ?", (row,))}


def _sharing(db: sqlite3.Connection, each: int, before: int) -> list[tuple[int, int]]:
    """(row, known since) of the wordings with a hash, those known first."""
    sql = "SELECT wording, known FROM sketches WHERE hash = ? AND known < ? ORDER BY known, wording LIMIT ?"
    return db.execute(sql, (each, before, limits.MAX_SHARING)).fetchall()


def sources(db: sqlite3.Connection, made_from: Iterable[bytes]) -> set[bytes]:
    """What something was made from, one from the other, as far as that is here, and MAX_UPSTREAM of it or a few more."""
    seen: set[bytes] = set()
    wave = set(made_from)
    while wave and len(seen) < limits.MAX_UPSTREAM:
        seen |= wave
        here = [record for one in sorted(wave) if (record := _snippet(db, one)) is not None]
        wave = {one for record in here for one in _made_from(record)} - seen
    return seen


def _made_from(snippet: Record) -> list[bytes]:
    return [ref.target for ref in snippet.refs if ref.relation in VARIANTS]


def revisions(db: sqlite3.Connection, snippet: bytes, author: bytes) -> list[int]:
    """The rows of those of a snippet, which need not be here, by its author."""
    return [n for (n,) in db.execute(_REVISIONS, {"snippet": snippet, "author": author})]


_REVISIONS = f"""
SELECT n FROM refs JOIN records ON n = source WHERE target = :snippet AND relation = '{ROOT}'
AND kind = '{Revision.kind}' AND author = (SELECT n FROM authors WHERE key = :author) ORDER BY n
"""  # noqa: S608  # fixed text


def _snippet(db: sqlite3.Connection, record_id: bytes | None) -> Record | None:
    row = db.execute("SELECT raw FROM records WHERE id = ? AND kind = ?", (record_id, Snippet.kind)).fetchone()
    return parse(row[0]) if row is not None else None


def _row(db: sqlite3.Connection, record_id: bytes) -> int:
    return int(db.execute("SELECT n FROM records WHERE id = ?", (record_id,)).fetchone()[0])


def _in_row(db: sqlite3.Connection, n: int) -> Record | None:
    row = db.execute("SELECT raw FROM records WHERE n = ?", (n,)).fetchone()
    return parse(row[0]) if row is not None else None


def root_of(record: Record) -> bytes:
    """The id of the snippet that a wording is one of."""
    return record.id if record.kind == Snippet.kind else record.target(ROOT) or b""


@lru_cache(limits.KEPT_SHINGLES)
def _shingles(record: Record) -> frozenset[int]:
    _, text = text_of(record) or ("", "")
    return shingles(text)
