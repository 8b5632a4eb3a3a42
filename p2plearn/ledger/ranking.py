"""Who helps, as seen by me: the ranking of docs/ledger.md, in full. A bounded score for everybody I know of, from accounts.

Personalised PageRank that dies on returning to me, after Liu, Parkes & Seuken 2016 (personalised hitting time) and Nasrulin et al. 2022
(MeritRank, arXiv 2207.09950), without its ageing of ways. Must not know where accounts come from, nor what scores are used for.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np
from scipy.sparse import csr_array

from p2plearn.ledger.accounts import Accounts, Floats, Numbers, Pairs
from p2plearn.ledger.dominators import is_behind, levels, silenced

PASSED_ON = 0.6  # c: of what comes to somebody, the part that goes on to those who helped them
KEPT_BACK = 2.0  # κ: units that everybody keeps, so that little evidence hands on little
ONE_SOURCE = 0.75  # β: taken off whoever I know of through one person only
_EXACT = 1e-10  # visits in all by which the last step may change them
_EXTRAPOLATED = 3  # every so many steps


@dataclass(frozen=True)
class Ranking:
    """Scores at one moment, and what they were made from. Arrays are by person, as numbered in `people`, or by entry of `pairs`.

    `visits`: x, before the discounts. `source`: x one step before, from which every part of it came: sums of parts are exact.
    `back`: f, the part of the visits that came over their own help and back. `gate`: see `dominators`.
    """

    at: int  # ms since 1970
    people: list[bytes]
    pairs: Pairs
    units: Floats
    handed: Floats  # P; of my own entries s
    source: Floats
    visits: Floats
    back: Floats
    through: list[Numbers]

    @property
    def gate(self) -> Numbers:
        """The one through whom alone I know somebody, if there is one: the first of `through`."""
        return self.through[0]

    @cached_property
    def kept(self) -> Floats:
        """What the discounts leave, by person."""
        return kept(self.back, self.gate)

    @cached_property
    def scores(self) -> Floats:
        """By person; mine is 0."""
        return self.visits * self.kept

    def flow(self, entries: slice | Numbers) -> Floats:
        """What comes over entries of the pairs: x is the sum of them by helper."""
        issuer = self.pairs.issuer[entries]
        return np.where(issuer == 0, 1.0, PASSED_ON * self.source[issuer]) * self.handed[entries]


def kept(back: Floats, gate: Numbers) -> Floats:
    """What the discounts leave of visits: see `Ranking`."""
    return (1 - back) * np.where(is_behind(gate), 1 - ONE_SOURCE, 1.0)


def rank(accounts: Accounts, now: int) -> Ranking:
    """The ranking of everybody in `accounts` at `now` (ms since 1970)."""
    pairs, through = accounts.pairs, levels(accounts.pairs)
    units = accounts.units(now)
    weight = np.log1p(units) / np.log(2.0)  # exact also where all of mine is from before a clock was set right
    spread = np.bincount(pairs.issuer, weight, pairs.people).astype(np.float64)
    spread[1:] += KEPT_BACK  # but my own word goes out whole
    spread = spread.take(pairs.issuer) if len(pairs) else weight
    handed: Floats = np.divide(weight, spread, out=np.zeros_like(weight), where=spread > 0)
    handed[silenced(pairs, through)] = 0.0
    matrix = csr_array((handed, pairs.issuer, pairs.first), shape=(pairs.people, pairs.people))
    source, visits = _spread(matrix)
    return Ranking(now, list(accounts.people), pairs, units, handed, source, visits, _back(pairs, handed), through)


def _spread(matrix: csr_array) -> tuple[Floats, Floats]:
    """The visits, and those one step before: what I say of people, and then again and again what they say of others.

    Each step leaves at most 0.6 of what is missing, mostly just that; Aitken's extrapolation of it halves the steps.
    """
    mine = np.zeros(matrix.shape[0])
    mine[0] = 1 / PASSED_ON
    visits = first = _step(matrix, mine)
    missing, left, extrapolating = first, np.inf, True
    for step in count(1):
        source, visits = visits, first + _step(matrix, visits)
        before, missing = missing, visits - source
        extrapolating &= float(np.abs(missing).sum()) < left
        left = float(np.abs(missing).sum())
        if left < _EXACT:
            return source, visits
        ratio = float(missing @ before) / float(before @ before)
        if extrapolating and step % _EXTRAPOLATED == 0 and 0 < ratio < 1:
            visits = np.maximum(0.0, visits + missing * (ratio / (1 - ratio)))
    raise AssertionError("counting does not end")


def _step(matrix: csr_array, visits: Floats) -> Floats:
    following: Floats = PASSED_ON * (matrix @ visits)
    following[0] = 0.0  # what comes back to me goes nowhere
    return following


def _back(pairs: Pairs, handed: Floats) -> Floats:
    """f: of what somebody hands on, what comes back at once. What they hand to me does not come back, so it is none of it."""
    one, other = pairs.mutual
    inner = (pairs.issuer[one] != 0) & (pairs.helper[one] != 0)
    one, other = one[inner], other[inner]
    back: Floats = np.bincount(pairs.helper[one], handed[one] * handed[other], pairs.people).astype(np.float64)
    return PASSED_ON**2 * back
