"""Sessions between honest sides: however bytes are cut and moves are ordered they end equal, at rest, and with little sent twice."""

import random
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from p2plearn import limits
from p2plearn.protocol.events import Load, Phase
from p2plearn.protocol.messages import SHORT_KEY
from p2plearn.protocol.scope import Filter
from tests.protocol.sync_driver import Item, Side, Wire, chain, key

TREE = [*chain("ada", 40), *chain("ben", 40), *chain("eve", 30, 10, "backup")[10:], *chain("eve", 25)]  # eve restored an old backup


# --- any sets, any order of moves ---


class Laptops(RuleBasedStateMachine):
    """Three laptops, each linked with each. At the end, when everything has calmed down, all hold what anybody holds and they want."""

    def __init__(self) -> None:
        super().__init__()
        self.sides: list[Side] = []
        self.wires: list[Wire] = []
        self.numbers = count(41)
        self.last = TREE[39]

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        some = st.sets(st.sampled_from(TREE)) | st.just(set(TREE)) | st.just(set[Item]())
        few = st.sets(st.sampled_from(TREE), max_size=5)
        self.sides = [Side(name, data.draw(some), data.draw(few)) for name in ("left", "middle", "right")]
        left, middle, right = self.sides
        self.wires = [Wire(left, middle), Wire(middle, right), Wire(left, right)]

    @rule(wire=st.integers(0, 2), choice=st.integers(0, 7), size=st.sampled_from([1, 7, 300, 1 << 20]), times=st.integers(1, 8))
    def move(self, wire: int, choice: int, size: int, times: int) -> None:
        for _ in range(times):
            moves = self.wires[wire].moves()
            if moves:
                self.wires[wire].move(moves[choice % len(moves)], size)

    @rule(wire=st.integers(0, 2), i=st.sampled_from([0, 1]))
    def open_a_round(self, wire: int, i: int) -> None:
        self.wires[wire].begin_round(i)

    @rule(wire=st.integers(0, 2))
    def open_rounds_from_both_sides(self, wire: int) -> None:
        self.wires[wire].begin_round(0)
        self.wires[wire].begin_round(1)

    @rule()
    def say_something_new(self) -> None:
        seq = next(self.numbers)
        self.last = Item(key(f"news {seq}"), self.last.author, seq, self.last.id)
        self.sides[0].take([self.last])
        for wire in self.wires:
            if self.sides[0] in wire.sides:
                wire.push(wire.sides.index(self.sides[0]), [self.last.id])

    @rule(side=st.integers(0, 2), item=st.sampled_from(TREE))
    def import_a_record(self, side: int, item: Item) -> None:
        self.sides[side].take([item])

    @rule(side=st.integers(0, 2), item=st.sampled_from(TREE))
    def forget_a_record(self, side: int, item: Item) -> None:
        self.sides[side].forget(item)

    @rule(wire=st.integers(0, 2))
    @precondition(lambda self: any(wire.moves() for wire in self.wires))
    def cut_a_connection(self, wire: int) -> None:
        self.wires[wire].connect()

    def teardown(self) -> None:
        for _ in range(4):  # two hops, and rounds that were under way already
            for wire in self.wires:
                wire.run(seed=1)
                wire.begin_round()
                wire.run(seed=1)
        assert not any(wire.lacking() for wire in self.wires)
        assert all(session.phase is Phase.SETTLED for wire in self.wires for session in wire.sessions)
        for wire in self.wires:
            before = wire.received()
            wire.begin_round(1)
            wire.run()
            assert wire.received() == before


TestLaptops = Laptops.TestCase
TestLaptops.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("seed", range(40))
def test_sets_with_forks_and_holes_end_equal_and_little_is_sent_twice(seed: int) -> None:
    chance = random.Random(seed)
    everything = [item for name in "abcdefgh" for item in [*chain(name, 60), *chain(name, 20, 10, "fork")]]
    share = chance.choice([0.0, 0.5, 0.9, 0.99])
    wire = Wire(*(Side(name, (item for item in everything if chance.random() < share)) for name in ("left", "right")))
    missing = wire.lacking()
    wire.sync(seed, rounds=0)
    assert wire.received() <= 2.2 * missing


# --- what a round costs ---


def test_equal_sides_say_hello_and_no_more() -> None:
    wire = Wire(Side("left", TREE), Side("right", TREE)).run()
    assert wire.said == {"Hello": 2}
    assert wire.bytes < 450
    assert wire.settled == [True]


