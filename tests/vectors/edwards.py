"""The curve of Ed25519 in plain integers, slow and short, to make the signatures that no honest signer makes.

Formulas and constants: RFC 8032, section 5.1. Points are affine pairs (x, y). Nothing here is constant-time: never use it with a real key.
"""

import hashlib
from collections.abc import Iterator
from typing import TypeAlias

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493  # the order of B
D = -121665 * pow(121666, -1, P) % P

Point: TypeAlias = tuple[int, int]

IDENTITY: Point = (0, 1)


def add(p: Point, q: Point) -> Point:
    (x1, y1), (x2, y2) = p, q
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + y1 * x2) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def times(n: int, p: Point) -> Point:
    """n·p; with denominators carried along, because 250 inversions take long."""
    result, power = (0, 1, 1), (*p, 1)
    while n:
        if n & 1:
            result = _add_fractions(result, power)
        power, n = _add_fractions(power, power), n >> 1
    inverse = pow(result[2], -1, P)
    return result[0] * inverse % P, result[1] * inverse % P


def _add_fractions(p: tuple[int, int, int], q: tuple[int, int, int]) -> tuple[int, int, int]:
    """`add` of (x/z, y/z)."""
    (x1, y1, z1), (x2, y2, z2) = p, q
    z, xx, yy = z1 * z2 % P, x1 * x2 % P, y1 * y2 % P
    product = D * xx * yy % P
    less, more = z * z - product, z * z + product
    return z * less * ((x1 + y1) * (x2 + y2) - xx - yy) % P, z * more * (yy + xx) % P, less * more % P


def negative(p: Point) -> Point:
    return -p[0] % P, p[1]


def with_y(y: int) -> Point | None:
    """The point with this y and an even x, if there is one."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    if root * root % P != square:
        root = root * pow(2, (P - 1) // 4, P) % P
    if root * root % P != square:
        return None
    return (P - root if root & 1 else root), y % P


def compress(p: Point) -> bytes:
    return (p[1] | (p[0] & 1) << 255).to_bytes(32, "little")


def uncanonical(p: Point) -> Iterator[bytes]:
    """The other spellings of a point: y + p where that fits, and the sign of an x that is 0."""
    x, y = p
    for spelt_y in (y, y + P):
        for sign in (0, 1):
            spelling = spelt_y | sign << 255
            if spelt_y < 2**255 and (sign == x & 1 or x == 0) and spelling.to_bytes(32, "little") != compress(p):
                yield spelling.to_bytes(32, "little")


def torsion() -> list[Point]:
    """The eight points of small order, multiples 0 … 7 of one of order 8."""
    y = 2
    while True:
        p = with_y(y)
        y += 1
        if p is not None:
            t = times(L, p)  # without its part of order L
            if times(4, t) != IDENTITY:
                return [times(n, t) for n in range(8)]


_Y = 4 * pow(5, -1, P) % P
_BASE = with_y(_Y)
assert _BASE is not None
BASE: Point = _BASE


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    """What binds R, A and the message: k in RFC 8032."""
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L


def holds(a: Point, r: Point, s: int, k: int, cofactor: int) -> bool:
    """Whether [cofactor](S·B) = [cofactor](R + k·A)."""
    return times(cofactor, times(s, BASE)) == times(cofactor, add(r, times(k, a)))
