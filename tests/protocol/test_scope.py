"""Scopes: two nodes that hold different parts of the commons compare, and exchange, exactly what both hold by their own rules."""

from hypothesis import given, settings
from hypothesis import strategies as st

from p2plearn.protocol.messages import Hello, read, write
from p2plearn.protocol.records import COMMONS
from p2plearn.protocol.replica import Replica
from p2plearn.protocol.scope import EVERYTHING, Filter, Scope
from tests.protocol.sync_driver import SPACE, Side, Wire, chain, key

PEOPLE = sorted(map(key, ("ada", "ben", "eve")))
TREE = [item for name in ("ada", "ben", "eve") for item in chain(name, 12)]

topics = st.sets(st.sampled_from(["maths", "physics", "chess"])).map(lambda some: tuple(sorted(some)))
people = st.sets(st.sampled_from(PEOPLE)).map(lambda some: tuple(sorted(some)))
filters = st.builds(Filter, topics, people).filter(bool)
scopes = st.builds(lambda some: Scope(COMMONS, tuple(sorted(some))), st.sets(filters, max_size=2))


@given(scopes, scopes, scopes)
def test_where_two_meet_is_the_same_for_both_and_in_any_order(one: Scope, other: Scope, third: Scope) -> None:
    assert one.meet(other) == other.meet(one)
    assert one.meet(one) == one == one.meet(EVERYTHING)
    assert one.meet(other).meet(third) == one.meet(other.meet(third))


@given(scopes, scopes, st.sampled_from(PEOPLE), topics)
def test_it_covers_what_both_cover(one: Scope, other: Scope, author: bytes, about: tuple[str, ...]) -> None:
    assert one.meet(other).covers(author, about) == (one.covers(author, about) and other.covers(author, about))


@given(scopes)
def test_who_somebody_is_lies_in_every_scope(scope: Scope) -> None:
    assert scope.covers(PEOPLE[0], ())


@given(scopes, scopes)
def test_replicas_of_different_scopes_never_seem_equal(one: Scope, other: Scope) -> None:
    """Even where both hold nothing of it: else what is equal today would count as compared tomorrow."""
    assert (one == other) == (one.encode() == other.encode()) == (Replica(one).fingerprint() == Replica(other).fingerprint())


@given(filters)
def test_what_a_hello_says_is_what_is_held(held: Filter) -> None:
    hello = Hello(COMMONS, *held, bytes(32), bytes(64), bytes(16), bytes(32))
    assert read(write(hello)) == hello


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(filters | st.none(), filters | st.none()),
    st.tuples(st.sets(st.sampled_from(TREE)), st.sets(st.sampled_from(TREE))),
    st.integers(0, 2**32),
)
def test_any_two_get_just_what_both_hold(rules, sets, seed: int) -> None:
    sides = [
        Side(name, (item for item in items if not held or held.covers(item.author, item.topics)), held=held)
        for name, held, items in zip(("left", "right"), rules, sets, strict=True)
    ]
    wire = Wire(*sides).sync(seed, rounds=1)
    for side in sides:
        assert all(item in wire_items(wire) for item in side.received)
        assert all(side.scope.covers(item.author, item.topics) for item in side.held.values())
    wire.begin_round()
    wire.run(seed)
    assert wire.settled[-1], "what both hold is equal"


def wire_items(wire: Wire) -> set[bytes]:
    return {item.id for item in TREE if wire.scope.covers(item.author, item.topics)}


def test_a_replica_nobody_needs_any_more_gives_its_memory_back() -> None:
    replica = Replica(SPACE)
    replica.add(item.id for item in TREE)
    replica.decline([key("declined")])
    replica.sketch(32)
    replica.empty()
    assert replica.known == len(replica) == 0
