"""Which roots wait to have their receipts counted anew: what comes, or goes, makes them, and `counting` lets them go.

Those wait in which something was said that receipts come of, and those whose line of authors it may belong to. What changes nothing costs
a look. Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from p2plearn import limits
from p2plearn.node.store import applied as store_applied
from p2plearn.node.store import originals as store_originals
from p2plearn.node.store.originals import Sketch
from p2plearn.protocol.kinds import ORIGINALS, ROOT, VARIANTS, Adopt, Retract, Revision, Snippet, Solve, Thanks, Verdict
from p2plearn.protocol.records import Record, parse

_NAME = "receipts"


def listed(words: Iterable[str]) -> str:
    """For a query: fixed words."""
    return ", ".join(f"'{word}'" for word in words)


ISSUING = (Solve.kind, Adopt.kind, Thanks.kind, Revision.kind)  # without any of these there is no receipt
ACTING = listed([*ISSUING, Verdict.kind, Retract.kind])


def is_behind(db: sqlite3.Connection) -> bool:
    """Whether records wait to be looked at."""
    return store_applied.is_behind(db, _NAME)


class Scan(NamedTuple):
    """Rows behind `after` and up to `until`, the roots whose receipts may change by what is in them, and the sketches of it."""

    after: int
    until: int
    roots: set[bytes]
    sketches: list[Sketch]


# What nothing names, and is none of the kinds above nor a snippet, changes nothing.
_MATTERING = f"""
SELECT n, raw FROM records
WHERE n > ? AND n <= ? AND (kind IN ({ACTING}, 'snippet') OR EXISTS (SELECT 1 FROM refs WHERE target = records.id))
"""  # noqa: S608  # fixed text
_BELOW = f"""
WITH RECURSIVE below (id) AS (
    SELECT :id UNION
    SELECT records.id FROM below JOIN refs ON target = below.id AND relation IN ({listed(VARIANTS)}) JOIN records ON n = source UNION
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
        wait(db, found.roots)
        db.execute("INSERT OR REPLACE INTO applied VALUES (?, ?)", (_NAME, found.until))


def refold(db: sqlite3.Connection, gone: Sequence[Record]) -> None:
    """Let those wait that records now deleted had a part in."""
    wait(db, _changed_by(db, gone) | store_originals.drop(db, gone))


def wait(db: sqlite3.Connection, roots: Iterable[bytes]) -> None:
    """Let these wait, as if for the first time."""
    db.executemany("INSERT OR REPLACE INTO waiting (root) VALUES (?)", [(root,) for root in sorted(roots)])


def _changed_by(db: sqlite3.Connection, records: Iterable[Record]) -> set[bytes]:
    """The roots whose receipts may be others with these records than without."""
    roots: set[bytes] = set()
    for record in records:
        if root := record.target(ROOT):
            roots.add(root)
        if record.kind in ORIGINALS:
            roots.add(record.id)
        if record.kind == Snippet.kind and len(under := below(db, record.id)) > 1:
            roots.update(under, store_originals.sources(db, record))
    return roots


def below(db: sqlite3.Connection, snippet: bytes) -> set[bytes]:
    """A snippet and what was made from it or copied, one from the other."""
    return {bytes(row[0]) for row in db.execute(_BELOW, {"id": snippet})}
