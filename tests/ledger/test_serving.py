"""Whose turn it is: shares that follow the rank, a floor for strangers, crowds of invented keys, and nobody who waits for ever."""

import heapq
import random
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from p2plearn.ledger.serving import Turn, Turns, bucket
from p2plearn.ledger.standing import Standing

SLOTS, MOST = 5, 10.0


@dataclass(frozen=True)
class Peer:
    """Somebody who always wants more: `at_once` turns at a time."""

    name: str
    place: str
    at_once: int = 1


class Busy:
    """A node that has more to do than it can, simulated: a turn takes about 1."""

    def __init__(self, peers: list[Peer], ranks: dict[str, float], seed: int = 1) -> None:
        self.served: Counter[str] = Counter()
        self.longest: Counter[str] = Counter()  # waits
        self._turns = Turns(SLOTS, MOST, ranks.get)  # type: ignore[arg-type]  # names are hashable
        self._chance = random.Random(seed)
        self._ends: list[tuple[float, int, Peer, Turn]] = []
        self._asked: dict[Turn, tuple[Peer, float]] = {}
        self._number = count()
        self._now = 0.0
        for peer in self._chance.sample(peers, len(peers)):
            for _ in range(peer.at_once):
                self._ask(peer)

    def _ask(self, peer: Peer) -> None:
        self._asked[self._turns.ask(peer.name, peer.place, self._now)] = (peer, self._now)

    def serve(self, turns: int) -> "Busy":
        while self.served.total() < turns:
            for turn in self._turns.proceed(self._now):
                peer, asked = self._asked.pop(turn)
                self.longest[peer.name] = max(self.longest[peer.name], self._now - asked)  # type: ignore[assignment]
                heapq.heappush(self._ends, (self._now + self._chance.uniform(0.5, 1.5), next(self._number), peer, turn))
            self._now, _, peer, turn = heapq.heappop(self._ends)
            self.served[peer.name] += 1
            self._turns.end(turn, self._now)
            self._ask(peer)
        return self

    def share(self, kind: str) -> float:
        """Of all turns, those of peers whose name begins so."""
        return sum(n for name, n in self.served.items() if name.startswith(kind)) / self.served.total()


def people(kind: str, number: int, networks: int = 0) -> list[Peer]:
    """So many, each at home in a network of their own unless they share `networks`."""
    return [Peer(f"{kind} {n}", f"{kind} {n % networks if networks else n}") for n in range(number)]


def seeders(number: int) -> dict[str, float]:
    """M of people who helped me more or less."""
    chance = random.Random(2)
    standing = Standing({b"%d" % n: chance.lognormvariate(0, 1) for n in range(number)})
    return {f"seeder {n}": standing.multiplier(b"%d" % n) for n in range(number)}


def test_those_who_help_are_served_most_and_the_others_share_what_is_strangers() -> None:
    world = people("seeder", 30) + people("leecher", 20) + people("newcomer", 10)
    busy = Busy(world, seeders(30)).serve(20_000)
    assert busy.share("seeder") == pytest.approx(0.80, abs=0.01)
    assert busy.share("leecher") == pytest.approx(0.13, abs=0.01)
    assert busy.share("newcomer") == pytest.approx(0.07, abs=0.01)
    assert min(busy.served[name] for name in seeders(30)) > 0.2 * busy.share("seeder") * 20_000 / 30, "no seeder starves"


def test_a_share_among_the_ranked_follows_the_rank() -> None:
    weights = (1.5, 2.0, 4.0, 8.0)
    ranks = {f"seeder {n}": weights[n % 4] for n in range(80)}
    busy = Busy(people("seeder", 80), ranks).serve(20_000)
    shares = [sum(busy.served[f"seeder {n}"] for n in range(each, 80, 4)) for each in range(4)]
    for share, weight in zip(shares, weights, strict=True):
        assert share / shares[0] == pytest.approx(weight / weights[0], rel=0.15)


def test_a_thousand_invented_keys_from_five_networks_take_a_twentieth_and_leave_the_strangers_their_part() -> None:
    world = people("seeder", 30) + people("sybil", 1000, networks=5) + people("newcomer", 20)
    busy = Busy(world, seeders(30)).serve(5_000)
    assert busy.share("sybil") <= 0.05
    assert busy.share("sybil") + busy.share("newcomer") >= 0.15
    assert min(busy.served[f"newcomer {n}"] for n in range(20)) >= 0.9 * 0.2 * 5_000 / 25


def test_invented_keys_alone_take_no_more_than_the_strangers_slot() -> None:
    busy = Busy(people("seeder", 30) + people("sybil", 1000, networks=500), seeders(30)).serve(3_000)
    assert busy.share("sybil") == pytest.approx(0.2, abs=0.01)


def test_strangers_by_themselves_have_all_the_slots_and_so_have_the_ranked() -> None:
    assert Busy(people("newcomer", 20), {}).serve(1_000).share("newcomer") == 1.0
    assert Busy(people("seeder", 20), seeders(20)).serve(1_000).share("seeder") == 1.0


@pytest.mark.parametrize("ranks", [{}, {f"peer {n}": 3.0 for n in range(20)}], ids=["strangers", "ranked"])
def test_asking_for_much_at_once_gains_nothing(ranks: dict[str, float]) -> None:
    one_place = [Peer(f"peer {n}", "here", at_once=20 if n == 0 else 1) for n in range(20)]
    busy = Busy(one_place, ranks).serve(5_000)
    assert busy.served["peer 0"] <= 1.1 * 5_000 / 20


