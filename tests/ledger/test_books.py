"""One person's books: what comes is seen at once, nearly, and exactly once they are ranked."""

import pytest

from p2plearn import limits
from p2plearn.ledger.accounts import followed
from p2plearn.ledger.books import Books
from p2plearn.ledger.receipts import Receipt

NOW = 1_800_000_000_000
YEAR_MS = 365 * 24 * 3600 * 1000
ME, ADA, BEN, CLEO = b"me", b"ada", b"ben", b"cleo"


def receipt(issuer: bytes, helper: bytes, slot: bytes = b"request", units: float = 3.0, topic: str = "bread") -> Receipt:
    return Receipt(issuer, helper, "verdict", slot, units, NOW, (topic,), b"record " + slot)


@pytest.fixture
def books() -> Books:
    """Ada helped me, and Ben helped Ada."""
    found = Books(ME)
    found.take([], [receipt(ME, ADA), receipt(ADA, BEN)])
    found.rank(NOW, {})
    return found


def test_books_of_nothing_rank_nobody():
    books = Books(ME)
    books.rank(NOW, {})
    assert not books.standing().scores
    assert not books.scores()
    assert books.explain(ADA) is None


def test_whoever_helped_me_comes_before_whoever_helped_them(books):
    scores = books.scores()
    assert sorted(scores, key=scores.__getitem__, reverse=True) == [ADA, BEN]
    assert scores[ADA] == 1  # all that I say of anybody, and nobody tells of her but me
    assert scores[BEN] == pytest.approx(0.6 * (2 / (2 + 2)) * 0.25)  # a quarter: I know of him through her alone


def test_what_others_say_shows_at_once_and_exactly_after_ranking(books):
    books.take([], [receipt(ADA, CLEO)])
    assert not books.is_exact
    assert not books.must_rank
    nearly = books.standing().scores
    books.rank(NOW, {})
    assert books.is_exact
    assert nearly == pytest.approx(books.scores())
    assert nearly[CLEO] == nearly[BEN]


def test_the_standing_tells_whom_i_know_through_one_person_alone(books):
    assert books.standing().through == {BEN: ADA}
    books.take([], [receipt(BEN, CLEO)])
    assert books.standing().through == {BEN: ADA, CLEO: ADA}
    books.take([], [receipt(ME, CLEO)])
    books.rank(NOW, {})
    assert books.standing().through == {BEN: ADA}


def test_what_i_say_shows_only_once_all_is_ranked(books):
    books.take([], [receipt(ME, CLEO)])
    assert books.must_rank
    books.rank(NOW, {})
    assert books.scores()[CLEO] == books.scores()[ADA] == 0.5


def test_much_is_not_pushed_piece_by_piece_however_it_comes(books):
    books.take([], [receipt(ADA, b"%d" % number) for number in range(300)])
    assert not books.must_rank
    books.take([], [receipt(BEN, b"%d" % number) for number in range(300)])
    assert books.must_rank
    books.rank(NOW, {})
    books.take([], [receipt(CLEO, b"%d" % number) for number in range(300)])
    assert not books.must_rank


@pytest.mark.parametrize("at", [0, NOW - 26 * YEAR_MS])
def test_what_i_said_before_my_clock_was_set_right_still_says_who_helped_me(at):
    books = Books(ME)
    books.take([], [receipt(ME, ADA)._replace(at=at), receipt(ME, CLEO, units=1.5)._replace(at=at), receipt(ADA, BEN)])
    books.rank(NOW, {})
    scores = books.scores()
    assert scores[ADA] + scores[CLEO] == pytest.approx(1)
    assert scores[ADA] == pytest.approx(2 * scores[CLEO])  # of so little the logarithm is straight
    assert 0 < scores[BEN] < scores[ADA]


def test_where_a_clock_is_so_wrong_that_nothing_is_left_nobody_is_ranked(books):
    books.rank(2**53, {})
    assert books.scores() == {}


def test_what_is_there_already_changes_nothing(books):
    books.take([receipt(CLEO, BEN)], [receipt(ADA, BEN)])
    assert books.is_exact


def test_what_is_taken_back_counts_no_longer(books):
    books.take([receipt(ADA, BEN)], [])
    assert BEN not in books.standing().scores
    books.rank(NOW, {})
    assert BEN not in books.scores()


def test_bytes_add_a_little_to_those_who_helped_me_and_nothing_to_others(books):
    books.take([], [receipt(ME, CLEO, units=3.0)])
    books.rank(NOW, {CLEO: 1023 * limits.MiB, BEN: 1023 * limits.MiB})
    scores = books.scores()
    assert 1 < scores[CLEO] / scores[ADA] < 1.2
    assert sum(part.issuer == ME for part in books.explain(BEN).parts) == 0


def test_following_somebody_counts_for_as_long_as_i_do(books):
    books.take([], [followed(ME, CLEO)])
    books.rank(NOW + 10**12, {})
    assert books.scores()[CLEO] > books.scores().get(ADA, 0)  # whose help is 30 years old
    books.take([followed(ME, CLEO)], [])
    books.rank(NOW, {})
    assert CLEO not in books.scores()


def test_a_topic_is_ranked_by_what_is_about_it(books):
    books.take([], [receipt(ME, CLEO, topic="chess"), receipt(ME, ADA, b"another", topic="chess")])
    books.rank(NOW, {})
    bread, chess, all_of_it = books.scores("bread"), books.scores("chess"), books.scores()
    assert CLEO not in bread
    assert chess[CLEO] == all_of_it[CLEO]
    assert bread[ADA] + chess[ADA] == pytest.approx(all_of_it[ADA])
    assert books.explain(ADA, "chess").score == chess[ADA]
    assert not books.scores("nothing of the kind")
