"""What people count for orders what is found a little, and never keeps everybody new from the first places."""

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.ledger.finding import PLACES, boost, lacks_newcomer, with_newcomer
from p2plearn.ledger.standing import NOBODY, Standing


def test_the_words_of_who_counts_weigh_more_within_bounds() -> None:
    standing = Standing({b"usual": 1.0, b"common": 1.0, b"dear": 1e9})
    assert boost(standing, b"nobody") == boost(NOBODY, b"dear") == 1.0
    assert boost(standing, b"usual") == 1.0 + 0.15 * 3
    assert boost(standing, b"dear") == 1.0 + 0.15 * 9


def is_new(number: int) -> bool:
    return number >= 100


def test_among_few_nobody_is_moved() -> None:
    assert not lacks_newcomer(range(PLACES - 1), is_new)
    assert not lacks_newcomer([*range(PLACES - 1), 100, *range(20, 30)], is_new)
    assert lacks_newcomer([*range(PLACES), 100], is_new)


@given(st.integers(PLACES, 40), st.integers(0, 3))
def test_somebody_new_has_one_of_the_first_places_and_all_others_keep_their_order(count: int, more: int) -> None:
    found = list(range(count))
    shown = with_newcomer(found, 100, count + more)
    assert shown.index(100) == PLACES - 1
    assert [one for one in shown if one != 100] == found[: len(shown) - 1]
    assert len(shown) == min(count + 1, count + more)
