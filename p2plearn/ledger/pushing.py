"""The ranking kept up as receipts come: what one changes is pushed on to whoever it reaches, and nobody else is looked at.

Residual push (Andersen, Chung & Lang 2006; signed, on graphs that change: Zhang, Lofgren & Goel 2016). At any time the visits are
`source` and `left` together, what has been passed on and what has not, so pushing may stop early and go on with the next receipt. Ages,
whose word counts nothing of whom, and the discounts of others than the two whom a receipt is about, stay those of the last full ranking.
Must not know when one is due.
"""

from collections import deque
from typing import NamedTuple

import numpy as np

from p2plearn.ledger.accounts import Accounts, Floats, Numbers, aged
from p2plearn.ledger.dominators import UNKNOWN
from p2plearn.ledger.ranking import KEPT_BACK, PASSED_ON, Ranking, kept
from p2plearn.ledger.receipts import Receipt

_SMALL = 1e-6  # visits that are not worth passing on
_AT_ONCE = 50  # people whose visits are passed on for one receipt, some 10 µs each; what is left goes on with the next
_NOTHING = 1e-9  # units: what is left of a receipt that was taken out again


class _Row(NamedTuple):
    """Whom one person was helped by, with R and P of each."""

    helpers: Numbers
    units: Floats
    handed: Floats


class Pushing:
    """Scores from a full ranking on. `accounts` is where that came from; receipts are entered there before they are told of here."""

    def __init__(self, accounts: Accounts, ranking: Ranking) -> None:
        self.waiting: deque[int] = deque()  # people whose visits are to be passed on, each once
        self._accounts = accounts
        self._ranking = ranking
        self._rows: dict[int, _Row] = {}
        self._source = ranking.source.copy()
        self._left = ranking.visits - ranking.source
        self._back = ranking.back.copy()
        self._gate = ranking.gate.copy()
        self._waits = np.zeros(len(self._source), np.bool_)

    def scores(self) -> Floats:
        """By person, as the accounts number them now."""
        visits = self.visits()
        return visits * kept(self._back, self._gate)[: len(visits)]

    def visits(self) -> Floats:
        """The same before the discounts."""
        self._make_room()
        found: Floats = np.maximum(0.0, self._source + self._left)
        return found[: len(self._accounts.people)]

    def gates(self) -> Numbers:
        """See `dominators`: of everybody, as far as it is known by now."""
        self._make_room()
        return self._gate[: len(self._accounts.people)]

    def came(self, receipt: Receipt) -> None:
        """A receipt was entered."""
        self._change(receipt, 1.0)

    def gone(self, receipt: Receipt) -> None:
        """A receipt was taken out."""
        self._change(receipt, -1.0)

    def _change(self, receipt: Receipt, sign: float) -> None:
        issuer, helper = self._accounts.number(receipt.issuer), self._accounts.number(receipt.helper)
        if issuer is None or helper is None or issuer == helper:
            return
        self._make_room()
        units = sign * float(aged(np.array([receipt.units]), np.array([float(receipt.at)]), self._ranking.at)[0])
        old = self._row(issuer)
        new = self._rows[issuer] = _changed(old, helper, units, 0.0 if issuer == 0 else KEPT_BACK)
        if issuer < self._ranking.pairs.people:
            for heads in self._ranking.through:
                new.handed[new.helpers == heads[issuer]] = 0.0
        weight = 1.0 if issuer == 0 else PASSED_ON * self._source[issuer]
        more = new.handed.copy()
        more[: len(old.handed)] -= old.handed
        self._add(new.helpers, weight * more)
        self._discount(issuer, helper, _to(new, helper) - _to(old, helper))
        self.push()

    def push(self, most: int = _AT_ONCE) -> None:
        """Pass on what waits, of at most so many people."""
        while self.waiting and most:
            person = self.waiting.popleft()
            self._waits[person] = False
            amount = self._left[person]
            if abs(amount) > _SMALL:
                most -= 1
                self._source[person] += amount
                self._left[person] = 0.0
                row = self._row(person)
                self._reach(row.helpers, person)
                self._add(row.helpers, PASSED_ON * amount * row.handed)

    def _add(self, people: Numbers, amounts: Floats) -> None:
        self._left[people] += amounts
        self._left[0] = 0.0  # what comes back to me goes nowhere
        new = people[(np.abs(self._left[people]) > _SMALL) & ~self._waits[people]]
        self._waits[new] = True
        self.waiting.extend(new.tolist())

    def _reach(self, people: Numbers, through: int) -> None:
        """Whoever was not known before is known through the same person as who told of them."""
        new = people[self._gate[people] == UNKNOWN]
        if len(new):
            self._gate[new] = self._gate[through]
            self._gate[0] = UNKNOWN

    def _discount(self, issuer: int, helper: int, change: float) -> None:
        """The discounts of the two whom a receipt is about."""
        back = PASSED_ON**2 * change * _to(self._row(helper), issuer)
        gate = self._gate
        if issuer and helper:
            self._back[[issuer, helper]] += back
            if gate[helper] not in (UNKNOWN, helper, gate[issuer]) and gate[issuer] != UNKNOWN and change > 0:
                gate[helper] = helper  # two ways there that have nobody in common
            elif gate[helper] == UNKNOWN:
                gate[helper] = gate[issuer]
        elif helper:
            gate[helper] = helper if change > 0 else gate[helper]

    def _row(self, issuer: int) -> _Row:
        found = self._rows.get(issuer)
        if found is None:
            pairs = self._ranking.pairs
            entries = pairs.of(issuer) if issuer < pairs.people else np.zeros(0, np.int64)
            found = _Row(pairs.helper[entries], self._ranking.units[entries], self._ranking.handed[entries])
        return found

    def _make_room(self) -> None:
        """For people whom the accounts have come to know; twice as much as there was, so that not each newcomer costs a copy."""
        size = len(self._source)
        if len(self._accounts.people) > size:
            more = max(len(self._accounts.people), 2 * size) - size
            self._source, self._left, self._back = (np.pad(one, (0, more)) for one in (self._source, self._left, self._back))
            self._gate = np.pad(self._gate, (0, more), constant_values=UNKNOWN)
            self._waits = np.pad(self._waits, (0, more))


def _changed(row: _Row, helper: int, units: float, kept_back: float) -> _Row:
    """A row with so many units more for one helper."""
    place = np.flatnonzero(row.helpers == helper)
    if len(place):
        helpers, added = row.helpers, row.units.copy()
    else:
        place = np.array([len(row.helpers)])
        helpers, added = np.append(row.helpers, np.int32(helper)), np.append(row.units, 0.0)
    total = float(added[place[0]]) + units
    added[place[0]] = total if total > _NOTHING else 0.0
    weight = np.log2(1.0 + added)
    spread = float(weight.sum()) + kept_back
    return _Row(helpers, added, weight / spread if spread else weight)


def _to(row: _Row, helper: int) -> float:
    """P, from the one whose row it is."""
    return float(row.handed[row.helpers == helper].sum())
