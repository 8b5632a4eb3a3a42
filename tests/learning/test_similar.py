"""Similar questions, found by the words they share."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.learning.similar import Candidate, similar, words
from p2plearn.testing.strategies import texts


def titled(*titles: str) -> list[Candidate]:
    return [Candidate(bytes([n]), title, "") for n, title in enumerate(titles)]


def found(text: str, candidates: list[Candidate]) -> list[str]:
    return [match.candidate.title for match in similar(text, candidates)]


def test_the_closest_question_comes_first_and_strangers_not_at_all() -> None:
    questions = titled("How do I bake bread?", "How do I mend a bicycle tyre?", "How do I mend a puncture in a bicycle tyre?")
    assert found("mending a puncture of my bicycle tyres", questions) == [questions[2].title, questions[1].title]
    assert found("integrals by parts", questions) == []
    assert found("", questions) == []


def test_what_everybody_says_counts_little_and_the_shared_words_explain_it() -> None:
    questions = titled("How do I solder copper?", "How do I knit socks?", "How do I prune roses?", "How do I file taxes?")
    first = similar("how do i knit a scarf", questions)[0]
    assert first.candidate.title == "How do I knit socks?"
    assert first.shared == ("knit", "do", "how", "i")


def test_a_long_text_does_not_hide_a_twin_in_the_title() -> None:
    long_winded = Candidate(b"1", "Derivative of a product", " ".join(f"word{n}" for n in range(500)))
    assert found("derivatives of products", [long_winded]) == [long_winded.title]
    in_the_text = Candidate(b"2", "Help!", "I need the derivative of a product.")
    assert found("derivatives of products", [in_the_text]) == ["Help!"]


def test_scripts_without_spaces_are_compared_by_pairs_of_letters() -> None:
    questions = titled("光合作用是什么", "怎么做面包", "การสังเคราะห์ด้วยแสงคืออะไร")
    assert found("植物的光合作用", questions) == ["光合作用是什么"]
    assert found("การสังเคราะห์ด้วยแสง", questions) == ["การสังเคราะห์ด้วยแสงคืออะไร"]
    assert words("光") == {"光"}


def test_words_are_letters_marks_and_digits_of_any_script() -> None:
    assert words("Naïve, NAI\N{COMBINING DIAERESIS}VE! x_y/2") == {"naive", "x", "y", "2"}
    assert words("क्यों नहीं?") == {"क्यों", "नहीं"}


def test_only_the_best_few_are_proposed_and_equals_stand_by_id() -> None:
    questions = titled(*["a puncture"] * (limits.MAX_SIMILAR + 2))
    matches = similar("a puncture", questions)
    assert [match.candidate for match in matches] == questions[: limits.MAX_SIMILAR]


@given(texts, st.lists(st.tuples(texts, texts), max_size=6), st.randoms(use_true_random=False))
def test_scores_lie_between_0_and_1_and_order_does_not_matter(text: str, questions: list[tuple[str, str]], random: Random) -> None:
    candidates = [Candidate(bytes([n]), *question) for n, question in enumerate(questions)]
    matches = similar(text, candidates)
    assert matches == similar(text, random.sample(candidates, len(candidates)))
    assert all(limits.MIN_SIMILAR <= match.score <= 1 + 1e-9 and match.shared for match in matches)


@given(texts.filter(words), st.lists(texts, max_size=6))
def test_the_same_question_is_always_found(text: str, others: list[str]) -> None:
    twin = Candidate(b"\x00", text, "")
    assert similar(text, [twin, *(Candidate(bytes([n]), other, "") for n, other in enumerate(others, 1))])[0].candidate == twin
