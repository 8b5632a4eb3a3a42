"""The ranking of docs/ledger.md, written down a second time: dictionaries and loops, straight from the formulas.

Nothing here is shared with the program, so that one mistake is not made in both. For small worlds: whom I know
through one person only is found by leaving people out.
"""

from collections import defaultdict
from math import log2

DAY_MS = 24 * 3600 * 1000
HALF_LIFE_DAYS = 180
KAPPA, BETA, C = 2.0, 0.75, 0.6


class Reference:
    """The ranks as `me` sees them. `receipts`: one of each slot; `brought`: author → bytes that their node gave me."""

    def __init__(self, receipts, me, now_ms, brought):
        self.me = me
        self.units = _units(receipts, me, now_ms, brought)
        self.weights = {j: {i: log2(1 + sum(topics.values())) for i, topics in row.items()} for j, row in self.units.items()}
        self.people = {me} | set(self.weights) | {i for row in self.weights.values() for i in row}
        self.through = {j: self.gates(j) for j in self.reached() - {me}}
        self.x = self._visits()
        self.discounts = {i: self._discount(i) for i in self.x}
        self.scores = {i: self.x[i] * self.discounts[i] for i in self.x}

    def p(self, j, i):
        row = self.weights.get(j, {})
        return 0.0 if i in self.through.get(j, ()) else row.get(i, 0.0) / (sum(row.values()) + KAPPA)

    def start(self):
        row = self.weights.get(self.me, {})
        return {i: w / sum(row.values()) for i, w in row.items()}

    def parts(self, i):
        """From whom the score comes: author → what of it. Sums to the score."""
        found = {j: C * x * self.p(j, i) * self.discounts[i] for j, x in self.x.items() if self.p(j, i)}
        if i in self.start():
            found[self.me] = self.start()[i] * self.discounts[i]
        return found

    def topics(self, i):
        """Topic → what of the score is for it; None: for no topic. Sums to the score."""
        found: dict[str | None, float] = defaultdict(float)
        for j, part in self.parts(i).items():
            units = self.units[j][i]
            for topic, number in units.items():
                found[topic] += part * number / sum(units.values())
        return dict(found)

    def gates(self, i):
        """Those without whom no road would lead from me to i."""
        return {gate for gate in self.reached() - {self.me, i} if i not in self.reached(without=gate)}

    def reached(self, without=None):
        """Those to whom a road leads from me."""
        seen, edge = {self.me}, [self.me]
        while edge:
            fresh = {i for j in edge for i, w in self.weights.get(j, {}).items() if w > 0} - seen - {without}
            seen |= fresh
            edge = list(fresh)
        return seen

    def _visits(self):
        """The x of x = s + c·Pᵀx, where nothing goes on from me; by repeating it until nothing changes."""
        start = self.start()
        x = dict(start)
        for _ in range(200):
            fresh = defaultdict(float, start)
            for j, amount in x.items():
                for i in self.weights.get(j, {}):
                    if i != self.me:
                        fresh[i] += C * amount * self.p(j, i)
            x = dict(fresh)
        return {i: amount for i, amount in x.items() if amount > 0}

    def _discount(self, i):
        back = C * C * sum(self.p(i, j) * self.p(j, i) for j in self.weights.get(i, {}) if j != self.me)
        return (1 - back) * (1 - BETA if self.through[i] else 1)


def _units(receipts, me, now_ms, brought):
    """Issuer → helper → topic → R; None: of no topic."""
    found: dict[bytes, dict[bytes, dict[str | None, float]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(float)))
    for receipt in receipts:
        if receipt.issuer != receipt.helper:
            age = max(0, now_ms - receipt.at) / DAY_MS
            topics = receipt.topics or (None,)
            for topic in topics:
                found[receipt.issuer][receipt.helper][topic] += receipt.units * 2 ** (-age / HALF_LIFE_DAYS) / len(topics)
    for author, number in brought.items():
        if author in found[me]:
            found[me][author][None] += min(1.0, log2(1 + number / 2**20) / 10)
    return found
