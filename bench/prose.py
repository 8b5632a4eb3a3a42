"""Made-up prose for measures: as much as is wanted, its words as frequent as in real texts. Deterministic for one machine.

Each word is followed by one that follows it somewhere in texts found here (a bigram chain, Shannon 1948), so that common words stay common
and rare ones rare. Real texts go on bringing words never seen before; here one in sixty is a name made of syllables.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
import numpy.typing as npt

from p2plearn.testing.texts import texts

_SOURCES = 3_000  # texts read
_AT_ONCE = 4_000  # chains grown side by side: numpy's steps are cheap in bulk
_LONG = 500  # words of a chain, of which texts are cut
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
_NAMES = np.array(["".join(three) for three in product(_SYLLABLES, repeat=3)], dtype=object)
_NAMED = 1 / 60  # of all words
_TITLE = 6  # words
_LEAST, _MOST = 40, 640  # words of a text, its title included

Numbers = npt.NDArray[np.int64]


class Prose:
    """The words found on this machine, and what follows what."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        words = " ".join(text for pair in texts(_SOURCES) for text in pair).split()
        numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
        self._words = np.array([*numbers], dtype=object)
        self._text: Numbers = np.fromiter((numbers[word] for word in words), np.int64, len(words))
        self._counts: Numbers = np.bincount(self._text, minlength=len(numbers))
        self._places: Numbers = np.argsort(self._text, kind="stable")  # of each word in turn, where it stands
        self._starts: Numbers = np.cumsum(self._counts) - self._counts

    def texts(self, count: int) -> Iterator[tuple[str, str]]:
        """`count` pairs of a title and a text, of about 1 KB on average."""
        words: list[str] = []
        at = 0
        for length in np.clip(self._random.lognormal(4.85, 0.6, count), _LEAST, _MOST).astype(int):
            if at + length > len(words):
                words, at = self._grown(), 0
            yield " ".join(words[at : at + _TITLE]), " ".join(words[at + _TITLE : at + length])
            at += length

    def _grown(self) -> list[str]:
        chains = np.empty((_LONG, _AT_ONCE), np.int64)
        chains[0] = self._random.integers(0, len(self._text), _AT_ONCE)
        chances = self._random.random((_LONG, _AT_ONCE))
        for before, after, chance in zip(chains, chains[1:], chances, strict=False):
            word = self._text[before]
            after[:] = (self._places[self._starts[word] + (chance * self._counts[word]).astype(np.int64)] + 1) % len(self._text)
        words = self._words[self._text[chains.T.ravel()]]
        names = self._random.random(len(words)) < _NAMED
        words[names] = self._random.choice(_NAMES, int(names.sum()))
        return list(words)
