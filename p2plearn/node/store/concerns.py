"""What may concern this home's author: an index behind the records, of more than does. `learning.inbox` decides.

`things`: what is said about `root` may concern me because of `thing`: an original of mine, or one in which I said something; and, upwards,
every original these were made from. `concerns`: records by others, in the order of the feed. `own`: what I said, and `adopted`: of it what
is about adoptions. Records come in any order, so whatever makes a root concern me looks back at what is here about it.
Beside them `read`, which is no index: what I have read.

Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from p2plearn import limits
from p2plearn.learning.inbox import could_concern
from p2plearn.node.store import applied as store_applied
from p2plearn.node.store.reader import Stored, stored_of
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import BY, FROM, ORIGINALS, RE, ROOT, VARIANTS, WITH, Adopt, Request, Snippet
from p2plearn.protocol.records import Record, parse

_NAME = "concerns "  # and whom: the index of another author is none
_FEW = 500  # values in one query
_ROOTS = "SELECT root FROM things WHERE root IN"
_OWN = "SELECT id FROM own WHERE id IN"
_SEEN = "EXISTS (SELECT 1 FROM read WHERE read.id = records.id AND mark = 0)"

# Of what is said about a root of another's: what whoever relies on it should hear of; of a request also whatever its asker says.
_SAID = f"""
SELECT {_SEEN}, shown, n, raw, owner IS :me FROM refs JOIN records ON n = source LEFT JOIN
(SELECT author AS owner, kind AS what FROM records WHERE id = :target)
WHERE target = :target AND relation = 'root' AND source > :since AND source <= :until AND author != :me AND (
    owner = :me OR kind IN ('correction', 'reaction', 'retract', 'revision') OR (what = 'request' AND author = owner))
"""  # noqa: S608  # fixed text
_DIRECT = f"INSERT OR IGNORE INTO concerns SELECT {_SEEN}, shown, n FROM records WHERE n = ?"  # noqa: S608  # fixed text
_NAMING = (RE, BY, WITH, FROM, *VARIANTS)
_NAMES_MINE = f"""
INSERT OR IGNORE INTO concerns SELECT {_SEEN}, shown, n FROM refs JOIN records ON n = source
WHERE target = :target AND relation IN ({", ".join(f"'{relation}'" for relation in _NAMING)})
AND source > :since AND source <= :until AND author != :me
"""  # noqa: S608  # fixed text


def is_behind(db: sqlite3.Connection, me: bytes) -> bool:
    """Whether records wait to be looked at."""
    return store_applied.is_behind(db, _NAME + me.hex())


class _Portion(NamedTuple):
    """What the next rows hold.

    `own`: (id, root) of mine; `links`: snippet → what it was made from; `arrived`: what may be a root; `roots` and `named`: what others'
    records name as such, or otherwise; `direct`: rows of others that name me; `adopted`: my words about adoptions.
    """

    own: list[tuple[bytes, bytes]]
    links: dict[bytes, list[bytes]]
    arrived: set[bytes]
    roots: set[bytes]
    named: set[bytes]
    direct: list[int]
    adopted: list[int]


def index_some(db: sqlite3.Connection, me: bytes) -> None:
    """Look at the next INDEX_INBOX rows, within the caller's transaction."""
    name = _NAME + me.hex()
    if not store_applied.last(db, name):
        db.execute("DELETE FROM applied WHERE name LIKE ?", (_NAME + "%",))
        for table in ("things", "concerns", "own", "adopted"):
            db.execute(f"DELETE FROM {table}")  # noqa: S608  # fixed text
    before, until = store_applied.advance(db, name, limits.INDEX_INBOX)
    portion = _portion(db.execute("SELECT n, id, raw FROM records WHERE n > ? AND n <= ?", (before, until)), me)
    new = _grow(db, portion)
    said = dict.fromkeys(_among(db, _ROOTS, portion.roots), before) | dict.fromkeys(new | _among(db, _ROOTS, portion.arrived), 0)
    author = next(iter(db.execute("SELECT n FROM authors WHERE key = ?", (me,))), (0,))[0]
    for root, row in said.items():
        heard = db.execute(_SAID, {"target": root, "since": row, "until": until, "me": author})
        rows = [(seen, shown, n) for seen, shown, n, raw, mine in heard if could_concern(parse(raw), root, mine=bool(mine))]
        db.executemany("INSERT OR IGNORE INTO concerns VALUES (?, ?, ?)", rows)
    own = dict.fromkeys(_among(db, _OWN, portion.named), before) | dict.fromkeys((one for one, _ in portion.own), 0)
    db.executemany(_NAMES_MINE, [{"target": record_id, "since": row, "until": until, "me": author} for record_id, row in own.items()])
    db.executemany(_DIRECT, [(n,) for n in portion.direct])
    db.executemany("INSERT INTO own VALUES (?)", [(one,) for one, _ in portion.own])
    db.executemany("INSERT INTO adopted VALUES (?)", [(n,) for n in portion.adopted])


def refold(db: sqlite3.Connection, gone: Collection[Record]) -> None:
    """Take records out that were deleted. Without what made others concern me, which is seldom deleted, the index is made anew."""
    db.execute("DELETE FROM concerns WHERE record NOT IN (SELECT n FROM records)")
    row = db.execute("SELECT name FROM applied WHERE name LIKE ?", (_NAME + "%",)).fetchone()
    if row is not None:
        me = bytes.fromhex(row[0].removeprefix(_NAME))
        if any(record.author == me for record in gone) or _among(db, _ROOTS, (record.id for record in gone)):
            db.execute("DELETE FROM applied WHERE name = ?", row)


