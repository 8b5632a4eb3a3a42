"""Ends of runs: both sides of a round conclude the same from the two lists, whatever stands in them."""

from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.protocol.ends import Ends
from p2plearn.protocol.events import Load, Run
from p2plearn.protocol.messages import MAX_SEQ, SHORT_KEY, Heads
from p2plearn.protocol.replica import Head
from tests.protocol.sync_driver import key

AUTHORS = [key(name) for name in ("ada", "ben", "eve")]
heads = st.dictionaries(st.sampled_from(AUTHORS), st.builds(Head, st.integers(1, 2**53 - 1) | st.integers(1, 9), st.just(bytes(32))))


@given(heads, heads, st.integers(0, 20) | st.just(limits.MAX_INT))
def test_both_sides_find_the_same(ours: dict[bytes, Head], theirs: dict[bytes, Head], differing: int) -> None:
    here, there = Ends(ours, differing), Ends(theirs, differing)
    for one, other in ((here, there), (there, here)):
        assert [other.receive(part) for part in one.messages()] == [True]
    assert (here.ours, here.theirs) == (there.theirs, there.ours)
    assert here.ours == {author[:SHORT_KEY]: min(head.seq, MAX_SEQ) for author, head in ours.items()}
    assert here.pays == there.pays
    assert repr(here) == f"<Ends of {len(ours)} runs here and {len(theirs)} there>"


def test_runs_are_given_of_authors_that_were_listed() -> None:
    ada, ben, _ = AUTHORS
    ends = Ends({ada: Head(9, bytes(32))}, 9)
    assert ends.load(((ada[:SHORT_KEY], 3, 7), (ben[:SHORT_KEY], 1, 5))) == Load((Run(ada, 3, 7),))


def test_a_list_of_nobody_is_a_list() -> None:
    assert list(Ends({}, 0).messages()) == [Heads((), last=True)]
