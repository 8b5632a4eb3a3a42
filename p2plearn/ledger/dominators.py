"""Without whom I would not know somebody: whoever cannot be reached from me when that person is taken away.

The persons without whom I would not know somebody are behind one another; the one next to me is their gate. All that is found by cutting
one search tree, ever finer: see `levels`. Must not know what an edge is worth.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from p2plearn.ledger.accounts import Ints, Numbers, Pairs

UNKNOWN = -1
_MOST_LEVELS = 32  # of people behind one another: honest worlds have six to twelve; who is further down counts as on the last
_MOST_ROUNDS = 100  # in all; honest worlds take twenty. A ladder built to take one for each rung stays behind whoever built it


def levels(pairs: Pairs) -> list[Numbers]:
    """Without whom I would not know each person: first their gate, then the one behind the gate, and so on, one array for each level.

    Themselves from the level on where there is nobody more; UNKNOWN where I do not know them, and of me. Immediate dominators in the sense
    of Lengauer & Tarjan 1979, level by level from me.

    Cut the tree of a search from me above everybody next to me. Its pieces have no person in common, so whoever an edge leads to from
    another piece can be reached in two ways that meet nowhere but with me: cut above them too. Repeated until no edge crosses, every way
    into a piece leads through the person at its head. Then the same within the pieces, from their heads: docs/adr/0021-without-whom.md.
    """
    graph = csr_array((np.ones(len(pairs)), pairs.helpers_of, pairs.first_out), shape=(pairs.people, pairs.people))
    order, parent = breadth_first_order(graph, 0)
    above = np.full(pairs.people, UNKNOWN, np.int32)  # in the tree of the search
    above[order[1:]] = parent[order[1:]]
    is_head = above == UNKNOWN  # I am, and whom the search did not reach are above nobody whom it did
    known = ~is_head
    known[0] = True
    inside = np.flatnonzero(known.take(pairs.issuer))
    issuer, helper = pairs.issuer.take(inside), pairs.helper.take(inside)
    found: list[Numbers] = []
    rounds = iter(range(_MOST_ROUNDS))
    while not found or (len(found) < _MOST_LEVELS and not is_head.all()):
        is_head[helper[is_head.take(issuer)]] = True
        issuer, helper = _to_others(is_head, issuer, helper)
        heads, issuer, helper = _cut(above, is_head, issuer, helper, rounds)
        heads[~known] = heads[0] = UNKNOWN
        found.append(heads)
    return found


def silenced(pairs: Pairs, found: Sequence[Numbers]) -> Ints:
    """The entries in which somebody speaks of one without whom I would not know them: anybody could be made up to do so."""
    behind = np.flatnonzero(is_behind(found[0]).take(pairs.issuer))
    issuer, helper = pairs.issuer[behind], pairs.helper[behind]
    return behind[np.any([heads[issuer] == helper for heads in found], axis=0)]


def is_behind(gate: Numbers) -> NDArray[np.bool_]:
    """Who is known through one other person only; `gate`: the first of `levels`."""
    behind: NDArray[np.bool_] = (gate != np.arange(len(gate))) & (gate != UNKNOWN)
    return behind


def _cut(
    above: Numbers, is_head: NDArray[np.bool_], issuer: Numbers, helper: Numbers, rounds: Iterator[int]
) -> tuple[Numbers, Numbers, Numbers]:
    """The head of everybody's piece when no edge crosses between pieces, and the edges that lead to nobody at a head.

    `is_head` is changed accordingly; `issuer` and `helper`: the edges to those who are none yet. No longer than there are `rounds`.
    """
    heads = _lead(above, is_head)
    for _ in rounds:
        crossing = heads.take(issuer) != heads.take(helper)
        if not crossing.any():
            break
        is_head[helper[crossing]] = True
        issuer, helper = _to_others(is_head, issuer, helper)
        heads = _lead(above, is_head)
    return heads, issuer, helper


def _to_others(is_head: NDArray[np.bool_], issuer: Numbers, helper: Numbers) -> tuple[Numbers, Numbers]:
    """The edges that lead to nobody at a head."""
    rest = np.flatnonzero(~is_head.take(helper))
    return issuer.take(rest), helper.take(rest)


def _lead(above: Numbers, is_head: NDArray[np.bool_]) -> Numbers:
    """For each person the first head on the way up, starting with themselves."""
    heads = np.arange(len(above), dtype=np.int32)
    others = np.flatnonzero(~is_head)
    further = above.take(others)
    while not np.array_equal(further, heads.take(others)):
        heads[others] = further
        further = heads.take(further)
    return heads
