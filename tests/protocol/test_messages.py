"""The messages of a session: each has one form, and only that is read."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol import messages as m
from p2plearn.protocol.encoding import decode, encode
from p2plearn.protocol.sketch import Sketch
from p2plearn.testing.strategies import ids

numbers = st.integers(0, limits.MAX_INT)
topics = st.lists(st.text("abcé", min_size=1, max_size=20), max_size=5, unique=True).map(lambda found: tuple(sorted(found)))
people = st.lists(ids, max_size=3, unique=True).map(lambda found: tuple(sorted(found)))
runs = st.tuples(st.binary(min_size=m.SHORT_KEY, max_size=m.SHORT_KEY), st.integers(1, 2**32 - 10), st.integers(0, 9))
shorts = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=9).map(tuple)
keys = st.binary(min_size=m.SHORT_KEY, max_size=m.SHORT_KEY)

messages = st.one_of(
    st.builds(
        m.Hello, st.text(max_size=9), topics, people, ids, st.binary(min_size=64, max_size=64), st.binary(min_size=16, max_size=16), ids
    ),
    st.builds(m.State, ids),
    st.builds(m.Heads, st.lists(st.tuples(keys, st.integers(0, m.MAX_SEQ)), max_size=5).map(tuple), st.booleans()),
    st.builds(m.Records, st.lists(st.binary(max_size=99), min_size=1, max_size=5, unique=True).map(tuple)),
    st.builds(m.Ack, numbers),
    st.just(m.Done()),
    st.builds(m.SketchAsk, st.just(3), st.integers(0, 7), st.integers(0, 4096), st.integers(1, 4096)),
    st.builds(m.SketchPart, st.integers(0, 9).flatmap(lambda n: st.binary(min_size=16 * n, max_size=16 * n))),
    st.builds(m.Want, st.booleans(), shorts),
    st.builds(m.HeadsAsk, numbers),
    st.builds(m.Offer, st.booleans(), shorts),
    st.builds(m.Pick, st.lists(st.booleans(), min_size=1, max_size=20).map(tuple)),
    st.builds(m.WantRuns, st.lists(runs.map(lambda run: (run[0], run[1], run[1] + run[2])), min_size=1, max_size=5).map(tuple)),
    st.builds(m.Served, numbers),
)


@given(messages)
def test_what_is_written_is_read_back(message: m.Message) -> None:
    assert m.read(m.write(message)) == message


def verdict(items: list[Any]) -> str:
    """Why an array is refused as a message; "message and back" when it is one."""
    data = encode(items)
    try:
        return "message and back" if m.write(m.read(data)) == data else "something else"
    except PeerFault as fault:
        return fault.reason


@given(messages, st.data())
def test_what_differs_in_an_element_is_refused_or_is_another_message(message: m.Message, data: st.DataObject) -> None:
    items: list[Any] = decode(m.write(message))
    at = data.draw(st.integers(0, len(items) - 1))
    odd = data.draw(st.sampled_from([None, True, 3, b"odd", "odd", [], [b""], 2**40]))
    longer, shorter, other = [*items[:at], odd, *items[at:]], items[:at] + items[at + 1 :], [*items[:at], odd, *items[at + 1 :]]
    assert verdict(data.draw(st.sampled_from([longer, shorter, other]))) in ("message and back", "message", "limit")


HELLO = ["commons", [], [], b"A" * 32, b"S" * 64, b"N" * 16, b"F" * 32]
RUN = b"author's" + bytes(3) + b"\2" + bytes(3) + b"\3"


def hello(*topics: Any, people: list[Any] | None = None) -> list[Any]:
    return [0, HELLO[0], list(topics), people or [], *HELLO[3:]]


@pytest.mark.parametrize(
    "reason, items",
    {
        "nothing": ("message", []),
        "a type that nobody knows": ("message", [14]),
        "a type that is no number": ("message", [b"0"]),
        "true, which is no 1": ("message", [True, b"F" * 32]),
        "a hello whose key is short": ("message", [0, "commons", [], [], b"A" * 31, *HELLO[4:]]),
        "topics out of order": ("message", hello("b", "a")),
        "a topic twice": ("message", hello("a", "a")),
        "an empty topic": ("message", hello("")),
        "a topic too long": ("message", hello("é" * 33)),
        "a topic that is no text": ("message", hello(b"a")),
        "too many topics": ("message", hello(*(f"{n:03}" for n in range(limits.MAX_SCOPE + 1)))),
        "a person whose key is short": ("message", hello(people=[b"A" * 31])),
        "people out of order": ("message", hello(people=[b"B" * 32, b"A" * 32])),
        "a state of 31 bytes": ("message", [1, b"F" * 31]),
        "half a head": ("message", [2, b"x" * 18, True]),
        "too many heads": ("message", [2, bytes(12 * (limits.MAX_HEADS + 1)), True]),
        "no records": ("message", [3, []]),
        "a record that is none": ("message", [3, ["text"]]),
        "a record over the limit": ("message", [3, [bytes(limits.MAX_RECORD + 1)]]),
        "a record twice": ("message", [3, [b"r", b"r"]]),
        "too many records": ("limit", [3, [n.to_bytes(2, "big") for n in range(limits.MAX_BATCH_RECORDS + 1)]]),
        "an acknowledgement that is no number": ("message", [4, True]),
        "done with something": ("message", [5, 1]),
        "too few numbers": ("message", [6, 0, 0, 0]),
        "no symbols": ("limit", [6, 0, 0, 0, 0]),
        "too many symbols at once": ("limit", [6, 0, 0, 0, limits.MAX_SKETCH_SYMBOLS + 1]),
        "symbols too far out": ("limit", [6, 0, 0, limits.MAX_SKETCH_CELL - 31, 32]),
        "a part too many": ("limit", [6, 3, 8, 0, 32]),
        "parts too small": ("limit", [6, limits.MAX_SPLIT_BITS + 1, 0, 0, 32]),
        "half a symbol": ("message", [7, bytes(24)]),
        "too many in an answer": ("message", [7, bytes(16 * (limits.MAX_SKETCH_SYMBOLS + 1))]),
        "no wish": ("message", [8, False, b""]),
        "half a wish": ("message", [8, False, bytes(12)]),
        "too many wishes": ("message", [8, False, bytes(8 * (limits.ASK_RECORDS + 1))]),
        "a wish that is neither salted nor not": ("message", [8, 1, bytes(8)]),
        "heads asked for without a number": ("message", [9]),
        "an offer of nothing": ("message", [10, False, b""]),
        "picking from nothing": ("message", [11, 0, b""]),
        "true marks": ("message", [11, True, b"\x80"]),
        "marks that do not fit": ("message", [11, 9, b"\xff"]),
        "marks beyond the last": ("message", [11, 7, b"\x01"]),
        "too many marks": ("message", [11, limits.ASK_RECORDS + 1, bytes(limits.ASK_RECORDS // 8 + 1)]),
        "no runs": ("message", [12, b""]),
        "half a run": ("message", [12, RUN + RUN[:8]]),
        "a run from nothing": ("message", [12, RUN[:8] + bytes(7) + b"\1"]),
        "a run that goes back": ("message", [12, RUN[:11] + b"\4" + RUN[12:]]),
        "too many runs": ("message", [12, RUN * (limits.MAX_RUNS + 1)]),
        "runs of too many records": ("message", [12, RUN * (limits.ASK_RECORDS // 2) + RUN]),
        "served what is no number": ("message", [13, None]),
    }.values(),
    ids=str,
)
def test_what_is_refused(reason: str, items: list[Any]) -> None:
    assert verdict(items) == reason


def test_the_largest_of_each_fit_a_message() -> None:
    key = b"k" * m.SHORT_KEY
    records = (*(n.to_bytes(2, "big") + bytes(1566) for n in range(499)), bytes(limits.MAX_RECORD))
    assert sum(map(len, records)) >= limits.MAX_BATCH_BYTES
    largest: list[m.Message] = [
        m.Heads(((key, m.MAX_SEQ),) * limits.MAX_HEADS, last=True),
        m.SketchPart(bytes(16 * limits.MAX_SKETCH_SYMBOLS)),
        m.Want(salted=True, shorts=(2**64 - 1,) * limits.ASK_RECORDS),
        m.WantRuns(((key, 1, 1),) * limits.MAX_RUNS),
        m.Records(records),
    ]
    for message in largest:
        assert len(m.write(message)) <= limits.MAX_MESSAGE
        assert m.read(m.write(message)) == message


def test_symbols_travel_with_half_a_check_and_only_where_there_is_room() -> None:
    sketch = Sketch(64)
    sketch.add(np.arange(1, 100, dtype=np.uint64))
    part = m.SketchPart.of(sketch, 32, 32)
    received = Sketch(64)
    part.into(received, 32)
    assert not received.counts[:32].any()
    assert (received.sums[32:] == sketch.sums[32:]).all()
    assert (received.counts[32:] == sketch.counts[32:]).all()
    assert (received.checks[32:] == sketch.checks[32:] & np.uint64(0xFFFFFFFF)).all()
    with pytest.raises(PeerFault, match="sketch: 32 symbols"):
        part.into(received, 31)
