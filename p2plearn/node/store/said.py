"""What hangs on a root, by the rows it is in: enough to tell whether a conversation folded before is still the whole of it.

Rows are never used twice, so the number of them and the last one tell a set of them from every other that there was or will be.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from p2plearn.protocol.kinds import ROOT
from p2plearn.protocol.records import Record, parse


class Extent(NamedTuple):
    """How many records hang on a root, and the row of the last that came; zeros for none."""

    size: int
    last: int


def extents(db: sqlite3.Connection, roots: Sequence[bytes]) -> dict[bytes, Extent]:
    """Root → Extent, of those of `roots` (a few hundred at most) on which something hangs."""
    marks = ", ".join("?" * len(roots))
    sql = f"SELECT target, count(*), max(source) FROM refs WHERE target IN ({marks}) AND relation = ? GROUP BY target"  # noqa: S608  # only marks
    return {bytes(root): Extent(size, last) for root, size, last in db.execute(sql, (*roots, ROOT))}


def since(db: sqlite3.Connection, root: bytes, row: int) -> list[Record]:
    """What hangs on a root and came behind a row."""
    sql = "SELECT raw FROM refs JOIN records ON n = source WHERE target = ? AND relation = ? AND source > ?"
    return [parse(raw) for (raw,) in db.execute(sql, (root, ROOT, row))]
