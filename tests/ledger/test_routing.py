"""Whom to ask first: who is known to help and there, and somebody new."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.learning.asking import Helped, Helper, Near
from p2plearn.ledger.routing import KNOWN, ask_first, presence, value, willingness
from p2plearn.testing.clock import START_MS

DAY = 24 * 3600 * 1000
NOW = START_MS + 100 * DAY
ME = b"me"


def names(*helpers: Helper) -> list[bytes]:
    return [one.helper.author for one in ask_first([("bread", helpers)], ME, NOW)]


def test_what_somebody_counts_for_their_willingness_and_their_being_here_multiply() -> None:
    ready, wrote = Helper(b"ready", Near(), capacity=0, score=1.0), Helper(b"wrote", Near(), wrote=True, score=2.4)
    away = Helper(b"away", capacity=0, score=1.9, seen=NOW - DAY // 2)
    assert value(ready, NOW) > value(wrote, NOW) > value(away, NOW) > 0
    assert names(away, wrote, ready) == [b"ready", b"wrote", b"away"]
    assert names(away, replace(wrote, score=3.0), ready) == [b"wrote", b"ready", b"away"]  # the rank decides, all else equal


def test_willing_is_who_has_room_then_who_has_helped_then_who_wrote() -> None:
    full = Helper(b"full", capacity=1, offers=True, helped=Helped(now={b"x"}, ever={b"x"}))
    said = [
        Helper(b"teaches", capacity=0),
        Helper(b"helped", helped=Helped(ever={b"x"})),
        Helper(b"wrote", wrote=True),
        full,
        Helper(b"silent", score=1.0),
    ]
    found = [willingness(one) for one in said]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == len(found)
    assert willingness(Helper(b"offers", offers=True)) == found[0] == 1.0
    seen = [presence(Helper(b"x", near, seen=NOW - ago), NOW) for near, ago in ((Near(), 0), (None, 1), (None, 3 * DAY), (None, 20 * DAY))]
    assert seen == sorted(set(seen), reverse=True)


def test_one_place_is_for_somebody_new_who_declared_it() -> None:
    known = [Helper(b"known %d" % n, Near(), capacity=0, score=1.0 + n) for n in range(5)]
    new, wrote = Helper(b"new", capacity=0), Helper(b"wrote", Near(), wrote=True)
    assert names(*known, wrote, new) == [b"known 4", b"known 3", b"known 2", b"new"]
    assert names(*known, wrote) == [b"known 4", b"known 3", b"known 2"]
    assert names(*known, Helper(b"offers", offers=True)) == [b"known 4", b"known 3", b"known 2", b"offers"]


def test_without_any_rank_it_is_the_order_in_which_one_asks_anyway() -> None:
    near, teacher, other = Helper(b"near", Near(1.0), wrote=True), Helper(b"teacher", capacity=0), Helper(b"other", offers=True)
    asked, wants = Helper(b"asked", Near(1.0), asked=True), Helper(b"wants", Near(1.0), learns=True)
    assert names(asked, other, wants, teacher, near) == [b"near", b"teacher", b"other"]
    assert names() == names(asked, Helper(ME, Near(), capacity=0, score=9.0)) == []


def test_of_several_topics_each_is_named_once_with_what_they_are_best_in() -> None:
    ada, ben = Helper(b"ada", Near(), capacity=0, score=1.0), Helper(b"ben", Near(), wrote=True, score=1.0)
    found = ask_first([("bread", [ada, ben]), ("rye", [replace(ada, score=0.5), replace(ben, capacity=0)])], ME, NOW)
    assert [(one.helper.author, one.topic) for one in found] == [(b"ada", "bread"), (b"ben", "rye")]


helpers = st.builds(
    Helper,
    st.binary(min_size=1, max_size=1),
    st.none() | st.builds(Near, st.none() | st.floats(0, 300)),
    st.none() | st.integers(0, 2),
    offers=st.booleans(),
    wrote=st.booleans(),
    asked=st.booleans(),
    score=st.sampled_from([0.0, 0.5, 2.0]),
)


@given(st.lists(helpers, max_size=12, unique_by=lambda one: one.author))
def test_no_more_than_four_and_nobody_better_is_passed_over(found: list[Helper]) -> None:
    chosen = ask_first([("bread", found)], ME, NOW)
    known = [one.helper for one in chosen if not one.is_new]
    assert len(known) <= KNOWN
    assert len(chosen) - len(known) <= 1
    assert len({one.helper.author for one in chosen}) == len(chosen)
    left = [one for one in found if one.can_help and one not in known]
    assert len(known) == KNOWN or not left
    assert all(value(one, NOW) <= min(value(first, NOW) for first in known) for one in left)
    if len(chosen) == len(known):
        assert not any(one.score == 0 and (one.capacity is not None or one.offers) for one in left)
