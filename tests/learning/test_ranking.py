"""What was found, in the order in which a person would look at it."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.learning.ranking import ranked
from p2plearn.testing.strategies import texts


def order(found: list[tuple[str, str]], **weights: float) -> list[tuple[str, str]]:
    return ranked(found, lambda pair: pair, weights)


def test_a_title_says_more_than_a_text_and_a_text_about_it_more_than_one_that_mentions_it() -> None:
    titled, about, mentions = ("Tyres", "wheels and rims"), ("Wheels", "tyres, tyres"), ("Wheels", "tyres and rims")
    assert order([mentions, about, titled], tyre=1.0) == [titled, about, mentions]


def test_a_long_text_has_to_say_it_more_often() -> None:
    short, long = ("", "one tyre"), ("", "one tyre" + " and more" * 50)
    assert order([long, short], tyre=1.0) == [short, long]


def test_a_rare_word_says_more_than_a_common_one() -> None:
    rare, common = ("Zeppelin", "the wheel"), ("The wheel", "of a zeppelin")
    assert order([common, rare], the=0.1, zeppelin=5.0) == [rare, common]


def test_words_are_found_at_their_beginning_however_they_are_written() -> None:
    assert order([("", "a retyre of it"), ("", "die ÄPFEL, x")], apfel=1.0)[0] == ("", "die ÄPFEL, x")
    assert order([("", "barn arn"), ("", "arn arn")], arn=1.0)[0] == ("", "arn arn")


def test_whatever_else_speaks_for_a_text_multiplies_its_score() -> None:
    once, twice = ("", "tyre and rim"), ("", "tyre tyre rim")
    assert ranked([once, twice], lambda pair: pair, {"tyre": 1.0}, lambda pair: 2.0 if pair == once else 1.0) == [once, twice]
    assert ranked([once, twice], lambda pair: pair, {"tyre": 1.0}, lambda pair: 1.01 if pair == once else 1.0) == [twice, once]


@given(st.lists(st.tuples(texts, texts), max_size=8), st.dictionaries(st.sampled_from("ab"), st.floats(0, 9)), st.randoms())
def test_everything_that_was_found_is_there_and_equals_keep_their_order(
    found: list[tuple[str, str]], weights: dict[str, float], random: Random
) -> None:
    assert sorted(ranked(found, lambda pair: pair, weights)) == sorted(found)
    assert ranked(found, lambda pair: pair, {}) == found
    again = ranked(random.sample(found, len(found)), lambda pair: pair, weights)
    assert ranked(again, lambda pair: pair, weights) == again
