"""Every decoder keeps its promise for 10,000 mutated inputs (with P2PLEARN_FULL, as in `make fuzz`: 100,000)."""

import os
import random

import pytest

from tests.fuzz.campaign import run
from tests.fuzz.decoders import DECODERS, Decoder

FULL = bool(os.environ.get("P2PLEARN_FULL"))
INPUTS = 100_000 if FULL else 10_000


@pytest.mark.slow
@pytest.mark.timeout(3600 if FULL else 300)
@pytest.mark.parametrize("decoder", DECODERS.values(), ids=DECODERS)
def test_nothing_but_the_peers_fault_comes_out(decoder: Decoder) -> None:
    seed = random.randrange(2**32)
    print(f"again with: python -m tests.fuzz {decoder.name} --inputs {INPUTS} --seed {seed}")
    count, accepted = run(decoder, seed, INPUTS)
    assert count > INPUTS
    assert accepted > count // 1000, "mutation has become noise: hardly an input is accepted"
