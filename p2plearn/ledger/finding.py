"""How what people count for orders what is found: a little, beside the words; and a place for somebody who counts for nothing yet.

Must not know what is searched, nor how words are scored.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from p2plearn.ledger.standing import Standing

T = TypeVar("T")

PLACES = 10  # among so many one is for somebody unranked
_STEEP = 0.15  # whoever has the weight of ten comes up to 2.35 times the score of their words


def boost(standing: Standing, author: bytes) -> float:
    """By what the score of an author's words is multiplied: 1 of somebody unranked, never less."""
    return 1 + _STEEP * (standing.multiplier(author) - 1)


def lacks_newcomer(found: Sequence[T], is_new: Callable[[T], bool]) -> bool:
    """Whether the first PLACES, if there are so many, leave none to anybody new."""
    return len(found) >= PLACES and not any(map(is_new, found[:PLACES]))


def with_newcomer(others: Sequence[T], best: T, most: int) -> list[T]:
    """The best of somebody new at the last of the first PLACES, between the `others`; at most `most` in all."""
    return [*others[: PLACES - 1], best, *others[PLACES - 1 :]][:most]
