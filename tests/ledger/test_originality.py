"""Which texts count as having the same words, and that those are found by their sketches."""

import random
from itertools import islice
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.ledger.originality import is_near, shingles, sketch

SALT = 0x234_5678_9ABC_DEF1
TEXT = "Take the wheel out, find the hole under water, sand it, glue it, wait until it is dull, press the patch on and wait again."


def test_the_same_words_however_they_are_written() -> None:
    assert shingles(TEXT) == shingles(TEXT.upper().replace(",", " –\n"))
    assert is_near(shingles(TEXT), shingles("First: " + TEXT.replace("dull", "matt")))


def test_other_words_or_the_same_ones_in_another_order_are_another_text() -> None:
    assert not is_near(shingles(TEXT), shingles(" ".join(sorted(TEXT.split()))))
    assert not is_near(shingles(TEXT), shingles(TEXT + " " + " ".join(f"word{n}" for n in range(30))))


def test_what_is_too_short_is_like_nothing() -> None:
    assert shingles("Sand it first, then glue it on.") == frozenset()
    assert shingles("") == frozenset()
    assert not is_near(shingles("Sand it."), shingles("Sand it."))


def test_of_a_very_long_text_the_beginning_is_looked_at() -> None:
    words = [f"w{n}" for n in range(2_000)]
    assert shingles(" ".join([*words, "and", "what", "follows"])) == shingles(" ".join(words))


def test_nobody_can_choose_words_that_hide_a_copy_from_being_found() -> None:
    """Twelve phrases of which each has a checksum below all of the text's."""
    chance = random.Random(1)
    words = [f"w{chance.randrange(500)}" for _ in range(80)]
    original = " ".join(words)
    least = min(shingles(original))
    phrases = (" ".join(chance.sample(words, 3)) for _ in range(1_000_000))
    chosen = list(islice((phrase for phrase in phrases if crc32(phrase.encode()) < least), 12))
    copy = " ".join([original, *chosen])
    assert is_near(shingles(original), shingles(copy))
    assert not set(sketch(shingles(original), 0)) & set(sketch(shingles(copy), 0))  # as who knows the salt sees it
    salts = [chance.getrandbits(60) for _ in range(200)]
    found = sum(bool(set(sketch(shingles(original), salt)) & set(sketch(shingles(copy), salt))) for salt in salts)
    assert found >= 190


@given(st.integers(0, 999))
def test_a_text_of_which_one_word_in_twelve_is_another_is_found_and_near(seed: int) -> None:
    chance = random.Random(seed)
    words = [f"w{chance.randrange(2_000)}" for _ in range(120)]
    changed = [word if place % 12 else "other" for place, word in enumerate(words)]
    one, other = shingles(" ".join(words)), shingles(" ".join(changed))
    assert is_near(one, other)
    assert set(sketch(one, SALT)) & set(sketch(other, SALT))


@given(st.frozensets(st.integers(0, 99), max_size=30), st.frozensets(st.integers(0, 99), max_size=30))
def test_being_near_is_mutual(one: frozenset[int], other: frozenset[int]) -> None:
    assert is_near(one, other) == is_near(other, one)
    assert is_near(one, one) == bool(one)
    assert len(sketch(one, SALT)) <= 8
