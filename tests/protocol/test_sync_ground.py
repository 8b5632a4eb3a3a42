"""Ids that somebody has ground, and differences without end: they cost more than us whoever makes them, and honest sides get through."""

import hashlib
import time
from functools import partialmethod

import pytest

from p2plearn import limits
from p2plearn.protocol.replica import Replica
from p2plearn.protocol.scope import Filter
from tests.protocol.sync_driver import SPACE, Item, Side, Wire, chain, key

PAIRS = 10_000  # 2³² hashes each


def twin(n: int, which: int) -> Item:
    """Two ids with equal first eight bytes for each n."""
    start = hashlib.sha256(b"pair %d" % n).digest()
    return Item(start[:8] + hashlib.sha256(b"%d" % which + start).digest()[:24], key("mallory"), 1 + 2 * n + which, b"")


@pytest.mark.parametrize("where", ["one on each side", "both on one side", "one here and both there"])
def test_ten_thousand_pairs_are_brought_together_within_one_thorough_look(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first round of a session looks salted where the unsalted sketch shows nothing, so a new session always finds them."""
    ours = [twin(n, 0) for n in range(PAIRS)]
    theirs = [twin(n, 1) for n in range(PAIRS)]
    here, there = {
        "one on each side": (ours, theirs),
        "both on one side": ([], ours + theirs),
        "one here and both there": (ours, ours + theirs),
    }[where]
    common = [item for n in range(20) for item in chain(str(n), 50)]
    wire = Wire(Side("left", [*common, *here]), Side("right", [*common, *there]))
    monkeypatch.setattr(Side, "load", partialmethod(Side.load, most=limits.MAX_BATCH_RECORDS))
    missing = wire.lacking()
    began = time.process_time()
    wire.sync(rounds=3)
    took = time.process_time() - began
    print(f"{where}: {took:.1f} s of CPU for both sides, {wire.bytes / 1e6:.1f} MB, {len(wire.settled)} rounds")
    assert took < 20
    assert wire.received() <= 1.1 * missing


def test_a_hundred_thousand_ids_in_one_bucket_cost_milliseconds() -> None:
    """4,096 hashes each."""
    replica = Replica(SPACE)
    ids = [b"\xab\xc0" + hashlib.sha256(b"%d" % n).digest()[:30] for n in range(100_000)]
    began = time.process_time()
    replica.add(ids)
    added = time.process_time() - began
    replica.fingerprint()
    began = time.process_time()
    for n in range(10):
        replica.add([b"\xab\xc0" + bytes([n]) * 30])
        replica.fingerprint()
    each = (time.process_time() - began) / 10
    print(f"{added * 1e6 / len(ids):.0f} µs to add one, {each * 1e3:.1f} ms for a fingerprint")
    assert added < 5
    assert each < 0.1


@pytest.mark.parametrize("seed", range(6))
def test_a_difference_that_is_too_much_for_one_round_takes_several_and_nobody_is_blamed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long looking at the last symbols of a round takes: what they tell counts, and nobody says done before."""
    monkeypatch.setattr(limits, "MAX_SKETCH_SYMBOLS", 64)
    monkeypatch.setattr(limits, "MAX_SKETCH_CELL", 256)
    monkeypatch.setattr(limits, "MAX_ROUND_SYMBOLS", 400)
    items = [item for n in range(300) for item in chain(str(n), 2)]
    wire = Wire(Side("left", items[:400], held=Filter(("maths",))), Side("right", items[200:]))
    wire.sync(seed, rounds=5)
    assert len(wire.settled) > 1


def test_a_job_that_ends_when_the_stream_is_gone_changes_nothing() -> None:
    wire = Wire(Side("left", held=Filter(("maths",))), Side("right", chain("ada", 40)))
    while not wire.jobs[0]:
        wire.move(wire.moves()[0])
    wire.sessions[0].give_up()
    assert wire.sessions[0].done(wire.jobs[0][0].job()) == []
    assert wire.sessions[0].to_send() == []
