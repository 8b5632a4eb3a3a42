"""Bodies: what is written is read again, and what breaks a rule is not shown rather than blamed on anybody."""

import unicodedata
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.errors import TooLarge
from p2plearn.protocol import kinds
from p2plearn.protocol.bodies import body_of, check_lengths
from p2plearn.protocol.kinds import Fix, Profile, Reply, Request, Retract, Revision, Snippet, Solve, Withdraw
from p2plearn.protocol.records import Draft, Record
from p2plearn.protocol.wording import normalise_topic, one_line, prose
from p2plearn.testing.authors import Author
from p2plearn.testing.strategies import bodies, values

EXAMPLES: dict[str, kinds.Body] = {
    "profile": Profile("Ada", "mends bicycles", ("visits", "calls")),
    "snippet": Snippet("howto", "Mend a puncture", "Find the hole.", ("Wet it.", "Look."), "It holds air.", ("Glue on wet rubber.",)),
    "revision": Revision("Find the hole under water.", "Mend any puncture", ("Dive it.",), "It holds.", ("Haste.",)),
    "retract": Retract("It was wrong."),
    "request": Request("Why?", "It leaks.", "ride", "soap", "beginner", "hint", True, bytes(32)),
    "reply": Reply("hint", "Listen.", 2),
    "solve": Solve("Thanks."),
    "withdraw": Withdraw("Bought a new one."),
    "check": kinds.Check("And on wet rubber?"),
    "proof": kinds.Proof("It does not hold."),
    "verdict": kinds.Verdict("not-yet", "Nearly.", (Fix(2, "Dry it first."), Fix(0, "Take your time."))),
    "adopt": kinds.Adopt("using", "works", bytes(32), "Every day."),
    "correction": kinds.Correction("Not on wet rubber."),
    "reaction": kinds.Reaction("works", "Twice."),
    "thanks": kinds.Thanks("Thank you!", b"sealed"),
    "encouragement": kinds.Encouragement("Go on!"),
    "decline": kinds.Decline("I am away."),
    "teach": kinds.Teach(3),
    "offer": kinds.Offer("An evening of mending."),
    "wanted": kinds.Wanted("Somebody with a pump."),
    "compass": kinds.Compass(3, "Ask sooner."),
}


WORDS = {("request", 5), ("reply", 0), ("verdict", 0), ("adopt", 0), ("adopt", 1), ("reaction", 0)}


def test_every_kind_has_an_example() -> None:
    assert set(EXAMPLES) | {"learn"} == {body.kind for body in get_args(kinds.Body)}
    assert body_of(said("learn")) == body_of(said("learn", "new")) == kinds.Learn()


def test_a_snippet_grows_by_the_parts_of_a_howto() -> None:
    assert Snippet("note", "t", "x").to_body() == ("note", "t", "x")
    assert body_of(said("snippet", "note", "t", "x", ["one"])) == Snippet("note", "t", "x", ("one",))
    assert body_of(said("snippet", "note", "t", "x", "one")) is None
    assert body_of(said("verdict", "shown", "", [[1, "x", 2]])) is None
    assert body_of(said("verdict", "shown", "", [["1", "x"]])) is None


def said(kind: str, *body: object) -> Record:
    return Author("ada").record(Draft(kind, body))


@given(bodies)
def test_what_is_written_is_read(body: kinds.Body) -> None:
    assert body_of(Author("ada").say(body)) == body


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_newer_program_may_add_elements_and_none_may_be_missing(kind: str) -> None:
    body = EXAMPLES[kind]
    assert body_of(said(kind, *body.to_body(), "new", 7)) == body
    assert body_of(said(kind, *body.to_body()[: min(body.least, len(body.to_body())) - 1])) is None


@pytest.mark.parametrize("kind", EXAMPLES)
def test_each_element_has_one_type(kind: str) -> None:
    body = EXAMPLES[kind].to_body()
    for place, item in enumerate(body):
        for wrong in (None, [None], 7, b"x", "x", True):
            allowed = type(wrong) is type(item) and (kind, place) not in WORDS | {("request", 7), ("adopt", 2), ("compass", 0)}
            changed = said(kind, *body[:place], wrong, *body[place + 1 :])
            assert (body_of(changed) is None) is not allowed, (kind, place, wrong)


@pytest.mark.parametrize(
    "kind, place, longest",
    [
        ("profile", 0, "é" * (limits.MAX_NAME // 2)),
        ("profile", 2, ["w" * limits.MAX_WORD] * limits.MAX_OPEN_TO),
        ("snippet", 0, "w" * limits.MAX_WORD),
        ("snippet", 1, "é" * (limits.MAX_TITLE // 2)),
        ("revision", 1, "t" * limits.MAX_TITLE),
        ("request", 0, "t" * limits.MAX_TITLE),
        ("request", 4, "l" * limits.MAX_TITLE),
    ],
)
def test_lengths_are_bounded_in_bytes(kind: str, place: int, longest: str | list[str]) -> None:
    body = EXAMPLES[kind].to_body()
    longer = [*longest, "w"] if isinstance(longest, list) else longest + "x"
    assert body_of(said(kind, *body[:place], longest, *body[place + 1 :])) is not None
    assert body_of(said(kind, *body[:place], longer, *body[place + 1 :])) is None


@pytest.mark.parametrize("words", [["w" * (limits.MAX_WORD + 1)], [7]])
def test_a_list_of_words_holds_words(words: list[object]) -> None:
    assert body_of(said("profile", "Ada", "", words)) is None


def test_an_unknown_version_or_kind_is_not_shown() -> None:
    record = Author("ada").share("a title")
    assert body_of(record) is not None
    assert body_of(record._replace(version=2)) is None
    assert body_of(record._replace(kind="song")) is None


@given(st.sampled_from([*EXAMPLES, "song"]), st.lists(values, max_size=10))
def test_no_body_makes_the_reader_fail(kind: str, body: list[object]) -> None:
    read = body_of(said(kind, *body))
    assert read is None or read.to_body()[0] == body[0]


def test_an_author_hears_which_field_is_too_long() -> None:
    for body in EXAMPLES.values():
        check_lengths(body)
    with pytest.raises(TooLarge, match="The title is 302 bytes, more than the 300"):
        check_lengths(Snippet("note", "é" * 151, ""))
    with pytest.raises(TooLarge, match="open to"):
        check_lengths(Profile("Ada", "", ("word",) * (limits.MAX_OPEN_TO + 1)))


def test_a_topic_has_one_spelling() -> None:
    assert normalise_topic("  Bicycle\t Repair ") == "bicycle-repair"
    assert normalise_topic("STRASSE") == normalise_topic("Straße") == "strasse"
    assert normalise_topic(unicodedata.normalize("NFD", "Élan")) == "élan"
    assert normalise_topic(" \n ") == ""


@given(st.text())
def test_authored_text_can_be_encoded_and_is_stable(text: str) -> None:
    for authored in (normalise_topic, one_line, prose):
        once = authored(text)
        assert authored(once) == once
        assert once.encode().decode() == once


def test_authored_text_keeps_what_was_meant() -> None:
    assert one_line("  Mend\na  puncture ") == "Mend a puncture"
    assert prose("\n\n    code\r\nmore\rlast  \n\n") == "    code\nmore\nlast"
    assert prose("half a pair: \ud83d") == "half a pair: \N{REPLACEMENT CHARACTER}"
