"""The ranking is that of the formulas: small worlds of any shape are ranked by the program and by tests/ledger/reference.py."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from p2plearn.ledger.accounts import HALF_LIFE_MS, Accounts, followed
from p2plearn.ledger.explaining import explain, topic_scores, topic_shares
from p2plearn.ledger.pushing import Pushing
from p2plearn.ledger.ranking import rank
from p2plearn.ledger.receipts import Receipt
from tests.ledger.reference import Reference

NOW = 1_800_000_000_000
ME = b"me"
PEOPLE = [ME, *(bytes([letter]) for letter in b"abcdefg")]
TOPICS = ("algebra", "bread", "chess")
EXACT = 1e-9

people = st.sampled_from(PEOPLE)
receipts = st.builds(
    Receipt,
    issuer=people,
    helper=people,
    kind=st.sampled_from(["verdict", "solve", "adopt", "thanks"]),
    slot=st.sampled_from([b"1", b"2", b"3"]),
    units=st.sampled_from([0.25, 1.0, 2.0, 2.5, 3.0]),
    at=st.integers(NOW - 5 * HALF_LIFE_MS, NOW + HALF_LIFE_MS),
    topics=st.lists(st.sampled_from(TOPICS), max_size=3, unique=True).map(tuple),
    record=st.just(b""),
) | people.map(lambda person: followed(ME, person))
ledgers = st.lists(receipts, max_size=30, unique_by=lambda one: (one.issuer, one.helper, one.kind, one.slot))
counters = st.dictionaries(st.sampled_from(PEOPLE[1:]), st.integers(0, 1 << 34))


def both(written, brought):
    """The accounts, their ranking, and what the reference says."""
    accounts = Accounts(ME, written)
    accounts.brought = brought
    return accounts, rank(accounts, NOW), Reference(written, ME, NOW, brought)


@given(ledgers, counters)
@settings(max_examples=300, deadline=None)
def test_scores_are_those_of_the_formulas(written, brought):
    _, ranking, reference = both(written, brought)
    for number, person in enumerate(ranking.people):
        assert ranking.visits[number] == pytest.approx(reference.x.get(person, 0.0), abs=EXACT)
        assert ranking.scores[number] == pytest.approx(reference.scores.get(person, 0.0), abs=EXACT)
    assert ranking.scores[0] == 0
    assert reference.scores.keys() <= set(ranking.people)


@given(ledgers, counters)
@settings(deadline=None)
def test_what_a_score_is_made_of_adds_up_to_it(written, brought):
    _, ranking, reference = both(written, brought)
    order = [person for _, person in sorted(zip(-ranking.scores, ranking.people, strict=True))]
    for number, person in enumerate(ranking.people[1:], 1):
        why = explain(ranking, number)
        assert sum(part.score for part in why.parts) == pytest.approx(why.score, abs=EXACT)
        assert {part.issuer: part.score for part in why.parts} == pytest.approx(reference.parts(person), abs=EXACT)
        if why.score:
            assert why.back * why.one_source == pytest.approx(reference.discounts[person], abs=EXACT)
        assert why.rank == (1 + order.index(person) if why.score else None)


@given(ledgers, counters)
@settings(deadline=None)
def test_the_scores_for_topics_add_up_to_that_for_all(written, brought):
    accounts, ranking, reference = both(written, brought)
    found = {topic: topic_scores(ranking, topic_shares(accounts, ranking, topic)) for topic in TOPICS}
    for number, person in enumerate(ranking.people):
        expected = reference.topics(person) if number else {}
        assert {topic: scores[number] for topic, scores in found.items()} == pytest.approx(
            {topic: expected.get(topic, 0.0) for topic in TOPICS}, abs=EXACT
        )
        assert sum(scores[number] for scores in found.values()) + expected.get(None, 0.0) == pytest.approx(
            ranking.scores[number], abs=EXACT
        )


@given(ledgers)
@settings(max_examples=300, deadline=None)
def test_whom_i_know_through_one_person_is_found_by_leaving_people_out(written):
    _, ranking, reference = both(written, {})
    for number, person in enumerate(ranking.people[1:], 1):
        through = explain(ranking, number).through
        gates = reference.gates(person) if person in reference.reached() else set()
        assert through in gates if gates else through is None


@given(ledgers, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_in_which_receipts_come_changes_nothing(written, chance):
    one = rank(Accounts(ME, written), NOW)
    shuffled = chance.sample(written, len(written))
    other = rank(Accounts(ME, [*shuffled, *shuffled[::2]]), NOW)
    scores = dict(zip(other.people, other.scores, strict=True))
    assert dict(zip(one.people, one.scores, strict=True)) == pytest.approx(scores, abs=EXACT)


@given(ledgers, ledgers)
@settings(deadline=None)
def test_what_is_pushed_on_is_what_a_full_ranking_finds(first, later):
    """But for what waits for the next: discounts of third persons, so visits are compared; and whose word counts nothing of whom."""
    accounts = Accounts(ME, first)
    before = rank(accounts, NOW)
    pushing = Pushing(accounts, before)
    for receipt in later:
        if receipt.issuer == ME:
            continue
        slot = (receipt.issuer, receipt.helper, receipt.kind, receipt.slot)
        for old in first:
            if (old.issuer, old.helper, old.kind, old.slot) == slot and accounts.drop(old):
                pushing.gone(old)
        if accounts.put(receipt):
            pushing.came(receipt)
    pushing.push(10**6)
    fresh = rank(accounts, NOW)
    visits = pushing._source + pushing._left
    assume(speaks(accounts, fresh) == speaks(accounts, before))
    assert np.allclose(visits[: len(accounts.people)], fresh.visits, atol=1e-4)


def test_however_much_comes_at_once_everybody_waits_once():
    crowd = [b"%d" % number for number in range(60)]
    tight = [Receipt(one, other, "thanks", b"", 1.0, NOW, (), b"") for one in [ME, *crowd] for other in crowd[::2] if one != other]
    accounts = Accounts(ME, tight)
    pushing = Pushing(accounts, rank(accounts, NOW))
    longest = 0
    for number in range(200):
        receipt = Receipt(crowd[number % 20], crowd[1 + 2 * (number % 30)], "solve", b"%d" % number, 2.0, NOW, (), b"")
        accounts.put(receipt)
        pushing.came(receipt)
        longest = max(longest, len(pushing.waiting))
        assert len(set(pushing.waiting)) == len(pushing.waiting)
    assert longest > 30, "many do wait"


def speaks(accounts, ranking):
    """(issuer, helper) of those whose word counts, without whom it would by these levels be known of nobody."""
    pairs = accounts.pairs
    levels = [dict(enumerate(heads)) for heads in ranking.through]
    return {(j, i) for j, i in zip(pairs.issuer, pairs.helper, strict=True) if all(heads.get(j) != i for heads in levels)}