def test_who_agrees_is_said_to_hold_what_was_compared_and_nothing_that_came_meanwhile() -> None:
    left, right = Side("left", TREE), Side("right", TREE)
    wire = Wire(left, right)  # the hellos are said, with their fingerprints
    left.take(chain("new", 3))
    wire.run()
    assert (wire.settled, wire.marks) == ([True], [len(TREE)])
    wire.begin_round()
    wire.run()
    assert (wire.settled[-1], wire.marks[-1]) == (False, 0)  # what differed is here now, but was not compared
    right.take(chain("other", 1))
    left.take(chain("other", 1))
    wire.begin_round()
    wire.run()
    assert (wire.settled[-1], wire.marks[-1]) == (True, len(TREE) + 4)


def test_who_holds_a_part_of_everything_is_said_to_hold_nothing() -> None:
    wire = Wire(Side("left", TREE), Side("right", TREE, held=Filter(topics=("maths",)))).sync()
    assert wire.settled[-1]
    assert not any(wire.marks)


def test_a_new_laptop_gets_everything_in_runs_and_nothing_twice() -> None:
    items = [item for n in range(20) for item in chain(str(n), 100)]
    wire = Wire(Side("new"), Side("old", items)).run()
    assert wire.settled == [True]
    assert wire.received() == 2_000
    assert wire.said["Want"] == 0


def test_a_few_differences_cost_half_a_kilobyte_and_no_heads() -> None:
    everything = [item for n in range(50) for item in chain(str(n), 40)]
    wire = Wire(Side("left", everything[3:]), Side("right", everything[:-3])).run()
    assert wire.received() == 6
    assert wire.said["Heads"] == 0
    assert wire.bytes < 2_500


@pytest.mark.parametrize("initiator_has_more", [True, False])
def test_a_hundred_new_on_each_side_cost_five_kilobytes_to_find(initiator_has_more: bool) -> None:
    everything = {name: chain(name, 60) for name in map(str, range(50))}
    common = [item for items in everything.values() for item in items[:50]]
    ours = [item for name in list(everything)[:10] for item in everything[name][50:]]
    theirs = [item for name in list(everything)[25:35] for item in everything[name][50:]]
    sides = [Side("one", [*common, *ours]), Side("other", [*common, *theirs])]
    wire = Wire(*(sides if initiator_has_more else reversed(sides))).run()
    assert wire.received() == 200
    assert wire.overhead < 5_000


def test_by_ids_a_hundred_new_on_each_side_cost_little_more() -> None:
    everything = [item for n in range(400) for item in chain(str(n), 8)]
    wire = Wire(Side("one", everything[100:]), Side("other", everything[:-100])).run()
    assert wire.received() == 200
    assert wire.said["Heads"] == 0
    assert wire.overhead < 5_500 + 200 * 8  # the ids themselves


def test_a_hole_early_in_a_chain_does_not_bring_the_rest_again() -> None:
    long = chain("ada", 3_000)
    wire = Wire(Side("left", [*long[:3], *long[4:]]), Side("right", [*long, *chain("ben", 300)])).sync()
    assert wire.received() == 301


def test_what_was_declined_is_not_sent_in_every_round() -> None:
    """A full laptop: it turned the newest records down, and never will be equal."""
    ada = chain("ada", 500)
    full = Side("full", ada, unwanted=chain("ben", 400))
    wire = Wire(full, Side("other", [*ada, *chain("ben", 400)])).run()
    assert full.received.total() == 400
    before = wire.bytes
    for _ in range(5):
        wire.begin_round()
        wire.run()
    assert full.received.total() == 400
    assert wire.settled == [False] * 6
    assert wire.bytes - before < 5 * 1_000 + 2_500  # one of the looks was thorough


def test_more_authors_than_fit_are_brought_together_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_HEADS_TOTAL", 30)
    monkeypatch.setattr(limits, "MAX_HEADS", 7)
    items = [item for n in range(60) for item in chain(str(n), 8)]
    wire = Wire(Side("left"), Side("right", items)).sync()
    assert wire.said["Heads"] == 1 + 5
    assert wire.received() <= 1.25 * len(items)


