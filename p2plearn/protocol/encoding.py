"""The canonical encoding: msgpack arrays, one possible byte string for each value, nothing else accepted.

msgpack alone is too liberal for signed data: it reads non-minimal integers, duplicate map keys, NaN and extension types,
and 64 KiB of empty arrays grow into megabytes. So a value is read under explicit bounds, written again, and must come out the same;
maps, floats and extension types have no canonical form here and are refused (docs/PROTOCOL.md, “Encoding”).

Must not know what the values mean.
"""

from typing import Any, TypeAlias

import msgpack

from p2plearn import limits
from p2plearn.errors import PeerFault

Value: TypeAlias = "bool | int | bytes | str | list[Value] | None"


def encode(value: Any) -> bytes:
    """The canonical bytes of nested lists (or tuples) of None, bool, int, bytes and str.

    Raises TypeError or ValueError for anything else: encoding is for our own values, so that is a bug.
    """
    _check(value, 0, TypeError)
    return _pack(value)


def decode(data: bytes, max_items: int = 65_536) -> list[Value]:
    """The array that `data` is the canonical encoding of, `max_items` bounding each array within it.

    Raises PeerFault("encoding") for everything else.
    """
    try:
        value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            use_list=True,
            max_array_len=min(max_items, len(data)),
            max_map_len=0,
            max_ext_len=0,
            max_str_len=len(data),
            max_bin_len=len(data),
        )
        if not isinstance(value, list):
            raise PeerFault("encoding", "not an array")
        _check(value, 0, ValueError)
        canonical = _pack(value)
    except PeerFault:
        raise
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise PeerFault("encoding", str(error)[:200]) from None
    if canonical != data:
        raise PeerFault("encoding", "not the canonical form")
    return value


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def _check(value: Any, depth: int, error: type[Exception]) -> None:
    """Refuse what has no canonical form: floats, maps, extension types, integers beyond 2^53, deep nesting."""
    kind = type(value)
    if kind is list or kind is tuple:
        if depth >= limits.MAX_NESTING:
            raise error("nested too deeply")
        for item in value:
            _check(item, depth + 1, error)
    elif kind is int:
        if not 0 <= value <= limits.MAX_INT:
            raise error("integer out of range")
    elif not (kind is str or kind is bytes or kind is bool or value is None):
        raise error(f"{kind.__name__} has no canonical form")
