"""Fingerprints and sketches as docs/PROTOCOL.md puts them, in plain Python, against the program's."""

import hashlib
import math
import random

from p2plearn.protocol.messages import SketchPart
from p2plearn.protocol.replica import Replica, Salted
from p2plearn.protocol.scope import Filter, Scope
from p2plearn.protocol.sketch import Sketch
from tests.vectors.plain import canonical

CHANCE = random.Random(1)
IDS = [CHANCE.randbytes(32) for _ in range(300)]
WORD = 2**64


def test_the_fingerprint() -> None:
    replica = Replica(Scope("commons", (Filter(("maths", "physics"), (IDS[0],)), Filter(("physics",)))))
    replica.add(IDS)
    buckets = [sorted(i for i in IDS if int.from_bytes(i[:2], "big") >> 4 == number) for number in range(4096)]
    digests = b"".join(hashlib.sha256(b"".join(bucket)).digest() for bucket in buckets)
    scope = canonical(["commons", [[["maths", "physics"], [IDS[0]]], [["physics"], []]]])
    assert replica.fingerprint() == hashlib.sha256(b"p2plearn fingerprint v1\x00" + scope + digests).digest()


def _mix(x: int) -> int:
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 % WORD
    x ^= x >> 27
    x = x * 0x94D049BB133111EB % WORD
    return x ^ x >> 31


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 8], "big") for at in range(0, 32, 8)]


def _symbols(shorts: list[int], size: int) -> bytes:
    sums, checks, counts = [0] * size, [0] * size, [0] * size
    for short in shorts:
        place, p = 0, _mix(short) | 1
        while place < size:
            sums[place] ^= short
            checks[place] ^= _mix(short)
            counts[place] += 1
            p = p * 0xDA942042E4DD58B5 % WORD
            place += math.ceil((place + 1.5) * (2**32 / math.sqrt(p + 1) - 1))
    packed = zip(sums, checks, counts, strict=True)
    return b"".join(
        s.to_bytes(8, "little") + (c % 2**32).to_bytes(4, "little") + n.to_bytes(4, "little", signed=True) for s, c, n in packed
    )


def test_the_unsalted_sketch() -> None:
    replica = Replica(Scope("commons"))
    replica.add(IDS[:200])
    replica.decline(IDS[200:])
    expected = _symbols([int.from_bytes(i[:8], "big") for i in IDS], 500)
    assert SketchPart.of(replica.sketch(500), 0, 500).symbols == expected


def test_a_salted_part() -> None:
    salt = b"initiator's 16 B" + b"responder's 16 B"
    replica = Replica(Scope("commons"))
    replica.add(IDS)
    keys = [key | 1 for key in _words(hashlib.sha256(salt).digest())]
    shorts = [_mix(sum(w * k for w, k in zip(_words(i), keys, strict=True)) % WORD) for i in IDS]
    sketch = Sketch(100)
    sketch.add(Salted(replica.ids(), salt).part(2, 3))
    assert SketchPart.of(sketch, 0, 100).symbols == _symbols([short for short in shorts if short >> 62 == 3], 100)
