"""`cli`: what a person waits for a command, with a node running and without one; and a bare Python, to compare with."""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.meter import Line, quantiles, show
from bench.shelf import Shelf
from bench.sides import programs
from p2plearn.client import Client
from p2plearn.testing.laptops import Laptop

_REPEATS = 11


def run(shelf: Shelf, directory: Path) -> None:
    """A row for each command; `ratio` is that of the medians to a bare `python -c pass`."""
    home = shelf.home(directory / "home")
    bare = show(_timed("python -c pass", _pass, shelf.n))
    (newest,) = Client(home.root).call("feed", limit=1)["items"]
    laptop = Laptop(home.root)
    commands: dict[str, tuple[str, ...]] = {
        "status": (),
        "feed": (),
        "show": (newest["id"],),
        "search": (newest["title"],),
        "share": ("--title", "A thing", "--topic", "things", "a text"),
    }

    def rows(where: str) -> None:
        for word, arguments in commands.items():
            line = _timed(f"p2plearn cli {word}{where}", partial(laptop.cli, word, *arguments), shelf.n)
            show(line | {"ratio": round(line["p50"] / bare["p50"], 2)})

    with programs(home):
        rows("")
    rows(" without a node")


def _pass() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def _timed(name: str, command: Callable[[], object], held: int) -> Line:
    took = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        command()
        took.append(time.perf_counter() - began)
    return quantiles(name, took, of=held)
