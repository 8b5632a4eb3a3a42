"""Inputs that are nearly right, which reach deeper than noise: bytes changed, moved and repeated, or values exchanged in an encoding."""

import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeAlias

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol import encoding
from tests.vectors.plain import canonical

_BYTES = [
    0x00,
    0x7F,
    0x80,
    0x90,
    0x91,
    0x9F,
    0xA0,
    0xBF,
    0xC0,
    0xC1,
    0xC4,
    0xC7,
    0xCB,
    0xCC,
    0xCF,
    0xD3,
    0xD9,
    0xDC,
    0xDD,
    0xDE,
    0xE0,
    0xFF,
]
_CHUNKS = [
    b"\x90" * 300,
    b"\xdc\x02\x00" * 200,
    b"\xff" * 9,
    bytes(64),
    b"\x91" * 40,
    "é\u0000💩".encode(),
    b"\xed\xa0\x80",
    b"\x28\xb5\x2f\xfd",
]
_VALUES: list[Any] = [
    *[None, True, False, 0, 1, 2, 255, 65_536, 2**32, limits.MAX_INT, limits.MAX_INT + 1, 2**64 - 1],
    *["", "a", "root", "solve", "é" * 40, "\x00", "x" * 1001, b"", b"a", b"A" * 32, b"A" * 31, b"I" * 36, b"S" * 64, b"x" * 4096],
    *[[], [[]], [[[[[[]]]]]], [0] * 513, [b""] * 100],
]


Mutator: TypeAlias = Callable[[random.Random, list[bytes]], bytes]
"""The next input: one of the good ones, changed a little."""


def mutate_bytes(chance: random.Random, seeds: list[bytes]) -> bytes:
    """For any format."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 4)):
        _change_bytes(chance, data, seeds)
    return bytes(data)


def mutate_values(start: int) -> Mutator:
    """For what is the canonical encoding from byte `start` on: half the time the bytes change, half the time the values."""

    def mutate(chance: random.Random, seeds: list[bytes]) -> bytes:
        if chance.random() < 0.5:
            return mutate_bytes(chance, seeds)
        seed = chance.choice(seeds)
        return seed[:start] + _other_values(chance, seed[start:])

    return mutate


def mutate_rows(chance: random.Random, seeds: list[bytes]) -> bytes:
    """For rows of encodings, each behind its length (u16): messages are left out, repeated, moved and changed."""
    if chance.random() < 0.2:
        return mutate_bytes(chance, seeds)
    messages = split_row(chance.choice(seeds))
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(messages) or 1)
        match chance.randrange(4):
            case 0:
                del messages[at : at + 1]
            case 1:
                messages.insert(at, chance.choice(split_row(chance.choice(seeds)) or [b""]))
            case _ if messages:
                messages[at] = _other_values(chance, messages[at])
    return join_row(messages)


def split_row(row: bytes) -> list[bytes]:
    """The messages of a row."""
    messages, at = [], 0
    while at < len(row):
        size = int.from_bytes(row[at : at + 2], "big")
        messages.append(row[at + 2 : at + 2 + size])
        at += 2 + size
    return messages


def join_row(messages: list[bytes]) -> bytes:
    """The row of these messages."""
    return b"".join(len(message[:65_535]).to_bytes(2, "big") + message[:65_535] for message in messages)


def _other_values(chance: random.Random, data: bytes) -> bytes:
    try:
        value = encoding.decode(data)
    except PeerFault:
        return data
    for _ in range(chance.randint(1, 3)):
        _change_value(chance, value)
    return canonical(value)


def _change_value(chance: random.Random, value: list[Any]) -> None:
    """Exchange, remove, repeat or move one element, at any depth."""
    array: list[Any] = value
    while array:
        at = chance.randrange(len(array))
        if isinstance(array[at], list) and chance.random() < 0.7:
            array = array[at]
            continue
        match chance.randrange(6):
            case 0:
                del array[at]
            case 1:
                array.insert(at, deepcopy(array[chance.randrange(len(array))]))
            case 2:
                other = chance.randrange(len(array))
                array[at], array[other] = array[other], array[at]
            case 3 if isinstance(array[at], str | bytes):
                array[at] *= 2
            case _:
                array[at] = deepcopy(chance.choice(_VALUES))
        return
    array.append(deepcopy(chance.choice(_VALUES)))


def _change_bytes(chance: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.choice([1, 1, 2, 4, 8, 32, 200]))
    match chance.randrange(8):
        case 0:
            del data[at:end]
        case 1:
            data[at:end] = chance.randbytes(end - at)
        case 2 if at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        case 3:
            data[at : at + 1] = bytes([chance.choice(_BYTES)])
        case 4:
            data[at:at] = data[at:end] * chance.choice([1, 2, 30])
        case 5:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) + 1)
            data[at:] = other[start:]
        case 6:
            del data[at:]
        case _:
            data[at:at] = chance.choice(_CHUNKS)
