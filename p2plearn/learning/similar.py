"""Which questions here resemble a text: by the words they share, rare ones counting more. Language-neutral: no dictionary, no stop words.

The score is the cosine of two sets of words, each word weighing log(1 + n/f) where f of the n candidates have it, so that what everybody
says counts little (Salton & Buckley 1988, binary term weights). The shared words are its whole explanation.

Must not know where candidates come from: the store proposes them by full-text search.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from p2plearn import limits
from p2plearn.learning.folding import folded

_STEM = 6  # letters of a word that count, so that “derivative” meets “derivatives”
# Thai, Lao, Tibetan; Burmese; Khmer; kana; Han; Hangul, whose endings stick to the word.
_UNSPACED = re.compile(r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class Candidate(NamedTuple):
    """Something that may be similar: its id, and its current title and text."""

    id: bytes
    title: str
    text: str


class Match(NamedTuple):
    """How similar a candidate is, from 0 to 1, and the words that say so, as `words` gives them, weightiest first."""

    candidate: Candidate
    score: float
    shared: tuple[str, ...]


def similar(text: str, candidates: Iterable[Candidate]) -> list[Match]:
    """The candidates that resemble `text`, best first, at most MAX_SIMILAR of a score of MIN_SIMILAR or more. Equal scores: by id.

    A candidate's title counts alone as well as with its text, so that a short question finds a long-winded twin.
    """
    asked = words(text)
    known = {candidate: (words(candidate.title), words(f"{candidate.title} {candidate.text}")) for candidate in candidates}
    weights = rarity([whole for _, whole in known.values()], asked)
    weight = weigh(asked, weights)
    matches = []
    for candidate, parts in known.items():
        score = max(likeness(weigh(asked & part, weights), weight, weigh(part, weights)) for part in parts)
        if score >= limits.MIN_SIMILAR:
            matches.append(Match(candidate, score, tuple(sorted(asked & parts[1], key=lambda word: (-weights[word], word)))))
    return sorted(matches, key=lambda match: (-match.score, match.candidate.id))[: limits.MAX_SIMILAR]


def words(text: str) -> set[str]:
    """What is compared: words as `folded` has them, cut to their first letters.

    Scripts that put no spaces between words have no words to find; there it is each pair of neighbouring letters.
    """
    found: set[str] = set()
    for word in folded(text).split():
        if _UNSPACED.search(word):
            found.update(word[i : i + 2] for i in range(max(1, len(word) - 1)))
        else:
            found.add(word[:_STEM])
    return found


def rarity(texts: Collection[AbstractSet[str]], others: AbstractSet[str] = frozenset()) -> dict[str, float]:
    """What each word weighs among these texts, given as their words; `others` are weighed too, as if one text had them."""
    frequency = Counter(word for text in texts for word in text)
    return {word: math.log1p(len(texts) / frequency.get(word, 1)) for word in others | frequency.keys()}


def weigh(text: AbstractSet[str], weights: Mapping[str, float]) -> float:
    """What a text weighs, given as its words."""
    return math.fsum(weights[word] for word in text)


def likeness(shared: float, one: float, other: float) -> float:
    """How alike two texts are, from 0 to 1, by what each weighs and what the words in both do."""
    return shared / math.sqrt(one * other) if shared else 0.0
