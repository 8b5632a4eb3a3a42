"""`python -m tests.fuzz [DECODER …] [--inputs N] [--seed S]`: mutated inputs through every decoder, or through those named."""

import argparse
import random
import time

from tests.fuzz.campaign import run
from tests.fuzz.decoders import DECODERS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("decoders", nargs="*", metavar="DECODER", help=f"one of: {', '.join(DECODERS)}")
    parser.add_argument("--inputs", type=int, default=100_000, metavar="N", help="inputs for each decoder (100000)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), metavar="S", help="to have a run again")
    options = parser.parse_args()
    for name in options.decoders or DECODERS:
        if name not in DECODERS:
            parser.error(f"no decoder is called {name}")
    print(f"seed {options.seed}", flush=True)
    for name in options.decoders or DECODERS:
        start = time.perf_counter()
        count, accepted = run(DECODERS[name], options.seed, options.inputs)
        print(f"{name}: {count} inputs, {accepted} accepted, {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
