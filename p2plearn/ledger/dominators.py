"""Whom I know of through one person only: whoever cannot be reached from me when that person is taken away.

For the ranking it matters only whether the immediate dominator of somebody is me, and if not, which of those next to me in the tree of
dominators they are behind. That is found by cutting one search tree: see `gates`. Must not know what an edge is worth.
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from p2plearn.ledger.accounts import Floats, Numbers, Pairs

UNKNOWN = -1
_MOST_ROUNDS = 50  # honest worlds take two to five; a ladder built to take one for each rung stays behind whoever built it


def gates(pairs: Pairs) -> Numbers:
    """For each person the one through whom alone I know of them, themselves where nobody is; UNKNOWN where I do not, and of me.

    Cut the tree of a search from me above everybody who is a gate. Its pieces have no person in common, so whoever an edge leads to from
    another piece can be reached in two ways that meet nowhere but with me: such a person is a gate too. Repeated until no edge crosses,
    every way into a piece leads through its gate. Immediate dominators in the sense of Lengauer & Tarjan 1979; docs/adr/0021-gates.md.
    """
    weights: Floats = np.ones(len(pairs))
    graph = csr_array((weights, pairs.helper[pairs.outward], pairs.first_out), shape=(pairs.people, pairs.people))
    order, parent = breadth_first_order(graph, 0)
    above = np.full(pairs.people, UNKNOWN, np.int32)  # in the tree of the search
    above[order[1:]] = parent[order[1:]]
    everybody = np.arange(pairs.people, dtype=np.int32)
    is_gate = above == UNKNOWN  # whom the search did not reach, and I, are above nobody whom it did
    is_gate[pairs.helper[pairs.of(0)]] = True
    asked = (above[pairs.issuer] != UNKNOWN) & ~is_gate[pairs.helper]
    issuer, helper = pairs.issuer[asked], pairs.helper[asked]
    found = everybody
    for _ in range(_MOST_ROUNDS):
        found = _lead(np.where(is_gate, everybody, above))
        crossing = found[issuer] != found[helper]
        if not crossing.any():
            break
        is_gate[helper[crossing]] = True
        rest = ~is_gate[helper]
        issuer, helper = issuer[rest], helper[rest]
    found[above == UNKNOWN] = UNKNOWN
    return found


def _lead(above: Numbers) -> Numbers:
    """Of each the end of the way upwards, where somebody is above themselves."""
    while True:
        further = above[above]
        if np.array_equal(further, above):
            return above
        above = further
