"""The texts that every system is measured with: the same bytes for us and for the peers, on every machine.

Made of invented words by Zipf's law, 300 to 4,000 bytes each and some 1,000 on average. The vocabulary is as large as makes a batch of
500 shrink under zstd-1 as English does (to 0.38): otherwise wire and disk would tell of the corpus. Text i depends on i alone.
"""

import random
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path

_SMALLEST, _LARGEST = 300, 4_000  # bytes of a text
_MU, _SIGMA = 6.75, 0.6  # of the logarithm of its size
_VOCABULARY = 8_000
_COMMON = 150  # the first of them, short words

_ONSETS = (*"bcdfghlmnprstvw", "br", "ch", "cl", "dr", "fr", "gr", "pl", "pr", "qu", "sh", "sl", "st", "th", "tr", "wh", "", "", "")
_NUCLEI = {"a": 10, "e": 14, "i": 9, "o": 8, "u": 4, "ai": 1, "ea": 2, "ee": 1, "oo": 1, "ou": 1}
_CODAS = ("", "", "", *"nrstldm", "ng", "nd", "st", "ck", "ll", "ss")


def text(i: int) -> str:
    """Text number `i`, ASCII."""
    chance = random.Random(i)
    size = int(min(_LARGEST, max(_SMALLEST, chance.lognormvariate(_MU, _SIGMA))))
    words, weights = _vocabulary()
    return " ".join(chance.choices(words, cum_weights=weights, k=size // 4))[:size]


def payload(first: int, last: int) -> int:
    """Bytes of the texts first … last − 1."""
    return sum(len(text(i)) for i in range(first, last))


def write(path: Path, count: int) -> None:
    """The first `count` texts as the peers' programs read them: each as its length (4 bytes, little-endian) and its bytes."""
    with path.open("wb") as file:
        for data in (text(i).encode() for i in range(count)):
            file.write(len(data).to_bytes(4, "little") + data)


@cache
def _vocabulary() -> tuple[list[str], list[float]]:
    """Words, the most frequent first, and their summed weights."""
    chance = random.Random(7)
    words = dict.fromkeys(_words(chance))
    return list(words), list(accumulate(1 / (rank + 2.7) for rank in range(len(words))))


def _words(chance: random.Random) -> Iterator[str]:
    found: set[str] = set()
    while len(found) < _VOCABULARY:
        syllables = chance.choices((1, 2, 3, 4), (9, 2, 0, 0) if len(found) < _COMMON else (3, 5, 3, 1))[0]
        word = "".join(chance.choice(_ONSETS) + _nucleus(chance) + chance.choice(_CODAS) for _ in range(syllables))
        if word not in found:
            found.add(word)
            yield word


def _nucleus(chance: random.Random) -> str:
    return chance.choices(list(_NUCLEI), list(_NUCLEI.values()))[0]
