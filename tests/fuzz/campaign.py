"""A run of mutated inputs through one decoder, from a seed, so that a failure can be had again."""

import random

from tests.fuzz.decoders import Decoder
from tests.fuzz.oracle import check

_MEMORY_EVERY = 50  # measuring memory takes ten times as long
_POOL = 500
_LONGEST = 20_000  # of what goes into the pool


def run(decoder: Decoder, seed: int, number: int) -> tuple[int, int]:
    """(inputs, how many of them were accepted): the decoder's seeds, then `number` mutations of them and of what was accepted before.

    Raises AssertionError at the first broken promise.
    """
    chance = random.Random(f"{decoder.name} {seed}")
    seeds = decoder.seeds()
    for data in seeds:
        assert check(decoder, data, memory=True), f"{decoder.name} does not accept its seed {data.hex()}"
    pool = list(seeds)
    accepted = len(seeds)
    for count in range(number):
        data = decoder.mutate(chance, pool)
        if check(decoder, data, memory=count % _MEMORY_EVERY == 0):
            accepted += 1
            if len(pool) < _POOL and len(data) <= _LONGEST:
                pool.append(data)
    return len(seeds) + number, accepted
