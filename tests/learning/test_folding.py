"""One spelling of words, whatever the script."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.learning.folding import folded
from p2plearn.testing.strategies import texts


def test_case_accents_and_compatibility_forms_do_not_count() -> None:
    assert folded("Straße, CAFE\u0301!").split() == ["strasse", "cafe"]
    assert folded("Ёлка Ωμέγα ﬁne x² \uff21\uff22").split() == ["елка", "ωμεγα", "fine", "x2", "ab"]
    assert folded("x_y/2").split() == ["x", "y", "2"]


def test_marks_that_make_another_word_count() -> None:
    assert folded("हिन्दी सीखना").split() == ["हिन्दी", "सीखना"]
    assert folded("ガス") != folded("カス")
    assert folded("각") == folded(unicodedata.normalize("NFD", "각"))


@given(texts | st.text())
def test_only_words_are_left_and_folding_them_again_changes_nothing(text: str) -> None:
    once = folded(text)
    assert {unicodedata.category(character)[0] for character in once.replace(" ", "")} <= set("LMN")
    assert folded(once) == once
    assert once.isascii() or not text.isascii()
