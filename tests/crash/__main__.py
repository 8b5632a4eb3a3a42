"""`python -m tests.crash [--moments N] [--seed S]`: kill −9 at random moments of writing."""

import argparse
import random
import tempfile
from pathlib import Path

from tests.crash.crashes import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--moments", type=int, default=200, metavar="N", help="how often to kill (200)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), metavar="S", help="to have a run again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        held = run(Path(directory) / "home", options.seed, options.moments)
    print(f"{options.moments} kills, {held} acknowledged records, none lost, none twice")


if __name__ == "__main__":
    main()
