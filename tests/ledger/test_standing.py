"""How somebody's standing weighs: it lifts people above strangers and never puts anybody below."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.ledger.standing import NOBODY, Standing

people = st.sampled_from([b"ada", b"ben", b"cleo", b"dora"])
standings = st.dictionaries(people, st.floats(1e-12, 10)).map(Standing)


def test_where_nobody_is_ranked_everybody_weighs_the_same():
    assert not NOBODY.is_ranked(b"ada")
    assert NOBODY.multiplier(b"ada") == NOBODY.multiplier(None) == 1
    assert NOBODY.gossip(b"ada") == 0


def test_whoever_stands_in_the_middle_weighs_four_times_a_stranger_and_the_best_ten_times():
    standing = Standing({b"ada": 8.0, b"ben": 1.0, b"cleo": 0.5})
    assert standing.multiplier(b"ben") == 4
    assert standing.multiplier(b"ada") == 10
    assert standing.multiplier(b"cleo") == pytest.approx(1 + 3 * 0.5849625)
    assert standing.multiplier(b"dora") == standing.multiplier(None) == 1
    assert standing.gossip(b"ben") == 1
    assert Standing({b"ada": 1000.0, b"ben": 1.0, b"cleo": 1.0}).gossip(b"ada") == 5


def test_however_many_are_known_through_one_person_alone_they_move_nobody_and_weigh_as_one():
    known = {b"ada": 8.0, b"ben": 1.0, b"cleo": 0.5}
    crowd = {b"made up %d" % number: 0.001 for number in range(1000)}
    standing = Standing(known | crowd, through=dict.fromkeys(crowd, b"cleo"))
    assert [standing.multiplier(one) for one in known] == [Standing(known).multiplier(one) for one in known]
    together = sum(standing.multiplier_among(one, {b"cleo": 1000}) for one in crowd)
    assert together == pytest.approx(standing.multiplier(b"made up 1"))
    assert standing.multiplier_among(b"ben", {b"cleo": 1000}) == standing.multiplier(b"ben")


def test_where_i_know_everybody_through_others_the_middle_is_of_all_of_them():
    standing = Standing({b"ben": 2.0, b"cleo": 1.0, b"dora": 0.5}, through=dict.fromkeys([b"ben", b"cleo", b"dora"], b"ada"))
    assert standing.multiplier(b"cleo") == 4


@given(standings, people, people)
def test_more_score_never_weighs_less(standing, one, other):
    assert 1 <= standing.multiplier(one) <= 10
    assert 0 <= standing.gossip(one) <= 5
    if standing.scores.get(one, 0) >= standing.scores.get(other, 0):
        assert standing.multiplier(one) >= standing.multiplier(other)
        assert standing.gossip(one) >= standing.gossip(other)
