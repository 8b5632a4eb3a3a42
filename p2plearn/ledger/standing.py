"""How people stand with me: what whoever orders by rank asks. It orders; it never refuses.

Must not know how scores come about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log2
from statistics import median

_MOST = 10.0  # times the weight of somebody unranked, whatever the score
_STEEP = 3.0
_MOST_GOSSIP = 5.0  # less than half of what good deliveries earn, so that a rank never outweighs conduct


@dataclass(frozen=True, slots=True)
class Standing:
    """`scores`: author key → score > 0, of everybody who has one; `visits`: the same before the discounts, by which their word counts.

    `through`: of those among them whom I know through one person only, that person. They may be as many as that one cares to make up, so
    the middle is that of the others' scores, and `multiplier_among` lets them have no more together than one.
    """

    scores: Mapping[bytes, float] = field(default_factory=dict)
    visits: Mapping[bytes, float] = field(default_factory=dict)
    through: Mapping[bytes, bytes] = field(default_factory=dict)
    _usual: float = field(init=False, repr=False, default=0.0)

    def __post_init__(self) -> None:
        known = [score for author, score in self.scores.items() if author not in self.through] or self.scores.values()
        object.__setattr__(self, "_usual", median(known) if known else 1.0)

    def is_ranked(self, author: bytes | None) -> bool:
        """Whether anything speaks for this author; None: nobody known."""
        return author is not None and author in self.scores

    def multiplier(self, author: bytes | None) -> float:
        """M of docs/ledger.md: how many times the weight of somebody unranked, 1 to 10."""
        return min(_MOST, 1.0 + _STEEP * self._above(author))

    def multiplier_among(self, author: bytes, others: Mapping[bytes, int]) -> float:
        """The same, where so many `others` are known through each person alone, this author among them: of all of them together one's."""
        return self.multiplier(author) / max(1, others.get(self.through.get(author, b""), 1))

    def gossip(self, author: bytes | None) -> float:
        """What is added to a gossip peer's score: 0 to 5, never less than nothing."""
        return min(_MOST_GOSSIP, self._above(author))

    def _above(self, author: bytes | None) -> float:
        score = self.scores.get(author, 0.0) if author is not None else 0.0
        return log2(1.0 + score / self._usual)


NOBODY = Standing()
