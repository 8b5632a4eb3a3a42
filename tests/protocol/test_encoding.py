"""One byte string for each value: what holds for all of them. Single cases that must be refused: tests/vectors/refused_encodings.json."""

import tracemalloc
from collections import OrderedDict
from enum import IntEnum
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.encoding import decode, encode
from tests.fuzz.decoders import DECODERS
from tests.fuzz.oracle import check
from tests.vectors.plain import canonical
from tests.vectors.refused import Refused, refused_encodings

plain = st.none() | st.booleans() | st.integers(0, limits.MAX_INT) | st.binary(max_size=300) | st.text(max_size=300)
arrays = st.lists(st.recursive(plain, lambda inner: st.lists(inner, max_size=4), max_leaves=20), max_size=20)


@given(arrays)
def test_what_is_written_is_read_back_and_is_what_the_plain_implementation_writes(value: list[Any]) -> None:
    try:
        data = encode(value)
    except ValueError:
        assert _depth(value) > limits.MAX_NESTING
        return
    assert data == canonical(value)
    assert canonical(decode(data)) == data


def _depth(value: Any) -> int:
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _refused_or_canonical(data: bytes) -> bool:
    try:
        return canonical(decode(data)) == data
    except PeerFault as fault:
        return fault.reason == "encoding"


@given(arrays, st.data())
def test_one_changed_byte_gives_another_canonical_value_or_is_refused(value: list[Any], draw: st.DataObject) -> None:
    data = bytearray(canonical(value))
    at = draw.draw(st.integers(0, len(data) - 1))
    data[at] ^= draw.draw(st.integers(1, 255))
    assert _refused_or_canonical(bytes(data))


@given(st.binary(max_size=60))
def test_bytes_are_refused_or_canonical(data: bytes) -> None:
    assert _refused_or_canonical(data)


@pytest.mark.parametrize("number", [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, limits.MAX_INT])
def test_integers_at_the_ends_of_each_form(number: int) -> None:
    assert decode(encode([number])) == [number]


def test_text_may_hold_nul_and_stays_as_it_is_spelt() -> None:
    composed, decomposed = "\u00e9\x00", "e\u0301\x00"
    assert decode(encode([composed, decomposed])) == [composed, decomposed]
    assert encode([composed]) != encode([decomposed])


def test_truth_is_no_number() -> None:
    assert encode([True]) != encode([1])
    assert decode(encode([True]))[0] is True


class _Colour(IntEnum):
    RED = 1


class _Pair(NamedTuple):
    first: int
    second: int


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), {}, {"a": 1}, OrderedDict(), {1}, bytearray(b"a"), memoryview(b"a"), 1j, _Colour.RED, _Pair(1, 2), object()],
    ids=lambda value: type(value).__name__,
)
def test_only_the_plain_types_themselves_are_written(value: Any) -> None:
    with pytest.raises(TypeError):
        encode([value])


@pytest.mark.parametrize("value", [-1, 2**53, 2**64, "\ud800", [[[[[[]]]]]]], ids=repr)
def test_values_without_a_canonical_form_are_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match=r"range|surrogates|deeply"):
        encode([value])


def test_only_arrays_are_written() -> None:
    with pytest.raises(TypeError, match="not an array"):
        encode("text")


@pytest.mark.parametrize("bomb", [item for item in refused_encodings() if len(item.data) > 1000], ids=lambda item: item.what)
def test_refusing_costs_little(bomb: Refused) -> None:
    """At most 10 ms and 8 MiB; it was 78 MiB for 16 KiB of array headers when an array could be 10,000 wide."""
    assert not check(DECODERS["encoding"], bomb.data, memory=True)


def test_the_most_that_may_be_read_costs_little() -> None:
    widest = encode([[b"" for _ in range(511)] for _ in range(8)])
    most = encode([[[] for _ in range(511)] for _ in range(8)])
    for data in (widest, most, encode([b"\x00" * limits.MAX_MESSAGE])):
        tracemalloc.start()
        try:
            decode(data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 5 * len(data) + limits.MiB  # written again, in a buffer that doubles
