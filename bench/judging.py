"""How good a ranking is, where the truth is known, and the rankings it is compared with.

Scores are arrays by person. Must not know where worlds come from.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import rankdata

from p2plearn.ledger.accounts import HALF_LIFE_MS
from p2plearn.ledger.receipts import Receipt

Floats = NDArray[np.float64]

_ON = 0.85  # of a walk, as usual
_STEPS = 200


def spearman(scores: Floats, truth: Floats) -> float:
    """The correlation of ranks, ties in the middle: 1 where both order everybody alike."""
    return float(np.corrcoef(rankdata(scores), rankdata(truth))[0, 1])


def ndcg(scores: Floats, relevance: Floats, count: int = 20) -> float:
    """What the first `count` are worth, earlier ones more, as a part of what the best could be (Järvelin & Kekäläinen 2002)."""
    worth = 1 / np.log2(np.arange(2, count + 2))
    first = relevance[np.argsort(-scores, kind="stable")[:count]]
    return float(first @ worth / (np.sort(relevance)[::-1][:count] @ worth))


class Units:
    """What everybody counted for everybody, without any model but its ageing. `people`: whose numbers are used."""

    def __init__(self, receipts: Iterable[Receipt], people: Sequence[bytes], now_ms: int) -> None:
        numbers = {person: number for number, person in enumerate(people)}
        units: dict[tuple[int, int], float] = defaultdict(float)
        for one in receipts:
            units[numbers[one.issuer], numbers[one.helper]] += one.units * 2.0 ** ((one.at - now_ms) / HALF_LIFE_MS)
        issuer, helper = np.array(list(units), np.int64).reshape(-1, 2).T
        self._matrix = csr_array((np.array(list(units.values())), (issuer, helper)), shape=(len(people), len(people)))
        given = self._matrix.sum(axis=1)
        spread = np.divide(1.0, given, out=np.zeros(len(people)), where=given > 0)
        self._handed = (self._matrix * spread[:, None]).T.tocsr()

    def naive(self) -> Floats:
        """The sum of what everybody got."""
        total: Floats = self._matrix.sum(axis=0)
        return total

    def eigentrust(self) -> Floats:
        """EigenTrust (Kamvar et al. 2003), everybody trusted a little beforehand."""
        return self._walked(np.full(self._matrix.shape[0], 1 / self._matrix.shape[0]))

    def pagerank(self, me: int) -> Floats:
        """Personalised PageRank that goes on with 0.85, and from whoever helped by nobody goes back to me."""
        start = np.zeros(self._matrix.shape[0])
        start[me] = 1.0
        found = self._walked(start)
        found[me] = 0.0
        return found

    def _walked(self, start: Floats) -> Floats:
        found = start
        for _ in range(_STEPS):
            following = _ON * (self._handed @ found)
            found = following + (1 - following.sum()) * start
        return found