def _portion(rows: Iterable[tuple[int, bytes, bytes]], me: bytes) -> _Portion:
    portion = _Portion([], {}, set(), set(), set(), [], [])
    for n, record_id, raw in rows:
        record = parse(raw, record_id)
        portion.links.update(_links(record))
        if record.author == me or record.kind in ORIGINALS:
            portion.arrived.add(record.id)
        if record.author == me:
            portion.own.append((record.id, record.id if record.kind in ORIGINALS else record.target(ROOT) or record.id))
            portion.adopted.extend([n] if record.kind == Adopt.kind else [])
            continue
        portion.roots.update(record.targets(ROOT))
        portion.named.update(ref.target for ref in record.refs if ref.relation in _NAMING)
        portion.direct.extend([n] if _is_put_to(me, record) else [])
    return portion


def _is_put_to(me: bytes, record: Record) -> bool:
    """Whether a record names an author in its body: a request that is put to them, an adoption of what was learned from them."""
    body = body_of(record) if me in record.raw else None
    return me in (body.to if isinstance(body, Request) else b"", body.learned_from if isinstance(body, Adopt) else b"")


def _links(record: Record) -> Mapping[bytes, list[bytes]]:
    sources = [ref.target for ref in record.refs if ref.relation in VARIANTS]
    return {record.id: sources} if sources and record.kind == Snippet.kind else {}


def _grow(db: sqlite3.Connection, portion: _Portion) -> set[bytes]:
    """Note what concerns me since this portion came, up to the very first sources; the roots of it. Ids are hashes: there is no circle."""
    wave = {(root, root) for _, root in portion.own}
    wave |= {(source, thing) for root, thing in _things(db, portion.links) for source in portion.links[root]}
    new: set[bytes] = set()
    while wave:
        wave -= set(_things(db, {root for root, _ in wave}))
        db.executemany("INSERT INTO things VALUES (?, ?)", sorted(wave))
        roots = {root for root, _ in wave}
        new |= roots
        above: dict[bytes, list[bytes]] = {}
        for raw in _among(db, "SELECT raw FROM records WHERE id IN", roots):
            above |= _links(parse(raw))
        wave = {(source, thing) for root, thing in wave for source in above.get(root, ())}
    return new


# --- reading ---

_IN_ORDER = """
SELECT raw, arrived, records.shown, n FROM concerns JOIN records ON n = record
WHERE seen = ? AND (concerns.shown, record) < (?, ?) ORDER BY concerns.shown DESC, record DESC LIMIT ?
"""


def candidates(db: sqlite3.Connection, *, unread: bool, after: tuple[int, int], limit: int) -> list[Stored]:
    """Records that may concern me and are unread, or read, in the order of the feed, newest first. `after`: a place."""
    return [stored_of(row) for row in db.execute(_IN_ORDER, (not unread, *after, limit))]


def is_candidate(db: sqlite3.Connection, place: tuple[int, int]) -> bool:
    """Whether the record at this place may concern me."""
    return db.execute("SELECT 1 FROM concerns WHERE seen IN (0, 1) AND (shown, record) = (?, ?)", place).fetchone() is not None


def things_of(db: sqlite3.Connection, roots: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """Root → because of what it may concern me, of those that may."""
    found: dict[bytes, list[bytes]] = {}
    for root, thing in _things(db, roots):
        found.setdefault(root, []).append(thing)
    return found


_ADOPTIONS = """
WITH words AS (SELECT id, raw FROM adopted JOIN records ON n = record ORDER BY record DESC LIMIT ?)
SELECT raw FROM words UNION ALL
SELECT records.raw FROM words CROSS JOIN refs ON target = words.id AND relation = 'retracts' JOIN records ON n = source
"""


def adoptions_of(db: sqlite3.Connection) -> list[Record]:
    """What this home's author said of adoptions, the MAX_ADOPTIONS that came last, and what takes one of these back."""
    return [parse(raw) for (raw,) in db.execute(_ADOPTIONS, (limits.MAX_ADOPTIONS,))]


# --- what was read ---


class Mark(NamedTuple):
    """A thing that can be read once: an item by its id, and its number where the same id comes several times."""

    id: bytes
    number: int


def mark_read(db: sqlite3.Connection, marks: Iterable[Mark]) -> None:
    """Note that these were read."""
    noted = list(marks)
    db.executemany("INSERT OR IGNORE INTO read VALUES (?, ?)", noted)
    moved = "UPDATE concerns SET seen = 1 FROM records WHERE id = ? AND seen = 0 AND (concerns.shown, record) = (records.shown, n)"
    db.executemany(moved, [(mark.id,) for mark in noted if mark.number == 0])


def read_among(db: sqlite3.Connection, marks: Sequence[Mark]) -> set[Mark]:
    """Those of these that were read."""
    sql = "SELECT 1 FROM read WHERE (id, mark) = (?, ?)"
    return {mark for mark in marks if db.execute(sql, mark).fetchone()}


def _things(db: sqlite3.Connection, roots: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """The rows (root, thing) of these roots, sorted."""
    return sorted((bytes(root), bytes(thing)) for part in _parts(roots) for root, thing in db.execute(_OF_ROOTS.format(_marks(part)), part))


_OF_ROOTS = "SELECT root, thing FROM things WHERE root IN ({})"


def _among(db: sqlite3.Connection, select: str, values: Iterable[bytes]) -> set[bytes]:
    """What `select` finds of these values."""
    return {bytes(row[0]) for part in _parts(values) for row in db.execute(f"{select} ({_marks(part)})", part)}


def _parts(values: Iterable[bytes]) -> Iterator[list[bytes]]:
    every = list(values)
    return (every[at : at + _FEW] for at in range(0, len(every), _FEW))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
