"""Signatures on which verifiers of Ed25519 disagree, and forgeries no verifier may take, over real hostile record payloads.

The twelve cases are those of Chalkias, Garillot, Nikolaenko: “Taming the many EdDSAs” (SSR 2020), made anew from the conditions in its
table: each satisfies some verifier's equation, which is checked here in plain integers, and libsodium accepts the fourth only.
"""

import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple, TypeAlias

from p2plearn.protocol.encoding import encode
from p2plearn.protocol.signing import RECORD_DOMAIN
from tests.vectors.edwards import BASE, IDENTITY, L, Point, add, challenge, compress, holds, negative, times, torsion, uncanonical

_SMALL = torsion()
_SECRET = int.from_bytes(hashlib.sha512(b"secret").digest(), "little") % L
_NONCE = int.from_bytes(hashlib.sha512(b"nonce").digest(), "little") % L


_Spelt: TypeAlias = tuple[Point, bytes]  # a point and the bytes sent for it


class Edge(NamedTuple):
    """A signature over RECORD_DOMAIN ‖ message, and whether it is one."""

    what: str
    key: bytes
    signature: bytes
    message: bytes
    valid: bool


def _payload(author: bytes, number: int) -> bytes:
    return encode([1, "snippet", "commons", author, 1, b"", number, [], [], "", "", ["note", "", "not by anybody"], []])


def _exactly(_: int, holds_without_cofactor: bool) -> bool:
    return holds_without_cofactor


def _search(
    what: str,
    key: _Spelt,
    nonce: _Spelt,
    scalars: tuple[int, int],
    suits: Callable[[int, bool], bool] = _exactly,
    **options: bool,
) -> Edge:
    """The first message that suits. `scalars` are (secret, nonce) of the parts of order L, so S = nonce + k·secret."""
    (a, key_bytes), (r, nonce_bytes) = key, nonce
    hashed_key = compress(a) if options.get("reduce_key") else key_bytes
    hashed_nonce = compress(r) if options.get("reduce_nonce") else nonce_bytes
    for number in count():
        message = _payload(key_bytes, number)
        k = challenge(hashed_nonce, hashed_key, RECORD_DOMAIN + message)
        s = (scalars[1] + k * scalars[0]) % L
        if not suits(k, holds(a, r, s, k, cofactor=1)):
            continue
        assert holds(a, r, s, k, cofactor=8)
        return Edge(what, key_bytes, nonce_bytes + s.to_bytes(32, "little"), message, options.get("valid", False))
    raise AssertionError("not reached")


def twelve() -> Iterator[Edge]:
    """The cases of the paper, in its order."""

    def spelt(point: Point) -> _Spelt:
        return point, compress(point)

    eighth, fourth = _SMALL[1], _SMALL[2]
    honest_key, honest_nonce = times(_SECRET, BASE), times(_NONCE, BASE)
    mixed_key, mixed_nonce = add(honest_key, eighth), add(honest_nonce, negative(eighth))
    odd_spelling = (fourth, next(uncanonical(fourth)))
    for_odd = spelt(add(honest_nonce, negative(fourth)))

    yield _search("A and R of small order, S = 0", spelt(eighth), spelt(_SMALL[3]), (0, 0))
    yield _search("A of small order", spelt(eighth), spelt(mixed_nonce), (0, _NONCE))
    yield _search("R of small order", spelt(mixed_key), spelt(_SMALL[5]), (_SECRET, 0))
    yield _search("A and R with small parts that cancel", spelt(mixed_key), spelt(mixed_nonce), (_SECRET, _NONCE), valid=True)
    yield _search(
        "holds with the cofactor only",
        spelt(mixed_key),
        spelt(mixed_nonce),
        (_SECRET, _NONCE),
        lambda k, exactly: not exactly and 8 * k % L % 8 == 0,
    )
    yield _search(
        "holds with the cofactor only, unless 8k is reduced first",
        spelt(mixed_key),
        spelt(honest_nonce),
        (_SECRET, _NONCE),
        lambda k, exactly: not exactly and 8 * k % L % 8 != 0,
    )
    sound = _search("", spelt(honest_key), spelt(honest_nonce), (_SECRET, _NONCE))
    s = int.from_bytes(sound.signature[32:], "little")
    for what, large in (("S + L", s + L), ("S + 15 L, with the top bit set", s + 15 * L)):
        yield sound._replace(what=what, signature=sound.signature[:32] + large.to_bytes(32, "little"))
    yield _search("R not canonical, hashed as it should be", spelt(mixed_key), odd_spelling, (_SECRET, 0), reduce_nonce=True)
    yield _search("R not canonical, hashed as sent", spelt(mixed_key), odd_spelling, (_SECRET, 0))
    yield _search("A not canonical, hashed as it should be", odd_spelling, for_odd, (0, _NONCE), reduce_key=True)
    yield _search("A not canonical, hashed as sent", odd_spelling, for_odd, (0, _NONCE))


def small_orders() -> Iterator[Edge]:
    """All fourteen spellings of the eight points of small order as keys, each with a signature that holds under it."""
    for i, point in enumerate(_SMALL):
        order = next(n for n in (1, 2, 4, 8) if times(n, point) == IDENTITY)
        for spelling in [compress(point), *uncanonical(point)]:
            what = f"a key of order {order} (multiple {i}): {spelling.hex()}"
            honest = times(_NONCE, BASE)
            yield _search(what, (point, spelling), (honest, compress(honest)), (0, _NONCE))
