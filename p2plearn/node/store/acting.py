"""What the receipts of those who wait depend on, out of the store: what was said on a root, whole or by a few, and what that names.

Of a root on which more than MAX_THREAD records hang, those who were the first here to say something about it count, MAX_THREAD people
beside its own author, so that a later flood hides none of them. Of each the latest MAX_CLOSING words count, and what takes some back.

Knows the tables, not the store around them.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from p2plearn import limits
from p2plearn.node.store.waiting import ACTING, EVERYBODY
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import (
    BY,
    RE,
    ROOT,
    WITH,
    Adopt,
    Correction,
    Proof,
    Reaction,
    Request,
    Retract,
    Revision,
    Solve,
    Thanks,
    Verdict,
)
from p2plearn.protocol.records import Record, parse

_FEW = 500  # values in one query
_AHEAD = 100  # who wait that are looked at for one portion: in a first sync some seventy are in one
_NAMING = {Solve.kind: BY, Verdict.kind: RE, Proof.kind: RE, Correction.kind: RE, Reaction.kind: RE, Thanks.kind: RE, Revision.kind: WITH}
"""By which relation a record names what decides whether, and for whom, it counts."""


class _Waiting(NamedTuple):
    """Who waits on a root on which `size` records hang, and as which numbers."""

    root: bytes
    issuers: set[bytes]
    waited: list[int]
    size: int

    @property
    def is_whole(self) -> bool:
        """Whether all that was said is folded: for everybody, or because it is not much more than for these alone."""
        return EVERYBODY in self.issuers or self.size <= limits.FOLD_FEW * len(self.issuers)


class Folding(NamedTuple):
    """What to fold for those who wait on a root, and as which numbers they do. `record`: the root, None if it is not here.

    `is_whole`: the receipts of all come of it, else those of `issuers`.
    """

    root: bytes
    record: Record | None
    issuers: set[bytes]
    is_whole: bool
    waited: list[int]
    said: Sequence[Record]

    def is_for(self, issuer: bytes) -> bool:
        """Whether their receipts come of it."""
        return self.is_whole or issuer in self.issuers


def next_foldings(db: sqlite3.Connection) -> list[Folding]:
    """Of the next who wait: FOLD_RECEIPTS records, or one root."""
    waiting = _next(db)
    held = {record.id: record for record in _parsed(db, "SELECT raw FROM records WHERE id IN ({})", [one.root for one in waiting])}
    said = _acting(db, {one.root: one.size for one in waiting if one.is_whole and one.root in held})
    named = _named(db, {record.id: record for records in said.values() for record in records})
    foldings = []
    for one in waiting:
        record = held.get(one.root)
        if record is None or one.is_whole:
            own = said.get(one.root, [])
            words = [*own, *(named[target] for target in _names(own, named))]
        else:
            words = _concerning(db, record, one)
        foldings.append(Folding(one.root, record, one.issuers, record is None or one.is_whole, one.waited, _inside(one.root, words)))
    return foldings


def _next(db: sqlite3.Connection) -> list[_Waiting]:
    """The next roots, and who waits on them."""
    by_root: dict[bytes, list[tuple[int, bytes]]] = {}
    for n, root, issuer in db.execute("SELECT n, root, issuer FROM waiting ORDER BY n LIMIT ?", (_AHEAD,)):
        by_root.setdefault(root, []).append((n, issuer))
    counted = "SELECT target, count(*) FROM refs WHERE target IN ({}) AND relation = 'root' GROUP BY target"
    sizes = dict(_query(db, counted, by_root))
    found, every = list[_Waiting](), 0
    for root, waits in by_root.items():
        one = _Waiting(root, {issuer for _, issuer in waits}, [n for n, _ in waits], sizes.get(root, 0))
        every += 1 + (one.size if one.is_whole else limits.FOLD_FEW * len(one.issuers))
        if found and every > limits.FOLD_RECEIPTS:
            break
        found.append(one)
    return found


# --- all that was said ---

_SAID = f"SELECT target, raw FROM refs JOIN records ON n = source WHERE target IN ({{}}) AND relation = 'root' AND kind IN ({ACTING})"  # noqa: S608
_SAID_FIRST = f"""
SELECT raw FROM (
    SELECT n, own, dense_rank() OVER (PARTITION BY own ORDER BY first) AS person FROM (
        SELECT n, min(n) OVER (PARTITION BY author) AS first, author IS (SELECT author FROM records WHERE id = :root) AS own
        FROM refs JOIN records ON n = source WHERE target = :root AND relation = 'root' AND kind IN ({ACTING})) AS words) AS people
