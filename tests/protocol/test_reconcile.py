"""Finding what differs by sketches: few symbols when little does, splitting when much does, and ids ground to hide one another."""

import hashlib
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.messages import SketchAsk, SketchPart
from p2plearn.protocol.reconcile import Answers, Mirror, Search
from p2plearn.protocol.replica import Replica, short_id
from p2plearn.protocol.scope import Scope

SALT = b"salt"


def ids(name: str, count: int) -> list[bytes]:
    return [hashlib.sha256(f"{name} {n}".encode()).digest() for n in range(count)]


def replica(*held: Iterable[bytes], declined: Iterable[bytes] = ()) -> Replica:
    made = Replica(Scope("commons"))
    for some in held:
        made.add(some)
    made.decline(declined)
    return made


class Talk:
    """A whole search between two replicas; what it found and what it cost."""

    def __init__(self, ours: Replica, theirs: Replica, *, thorough: bool = False) -> None:
        self.search = Search(Mirror(ours, SALT), thorough=thorough)
        answers = Answers(Mirror(theirs, SALT))
        self.asks: list[SketchAsk] = []
        self.ours: set[bytes] = set()
        self.theirs: set[bytes] = set()
        while (ask := self.search.ask()) is not None:
            self.asks.append(ask)
            found = self.search.conclude(self.search.job(answers.job(ask)())())
            if found is not None:
                self.ours.update(found.ours)
                if found.theirs:
                    self.theirs.update(answers.wanted(found.theirs, found.salted))

    @property
    def symbols(self) -> int:
        return sum(ask.count for ask in self.asks)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30), st.integers(0, 300), st.integers(0, 300))
def test_what_differs_is_found_with_about_one_and_a_half_symbols_each(both: int, ours: int, theirs: int) -> None:
    talk = Talk(replica(ids("both", both), ids("ours", ours)), replica(ids("both", both), ids("theirs", theirs)))
    assert talk.ours == set(ids("ours", ours))
    assert talk.theirs == set(ids("theirs", theirs))
    assert talk.symbols <= 2.2 * (ours + theirs) + 64
    assert len(talk.asks) <= 7


def test_the_guess_is_known_when_it_matters() -> None:
    few, many = Talk(replica(ids("ours", 20)), replica()), Talk(replica(ids("ours", 400)), replica(ids("theirs", 400)))
    assert few.search.differing == 0
    assert 500 <= many.search.differing <= 1100
    assert repr(many.search) == "<Search, 0 parts to go>"


def test_what_fits_no_sketch_is_found_in_salted_parts() -> None:
    talk = Talk(replica(ids("ours", 9_000)), replica(ids("theirs", 3_000)))
    assert talk.ours == set(ids("ours", 9_000))
    assert talk.theirs == set(ids("theirs", 3_000))
    assert talk.symbols < 1.7 * 12_000
    assert {ask.bits for ask in talk.asks} == {0, 2}
    with pytest.raises(PeerFault, match="nobody asked"):
        talk.search.job(SketchPart(b""))


def test_declined_ids_are_no_difference_and_are_not_given() -> None:
    talk = Talk(replica(ids("a", 50), declined=ids("b", 50)), replica(ids("b", 50)))
    assert not talk.theirs
    assert talk.ours == set(ids("a", 50))
    other = Talk(replica(), replica(ids("a", 5), declined=ids("b", 5)))
    assert other.theirs == set(ids("a", 5))


def test_what_is_removed_meanwhile_just_does_not_come() -> None:
    mine = replica(ids("ours", 10))
    mirror = Mirror(mine, SALT)
    search, answers = Search(mirror), Answers(Mirror(replica(), SALT))
    mirror.freeze(0)
    mine.remove(ids("ours", 4))
    ask = search.ask()
    assert ask is not None
    found = search.conclude(search.job(answers.job(ask)())())
    assert found is not None
    assert set(found.ours) == set(ids("ours", 10)[4:])


class TestCollisions:
    """Ids with the same first 8 bytes, as anybody can grind them in 2³² hashes."""

    twins = tuple(b"\x07" * 8 + bytes([n]) * 24 for n in range(4))

    def test_both_on_one_side(self) -> None:
        talk = Talk(replica(self.twins[:2], ids("a", 9)), replica(ids("b", 9)))
        assert talk.ours == {*self.twins[:2], *ids("a", 9)}
        assert talk.theirs == set(ids("b", 9))
        assert talk.symbols < 1000

    def test_one_here_and_both_there(self) -> None:
        talk = Talk(replica(self.twins[:1]), replica(self.twins[:2]))
        assert talk.theirs == set(self.twins[:2])

    def test_one_here_and_the_other_there_shows_only_when_looked_for(self) -> None:
        ours, theirs = replica(self.twins[:1], ids("both", 9)), replica(self.twins[1:2], ids("both", 9))
        assert not Talk(ours, theirs).ours
        thorough = Talk(ours, theirs, thorough=True)
        assert thorough.search.was_thorough
        assert (thorough.ours, thorough.theirs) == ({self.twins[0]}, {self.twins[1]})
        assert thorough.symbols == 3 * 32

    def test_two_and_two(self) -> None:
        talk = Talk(replica(self.twins[:2]), replica(self.twins[2:]), thorough=True)
        assert talk.ours | talk.theirs == set(self.twins)


