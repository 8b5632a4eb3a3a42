"""Whose receipts wait to be counted anew: what comes, or goes, makes them, and `counting` lets them go.

What somebody's receipts on a root are depends on their own words about it, on who these name, and on whose work the root is. So of what
comes on a root where thousands have spoken, few wait: its author, those who say that they learned it from them, those who had named it
before it came. Everybody waits where the root, or something that its line of authors may lead to, comes or goes. What was deleted is only
noted as it goes (without its words), and looked at later. Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from p2plearn import limits
from p2plearn.node.store import applied as store_applied
from p2plearn.node.store import originals as store_originals
from p2plearn.node.store.originals import Sketch
from p2plearn.protocol.kinds import (
    BY,
    ORIGINALS,
    RE,
    ROOT,
    VARIANTS,
    WITH,
    Adopt,
    Retract,
    Revision,
    Snippet,
    Solve,
    Thanks,
    Verdict,
)
from p2plearn.protocol.records import ID_SIZE, Record, parse, refs_of

_NAME = "receipts"
EVERYBODY = b""  # as an issuer

Mark: TypeAlias = tuple[bytes, bytes]
"""(root, issuer)."""


def listed(words: Iterable[str]) -> str:
    """For a query: fixed words."""
    return ", ".join(f"'{word}'" for word in words)


ISSUING = (Solve.kind, Adopt.kind, Thanks.kind, Revision.kind)  # without any of these there is no receipt
_ACTING = (*ISSUING, Verdict.kind, Retract.kind)
ACTING = listed(_ACTING)
_NAMING = listed((BY, RE, WITH))  # the relations by which a record names what decides whether, and for whom, it counts
_WORDED = (Snippet.kind, Revision.kind)
_LEARNING = (Adopt.kind, Retract.kind)  # whoever named their author as teacher may look at
_JUDGING = (Verdict.kind, Retract.kind)  # a root's author may have receipts of


class Scan(NamedTuple):
    """Rows behind `after` and up to `until`, or deleted rows (`gone`): who waits for it, and which sketches come and go.

    `unknown`: the rows of wordings that are no longer known.
    """

    after: int
    until: int
    marks: set[Mark]
    sketches: list[Sketch]
    gone: list[int]
    unknown: list[int]


class _Changed(NamedTuple):
    """A record that came or went."""

    id: bytes
    author: bytes
    kind: str
    root: bytes | None
    sources: list[bytes]


def is_behind(db: sqlite3.Connection) -> bool:
    """Whether records that came or went wait to be looked at."""
    return store_applied.is_behind(db, _NAME) or is_less(db)


def is_less(db: sqlite3.Connection) -> bool:
    """Whether something was deleted that was not looked at yet."""
    return db.execute("SELECT 1 FROM gone LIMIT 1").fetchone() is not None


# --- what came ---

# But for the kinds above, and snippets, what is named by nothing that came before it changes nothing: what came later is looked at itself.
_MATTERING = f"""
SELECT records.n, id, key, kind, raw,
    EXISTS (SELECT 1 FROM refs WHERE target = records.id AND relation IN ({_NAMING}) AND source <= :after) AS is_named,
    kind IN ({listed(ORIGINALS)}) AND EXISTS (SELECT 1 FROM refs WHERE target = records.id AND relation = 'root') AS is_root
FROM records JOIN authors ON authors.n = author
WHERE records.n > :after AND records.n <= :until AND (kind IN ({ACTING}, 'snippet') OR is_named OR is_root)
"""  # noqa: S608  # fixed text


def scan(db: sqlite3.Connection) -> Scan | None:
    """The next rows to look at, None when none wait; what went first."""
    if is_less(db):
        return _scan_gone(db)
    after = store_applied.last(db, _NAME)
    batch = "SELECT n FROM records WHERE n > ? ORDER BY n LIMIT ?"
    (until,) = db.execute(f"SELECT max(n) FROM ({batch})", (after, limits.INDEX_RECEIPTS)).fetchone()  # noqa: S608  # fixed text
    if until is None:
        return None
    marks: set[Mark] = set()
    arrived: list[tuple[int, Record]] = []
    for n, record_id, author, kind, raw, is_named, is_root in db.execute(_MATTERING, {"after": after, "until": until}).fetchall():
        if kind in _WORDED:
            record = parse(raw)
            arrived.append((n, record))
            one = _changed(record)
        else:
            refs = refs_of(raw)
            one = _Changed(record_id, author, kind, next((ref.target for ref in refs if ref.relation == ROOT), None), [])
        if is_root or kind == Snippet.kind:
            marks.add((one.id, EVERYBODY if is_root else author))
        marks |= _marks(db, one)
        if is_named:
            marks |= _named_by(db, one)
    return Scan(after, until, marks, store_originals.sketched(db, arrived), [], [])


def _changed(record: Record) -> _Changed:
    sources = [ref.target for ref in record.refs if ref.relation in VARIANTS] if record.kind == Snippet.kind else []
    return _Changed(record.id, record.author, record.kind, record.target(ROOT), sources)


# --- what went ---


def note_gone(db: sqlite3.Connection, row: int, record: Record) -> None:
    """The record in this row is being deleted."""
    one = _changed(record)
    if one.root or one.kind in ORIGINALS:
        db.execute("INSERT INTO gone VALUES (?, ?, ?, ?, ?, ?)", (row, *one[:-1], b"".join(one.sources)))


def _scan_gone(db: sqlite3.Connection) -> Scan:
    marks: set[Mark] = set()
    unknown: list[int] = []
    rows = db.execute("SELECT n, id, author, kind, root, sources FROM gone ORDER BY n LIMIT ?", (limits.INDEX_RECEIPTS,)).fetchall()
    for n, record_id, author, kind, root, sources in rows:
        one = _Changed(record_id, author, kind, root, [sources[at : at + ID_SIZE] for at in range(0, len(sources), ID_SIZE)])
        if kind in ORIGINALS:
            marks.add((one.id, EVERYBODY))
        marks |= _marks(db, one) | _named_by(db, one)
        if root and db.execute(_IS_FULL, (root, limits.MAX_THREAD - 1)).fetchone():
            marks.add((root, EVERYBODY))  # there is room for somebody else
        unknown += [n] if kind in _WORDED else []
        unknown += store_originals.revisions(db, one.id, author) if kind == Snippet.kind else []
    marks |= _judged(db, store_originals.like(db, unknown))
    return Scan(0, 0, marks, [], [n for n, *_ in rows], unknown)


_IS_FULL = "SELECT 1 FROM refs WHERE target = ? AND relation = 'root' LIMIT 1 OFFSET ?"


# --- who waits ---


def mark(db: sqlite3.Connection, found: Scan) -> None:
    """Let them wait, within the caller's transaction."""
    if found.gone:
        store_originals.drop(db, found.unknown)
        db.executemany("DELETE FROM gone WHERE n = ?", [(n,) for n in found.gone])
    elif is_less(db) or store_applied.last(db, _NAME) != found.after:
        return  # something went meanwhile, or somebody else was quicker: it is looked at again
    else:
        store_originals.keep(db, found.sketches)
        db.execute("INSERT OR REPLACE INTO applied VALUES (?, ?)", (_NAME, found.until))
    wait(db, found.marks)


