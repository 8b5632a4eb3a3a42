"""Whose records to fetch next: mine and those of people I follow, then those of whoever counts for me and says it briefly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.ledger.books import Books
from p2plearn.ledger.frontier import prefer
from p2plearn.ledger.receipts import Receipt

NOW = 1_800_000_000_000
ME, ANN, BOB, CAT, DAN = b"me", b"ann", b"bob", b"cat", b"dan"


def thanked(issuer, helper, units=1.0):
    return Receipt(issuer, helper, "thanks", b"", units, NOW, (), b"")


@pytest.fixture
def visits():
    """Ann and Bob helped me, and Cat helped Ann; whoever Dan is, he says that Ann helped him."""
    books = Books(ME)
    books.take([], [thanked(ME, ANN, 3.0), thanked(ME, BOB), thanked(ANN, CAT), thanked(DAN, ANN)])
    books.rank(NOW, {})
    return books.standing().visits


def test_those_whose_word_hands_on_most_come_first(visits):
    assert visits.keys() == {ANN, BOB, CAT}
    assert sorted(visits, key=lambda author: -prefer(visits[author], 10)) == [ANN, BOB, CAT]


def test_a_word_counts_before_the_discounts(visits):
    assert visits[CAT] == pytest.approx(0.6 * visits[ANN] / 3), "not a quarter of it, though I know Cat through Ann only"


def test_who_says_the_same_in_fewer_records_comes_earlier(visits):
    coming = {ANN: 100, BOB: 1, CAT: 10}
    assert sorted(coming, key=lambda author: -prefer(visits[author], coming[author])) == [BOB, CAT, ANN]


@given(st.floats(0, 2.5), st.floats(0, 2.5), st.integers(1, 2**53), st.integers(1, 2**53))
def test_whom_i_chose_comes_before_whoever_counts_most(visits, more, coming, fewer):
    assert prefer(visits, coming, chosen=True) > prefer(more, fewer)