class TestALiarWhoAnswers:
    """Whatever symbols come back, a search ends, having asked for a bounded number of them."""

    def search_through(self, lie: bytes) -> int:
        search, asked = Search(Mirror(replica(ids("ours", 300)), SALT), thorough=True), 0
        while (ask := search.ask()) is not None:
            asked += ask.count
            search.conclude(search.job(SketchPart((lie * ask.count)[: 16 * ask.count]))())
        return asked

    @pytest.mark.parametrize(
        "lie",
        {
            "nothing": bytes(16),
            "noise": hashlib.sha512(b"noise").digest(),
            "enormous counts": bytes(12) + b"\xff\xff\xff\x7f",
            "a little in every symbol": b"\x01" * 12 + bytes(4),
        }.values(),
        ids=str,
    )
    def test_brings_the_search_to_an_end(self, lie: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "MAX_ROUND_SYMBOLS", 40_000)
        assert self.search_through(lie) <= 40_000

    def test_the_last_parts_are_given_up_when_splitting_does_not_help(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "MAX_SKETCH_CELL", 256)
        monkeypatch.setattr(limits, "MAX_ROUND_SYMBOLS", 60_000)
        assert self.search_through(b"\x01" * 12 + bytes(4)) < limits.MAX_ROUND_SYMBOLS

    def test_too_few_symbols_are_a_fault(self) -> None:
        search = Search(Mirror(replica(), SALT))
        with pytest.raises(PeerFault, match="sketch"):
            search.job(SketchPart(bytes(16)))


class TestALiarWhoAsks:
    """Each part once, from left to right, a few passes over all ids at the most."""

    def answers(self, count: int = 100) -> Answers:
        return Answers(Mirror(replica(ids("theirs", count)), SALT))

    def test_may_go_on_and_go_right_and_split(self) -> None:
        answers = self.answers()
        for ask in [(0, 0, 0, 32), (0, 0, 32, 16), (2, 0, 0, 8), (3, 0, 0, 8), (3, 1, 0, 8), (2, 1, 0, 8), (2, 3, 0, 9)]:
            assert len(answers.job(SketchAsk(*ask))().symbols) == 16 * ask[3]

    @pytest.mark.parametrize("again", [(2, 1, 0, 8), (2, 1, 16, 8), (2, 0, 0, 8), (1, 0, 0, 8), (0, 0, 0, 8), (2, 2, 8, 8)], ids=str)
    def test_may_not_go_back_or_leave_out(self, again: tuple[int, int, int, int]) -> None:
        answers = self.answers()
        answers.job(SketchAsk(2, 1, 0, 8))()
        with pytest.raises(PeerFault, match="order"):
            answers.job(SketchAsk(*again))()

    def test_may_not_go_over_the_same_ids_again_and_again(self) -> None:
        answers = self.answers()
        for bits in (1, 2, 3):  # the left edge is in each: about 7/8 of a pass
            answers.job(SketchAsk(bits, 0, 0, 1))()
        nested = [(4 - depth, (1 << (4 - depth)) - 1) for depth in range(4)][::-1]  # 1/2, 1/4, … of the right end
        for bits, part in nested:
            answers.job(SketchAsk(bits, part, 0, 1))()
        with pytest.raises(PeerFault, match="limit"):
            self._every_part_at_every_depth(self.answers())

    def _every_part_at_every_depth(self, answers: Answers) -> None:
        for edge in range(64):
            for bits in range(1, 7):
                if edge % (64 >> bits) == 0:
                    answers.job(SketchAsk(bits, edge >> (6 - bits), 0, 1))()

    def test_may_not_ask_for_symbols_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "MAX_ROUND_SYMBOLS", 100)
        answers = self.answers()
        answers.job(SketchAsk(0, 0, 0, 100))()
        with pytest.raises(PeerFault, match="limit"):
            answers.job(SketchAsk(0, 0, 100, 1))()

    def test_may_wish_no_more_than_symbols_tell(self) -> None:
        answers = self.answers()
        short = short_id(ids("theirs", 1)[0])
        with pytest.raises(PeerFault, match="limit"):
            answers.wanted((short,), salted=False)
        answers = self.answers()
        answers.job(SketchAsk(0, 0, 0, 3))()
        assert answers.wanted((short, short, 5), salted=False) == (ids("theirs", 1)[0],)
        with pytest.raises(PeerFault, match="limit"):
            answers.wanted((short,), salted=False)

    def test_may_not_wish_salted_before_it_saw_anything_salted(self) -> None:
        answers = self.answers()
        answers.job(SketchAsk(0, 0, 0, 32))()
        with pytest.raises(PeerFault, match="limit"):
            answers.wanted((1,), salted=True)
