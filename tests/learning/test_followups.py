"""“Still using it?”: asked a week and a month after somebody began, unless they said something since."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.learning.conversation import converse
from p2plearn.learning.followups import FollowUp, follow_up, may_be_due
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.strategies import DAY_MS, record_sets


def asked(me: Author, day: float, since: Record, *records: Record) -> int | None:
    """Which question is due so many days after `since`: 7, 30 or none. Both ways to find it say the same."""
    now = since.time + round(day * DAY_MS)
    found = question(me, now, *records)
    own = [record for record in records if record.author == me.key]
    if found is not None:
        assert [(one.root, one.adopt, one.at, one.day) for one in may_be_due(own, now)] == [
            (found.about, found.adopt.id, found.at, found.day)
        ]
    return found.day if found is not None else None


def question(me: Author, now: int, snippet: Record, *records: Record) -> FollowUp | None:
    conversation = converse(snippet, records)
    assert conversation is not None
    return follow_up(me.key, conversation, now)


@pytest.mark.parametrize("day, expected", [(0, None), (6.99, None), (7, 7), (29.99, 7), (30, 30), (400, 30)])
@pytest.mark.parametrize("stage", ["tried", "using"])
def test_after_a_week_and_after_a_month(stage: str, day: float, expected: int | None) -> None:
    ada, ben = Author("ada"), Author("ben")
    snippet = ada.share("Puncture")
    adopt = ben.adopt(snippet, stage)
    assert asked(ben, day, adopt, snippet, adopt) == expected


@pytest.mark.parametrize("stage", ["passed-on", "dropped"])
def test_who_passed_it_on_or_dropped_it_is_not_asked(stage: str) -> None:
    ada, ben = Author("ada"), Author("ben")
    snippet = ada.share("Puncture")
    said = [ben.adopt(snippet, "using"), ben.adopt(snippet, stage)]
    assert asked(ben, 8, said[0], snippet, *said) is None
    assert asked(ben, 8, said[0], snippet, *said, ben.retract(said[1])) == 7


def test_a_word_since_that_day_is_an_answer_until_the_next() -> None:
    ada, ben = Author("ada"), Author("ben")
    snippet = ada.share("Puncture")
    first = ben.adopt(snippet, "tried")
    ben.clock.advance(8 * 24 * 3600)
    again, reaction = ben.adopt(snippet, "using"), ben.react(snippet, "works")
    for word in (again, reaction):
        assert asked(ben, 9, first, snippet, first, word) is None
        assert asked(ben, 30, first, snippet, first, word) == 30
    assert asked(ben, 9, first, snippet, first, reaction, ben.retract(reaction)) == 7
    assert asked(ada, 9, first, snippet, first) is None


def test_nobody_is_asked_about_what_was_taken_back() -> None:
    ada, ben = Author("ada"), Author("ben")
    snippet = ada.share("Puncture")
    adopt = ben.adopt(snippet)
    assert asked(ben, 9, adopt, snippet, adopt, ada.retract(snippet)) is None
    assert asked(ben, 9, adopt, snippet, adopt, ben.retract(adopt)) is None


def test_it_is_asked_in_words_and_about_the_latest_that_was_said() -> None:
    ada, ben = Author("ada"), Author("ben")
    snippet, other = ada.share("Puncture"), ada.share("Chain")
    first, second = ben.adopt(snippet, "tried"), ben.adopt(snippet, "using")
    later = ben.adopt(other)
    now = first.time + 7 * DAY_MS
    assert question(ben, now, snippet, first, second) == FollowUp(second, snippet.id, "Puncture", now, 7)
    assert FollowUp(second, snippet.id, "Puncture", now, 7).text == "Still using “Puncture”?"
    due = may_be_due([later, second, first, ben.reply(other, "comment")], later.time + 7 * DAY_MS)
    assert [one.root for one in due] == [other.id, snippet.id]


@given(records=record_sets(), me=st.sampled_from(["ada", "ben", "eve"]), day=st.integers(0, 40))
def test_my_adoptions_alone_tell_where_to_look(records: list[Record], me: str, day: int) -> None:
    author, snippet = Author(me), records[1]
    now = snippet.time + day * DAY_MS
    found = question(author, now, snippet, *records)
    due = may_be_due((record for record in records if record.author == author.key), now)
    assert found is None or (found.about, found.adopt.id, found.at, found.day) in due
