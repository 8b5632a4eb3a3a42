"""Inputs of parts that fit, where mutation seldom gets: any values in the right envelope, any messages in any order, any symbols."""

from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.protocol.kinds import Body
from p2plearn.protocol.records import Draft, encode_payload
from p2plearn.testing.strategies import bodies
from tests.fuzz.decoders import DECODERS
from tests.fuzz.mutation import join_row, split_row
from tests.fuzz.oracle import check
from tests.fuzz.sessions import transcript
from tests.vectors.plain import canonical

_edges = st.sampled_from([0, 1, 2, 7, 16, 31, 32, 4096, 32_768, 2**20, 2**32, limits.MAX_INT])
_sizes = st.sampled_from([0, 1, 16, 31, 32, 33, 64, 65, 300])
_scalars = st.none() | st.booleans() | _edges | _sizes.map(lambda size: b"x" * size) | st.text(max_size=70)
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=6), max_leaves=12)
_digests = st.binary(min_size=32, max_size=32)

_kinds = st.sampled_from([body.kind for body in get_args(Body)]) | st.text(max_size=33)

_fields: list[st.SearchStrategy[Any]] = [
    *[st.just(1) | _edges, _kinds, st.text(max_size=33), _digests, st.just(2), _digests, _edges],
    *[st.lists(st.tuples(st.text(max_size=33), _digests), max_size=4), st.lists(st.text(max_size=30), max_size=4)],
    *[st.text(max_size=33), st.text(max_size=65), st.lists(_values, max_size=10)],
    st.lists(st.tuples(st.binary(max_size=65), _edges, st.text(max_size=128), st.text(max_size=30), st.text(max_size=30)), max_size=3),
]


def _packed(size: int, *numbers: int) -> st.SearchStrategy[bytes]:
    """So many entries of `size` bytes."""
    return st.sampled_from(numbers or range(10)).flatmap(lambda n: st.binary(min_size=size * n, max_size=size * n))


_messages: st.SearchStrategy[list[Any]] = st.one_of(
    st.tuples(st.just(0), st.just("commons"), st.just([]), st.just([]), _digests, st.just(bytes(64)), st.just(bytes(16)), _digests),
    st.tuples(st.just(1), _digests),
    st.tuples(st.just(2), _packed(12), st.booleans()),
    st.tuples(st.just(3), st.lists(st.binary(max_size=200), max_size=5)),
    st.tuples(st.just(4), _edges),
    st.just((5,)),
    st.tuples(st.just(6), st.integers(0, 17), _edges, _edges, _edges),
    st.tuples(st.just(7), _packed(16) | _packed(16, 19, 32, 64)),
    st.tuples(st.just(8), st.booleans(), _packed(8)),
    st.tuples(st.just(9), _edges),
    st.tuples(st.just(10), st.booleans(), _packed(8)),
    st.tuples(st.just(11), _edges, st.binary(max_size=5)),
    st.tuples(st.just(12), _packed(16)),
    st.tuples(st.just(13), _edges),
).map(list)


@given(st.lists(_values, max_size=20))
def test_any_values(values: list[Any]) -> None:
    for name in ("encoding", "message", "addresses"):
        check(DECODERS[name], canonical(values))


@given(st.tuples(*_fields), st.integers(0, 12), _values, st.booleans())
def test_a_record_with_fields_of_chance(fields: tuple[Any, ...], at: int, odd: Any, replace: bool) -> None:
    envelope = list(fields)
    if replace:
        envelope[at] = odd
    for name in ("record", "body", "admission"):
        check(DECODERS[name], bytes(64) + canonical(envelope))


@given(bodies, st.integers(0, 9), _values, st.booleans())
def test_a_body_with_one_element_of_chance(body: Body, at: int, odd: Any, cut: bool) -> None:
    elements = [*body.to_body()]
    elements[at:] = [] if cut else [odd, *elements[at + 1 :]]
    check(DECODERS["body"], bytes(64) + encode_payload(Draft(body.kind, tuple(elements)), bytes(32), 1, b"", 0))


@given(st.booleans(), st.data())
def test_a_peer_that_says_anything_at_any_time(initiator: bool, draw: st.DataObject) -> None:
    honest = split_row(transcript(to_initiator=initiator)[-1])
    begin = honest[: draw.draw(st.integers(0, len(honest)))]
    then = draw.draw(st.lists(_messages.map(canonical) | st.sampled_from(honest), max_size=8))
    check(DECODERS["initiator" if initiator else "responder"], join_row([*begin, *then]))


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2**32 - 1, 5]), st.integers(-2, 2)), max_size=200))
def test_symbols_nobody_made(symbols: list[tuple[int, int, int]]) -> None:
    packed = b"".join(
        total.to_bytes(8, "little") + some.to_bytes(4, "little") + count.to_bytes(4, "little", signed=True)
        for total, some, count in symbols
    )
    check(DECODERS["sketch"], packed)
