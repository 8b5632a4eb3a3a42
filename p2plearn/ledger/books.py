"""One person's ledger as it is used: accounts, their ranking, and what has come since that was made in full.

Must not know where receipts come from, nor when to rank in full; whoever keeps the books decides.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from p2plearn.ledger.accounts import Accounts, Floats
from p2plearn.ledger.dominators import is_behind
from p2plearn.ledger.explaining import Explanation, explain, topic_scores, topic_shares
from p2plearn.ledger.pushing import Pushing
from p2plearn.ledger.ranking import Ranking, rank
from p2plearn.ledger.receipts import Receipt
from p2plearn.ledger.standing import Standing

_MANY = 500  # receipts since a full ranking that are pushed one by one: ranking in full again costs less than more of them


class Books:
    """Of `me`. To be ranked before anything is asked of them.

    `is_exact`: a full ranking would change nothing but ages. `must_rank`: nothing less shows what has come: of what I say myself, which
    changes everything, or of much at once.
    """

    def __init__(self, me: bytes) -> None:
        self.is_exact = False
        self._accounts = Accounts(me)
        self._me = me
        self._ranking: Ranking | None = None
        self._pushing: Pushing | None = None
        self._pushed = 0

    def __repr__(self) -> str:
        return f"<Books with {self._accounts!r}>"

    @property
    def must_rank(self) -> bool:
        """See above."""
        return self._pushing is None

    def take(self, gone: Sequence[Receipt], new: Sequence[Receipt]) -> None:
        """Take receipts out and enter others. What is there, or not there, already changes nothing."""
        self._pushed += len(gone) + len(new)
        if self._pushed > _MANY:
            self._pushing = None
        for receipt in gone:
            if self._accounts.drop(receipt):
                self._changed(receipt, came=False)
        for receipt in new:
            if self._accounts.put(receipt):
                self._changed(receipt, came=True)

    def rank(self, now: int, brought: Mapping[bytes, int]) -> None:
        """Rank in full, at `now` (ms since 1970). `brought`: author key → bytes that their node brought here."""
        self._accounts.brought = brought
        self._ranking = rank(self._accounts, now)
        self._pushing, self._pushed = Pushing(self._accounts, self._ranking), 0
        self.is_exact = True

    def standing(self) -> Standing:
        """How everybody stands now, also where that is not exact."""
        assert self._pushing is not None, "must_rank"
        scores, gates, people = self._pushing.scores(), self._pushing.gates(), self._accounts.people
        behind = np.flatnonzero(is_behind(gates) & (scores > 0))
        through = {people[number]: people[gate] for number, gate in zip(behind.tolist(), gates[behind].tolist(), strict=True)}
        return Standing(self._by_author(scores), self._by_author(self._pushing.visits()), through)

    def scores(self, topic: str | None = None) -> dict[bytes, float]:
        """Author key → score > 0 at the last full ranking, overall or in a topic. Nothing has come since."""
        ranking = self._exact()
        return self._by_author(ranking.scores if topic is None else topic_scores(ranking, self._shares(topic)))

    def explain(self, author: bytes, topic: str | None = None) -> Explanation | None:
        """Why somebody has their score; None of whom nothing was ever said. Nothing has come since the last full ranking."""
        number = self._accounts.number(author)
        ranking = self._exact()
        return explain(ranking, number, None if topic is None else self._shares(topic)) if number else None

    def _changed(self, receipt: Receipt, *, came: bool) -> None:
        self.is_exact = False
        if receipt.issuer == self._me:
            self._pushing = None
        elif self._pushing is not None:
            (self._pushing.came if came else self._pushing.gone)(receipt)

    def _exact(self) -> Ranking:
        assert self.is_exact, "rank() comes first"
        assert self._ranking is not None
        return self._ranking

    def _shares(self, topic: str) -> Floats:
        return topic_shares(self._accounts, self._exact(), topic)

    def _by_author(self, scores: Floats) -> dict[bytes, float]:
        found = np.flatnonzero(scores)
        return {self._accounts.people[number]: score for number, score in zip(found.tolist(), scores[found].tolist(), strict=True)}
