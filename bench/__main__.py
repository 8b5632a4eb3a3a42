"""`python -m bench MEASURE [--n N] [--authors A] [--cache DIR] [--peers]`, or `python -m bench rank`, which has options of its own."""

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from bench.meter import in_own_namespace

_MEASURES = {
    "sync": 10_000,
    "ingest": 20_000,
    "gossip": 1_000,
    "reconcile": 100_000,
    "search": 10_000,
    "cli": 10_000,
    "learning": 10_000,
    "health": 2_000,
}  # and how many records, when nothing is said
_APART = {"rank"}  # of another kind: without records and a network; `main` takes what is typed behind their name


def main() -> None:
    """Run one measure."""
    if sys.argv[1:] and sys.argv[1] in _APART:
        import_module(f"bench.{sys.argv[1]}").main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("measure", choices=sorted(_MEASURES))
    parser.add_argument("--n", type=int, help="how many records")
    parser.add_argument("--authors", type=int, default=50, help="by how many people (50)")
    parser.add_argument("--cache", type=Path, help="keep signed records here, for the next run")
    parser.add_argument("--peers", action="store_true", help="measure hypercore, SSB and iroh-docs too (bench/peers/setup.sh)")
    options = parser.parse_args()
    in_own_namespace()
    from bench import peers
    from bench.shelf import Shelf

    with tempfile.TemporaryDirectory(prefix="p2plearn-bench-") as directory:
        shelf = Shelf(options.cache or Path(directory) / "shelf", options.n or _MEASURES[options.measure], options.authors)
        import_module(f"bench.{options.measure}").run(shelf, Path(directory))
        if options.peers:
            peers.run(shelf, Path(directory))


if __name__ == "__main__":
    main()
