"""Whose records to fetch next: mine, then those of whoever counts for me and has something to say, briefly if possible."""

from p2plearn.ledger.accounts import Accounts
from p2plearn.ledger.frontier import frontier
from p2plearn.ledger.ranking import rank
from p2plearn.ledger.receipts import Receipt

NOW = 1_800_000_000_000
ME, ANN, BOB, CAT, DAN = b"me", b"ann", b"bob", b"cat", b"dan"


def thanked(issuer, helper, units=1.0):
    return Receipt(issuer, helper, "thanks", b"", units, NOW, (), b"")


RANKING = rank(Accounts(ME, [thanked(ME, ANN, 3.0), thanked(ME, BOB), thanked(ANN, CAT), thanked(DAN, ANN)]), NOW)


def test_my_own_come_first_and_then_those_whose_word_hands_on_most():
    assert frontier(RANKING, dict.fromkeys([CAT, BOB, ANN, ME, DAN], 10)) == [ME, ANN, BOB, CAT]


def test_who_says_the_same_in_fewer_records_comes_earlier():
    assert frontier(RANKING, {ANN: 100, BOB: 1, CAT: 10}) == [BOB, CAT, ANN]


def test_nobody_is_asked_for_what_is_here_already_or_moves_nothing():
    assert frontier(RANKING, {ANN: 0, DAN: 5, b"a stranger": 5}) == []
    assert frontier(rank(Accounts(ME), NOW), {ME: 3}) == [ME]
