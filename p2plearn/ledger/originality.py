"""Whether two texts have nearly the same words, and how to find those that may without comparing all with all.

A text is taken for the set of its shingles: each run of three words, as search spells them, by a checksum. Two texts are nearly the same
when at least half of all their shingles are in both: up to one word in ten may differ. Sketches keep the least few checksums: of texts
that are so alike, at least one is in both sketches but in 4 of 1,000 cases, and most are (Broder, “On the resemblance and containment of
documents”, 1997).

What it cannot find: a copy padded with as many words of one's own, or translated, or told in other words; and one of fewer than some ten
words, which are too few to tell. Of a very long text only the beginning is compared.

Must not know who wrote what, nor when.
"""

from collections.abc import Set as AbstractSet
from itertools import islice
from zlib import crc32

from p2plearn.learning.folding import folded

_WORDS = 3
_LEAST = 8  # shingles; a sentence of fewer words may well come to two people
_MOST = 2_000  # words of a text that are looked at: two texts are compared in 0.2 ms
_NEAR = 0.5
_SKETCH = 8
_PRIME = 2**61 - 1


def shingles(text: str) -> frozenset[int]:
    """The runs of words of a text; none of one that is too short to tell."""
    words = folded(text).split()[:_MOST]
    runs = zip(*(islice(words, first, None) for first in range(_WORDS)), strict=False)
    found = frozenset(map(crc32, map(str.encode, map(" ".join, runs))))
    return found if len(found) >= _LEAST else frozenset()


def sketch(found: AbstractSet[int], salt: int) -> list[int]:
    """What of a text's shingles is looked up. `salt`: below 2^60, the same for all sketches that are compared, and known to nobody else.

    Were it known which checksums are kept, eight phrases that are kept before all others, found in seconds, would hide any copy.
    """
    return sorted([(each + 1) * (salt + 1) % _PRIME for each in found])[:_SKETCH]


def is_near(one: AbstractSet[int], other: AbstractSet[int]) -> bool:
    """Whether two texts, by their shingles, have nearly the same words. Those that are too short have none."""
    both = len(one & other)
    return both > 0 and both >= _NEAR * (len(one) + len(other) - both)
