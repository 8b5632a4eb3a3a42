"""Whom to ask: who is near, then who is willing, and why."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.learning.asking import Helped, Helper, Near, helped_in, helper_json, whom_to_ask
from p2plearn.learning.conversation import Conversation, converse
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import START_MS, FakeClock
from p2plearn.testing.strategies import record_sets

DAY = 24 * 3600 * 1000
NOW = START_MS + 100 * DAY
ME = b"me"


def conversation(root: Record, *said: Record) -> Conversation:
    found = converse(root, said)
    assert found is not None
    return found


def order(*helpers: Helper) -> list[bytes]:
    return [helper.author for helper in whom_to_ask(helpers, ME, NOW)]


def test_in_one_place_who_counts_for_something_comes_before_who_only_says_so() -> None:
    known, offering = Helper(b"known", Near(1.0), score=0.1), Helper(b"offering", Near(1.0), offers=True)
    dear, teaching, away = Helper(b"dear", Near(1.0), score=2.0), Helper(b"teaching", Near(1.0), capacity=0), Helper(b"away", score=9.0)
    assert order(offering, known, away, dear, teaching) == [b"teaching", b"dear", b"known", b"offering", b"away"]
    assert helper_json(dear, ME)["why"] == "in this room, known to help"


def test_who_is_near_comes_first_in_classes_for_jitter_says_nothing() -> None:
    teacher = Helper(b"in the room, slower", Near(9.0), capacity=0)
    nearest, near = Helper(b"nearest", Near(0.4), wrote=True), Helper(b"near", Near(20.0), capacity=0)
    somewhere = Helper(b"connected", Near(), wrote=True)
    far, away = Helper(b"far", Near(180.0), offers=True), Helper(b"away", capacity=0, offers=True, wrote=True, seen=NOW)
    expected = [teacher, nearest, near, far, somewhere, away]
    assert order(away, somewhere, far, near, nearest, teacher) == [helper.author for helper in expected]


def test_within_a_class_the_most_willing_come_first() -> None:
    one, two = {b"x"}, {b"x", b"y"}
    expected = [
        Helper(b"teaches", capacity=2, helped=Helped(now=one)),
        Helper(b"offers", offers=True),
        Helper(b"two showed it", helped=Helped(shown=two, ever=two)),
        Helper(b"one showed it", helped=Helped(shown=one, ever=two)),
        Helper(b"answered", helped=Helped(ever=one)),
        Helper(b"has no room", capacity=2, helped=Helped(now=two)),
        Helper(b"wrote, seen today", wrote=True, seen=NOW - DAY // 2),
        Helper(b"wrote, seen last week", wrote=True, seen=NOW - 7 * DAY),
        Helper(b"wrote, never seen", wrote=True),
        Helper(ME, Near(0.1), capacity=0, offers=True),
    ]
    assert order(*reversed(expected)) == [helper.author for helper in expected]


def test_who_only_asked_or_learns_is_asked_last_however_near() -> None:
    stuck, learner = Helper(b"stuck", Near(0.1), asked=True, seen=NOW), Helper(b"learner", Near(0.2), learns=True, seen=NOW)
    writer, helping = Helper(b"writer", wrote=True), Helper(b"helping", helped=Helped(ever={b"x"}), asked=True, learns=True)
    full = Helper(b"full", capacity=1, helped=Helped(now={b"x"}, ever={b"x"}))
    mine = Helper(ME, Near(0.0), capacity=0)
    assert order(mine, stuck, learner, writer, helping, full) == [b"full", b"helping", b"writer", b"stuck", b"learner", ME]


def test_equals_are_ordered_by_latency_then_key() -> None:
    assert order(Helper(b"c", Near(5.0)), Helper(b"b", Near(7.0)), Helper(b"a", Near(7.0))) == [b"c", b"a", b"b"]


def test_whom_somebody_helped_is_counted_by_person() -> None:
    clock = FakeClock(NOW)
    ada, ben, eve = Author("ada", clock), Author("ben", clock), Author("eve", clock)
    first, second = ada.ask("Why?"), ada.ask("And why?")
    check = ben.check(second)
    proof = ada.prove(check)
    requests = [
        conversation(first, ben.reply(first, "hint"), ben.reply(first, "answer"), eve.reply(first, "comment")),
        conversation(second, check, proof, ben.judge(proof, "shown")),
    ]
    assert helped_in([*requests, requests[0]], NOW) == {ben.key: Helped({ada.key}, {ada.key}, {ada.key})}


def test_who_shows_ends_or_falls_silent_waits_no_more() -> None:
    ada, ben = Author("ada", FakeClock(NOW)), Author("ben", FakeClock(NOW))
    request = ada.ask("Why?")
    hint, check = ben.reply(request, "hint"), ben.check(request)
    proof = ada.prove(check)

    def helping(*said: Record, now: int = NOW) -> set[bytes]:
        found = helped_in([conversation(request, hint, *said)], now)
        return found[ben.key].now if found else set()

    assert helping() == {ada.key}
    assert helping(ada.solve(request)) == set()
    assert helping(check, proof, ben.judge(proof, "shown")) == set()
    assert helping(check, proof, ben.judge(proof, "partly")) == {ada.key}
    assert helping(now=NOW + (limits.HELPING_DAYS + 1) * DAY) == set()
    assert helped_in([conversation(request, hint, ada.retract(request))], NOW) == {}


def test_who_declines_has_the_place_again_until_they_help_once_more() -> None:
    clock = FakeClock(NOW)
    ada, ben, eve = Author("ada", clock), Author("ben", clock), Author("eve", clock)
    request = ada.ask("Why?")
    check, answer, hint = ben.check(request), ben.reply(request, "answer"), eve.reply(request, "hint")
    decline = ben.decline(request)
    said = [request, check, answer, hint, decline]
    assert helped_in([conversation(*said)], NOW) == {
        ben.key: Helped(ever={ada.key}),
        eve.key: Helped(now={ada.key}, ever={ada.key}),
    }
    assert helped_in([conversation(*said, ben.reply(request, "hint"))], NOW)[ben.key].now == {ada.key}
    assert helped_in([conversation(*said, ben.decline(request), ben.retract(decline))], NOW)[ben.key].now == set()
    assert helped_in([conversation(request, check, decline, ben.retract(decline))], NOW)[ben.key].now == {ada.key}


@pytest.mark.parametrize(
    "helper, near, teaching, why",
    [
        (Helper(b"a", Near(1.234), capacity=0), 1.2, {"capacity": None, "busy": 0}, "in this room, teaches it"),
        (
            Helper(b"a", Near(50.0), capacity=2, helped=Helped({b"x"}, set(), {b"x"})),
            50.0,
            {"capacity": 2, "busy": 1},
            "near, teaches it (1 of 2 places free), helped 1 person",
        ),
        (
            Helper(b"a", Near(), offers=True, helped=Helped(set(), {b"x", b"y"}, {b"x", b"y"})),
            None,
            None,
            "connected, offers it, 2 people showed it with their help, helped 2 people",
        ),
        (Helper(b"a", wrote=True, learns=True), None, None, "not here now, wrote about it, learns it"),
        (Helper(b"a", asked=True), None, None, "not here now, asked about it"),
        (Helper(ME, capacity=0), None, {"capacity": None, "busy": 0}, "this is you"),
    ],
)
def test_it_is_said_why(helper: Helper, near: float | None, teaching: object, why: str) -> None:
    assert helper_json(helper, ME) == {"near": near, "teaching": teaching, "why": why}


helpers = st.builds(
    Helper,
    st.binary(min_size=1, max_size=2),
    st.one_of(st.none(), st.builds(Near, st.one_of(st.none(), st.floats(0, 200)))),
    st.one_of(st.none(), st.integers(0, 2)),
    st.builds(Helped, *[st.sets(st.sampled_from([b"x", b"y"]))] * 3),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2 * NOW),
)


@given(st.lists(helpers, unique_by=lambda helper: helper.author), st.randoms(use_true_random=False))
def test_any_order_of_the_same_people_ends_in_the_same_order(people: list[Helper], random: Random) -> None:
    found = whom_to_ask(people, ME, NOW)
    assert whom_to_ask(random.sample(people, len(people)), ME, NOW) == found
    assert whom_to_ask(found[::2], ME, NOW) == found[::2]


@given(record_sets(), st.randoms(use_true_random=False))
def test_nobody_helps_themselves_and_who_showed_it_was_helped(records: list[Record], random: Random) -> None:
    request = conversation(records[0], *records)
    found = helped_in([request], NOW)
    assert helped_in([conversation(records[0], *random.sample(records, len(records)))], NOW) == found
    asker = records[0].author
    assert asker not in found
    for helped in found.values():
        assert helped.shown | helped.now <= helped.ever == {asker}
