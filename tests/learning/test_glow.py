"""What became of my help, told as stories."""

from collections.abc import Collection
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.learning.conversation import Conversation, converse
from p2plearn.learning.entries import Entry
from p2plearn.learning.glow import PRIVATE, Gleam, gleam_json, glow
from p2plearn.learning.notation import iso_time
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock
from p2plearn.testing.strategies import DAY_MS, record_sets


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def me(clock: FakeClock) -> Author:
    return Author("me", clock)


@pytest.fixture
def ada(clock: FakeClock) -> Author:
    return Author("ada", clock)


@pytest.fixture
def ben(clock: FakeClock) -> Author:
    return Author("ben", clock)


def folded(records: Collection[Record]) -> list[Conversation]:
    return [conversation for record in records if (conversation := converse(record, records)) is not None]


def told(me: Author, *records: Record, hidden: Collection[bytes] = ()) -> list[Gleam]:
    return glow(me.key, folded(records), me.clock.now_ms(), hidden=hidden)


def test_from_a_hint_to_somebody_whom_nobody_here_has_met(me: Author, ada: Author, ben: Author) -> None:
    request = ada.ask("Why is the sky blue?")
    assert told(me, request) == []
    check = me.check(request, "And at dusk?")
    said = [request, me.reply(request, "hint"), check]
    (gleam,) = told(me, *said)
    assert (gleam.learner, gleam.state, gleam.thanks, gleam.adopted_by, gleam.shown_at) == (ada.key, "checking", (), (), None)
    assert gleam.at == said[1].time
    proof = ada.prove(check, "Red.")
    shown = me.judge(proof, "shown")
    said += [proof, shown, ada.thank(shown, "Now I see."), ben.thank(said[1], "Me too.")]
    note = ada.pass_on(request, "Skies")
    adopted = ben.adopt(note, "using")
    (gleam,) = told(me, *said, note, adopted)
    assert (gleam.state, gleam.thanks, gleam.adopted_by) == ("shown", ("Now I see.", "Me too."), (ben.key,))
    assert (gleam.shown_at, gleam.at) == (shown.time, adopted.time)
    item = gleam_json(gleam, {ada.key: "Ada"})
    assert item == {
        "request": request.id.hex(),
        "snippet": None,
        "kind": "request",
        "title": "Why is the sky blue?",
        "taken_back": False,
        "learner": ada.key.hex(),
        "name": "Ada",
        "state": "shown",
        "outcome": None,
        "thanks": ["Now I see.", "Me too."],
        "adopted_by": [ben.key.hex()],
        "shown_at": iso_time(shown.time),
        "at": iso_time(adopted.time),
    }


def test_what_is_no_help_or_was_taken_back_or_thanks_others_does_not_count(me: Author, ada: Author, ben: Author) -> None:
    request = ada.ask("Why?")
    comment, hint, theirs = me.reply(request, "comment"), me.reply(request, "hint"), ben.reply(request, "answer")
    own = me.ask("Mine?")
    assert told(me, request, comment, own, ben.reply(own, "hint")) == []
    assert told(me, request, hint, me.retract(hint)) == []
    kind = ada.thank(hint, "Thanks.")
    (gleam,) = told(me, request, hint, theirs, ada.thank(theirs, "Thanks, Ben."), kind, ada.retract(kind))
    assert gleam.thanks == ()


def test_only_what_the_asker_or_i_passed_on_is_followed(me: Author, ada: Author, ben: Author) -> None:
    request = ada.ask("Why?")
    hint = me.reply(request, "hint")
    mine, elsewhere = me.pass_on(request, "Skies"), ben.pass_on(request, "Skies too")
    said = [request, hint, mine, elsewhere, ada.adopt(elsewhere), me.adopt(mine), ada.adopt(mine, "tried")]
    gleam, snippet = sorted(told(me, *said), key=lambda gleam: gleam.root.root.kind)
    assert gleam.adopted_by == (ada.key,)
    assert (snippet.learner, snippet.state) == (ada.key, "tried")