def test_authors_whose_keys_begin_alike_get_through() -> None:
    alike = [bytes(8) + bytes([n]) * 24 for n in range(2)]
    items = [item._replace(author=alike[n], id=item.id) for n in (0, 1) for item in chain(str(n), 200)]
    wire = Wire(Side("left"), Side("right", items)).sync()
    assert wire.sides[0].held == wire.sides[1].held


@pytest.mark.parametrize("rounds", [1, limits.THOROUGH_EVERY + 2])
def test_ids_ground_to_hide_one_another_are_found_by_the_next_thorough_look(rounds: int) -> None:
    twins = [Item(bytes(8) + bytes([n]) * 24, key("eve"), 1, b"") for n in (1, 2)]
    wire = Wire(Side("left", TREE[:9]), Side("right", TREE[:9]))
    if rounds > 1:  # the first thorough look was for nothing
        wire.sides[0].forget(TREE[0])
        wire.begin_round()
        wire.run()
    for side, twin in zip(wire.sides, twins, strict=True):
        side.take([twin])
    assert wire.lacking() >= 2
    wire.sync(rounds=rounds)


# --- several peers, several scopes ---

MATHS = Filter(("maths",))


def play(wires: list[Wire], seed: int) -> None:
    """All at once, in the order of a seed."""
    chance = random.Random(seed)
    while moves := [(wire, move) for wire in wires for move in wire.moves()]:
        wire, move = chance.choice(moves)
        wire.move(move, chance.choice([100, 10_000, 1 << 20]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("is_initiator", [True, False])
@pytest.mark.parametrize("held", [None, MATHS])
def test_two_peers_share_the_work_of_bringing_a_third_everything(
    seed: int, is_initiator: bool, held: Filter | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By runs, or, where only a topic is held, by ids, salted and not."""
    monkeypatch.setattr(limits, "ASK_RECORDS", 50)
    monkeypatch.setattr(limits, "MAX_SKETCH_CELL", 512)  # so that what differs does not fit one sketch
    items = [item for n in range(4) for item in chain(str(n), 300)]
    new, old, other = Side("new", held=held), Side("old", items), Side("other", items)
    wires = [Wire(new, side) if is_initiator else Wire(side, new) for side in (old, other)]
    play(wires, seed)
    assert not any(wire.lacking() for wire in wires)
    assert new.received.total() <= 1.1 * len(new.held)
    for wire in wires:
        wire.begin_round()
    play(wires, seed)
    assert all(wire.settled[-1] for wire in wires)
    assert repr(new.replica.claims) == "<Claims on 0 ids and runs of 0 authors>"


def test_both_of_two_peers_bring_a_good_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ASK_RECORDS", 50)
    items = [item for n in range(3) for item in chain(str(n), 400)]
    new = Side("new")
    wires = [Wire(new, Side(name, items)) for name in ("old", "other")]
    play(wires, seed=3)
    sent = [wire.said["Records"] for wire in wires]
    assert min(sent) > sum(sent) / 4


def test_what_a_lost_peer_was_to_bring_comes_from_the_other() -> None:
    items = [item for n in range(600) for item in chain(str(n), 2)]
    new = Side("new", held=MATHS)
    lost, kept = (Wire(new, Side(name, items)) for name in ("lost", "kept"))
    while not new.received:
        lost.move(lost.moves()[0])
    kept.run()
    assert kept.lacking()  # it left what the other had been asked for
    assert lost.sessions[0].give_up()
    assert not lost.sessions[0].give_up()
    kept.sync(rounds=1)


@pytest.mark.parametrize("seed", range(10))
def test_who_holds_one_topic_gets_that_and_nothing_else(seed: int) -> None:
    some = Side("some", [*chain("ben", 30)], held=Filter(("maths",), (key("ben"),)))
    wire = Wire(*(some, Side("all", TREE)) if seed % 2 else (Side("all", TREE), some)).sync(seed, rounds=0)
    assert all(item.author == key("ben") or "maths" in item.topics or not item.topics for item in some.held.values())
    wire.begin_round()
    wire.run(seed)
    assert wire.settled[-1]


def test_two_that_hold_different_topics_meet_where_both_do() -> None:
    physics = Filter(("physics",), (key("ada"),))
    left, right = Side("left", chain("ada", 40), held=physics), Side("right", chain("ben", 40), held=MATHS)
    Wire(left, right).sync(rounds=1)
    assert {item.topics for item in left.held.values() if item.author == key("ben")} == {(), ("maths", "physics")}
    assert {item.topics for item in right.held.values() if item.author == key("ada")} == {(), ("maths",), ("maths", "physics")}


def test_equal_scopes_and_sets_are_seen_in_the_hello() -> None:
    wire = Wire(Side("left", TREE, held=MATHS), Side("right", TREE, held=MATHS)).run()
    assert wire.said == {"Hello": 2}


def test_news_outside_of_the_scope_is_not_sent() -> None:
    wire = Wire(Side("all", TREE), Side("some", TREE, held=MATHS))
    news = chain("news", 40)
    wire.sides[0].take(news[:20])
    wire.push(0, [item.id for item in news[:20]])  # before the hello came
    wire.run()
    wire.sides[0].take(news)
    wire.push(0, [item.id for item in news])
    wire.run()
    assert not wire.lacking()
    assert all("maths" in item.topics or not item.topics for item in news if item.id in wire.sides[1].held)


def test_nothing_moves_until_the_replica_of_the_scope_is_there() -> None:
    wire = Wire(Side("all", TREE), Side("some", held=MATHS))
    while moves := [move for move in wire.moves() if move[0] != "narrow"]:
        wire.move(moves[0])
    news = chain("news", 1)
    wire.sides[0].take(news)
    wire.push(0, [news[0].id])
    wire.handle(0, wire.sessions[0].answer_round())
    assert [move for move in wire.moves() if move[0] != "narrow"] == []
    wire.run()
    assert not wire.lacking()


# --- news ---


def test_news_is_pushed_at_once_and_once() -> None:
    wire = Wire(Side("left", TREE), Side("right", TREE)).run()
    (news,) = chain("news", 1)
    wire.sides[0].take([news])
    wire.push(0, [news.id, news.id])
    wire.run()
    assert wire.sides[1].received == {news.id: 1}
    assert wire.sides[1].held == wire.sides[0].held


def test_news_from_before_the_hello_waits_for_it() -> None:
    wire = Wire(Side("left", TREE), Side("right", TREE))
    (news,) = chain("news", 1)
    wire.sides[0].take([news])
    wire.push(0, [news.id])
    wire.run()
    assert not wire.lacking()


def test_news_and_a_round_right_after_it_bring_it_once() -> None:
    wire = Wire(Side("left", TREE), Side("right", TREE)).run()
    (news,) = chain("news", 1)
    wire.sides[0].take([news])
    wire.push(0, [news.id])
    wire.begin_round(0)
    for move in [("tell", 0), ("bytes", 1), ("answer", 1), ("commit", 1)]:  # asked for a round with the batch not committed yet
        wire.move(move)
    wire.run()
    assert wire.settled[-1]
    assert wire.received() == 1


def test_what_is_more_news_than_fits_is_found_in_the_next_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_NEWS", 10)
    wire = Wire(Side("left", TREE), Side("right", TREE)).run()
    news = chain("news", 40)
    wire.sides[0].take(news)
    wire.push(0, [item.id for item in news])
    wire.run()
    assert wire.lacking() == 30
    wire.sync(rounds=1)


def test_news_overtakes_a_long_run() -> None:
    wire = Wire(Side("left"), Side("right", [item for n in range(5) for item in chain(str(n), 100)]))
    while wire.said["Records"] < 5:
        wire.move(wire.moves()[0])
    (news,) = chain("news", 1)
    wire.sides[1].take([news])
    wire.push(1, [news.id])
    while news.id not in wire.sides[0].held:
        wire.move(wire.moves()[0])
    assert wire.lacking() > 300
    wire.run()
    assert not wire.lacking()


def test_news_does_not_wait_for_a_load_that_waits_for_its_turn() -> None:
    wire = Wire(Side("left"), Side("right", [item for n in range(5) for item in chain(str(n), 100)]))
    while not wire.loads[1]:
        wire.move(wire.moves()[0])
    news = chain("news", 2)
    for item in news:
        wire.sides[1].take([item])
        wire.push(1, [item.id])
        while moves := [move for move in wire.moves() if move != ("load", 1)]:
            wire.move(moves[0])
        assert item.id in wire.sides[0].held
    assert len(wire.sides[0].held) == len(news)
    wire.run()
    assert not wire.lacking()


# --- who comes first ---


def test_runs_of_those_who_count_are_asked_for_before_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ASK_RECORDS", 50)
    chains = [chain(str(n), 100) for n in range(5)]
    known, liked, *_ = sorted((items[0].author for items in chains), reverse=True)  # they would come last
    counts = {liked[:SHORT_KEY]: 2.0, known[:SHORT_KEY]: 1.0}
    new = Side("new", prefer=lambda key, _coming: counts.get(key, 0.0))
    Wire(new, Side("old", [item for items in chains for item in items])).run()
    authors = list(dict.fromkeys(new.held[record_id].author for record_id in new.came))
    assert authors[:2] == [liked, known]
    assert [new.held[record_id].author for record_id in new.came[:200]] == [liked] * 100 + [known] * 100
    assert authors[2:] == sorted(authors[2:])


def test_how_many_records_of_an_author_are_to_come_is_told_to_whoever_prefers() -> None:
    long, brief = chain("ada", 60), chain("ben", 40)
    asked: dict[bytes, int] = {}

    def prefer(key: bytes, coming: int) -> float:
        asked[key] = coming
        return 1 / coming

    new = Side("new", long[:10], prefer=prefer)
    Wire(new, Side("old", [*long, *brief])).run()
    assert asked == {long[0].author[:SHORT_KEY]: 50, brief[0].author[:SHORT_KEY]: 40}
    assert [new.held[record_id].author for record_id in new.came[10:]] == [brief[0].author] * 40 + [long[0].author] * 50


# --- stops and starts ---


def test_both_windows_full_at_once_is_no_deadlock() -> None:
    wire = Wire(Side("left", chain("ada", 200)), Side("right", chain("ben", 200)))
    stuck = False
    while moves := [move for move in wire.moves() if move[0] != "commit"]:
        wire.move(moves[0])
        stuck = stuck or [len(batches) for batches in wire.arrived] == [limits.WINDOW] * 2
    assert stuck
    wire.run()
    assert wire.settled == [True]


def test_a_cut_session_goes_on_where_the_commits_ended() -> None:
    old = Side("old", [item for n in range(5) for item in chain(str(n), 100)])
    new = Side("new")
    wire = Wire(new, old)
    while len(new.held) < 250:
        wire.move(wire.moves()[0])
    wire.connect()
    wire.sync()
    assert new.received.total() <= 500 + limits.WINDOW * 7


def test_records_forgotten_while_they_were_wanted_do_not_come() -> None:
    wire = Wire(Side("left"), Side("right", TREE))
    while not wire.loads[1]:
        wire.move(wire.moves()[0])
    for item in TREE[:50]:
        wire.sides[1].forget(item)
    wire.run()
    assert [session.phase for session in wire.sessions] == [Phase.SETTLED] * 2
    assert wire.sides[0].held.keys() == wire.sides[1].held.keys()


def test_a_batch_of_nothing_is_not_sent() -> None:
    wire = Wire(Side("left"), Side("right", TREE[:5]))
    while not wire.loads[1]:
        wire.move(wire.moves()[0])
    for item in TREE[:5]:
        wire.sides[1].forget(item)
    wire.run()
    assert wire.said["Records"] == 0
    assert wire.settled


def test_a_round_opened_or_answered_twice_is_one_round() -> None:
    wire = Wire(Side("left", TREE), Side("right", TREE)).run()
    for _ in range(2):
        wire.begin_round(0)
    wire.move(("bytes", 1))
    wire.begin_round(1)
    assert wire.asked[1]
    for _ in range(3):
        wire.handle(1, wire.sessions[1].answer_round())
    wire.run()
    assert wire.settled == [True, True]
    assert wire.said["State"] == 2


def test_a_session_says_how_it_stands() -> None:
    wire = Wire(Side("left", TREE), Side("right"))
    while not wire.arrived[1]:
        wire.move(wire.moves()[0])
    assert repr(wire.sessions[1]) == (
        "<Session responder RUNS, <Incoming, 1 asks unserved, 0 to go>, "
        "<Outgoing 0 batches under way, 0 asks and 0 news to go>, 1 batches to commit>"
    )
    assert repr(wire.sessions[0]).startswith("<Session initiator RUNS, <Incoming, 0 asks unserved, 0 to go>, <Outgoing ")
    assert repr(wire.sides[1].replica.claims) == "<Claims on 0 ids and runs of 3 authors>"
    assert not Load(live=True)
