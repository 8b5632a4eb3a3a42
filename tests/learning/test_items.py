"""Lines of the feed, and an order that a wrong clock cannot win."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.learning.conversation import converse
from p2plearn.learning.items import feed_key, item_json
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import START_MS, FakeClock
from p2plearn.testing.strategies import DAY_MS, times


def shared(claimed: int, name: str = "ada") -> Record:
    return Author(name, FakeClock(claimed - 1000)).share("a snippet")


def test_an_item_in_json() -> None:
    ada = Author("ada")
    request = ada.ask("Which glue?", topics=("bicycles", "glue"))
    conversation = converse(request, [ada.revise(request, "", "Which patch?"), ada.solve(request)])
    assert conversation is not None
    expected = {
        "id": request.id.hex(),
        "kind": "request",
        "author": ada.key.hex(),
        "name": "",
        "at": "2026-01-01T00:00:01.000Z",
        "title": "Which patch?",
        "topics": ["bicycles", "glue"],
        "state": "solved",
    }
    assert item_json(conversation, {}) == expected
    assert item_json(conversation, {ada.key: "Ada"}, arrival=request.time) == expected | {"name": "Ada"}
    assert item_json(conversation, {}, arrival=request.time - DAY_MS) == expected
    assert item_json(conversation, {}, arrival=request.time - DAY_MS - 1) == expected | {"ahead": True}


def test_the_feed_begins_with_the_newest_and_ends_with_what_claims_the_future() -> None:
    now = START_MS
    arrivals = {
        shared(now + 3650 * DAY_MS): now + 4000,
        shared(now + 3000): now + 9000,
        shared(now + DAY_MS): now + 2000,  # a clock an hour or a day ahead gains nothing: its arrival counts
        shared(now + 1000): now + 1500,
        shared(now - 3650 * DAY_MS): now + 5000,
    }
    order = sorted(arrivals, key=lambda record: feed_key(record, arrivals[record]))
    assert [record.time - now for record in order] == [3000, DAY_MS, 1000, -3650 * DAY_MS, 3650 * DAY_MS]


@given(st.lists(st.tuples(times, times), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_is_the_same_from_every_start(stamps: list[tuple[int, int]], random: Random) -> None:
    records = [(shared(max(1000, claimed), str(n)), arrival) for n, (claimed, arrival) in enumerate(stamps)]
    order = sorted(records, key=lambda pair: feed_key(*pair))
    assert sorted(random.sample(records, len(records)), key=lambda pair: feed_key(*pair)) == order
    plausible = [pair for pair in order if pair[0].time <= pair[1] + DAY_MS]
    assert order[: len(plausible)] == plausible
    assert all(earlier[1] >= min(later[0].time, later[1]) for earlier, later in pairwise(plausible))
