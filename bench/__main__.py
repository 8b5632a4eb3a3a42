"""`python -m bench sync [--n N]`."""

import argparse

from bench import sync
from bench.meter import in_own_namespace

_MEASURES = {"sync": sync.run}


def main() -> None:
    """Run one measure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("measure", choices=sorted(_MEASURES))
    parser.add_argument("--n", type=int, default=10_000, help="how many records")
    options = parser.parse_args()
    in_own_namespace()
    _MEASURES[options.measure](options.n)


if __name__ == "__main__":
    main()