def test_whoever_is_alone_may_have_every_slot() -> None:
    turns = Turns(SLOTS, MOST, {"a": 3.0}.get)  # type: ignore[arg-type]
    for _ in range(SLOTS + 1):
        turns.ask("a", "here", 0.0)
    assert len(turns.proceed(0.0)) == SLOTS
    turns.ask("newcomer", "there", 0.0)
    assert not turns.proceed(1.0)
    assert repr(turns) == "<Turns running=5 waiting=2 of=2>"


def test_two_ranked_alike_who_ask_for_much_at_once_share_the_slots() -> None:
    turns = Turns(4, MOST, lambda _: 2.0)
    for who in "ab":
        for _ in range(4):
            turns.ask(who, "here", 0.0)
    assert Counter(turn.party.who for turn in turns.proceed(0.0)) == {"a": 2, "b": 2}


def test_a_slot_that_strangers_had_while_it_was_idle_is_next_for_somebody_ranked() -> None:
    turns = Turns(SLOTS, MOST, {"ruben": 2.0}.get)  # type: ignore[arg-type]
    for n in range(9):
        turns.ask(f"stranger {n}", "here", 0.0)
    running = turns.proceed(0.0)
    turns.ask("ruben", "there", 1.0)
    turns.end(running[0], 2.0)
    assert [turn.party.who for turn in turns.proceed(2.0)] == ["ruben"]


def test_whoever_does_not_take_what_they_are_given_loses_the_slot_and_gets_no_other_until_they_did() -> None:
    turns = Turns(1, MOST, lambda _: None)
    deaf, *_ = turns.ask("deaf", "here", 0.0), turns.ask("deaf", "here", 0.0), turns.ask("next", "here", 1.0)
    assert turns.proceed(1.0) == [deaf]
    assert turns.lapse_at == 1.0 + MOST
    (other,) = turns.proceed(1.0 + MOST)
    assert other.party.who == "next"
    turns.end(other, 12.0)
    assert turns.proceed(12.0) == []
    turns.end(deaf, 13.0)
    (again,) = turns.proceed(13.0)
    assert again.party.who == "deaf"
    turns.end(again, 14.0)
    assert repr(turns) == "<Turns running=0 waiting=0 of=0>"


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("/ip4/192.0.2.7/tcp/1", "/ip4/192.0.2.200/tcp/2/p2p/x", True),
        ("/ip4/192.0.2.7/tcp/1", "/ip4/192.0.3.7/tcp/1", False),
        ("/ip6/2001:db8:1:2::3/tcp/1", "/ip6/2001:db8:1:ffff::/tcp/1", True),
        ("/ip6/2001:db8:1::/tcp/1", "/ip6/2001:db8:2::/tcp/1", False),
        ("/ip6/::ffff:192.0.2.7/tcp/1", "/ip4/192.0.2.9/tcp/1", True),
        ("/p2p/x", "/dns/somewhere", True),
    ],
)
def test_neighbours_are_in_one_bucket(one: str, other: str, *, same: bool) -> None:
    assert (bucket(one) == bucket(other)) is same


class Serving(RuleBasedStateMachine):
    """Whatever is asked, given up, finished or left hanging."""

    def __init__(self) -> None:
        super().__init__()
        self.ranks: dict[Hashable, float] = {}
        self.turns = Turns(SLOTS, MOST, self.ranks.get)
        self.asked: list[Turn] = []  # and not ended
        self.now = 0.0
        self.hanging: set[Hashable] = set()  # who did not take in time what they were given

    def proceed(self) -> None:
        for turn in self.asked:
            if turn.began is not None and turn.began + MOST <= self.now:
                self.hanging.add(turn.party.who)
        self.turns.proceed(self.now)

    @rule(who=st.integers(0, 8))
    def ask(self, who: int) -> None:
        self.asked.append(self.turns.ask(who, f"network {who % 3}", self.now))
        self.proceed()

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        turn = data.draw(st.sampled_from(self.asked))
        self.finish(turn)

    def finish(self, turn: Turn) -> None:
        self.asked.remove(turn)
        self.turns.end(turn, self.now)
        late = {one.party.who for one in self.asked if one.began is not None and one.began + MOST <= self.now}
        self.hanging &= late
        self.proceed()

    @rule(seconds=st.floats(0, MOST))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.proceed()

    @rule(who=st.integers(0, 8), weight=st.none() | st.floats(1, 10))
    def think_anew_of(self, who: int, weight: float | None) -> None:
        self.ranks.pop(who, None)
        if weight is not None:
            self.ranks[who] = weight

    @invariant()
    def no_slot_is_idle_while_somebody_waits(self) -> None:
        running = [turn for turn in self.asked if turn.began is not None and turn.began + MOST > self.now]
        waiting = [turn for turn in self.asked if turn.began is None and turn.party.who not in self.hanging]
        assert len(running) <= SLOTS
        assert len(running) == SLOTS or not waiting

    def teardown(self) -> None:
        """When everybody takes what they are given, and those who are served ask again and again, all who wait have their turn."""
        before = [turn for turn in self.asked if turn.began is None]
        for _ in range(2_000):
            running = [turn for turn in self.asked if turn.began is not None]
            if all(turn.began is not None or turn not in self.asked for turn in before):
                break
            self.now += 1.0
            self.finish(running[0])
            self.ask(running[0].party.who)
        assert all(turn.began is not None for turn in before if turn in self.asked)
        for turn in list(self.asked):
            self.finish(turn)
        assert repr(self.turns) == "<Turns running=0 waiting=0 of=0>"


TestServing = Serving.TestCase