def wait(db: sqlite3.Connection, marks: Iterable[Mark]) -> None:
    """Let these wait, as if for the first time; on a root that is not here, or where everybody waits, nobody else does."""
    every = sorted(marks)
    db.executemany("INSERT OR REPLACE INTO waiting (root, issuer) VALUES (?, ?)", [one for one in every if one[1] == EVERYBODY])
    db.executemany(
        "INSERT OR REPLACE INTO waiting (root, issuer) SELECT :root, :issuer WHERE EXISTS (SELECT 1 FROM records WHERE id = :root) "
        "AND NOT EXISTS (SELECT 1 FROM waiting WHERE root = :root AND issuer = x'')",
        [{"root": root, "issuer": issuer} for root, issuer in every if issuer != EVERYBODY],
    )


def _marks(db: sqlite3.Connection, one: _Changed) -> set[Mark]:
    """Who has other receipts with this record than without, but for those who name it."""
    marks: set[Mark] = set()
    if one.root and one.kind in _ACTING:
        marks.add((one.root, one.author))
        if one.kind in _LEARNING:
            learned = db.execute("SELECT adopter FROM taught WHERE root = ? AND teacher = ?", (one.root, one.author))
            marks.update((one.root, bytes(adopter)) for (adopter,) in learned)
        if one.kind in _JUDGING:
            marks |= _authors(db, [one.root])
    if one.kind == Snippet.kind and len(under := below(db, one.id)) > 1:
        marks.update((root, EVERYBODY) for root in under)
        marks |= _authors(db, store_originals.sources(db, one.sources))
    return marks


_NAMED_BY = f"""
WITH RECURSIVE above (id, steps) AS (
    SELECT :id, 0 UNION
    SELECT records.id, steps + 1 FROM above JOIN refs ON target = above.id AND relation IN ({_NAMING}) JOIN records ON n = source
    WHERE steps < :most)
SELECT DISTINCT raw FROM above JOIN records USING (id) WHERE kind IN ({ACTING}) AND above.id != :id
"""  # noqa: S608  # fixed text


def _named_by(db: sqlite3.Connection, one: _Changed) -> set[Mark]:
    """Those whose words name it, at first hand or as far off as it decides whether theirs count."""
    raws = db.execute(_NAMED_BY, {"id": one.id, "most": limits.MAX_NAMING}).fetchall()
    return {found for (raw,) in raws for found in _marks(db, _changed(parse(raw)))}


def _authors(db: sqlite3.Connection, roots: Iterable[bytes]) -> set[Mark]:
    """The authors of these roots on them, as far as these are here. When they wait, it is also looked at whose words theirs are."""
    sql = "SELECT id, key FROM records JOIN authors ON authors.n = author WHERE id = ?"
    return {(bytes(root), bytes(key)) for one in roots for root, key in db.execute(sql, (one,))}


def _judged(db: sqlite3.Connection, rows: Iterable[int]) -> set[Mark]:
    """The same of the snippets that have a wording in these rows."""
    raws = (db.execute("SELECT raw FROM records WHERE n = ?", (row,)).fetchone() for row in rows)
    return _authors(db, {store_originals.root_of(parse(raw[0])) for raw in raws if raw is not None})


_BELOW = f"""
WITH RECURSIVE below (id, line) AS (
    SELECT :id, 0 UNION
    SELECT records.id, line + 1 FROM below JOIN refs ON target = below.id AND relation IN ({listed(VARIANTS)}) JOIN records ON n = source
    WHERE line < :most UNION
    SELECT copy, line + 1 FROM below JOIN copies ON original = below.id WHERE line < :most)
SELECT DISTINCT id FROM below
"""  # noqa: S608  # fixed text


def below(db: sqlite3.Connection, snippet: bytes) -> set[bytes]:
    """A snippet and what was made from it or copied, one from the other, as far down as anybody looks up (`credits.authors_along`)."""
    return {bytes(row[0]) for row in db.execute(_BELOW, {"id": snippet, "most": limits.MAX_UPSTREAM})}