JOIN records USING (n) WHERE own OR person <= :most
"""  # noqa: S608  # fixed text


def _acting(db: sqlite3.Connection, roots: Mapping[bytes, int]) -> dict[bytes, list[Record]]:
    """Root → what was said on it that receipts may come of. `roots`: each with how many records hang on it."""
    found: dict[bytes, list[Record]] = {}
    for root, raw in _query(db, _SAID, [root for root, size in roots.items() if size <= limits.MAX_THREAD]):
        found.setdefault(root, []).append(parse(raw))
    for root in (root for root, size in roots.items() if size > limits.MAX_THREAD):
        found[root] = [parse(raw) for (raw,) in db.execute(_SAID_FIRST, {"root": root, "most": limits.MAX_THREAD})]
    return {root: records if len(records) <= limits.MAX_CLOSING else _latest(records) for root, records in found.items()}


def _latest(records: Iterable[Record]) -> list[Record]:
    """Of each author those that count."""
    by_author: dict[bytes, list[Record]] = {}
    for record in records:
        by_author.setdefault(record.author, []).append(record)
    for words in by_author.values():
        if len(words) > limits.MAX_CLOSING:
            words.sort(key=lambda record: (record.kind == Retract.kind, record.order), reverse=True)
            del words[limits.MAX_CLOSING :]
    return [record for words in by_author.values() for record in words]


# --- what a few said ---

# Of the root's many records and the author's many neither is looked at one by one.
_SAID_BY = f"""
SELECT raw FROM records WHERE kind IN ({ACTING}) AND n IN (
    SELECT source FROM refs WHERE target = :root AND relation = 'root'
    INTERSECT SELECT n FROM records WHERE author = (SELECT n FROM authors WHERE key = :author))
"""  # noqa: S608  # fixed text
_FIRST = f"""
SELECT key FROM (
    SELECT author FROM refs JOIN records ON n = source WHERE target = :root AND relation = 'root' AND kind IN ({ACTING})
    AND author != (SELECT author FROM records WHERE id = :root) GROUP BY author ORDER BY min(n) LIMIT :most)
JOIN authors ON authors.n = author
"""  # noqa: S608  # fixed text
_JUDGES = """
SELECT DISTINCT key FROM refs JOIN records ON records.n = source JOIN authors ON authors.n = author
WHERE target = ? AND relation = 'root' AND kind = 'verdict'
"""


def _concerning(db: sqlite3.Connection, root: Record, one: _Waiting) -> list[Record]:
    """What those who wait said, what that names, and the words of those by whom it is seen whether it holds."""
    people = set(one.issuers)
    counting = None
    if one.size > limits.MAX_THREAD:
        counting = {bytes(key) for (key,) in db.execute(_FIRST, {"root": root.id, "most": limits.MAX_THREAD})} | {root.author}
        people &= counting
    said = _said_by(db, root, people)
    named = _named(db, {record.id: record for record in said})
    others = {teacher for record in said if (teacher := _teacher(record))}
    others |= {record.author for record in named.values() if record.kind == Correction.kind}
    if root.kind == Request.kind and root.author in people:
        others |= {bytes(key) for (key,) in db.execute(_JUDGES, (root.id,))}
    said += _said_by(db, root, (others if counting is None else others & counting) - people)
    named = _named(db, named | {record.id: record for record in said})
    return list(named.values())


def _said_by(db: sqlite3.Connection, root: Record, people: Iterable[bytes]) -> list[Record]:
    """What these said on a root that receipts may come of."""
    raws = [db.execute(_SAID_BY, {"root": root.id, "author": one}).fetchall() for one in people]
    return _latest(parse(raw) for rows in raws for (raw,) in rows)


def _teacher(record: Record) -> bytes:
    body = body_of(record) if record.kind == Adopt.kind else None
    return body.learned_from if isinstance(body, Adopt) else b""


# --- what is named ---


def _named(db: sqlite3.Connection, held: dict[bytes, Record]) -> dict[bytes, Record]:
    """`held` and what is named in it, by id, as far off as it decides whether something counts."""
    wanted = {target for record in held.values() for target in _targets(record)} - held.keys()
    for _ in range(limits.MAX_NAMING):
        new = {record.id: record for record in _parsed(db, "SELECT raw FROM records WHERE id IN ({})", wanted)}
        held |= new
        wanted = {target for record in new.values() for target in _targets(record)} - held.keys()
    return held


def _names(said: Iterable[Record], held: Mapping[bytes, Record]) -> set[bytes]:
    """What these name, as far off as that, where it is held."""
    found: set[bytes] = set()
    waiting = {target for record in said for target in _targets(record)}
    for _ in range(limits.MAX_NAMING):
        waiting = {target for target in waiting if target in held} - found
        found |= waiting
        waiting = {target for one in waiting for target in _targets(held[one])}
    return found


def _inside(root: bytes, words: Sequence[Record]) -> list[Record]:
    """Of these what stands in the conversation of the root, and what is named as the solution: nothing else from elsewhere is judged by."""
    solutions = {target for record in words for target in record.targets(BY)}
    return [record for record in words if record.target(ROOT) == root or record.id in solutions]


def _targets(record: Record) -> list[bytes]:
    relation = _NAMING.get(record.kind)
    return record.targets(relation) if relation else []


def _parsed(db: sqlite3.Connection, sql: str, values: Iterable[bytes]) -> Iterator[Record]:
    return (parse(raw) for (raw,) in _query(db, sql, values))


def _query(db: sqlite3.Connection, sql: str, values: Iterable[bytes]) -> Iterator[tuple[Any, ...]]:
    """The rows that `sql` finds for `values`, a few at a time."""
    every = list(values)
    for at in range(0, len(every), _FEW):
        part = every[at : at + _FEW]
        yield from db.execute(sql.format(", ".join("?" * len(part))), part)
