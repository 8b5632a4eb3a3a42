"""The rateless IBLT: what the paper promises of it, and that hostile symbols end soon."""

import statistics
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.protocol.sketch import U64, Sketch, check, checks, estimate, peel, places

shorts = st.integers(0, 2**64 - 1)


def numbers(values: set[int]) -> U64:
    return np.array(sorted(values), np.uint64)


def chance(count: int, seed: int) -> U64:
    return np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)


def sketch_of(ids: U64, size: int) -> Sketch:
    sketch = Sketch(size)
    sketch.add(ids)
    return sketch


@given(st.sets(shorts, max_size=40), st.sets(shorts, max_size=40), st.sets(shorts, max_size=40))
def test_a_difference_is_found_whatever_both_hold(ours: set[int], theirs: set[int], both: set[int]) -> None:
    ours, theirs = ours - both - theirs, theirs - both
    difference = sketch_of(numbers(ours | both), 400).minus(sketch_of(numbers(theirs | both), 500))
    found = peel(difference)
    assert found is not None
    assert (set(found[0]), set(found[1])) == (ours - theirs, theirs - ours)
    assert len(found[0]) + len(found[1]) == len(ours ^ theirs)


@given(shorts, st.integers(1, 300))
def test_one_id_is_put_where_it_is_looked_for(short: int, size: int) -> None:
    sketch = sketch_of(np.array([short], np.uint64), size)
    assert np.flatnonzero(sketch.counts).tolist() == places(check(short), size)
    assert int(checks(np.array([short], np.uint64))[0]) == check(short)
    assert repr(sketch) == f"<Sketch of 1 ids, {size} symbols>"


def test_adding_and_taking_out_leaves_no_trace_and_a_copy_alone() -> None:
    sketch = sketch_of(chance(100, 1), 64)
    before = sketch.copy()
    sketch.add(chance(50, 2))
    longer = sketch.copy(100)
    sketch.add(chance(50, 2), sign=-1)
    assert (sketch.sums == before.sums).all()
    assert (sketch.checks == before.checks).all()
    assert (sketch.counts == before.counts).all()
    assert longer.counts[0] == 150
    assert not longer.counts[64:].any()
    assert repr(Sketch(0)) == "<Sketch of 0 ids, 0 symbols>"


def symbols_needed(count: int, seed: int) -> float:
    """Symbols after which a difference of `count` ids decodes, for each of them; within a hundredth."""
    whole = sketch_of(chance(count, seed), 2 * count + 50)
    enough, few = len(whole), 1
    while enough - few > max(1, count // 100):
        size = (enough + few) // 2
        enough, few = (size, few) if peel(whole.minus(Sketch(size))) is not None else (enough, size)
    return enough / count


@pytest.mark.parametrize(
    "count, runs, least, most", [(10, 40, 1.35, 2.0), (50, 40, 1.35, 1.7), (300, 12, 1.35, 1.6), (2_000, 3, 1.3, 1.45)]
)
def test_symbols_for_each_difference_are_as_few_as_in_the_paper(count: int, runs: int, least: float, most: float) -> None:
    assert least <= statistics.mean(symbols_needed(count, seed) for seed in range(runs)) <= most


@pytest.mark.slow
def test_a_hundred_thousand_differences_take_138_000_symbols() -> None:
    whole = sketch_of(chance(100_000, 5), 138_000)
    found = peel(whole.minus(Sketch(138_000)))
    assert found is not None
    assert len(found[0]) == 100_000
    assert peel(whole.minus(Sketch(130_000))) is None


@pytest.mark.parametrize("ours, theirs", [(0, 0), (1, 0), (300, 300), (5_000, 0), (1_000, 30_000)])
def test_128_symbols_tell_how_much_differs(ours: int, theirs: int) -> None:
    guesses = [estimate(sketch_of(chance(ours, seed), 128).minus(sketch_of(chance(theirs, 1000 + seed), 128))) for seed in range(25)]
    differing = ours + theirs
    assert all(guess >= abs(ours - theirs) for guess in guesses)
    assert sum(0.75 * differing <= guess <= 1.25 * differing for guess in guesses) >= 20
    assert 0.9 * differing <= statistics.mean(guesses) <= 1.1 * differing


def test_one_symbol_tells_the_difference_of_the_counts() -> None:
    assert estimate(sketch_of(chance(7, 1), 1).minus(sketch_of(chance(10, 2), 1))) == 3


@given(st.lists(st.tuples(shorts, shorts, st.integers(-3, 3)), max_size=60))
def test_any_symbols_peel_or_do_not(symbols: list[tuple[int, int, int]]) -> None:
    hostile = Sketch(len(symbols))
    for i, (total, checksum, count) in enumerate(symbols):
        hostile.sums[i], hostile.checks[i], hostile.counts[i] = total, checksum & 0xFFFFFFFF, count
    found = peel(hostile)
    assert found is None or len(found[0]) + len(found[1]) <= len(symbols)
    assert estimate(hostile) >= 0 if symbols else True


@given(st.lists(shorts, min_size=1, max_size=30), st.sampled_from([1, -1]))
def test_symbols_made_to_peel_for_ever_do_not(chosen: list[int], sign: int) -> None:
    """Every symbol is pure and names an id, whatever was said before: each id counts once."""
    hostile = Sketch(200)
    for i in range(200):
        short = chosen[i % len(chosen)]
        hostile.sums[i], hostile.checks[i], hostile.counts[i] = short, check(short) & 0xFFFFFFFF, sign
    assert peel(hostile) is None


def test_the_dearest_symbols_a_peer_can_send_cost_a_fraction_of_a_second() -> None:
    size = limits.MAX_SKETCH_CELL
    hostile = Sketch(size)
    hostile.sums[:] = chance(size, 3)
    hostile.checks[:] = checks(hostile.sums) & np.uint64(0xFFFFFFFF)
    hostile.counts[:] = 1
    started = time.process_time()
    assert peel(hostile) is None
    assert peel(sketch_of(chance(5_500, 1), size).minus(Sketch(size))) is not None
    assert time.process_time() - started < 1.0
