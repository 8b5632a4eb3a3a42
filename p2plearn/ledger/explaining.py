"""Why somebody stands where they stand: whose word it comes from, line by line, what is taken off, and the receipts behind each line.

The lines add up to the score, exactly. Must not know names, nor how receipts are found.
"""

from dataclasses import dataclass

import numpy as np

from p2plearn.ledger.accounts import Accounts, Floats
from p2plearn.ledger.dominators import is_behind
from p2plearn.ledger.ranking import ONE_SOURCE, Ranking


@dataclass(frozen=True, slots=True)
class Part:
    """What comes over one person's word: `score` after the discounts."""

    issuer: bytes
    score: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score, the place that it gives, what it is the sum of (the greatest part first), and the factors in it.

    `back`: what is left after help that goes to and fro is taken out; `one_source`: what is left because I know of them through `through`
    only, who is None, and that 1, where it is not so.
    """

    score: float
    rank: int | None
    parts: list[Part]
    back: float
    one_source: float
    through: bytes | None

    @property
    def discounts(self) -> list[tuple[str, float, bytes | None]]:
        """(name, factor, through whom) of what was taken off: for help that goes to and fro, and for knowing of them through one only."""
        back = [("back-and-forth", self.back, None)] if self.back < 1 else []
        return [*back, *([("one-source", self.one_source, self.through)] if self.through is not None else [])]


def explain(ranking: Ranking, helper: int, shares: Floats | None = None) -> Explanation:
    """Why the person of this number has their score; `shares`: of each entry, the part that is about a topic (`topic_shares`)."""
    entries = ranking.pairs.for_whom(helper)
    flow = ranking.flow(entries) * ranking.kept[helper]
    flow = flow if shares is None else flow * shares[entries]
    issuers = ranking.pairs.issuer[entries].tolist()
    parts = [Part(ranking.people[issuer], score) for issuer, score in zip(issuers, flow.tolist(), strict=True) if score > 0]
    scores = ranking.scores if shares is None else topic_scores(ranking, shares)
    # equals stand in the order of their keys, as where all are listed
    equals = [ranking.people[number] for number in np.flatnonzero(scores == scores[helper])]
    ahead = int((scores > scores[helper]).sum()) + sum(person < ranking.people[helper] for person in equals)
    behind = bool(is_behind(ranking.gate)[helper])
    return Explanation(
        score=float(scores[helper]),
        rank=ahead + 1 if scores[helper] > 0 else None,
        parts=sorted(parts, key=lambda part: (-part.score, part.issuer)),
        back=float(1 - ranking.back[helper]),
        one_source=1 - ONE_SOURCE if behind else 1.0,
        through=ranking.people[ranking.gate[helper]] if behind else None,
    )


def topic_shares(accounts: Accounts, ranking: Ranking, topic: str) -> Floats:
    """Of each entry of the ranking's pairs, the part of its units that is about a topic. The accounts have not changed since."""
    about = accounts.units_in(topic, ranking.at)
    return np.divide(about, ranking.units, out=np.zeros_like(about), where=ranking.units > 0)


def topic_scores(ranking: Ranking, shares: Floats) -> Floats:
    """By person, of what is about one topic: over all topics they add up to what of the score is about any; a follow and bytes are not."""
    scores: Floats = np.bincount(ranking.pairs.helper, ranking.flow(slice(None)) * shares, ranking.pairs.people) * ranking.kept
    scores[0] = 0.0
    return scores
