"""The canonical encoding: msgpack arrays, one possible byte string for each value, nothing else accepted.

msgpack alone is too liberal for signed data: it reads non-minimal integers, duplicate map keys, NaN and extension types, and a few KiB of
array headers make it reserve a hundred MiB. So a value is read under explicit bounds, written again, and must come out the same;
maps, floats and extension types have no canonical form here and are refused (docs/PROTOCOL.md, “Encoding”).

Must not know what the values mean.
"""

from typing import Any, TypeAlias

import msgpack

from p2plearn import limits
from p2plearn.errors import PeerFault

Value: TypeAlias = "bool | int | bytes | str | list[Value] | None"

_PLAIN = frozenset({str, bytes, bool, type(None)})


def encode(value: Any) -> bytes:
    """The canonical bytes of nested lists (or tuples) of None, bool, int, bytes and str.

    Raises TypeError or ValueError for anything else: encoding is for our own values, so that is a bug. How wide and how many
    they are is bounded where they are made; readers hold them to MAX_ARRAY and MAX_VALUES.
    """
    if not isinstance(value, list | tuple):
        raise TypeError("not an array")
    _check(value, limits.MAX_NESTING)
    return _pack(value)


def decode(data: bytes) -> list[Value]:
    """The array that `data` is the canonical encoding of. Raises PeerFault("encoding") for everything else.

    The work is bounded by MAX_VALUES, whatever the data say.
    """
    value = read(data)
    check(value)
    return value


def check(value: Value, depth: int = limits.MAX_NESTING) -> None:
    """Raises PeerFault("encoding") for what has no canonical form here, or is nested more than `depth` deep."""
    try:
        _check(value, depth)
    except (ValueError, TypeError) as error:
        raise PeerFault("encoding", str(error)) from None


def read(data: bytes) -> list[Value]:
    """`decode` for who sees to it that every element is of a certain type and range, or `check`s it: a first sync reads a great many."""
    meter = _Meter().add if len(data) > limits.MAX_VALUES else None  # a value takes a byte at least
    try:
        value = msgpack.unpackb(data, max_array_len=limits.MAX_ARRAY, max_map_len=0, max_ext_len=0, list_hook=meter)
        if type(value) is not list:
            raise PeerFault("encoding", "not an array")
        again = _pack(value)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise PeerFault("encoding", str(error)[:200]) from None
    if again != data:
        raise PeerFault("encoding", "not the canonical form")
    return value


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


class _Meter:
    """Counts values while they are read, because 1 MiB of empty arrays would be 70 MiB by the time it could be looked at."""

    __slots__ = ("_room",)

    def __init__(self) -> None:
        self._room = limits.MAX_VALUES

    def add(self, items: list[Value]) -> list[Value]:
        self._room -= len(items)
        if self._room < 0:
            raise ValueError("too many values")
        return items


def _check(value: Any, depth: int) -> None:
    """Refuse what has no canonical form: floats, maps, extension types, integers beyond 2^53, wide or deep nesting. Level by level."""
    level = [value]
    for _ in range(depth):
        below = []
        for items in level:
            for item in items:
                kind = type(item)
                if kind in _PLAIN:
                    continue
                if kind is int:
                    if not 0 <= item <= limits.MAX_INT:
                        raise ValueError("integer out of range")
                elif kind is list or kind is tuple:
                    below.append(item)
                else:
                    raise TypeError(f"{kind.__name__} has no canonical form")
        if not below:
            return
        level = below
    raise ValueError("nested too deeply")
