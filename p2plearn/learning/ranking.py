"""In which order what was found is shown: by how much a text says of what was asked, and of equals the newest first.

The score of Okapi BM25 (Robertson & Zaragoza 2009) over the few texts that were found, with a word in the title counting TITLE times. How
rare a word is comes from whoever found them, since among texts that all have it nothing can be told. Must not know where texts come from,
nor who wrote them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from p2plearn.learning.folding import folded

T = TypeVar("T")

TITLE = 4  # a title has few words and says what the text is about
_K1, _B = 1.2, 0.75  # the usual values: how soon more of the same word says nothing new, and how much a long text is held against it


def ranked(
    found: Iterable[T], text_of: Callable[[T], tuple[str, str]], weights: Mapping[str, float], boost: Callable[[T], float] = lambda _: 1.0
) -> list[T]:
    """`found`, best first; equals keep their order. `text_of`: title and text; `weights`: of each word, folded, the higher the rarer.

    `boost`: by what the score of one is multiplied, for whatever else speaks for it.
    """
    said = [(item, *text_of(item)) for item in found]
    usual = sum(len(text) for _, _, text in said) / max(1, len(said)) or 1.0
    starts = [(f" {word}", weight) for word, weight in weights.items()]
    scores = []
    for item, title, text in said:
        sayings = f" {folded(title)}" * TITLE + f" {folded(text)}"
        discount = _K1 * (1 - _B + _B * len(text) / usual)
        counts = [(sayings.count(start), weight) for start, weight in starts]
        scores.append(boost(item) * sum(weight * count * (_K1 + 1) / (count + discount) for count, weight in counts))
    order = sorted(range(len(said)), key=lambda place: -scores[place])
    return [said[place][0] for place in order]
