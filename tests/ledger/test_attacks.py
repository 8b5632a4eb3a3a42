"""What nobody gains by receipts that they made up: the simulation of `python -m bench rank`, in small, from one person's place."""

from functools import cache

import pytest

from bench import contest
from bench.attacks import STRATEGIES, clique, forged, sybils
from bench.contest import Scene
from bench.worlds import World

FEW = (10, 50)
C = 0.6
HANDED_ON = C / (1 - C)  # at most, by everybody who comes after somebody, of what that one has


@cache
def scene():
    return Scene(World(1, peers=600, receipts=8_400))


@cache
def attackers(*, behind):
    return scene().attackers(2, behind=behind)


@pytest.mark.parametrize("k", FEW)
@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_no_sybils_make_an_attacker_score_higher(strategy, k):
    for behind in (False, True):
        assert contest.attacked(scene(), strategy, k, attackers(behind=behind))["own_gain"] <= 1.05


@pytest.mark.parametrize("k", FEW)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_sybils_together_stay_far_behind_the_one_through_whom_they_are_known(strategy, k):
    assert contest.attacked(scene(), strategy, k, attackers(behind=False))["sybils"] <= 0.40
    assert contest.attacked(scene(), strategy, k, attackers(behind=True))["sybils"] <= HANDED_ON


def test_five_hundred_sybils_get_no_further_than_fifty():
    for strategy in sorted(STRATEGIES.keys() - {"clique"}):  # which takes a quarter of a million receipts
        assert contest.attacked(scene(), strategy, 500, attackers(behind=False)[:1])["sybils"] <= 0.40


def test_sybils_without_a_receipt_of_anybody_known_have_nothing():
    after = scene().after(forged(clique(b"stranger", sybils(50)), 30))
    assert after.of([b"stranger", *sybils(50)]) == 0


def test_whoever_helped_honestly_at_first_has_earned_that_and_no_more():
    line = contest.honest_first(scene())
    assert line["sybils"] <= 0.40


@pytest.mark.parametrize("count", [2, 8])
def test_several_who_are_known_can_hand_on_what_they_have_and_no_more(count):
    line = contest.colluding(scene(), count)
    assert line["sybils"] <= HANDED_ON
    assert line["own_gain"] * (1 + line["sybils"]) <= 1 / (1 - C)


@pytest.mark.parametrize("count", [1, 3])
def test_a_sold_word_is_worth_less_than_who_sells_it(count):
    assert contest.bought(scene(), count)["price"] <= 1


def test_helpers_who_praise_each_other_keep_within_the_bound():
    assert 1 < contest.ring(scene())["own_gain"] <= 1 / (1 - C)


def test_a_hundred_verdicts_of_one_friend_are_as_good_as_a_few():
    line = contest.pumped(scene())
    assert line["own_gain"] <= 1.5
    assert line["by_the_best"] <= 4  # whose word is a good part of all there is


def test_the_ranking_finds_who_can_help_me_better_than_counting_does():
    line = contest.quality([scene()], 4)
    assert line["ndcg"]["ours"] > line["ndcg"]["naive"]
    assert line["spearman"]["ours"] > 0.9 * line["spearman"]["naive"]


def test_a_twentieth_of_the_receipts_is_enough_where_they_are_well_chosen():
    line = contest.fetched_first([scene()], 4)
    assert line["top"] >= 0.85
    assert line["top"] > line["top_by_chance"]