def test_each_person_who_took_it_up_has_a_line_of_their_own(me: Author, ada: Author, ben: Author) -> None:
    snippet = me.share("Puncture")
    said = [snippet, ada.adopt(snippet, "using", "works"), ada.thank(snippet, "It holds.")]
    said += [ben.adopt(snippet, "tried", learned_from=ada.key), me.adopt(snippet)]
    first, second = sorted(told(me, *said), key=lambda gleam: gleam.learner != ada.key)
    assert (first.learner, first.state, first.outcome, first.thanks) == (ada.key, "using", "works", ("It holds.",))
    assert first.adopted_by == (ada.key, ben.key)
    assert (second.learner, second.state, second.thanks, second.adopted_by) == (ben.key, "tried", (), (ben.key,))
    assert first.at == second.at == said[-2].time
    item = gleam_json(second, {})
    assert (item["request"], item["snippet"], item["kind"], item["name"]) == (None, snippet.id.hex(), "snippet", "")
    assert gleam_json(first, {})["outcome"] == "works"


def test_whom_i_showed_the_snippet_of_another(me: Author, ada: Author, ben: Author) -> None:
    snippet = ada.share("Puncture")
    cleo = Author("cleo", me.clock)
    said = [snippet, me.adopt(snippet), ben.adopt(snippet, learned_from=me.key), cleo.adopt(snippet)]
    assert [gleam.learner for gleam in told(me, *said)] == [ben.key]
    assert told(me, *said, ben.adopt(snippet, learned_from=cleo.key)) == []


def test_words_that_cannot_be_read_are_private_and_those_of_muted_people_are_not_told(me: Author, ada: Author, ben: Author) -> None:
    request = ada.ask("Why?")
    hint = me.reply(request, "hint")
    said = [request, hint, ada.thank(hint, sealed=b"sealed"), ben.thank(hint, "Me too.")]
    assert told(me, *said)[0].thanks == (PRIVATE, "Me too.")
    assert told(me, *said, hidden=[ben.key])[0].thanks == (PRIVATE,)
    assert told(me, *said, hidden=[ada.key]) == []

    def opened(entry: Entry) -> str:
        return entry.text or "Just for you."

    assert glow(me.key, folded(said), me.clock.now_ms(), words=opened)[0].thanks == ("Just for you.", "Me too.")
    snippet = me.share("Puncture")
    taken = [snippet, ada.adopt(snippet), ben.adopt(snippet, learned_from=ada.key)]
    assert [gleam.adopted_by for gleam in told(me, *taken, hidden=[ben.key])] == [(ada.key,)]


def test_who_claims_to_come_from_the_future_is_not_the_newest(me: Author, ada: Author, ben: Author) -> None:
    request, other = ada.ask("Why?"), ben.ask("How?")
    hint, answer = me.reply(request, "hint"), me.reply(other, "answer")
    now = me.clock.now_ms()
    ada.clock.jump(now + 3 * DAY_MS)
    late = ada.thank(hint, "Thanks, from the future.")
    conversations = folded([request, other, hint, answer, late])
    assert [(gleam.learner, gleam.at) for gleam in glow(me.key, conversations, now)] == [(ben.key, answer.time), (ada.key, hint.time)]
    assert [gleam.at for gleam in glow(me.key, conversations, 0)] == [answer.time, hint.time]


@given(record_sets(), st.randoms(use_true_random=False), st.data())
def test_glow_is_the_same_in_any_order_and_whatever_is_missing(records: list[Record], random: Random, data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(records), unique=True))
    for author in {record.author for record in records}:
        found = glow(author, folded(some), 0)
        assert glow(author, folded(random.sample(some, len(some)) * 2), 0) == found
        assert len({(gleam.root.root.id, gleam.learner) for gleam in found}) == len(found)
        assert all(author not in {gleam.learner, *gleam.adopted_by} for gleam in found)
        assert [gleam.at for gleam in found] == sorted((gleam.at for gleam in found), reverse=True)
