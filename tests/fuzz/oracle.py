"""What holds for every decoder and every input: nothing but PeerFault comes out, in little time and little memory."""

import sys
import time
import tracemalloc

from p2plearn import limits
from p2plearn.errors import PeerFault
from tests.fuzz.decoders import Decoder

MEMORY = 8 * limits.MiB


def check(decoder: Decoder, data: bytes, *, memory: bool = False, patience: int = 1) -> bool:
    """Whether the input was accepted. Raises AssertionError, with the input, when the decoder broke its promise.

    `patience`: how many times slower code may be that somebody watches.
    """
    patience *= 3 if sys.gettrace() else 1  # coverage
    start = time.thread_time()
    accepted = _accepts(decoder, data)
    if time.thread_time() - start > decoder.ms * patience / 1000:
        _check_time(decoder, data, decoder.ms * patience)
    if memory:
        _check_memory(decoder, data)
    return accepted


def _accepts(decoder: Decoder, data: bytes) -> bool:
    try:
        decoder.run(data)
    except PeerFault:
        return False
    except BaseException as error:
        raise AssertionError(f"{decoder.name} let {type(error).__name__} out; input: {data.hex()}") from error
    return True


def _check_time(decoder: Decoder, data: bytes, most: float) -> None:
    """Once may be the garbage collector, or another process in the cache; five times is the decoder."""
    took = []
    for _ in range(5):
        start = time.thread_time()
        _accepts(decoder, data)
        took.append((time.thread_time() - start) * 1000)
    assert min(took) <= most, f"{decoder.name} took {min(took):.1f} ms; input: {data.hex()}"


def _check_memory(decoder: Decoder, data: bytes) -> None:
    tracemalloc.start()
    try:
        _accepts(decoder, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= MEMORY, f"{decoder.name} took {peak} bytes of memory; input: {data.hex()}"
