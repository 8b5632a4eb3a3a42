"""Claims on what is fetched: nothing is claimed by two, what nobody brought can be claimed again, and nothing is claimed for ever."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from p2plearn import limits
from p2plearn.protocol.claims import Claims
from p2plearn.protocol.scope import Filter
from tests.protocol import sync_driver as driver

WHO = ("ada", "ben", "eve")
AUTHORS = (b"a", b"b")
LAST = 30


class Sharing(RuleBasedStateMachine):
    """Sessions claim, finish and break off. The model: whose each id and each (author, seq) is, and who is fetching."""

    def __init__(self) -> None:
        super().__init__()
        self.claims = Claims()
        self.owners: dict[object, str] = {}
        self.fetching: set[str] = set()

    who = st.sampled_from(WHO)

    @rule(who=who, shorts=st.lists(st.integers(0, 12), max_size=6), overdue=st.sets(st.integers(0, 12), max_size=2))
    def claim_ids(self, who: str, shorts: list[int], overdue: set[int]) -> None:
        mine = self.claims.ids(who, shorts, overdue)
        self.fetching.add(who)
        for short, is_mine in zip(shorts, mine, strict=True):
            if short in overdue:
                self.owners[short] = who
            assert is_mine == (self.owners.setdefault(short, who) == who)

    @rule(who=who, author=st.sampled_from(AUTHORS), first=st.integers(1, LAST), more=st.integers(0, LAST), most=st.integers(1, 9))
    def claim_a_run(self, who: str, author: bytes, first: int, more: int, most: int) -> None:
        stretch = self.claims.run(who, author, first, first + more, most)
        self.fetching.add(who)
        free = [seq for seq in range(first, first + more + 1) if (author, seq) not in self.owners]
        if stretch is None:
            assert not free
            return
        begin, end = stretch
        assert begin == free[0], "the first that is free"
        assert end - begin < most
        assert free[: end - begin + 1] == list(range(begin, end + 1)), "without a gap, and nobody else's"
        assert end == first + more or end - begin + 1 == most or (author, end + 1) in self.owners, "as far as may be"
        self.owners.update({(author, seq): who for seq in range(begin, end + 1)})

    @rule(who=who)
    def finish(self, who: str) -> None:
        self.claims.finish(who)
        self.fetching.discard(who)
        if not self.fetching:
            self.owners.clear()

    @rule(who=who)
    def break_off(self, who: str) -> None:
        assert self.claims.give_up(who) == (who in self.fetching)
        if who in self.fetching:
            self.owners = {what: owner for what, owner in self.owners.items() if owner != who}
            self.finish(who)

    @invariant()
    def nothing_is_left_when_nobody_fetches(self) -> None:
        if not self.fetching:
            assert repr(self.claims) == "<Claims on 0 ids and runs of 0 authors>"

    def teardown(self) -> None:
        """Whatever anybody has claimed is free again when they have broken off, to the last."""
        for who in WHO:
            self.break_off(who)
        assert all(self.claims.ids("late", range(13)))
        assert [list(stretches(self.claims, author)) for author in AUTHORS] == [[(1, LAST)]] * 2


def stretches(claims: Claims, author: bytes) -> Iterator[tuple[int, int]]:
    while (stretch := claims.run("late", author, 1, LAST, LAST)) is not None:
        yield stretch


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


@pytest.fixture
def new(monkeypatch: pytest.MonkeyPatch) -> driver.Side:
    """Somebody who lacks everything, and asks for it by ids in small portions."""
    monkeypatch.setattr(limits, "ASK_RECORDS", 50)
    return driver.Side("new", held=Filter(("maths",)))


ITEMS = [item for n in range(300) for item in driver.chain(str(n), 2)]


def keep_waiting(slow: driver.Wire) -> None:
    """Until it has answered something, and been asked for more."""
    while not slow.sessions[0].owed:
        slow.move(slow.moves()[0])


def test_a_peer_that_claims_and_does_not_bring_keeps_nothing_from_us_for_longer_than_a_round(new: driver.Side) -> None:
    """It might bring one record a minute for ever. Another peer that holds the rest brings it in its next round, and nothing twice."""
    slow, other = (driver.Wire(new, driver.Side(name, ITEMS)) for name in ("slow", "other"))
    keep_waiting(slow)
    other.run()
    claimed = other.lacking()
    assert limits.ASK_RECORDS < claimed <= limits.MAX_ASKS * limits.ASK_RECORDS
    other.begin_round()
    other.run()
    assert not other.lacking()
    assert set(new.received.values()) == {1}


def test_nor_does_one_that_comes_back_and_claims_anew_before_each_of_the_others_rounds(new: driver.Side) -> None:
    slow, other = (driver.Wire(new, driver.Side(name, ITEMS)) for name in ("slow", "other"))
    for _ in range(2):
        slow.connect()
        keep_waiting(slow)
        other.begin_round()
        other.run()
    assert not other.lacking()


def test_beyond_the_bound_nothing_is_noted_and_all_may_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two peers of one mind could let claims grow without end: one offers what does not exist, the other lets no round end."""
    monkeypatch.setattr(limits, "MAX_CLAIMS", 5)
    claims = Claims()
    claims.run("never done", b"a", 1, 9, 9)
    for n in range(100):
        assert all(claims.ids("ada", range(n * 10, n * 10 + 10)))
        assert claims.run("ada", n.to_bytes(8, "big"), 1, 9, 5) == (1, 5)
        claims.finish("ada")
    assert repr(claims) == "<Claims on 4 ids and runs of 1 authors>"
    assert claims.ids("ben", [0, 99]) == [False, True]
